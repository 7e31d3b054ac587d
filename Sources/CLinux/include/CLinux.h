/* The system calls EdgeRelay uses, in a shape that is the same for glibc and musl, 32 and 64 bits,
 * and that Swift can call without structures. The header includes no system header, so that it cannot
 * disagree with the C library's own Swift module where there is one.
 *
 * Conventions: a negative result is -errno. EINTR is retried here and nowhere else, except where a
 * caller waits with a time-out. Every descriptor is close-on-exec. Addresses are 40 bytes:
 *
 *    0  family   1   4 or 6
 *    1  zero     1
 *    2  port     2   big-endian
 *    4  remote  16   IPv4 in the first four bytes
 *   20  scope    4   IPv6 interface, native order
 *   24  local   16   the address a datagram was sent to; zero for connections
 *
 * An IPv4 peer of a dual-stack IPv6 socket is written as IPv4, so that a device has one address.
 */
#ifndef CLINUX_H
#define CLINUX_H

#include <stddef.h>
#include <stdint.h>

#define CLINUX_ADDRESS_BYTES 40

extern const int clinux_eagain;
extern const int clinux_einprogress;
extern const int clinux_eaddrinuse;
extern const int clinux_eacces;
extern const int clinux_eaddrnotavail;
extern const int clinux_emfile;
extern const int clinux_enfile;
extern const int clinux_enobufs;
extern const int clinux_enospc;
extern const int clinux_edquot;
extern const int clinux_erofs;
extern const int clinux_eexist;
extern const int clinux_enoent;
extern const int clinux_econnrefused;
extern const int clinux_econnreset;
extern const int clinux_epipe;
extern const int clinux_eopnotsupp;
extern const int clinux_eafnosupport;
extern const int clinux_sigterm;
extern const int clinux_sigint;
extern const int clinux_sighup;
extern const int clinux_sigkill;

const char *clinux_error_text(int error);
long clinux_open(const char *path, int writable, int create);
long clinux_open_directory(const char *path);

/* how: 0 to write, 1 the same and created, 2 to read. */
long clinux_open_at(int directory, const char *name, int how);
long clinux_rename_at(int directory, const char *from, const char *to);
long clinux_make_directory(const char *path);

/* Writes the names in a directory, each with its terminating zero; returns how many bytes. */
long clinux_list_directory(const char *path, uint8_t *names, size_t count);
long clinux_close(int fd);
long clinux_read(int fd, void *buffer, size_t count);
long clinux_write(int fd, const void *buffer, size_t count);
long clinux_pread(int fd, void *buffer, size_t count, int64_t offset);
long clinux_pwrite(int fd, const void *buffer, size_t count, int64_t offset);
long clinux_sync_data(int fd);
long clinux_sync(int fd);
long clinux_lock(int fd);
long clinux_truncate(int fd, int64_t size);
long clinux_allocate(int fd, int64_t size);

/* Where the first byte stands that was ever written; the size where there is none, zero where that is
   not known. */
long clinux_first_data(int fd);

/* Writes zeros and syncs them. */
long clinux_write_zeros(int fd, size_t count, int64_t offset);
int64_t clinux_file_size(int fd);

/* The type of the file system, as statfs numbers it. */
int64_t clinux_file_system(int fd);

/* Removes the files of a flat directory and the directory itself. */
void clinux_remove_flat_directory(const char *path);
long clinux_make_temporary_directory(char *template_path);
int64_t clinux_monotonic_milliseconds(void);
int64_t clinux_wall_seconds(void);

/* 1 when the kernel's clock is disciplined, 0 when it is not, -errno when nobody may ask. */
long clinux_clock_is_synchronised(void);
uint64_t clinux_random(void);

/* Raises the limit of descriptors as far as this user may, beyond the hard limit only up to `wanted`;
 * returns what it is then. */
long clinux_raise_descriptor_limit(long wanted);
long clinux_fork(void);
long clinux_kill(int process, int signal);
int clinux_process(void);
void clinux_exit(int status);
const char *clinux_environment(const char *name);

/* The variable at `index`, as NAME=VALUE; null behind the last. */
const char *clinux_environment_at(int index);

/* Whether standard error goes to the journal. */
int clinux_is_journal(void);

/* Sends one datagram to a Unix socket; a path that begins with @ is in the abstract name space. */
long clinux_notify(const char *path, const void *bytes, size_t count);
int clinux_is_terminal(int fd);

/* Ends this process when its parent ends. */
void clinux_die_with_parent(void);

/* Waits for a child; 0 while it runs (with `block` zero), else 256 + exit status or 512 + signal. */
long clinux_wait(int process, int block);
long clinux_epoll_create(void);

/* operation: 1 add, 2 change, 3 remove. */
long clinux_epoll_control(int epoll, int operation, int fd, int wants_read, int wants_write,
    uint64_t token);

/* Fills `tokens` and `flags` (1 readable, 2 writable, 4 hung up or failed); returns how many. */
long clinux_epoll_wait(int epoll, uint64_t *tokens, uint8_t *flags, int count, int timeout);
long clinux_eventfd(int nonblocking);

/* Blocks TERM, INT and HUP, ignores PIPE, and returns a descriptor that reports the former. */
long clinux_signal_descriptor(void);
void clinux_ignore_broken_pipes(void);

/* The next signal, 0 when there is none. */
long clinux_next_signal(int fd);

/* Starts a detached thread with a small stack and all signals blocked. */
long clinux_start_thread(void *(*body)(void *), void *argument);

/* A bound socket: listening when `datagram` is zero. `dual` makes an IPv6 socket take IPv4 too. */
long clinux_bind(const uint8_t *address, int datagram, int dual);
long clinux_local_address(int fd, uint8_t *address);
/* Bytes written to a TCP socket that its peer's kernel has not acknowledged. */
long clinux_unacknowledged(int fd);
long clinux_accept(int listener, uint8_t *address);

/* Starts connecting; the result is a descriptor that becomes writable. */
long clinux_connect(const uint8_t *address);

/* A datagram socket connected to one peer, as a device has it. */
long clinux_connect_datagram(const uint8_t *address);

/* 0 when a started connection stands, -errno when it failed. */
long clinux_connect_result(int fd);
long clinux_receive(int fd, void *buffer, size_t count);
long clinux_send(int fd, const void *buffer, size_t count);
void clinux_shutdown_write(int fd);

/* Makes close() reset the connection instead of ending it. */
void clinux_reset_on_close(int fd);
long clinux_receive_datagram(int fd, void *buffer, size_t count, uint8_t *address);

/* Sends a datagram from the address that the peer's own datagram came to. `dual`: an IPv6 socket. */
long clinux_send_datagram(int fd, const void *buffer, size_t count, const uint8_t *address,
    int dual);

/* A listening Unix socket for the owner and the group; what stands at `path` is removed first. */
long clinux_bind_local(const char *path);

/* Whether the other end of a Unix socket is root or the user that this process runs as. */
int clinux_peer_is_owner(int fd);

/* Whether there is something to read, or an end, within `timeout` milliseconds. */
int clinux_wait_readable(int fd, int timeout);

/* A connection to a Unix socket; blocks. */
long clinux_connect_local(const char *path);
long clinux_unlink(const char *path);

/* Writes a file that everybody may read, and puts it in the place of the one at `path` at once. */
long clinux_replace_file(const char *path, const char *temporary, const void *bytes, size_t count);

/* The same in an open directory, durably, by way of NAME.new. Where it fails, the file is as it was. */
long clinux_replace_at(int directory, const char *name, const void *bytes, size_t count);

/* Looks a name up; blocks. Writes up to `count` addresses with `port`, returns how many, or a
 * negative getaddrinfo code. With `numeric`, only literal addresses are taken and nothing blocks. */
long clinux_resolve(const char *host, uint16_t port, int numeric, uint8_t *addresses, int count);

#endif
