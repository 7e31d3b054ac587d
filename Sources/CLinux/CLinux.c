#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "CLinux.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

const int clinux_eagain = EAGAIN;
const int clinux_einprogress = EINPROGRESS;
const int clinux_eaddrinuse = EADDRINUSE;
const int clinux_eacces = EACCES;
const int clinux_eaddrnotavail = EADDRNOTAVAIL;
const int clinux_emfile = EMFILE;
const int clinux_enfile = ENFILE;
const int clinux_enobufs = ENOBUFS;
const int clinux_enospc = ENOSPC;
const int clinux_edquot = EDQUOT;
const int clinux_erofs = EROFS;
const int clinux_eexist = EEXIST;
const int clinux_enoent = ENOENT;
const int clinux_econnrefused = ECONNREFUSED;
const int clinux_econnreset = ECONNRESET;
const int clinux_epipe = EPIPE;
const int clinux_eopnotsupp = EOPNOTSUPP;
const int clinux_eafnosupport = EAFNOSUPPORT;

const int clinux_sigterm = SIGTERM;
const int clinux_sigint = SIGINT;
const int clinux_sighup = SIGHUP;
const int clinux_sigkill = SIGKILL;

#define CLINUX_RETRY(call)                                                                         \
  long result;                                                                                     \
  do {                                                                                             \
    result = (long)(call);                                                                         \
  } while (result < 0 && errno == EINTR);                                                          \
  return result < 0 ? -errno : result

const char *clinux_error_text(int error) { return strerror(error); }

/* ---- Files ---- */

long clinux_open(const char *path, int writable, int create) {
  int flags = (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | (create ? O_CREAT : 0);
  CLINUX_RETRY(open(path, flags, 0640));
}

long clinux_open_directory(const char *path) {
  CLINUX_RETRY(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

long clinux_open_at(int directory, const char *name, int how) {
  int flags = how == 2 ? O_RDONLY : how == 1 ? O_RDWR | O_CREAT : O_RDWR;
  CLINUX_RETRY(openat(directory, name, flags | O_CLOEXEC, 0640));
}

long clinux_rename_at(int directory, const char *from, const char *to) {
  CLINUX_RETRY(renameat(directory, from, directory, to));
}

long clinux_make_directory(const char *path) { CLINUX_RETRY(mkdir(path, 0750)); }

long clinux_close(int fd) { return close(fd) < 0 ? -errno : 0; }

long clinux_read(int fd, void *buffer, size_t count) {
  CLINUX_RETRY(read(fd, buffer, count));
}

long clinux_write(int fd, const void *buffer, size_t count) {
  CLINUX_RETRY(write(fd, buffer, count));
}

long clinux_pread(int fd, void *buffer, size_t count, int64_t offset) {
  CLINUX_RETRY(pread(fd, buffer, count, (off_t)offset));
}

long clinux_pwrite(int fd, const void *buffer, size_t count, int64_t offset) {
  CLINUX_RETRY(pwrite(fd, buffer, count, (off_t)offset));
}

long clinux_sync_data(int fd) { CLINUX_RETRY(fdatasync(fd)); }
long clinux_sync(int fd) { CLINUX_RETRY(fsync(fd)); }
long clinux_lock(int fd) { CLINUX_RETRY(flock(fd, LOCK_EX | LOCK_NB)); }
long clinux_truncate(int fd, int64_t size) { CLINUX_RETRY(ftruncate(fd, (off_t)size)); }

long clinux_allocate(int fd, int64_t size) {
  CLINUX_RETRY(fallocate(fd, 0, 0, (off_t)size));
}

long clinux_first_data(int fd) {
  /* What is in use keeps its cached pages: a start reads them next. */
  uint8_t first_byte = 0;
  if (clinux_pread(fd, &first_byte, 1, 0) == 1 && first_byte != 0) return 0;
  /* Pages that were only read count as data while they are cached. */
  posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
  off_t first = lseek(fd, 0, SEEK_DATA);
  if (first >= 0) return (long)first;
  return errno == ENXIO ? (long)clinux_file_size(fd) : 0;
}

long clinux_write_zeros(int fd, size_t count, int64_t offset) {
  static uint8_t page[65536];
  while (count > 0) {
    size_t part = count < sizeof page ? count : sizeof page;
    long written = clinux_pwrite(fd, page, part, offset);
    if (written <= 0) return written < 0 ? written : -EIO;
    count -= (size_t)written;
    offset += written;
  }
  return clinux_sync_data(fd);
}

long clinux_replace_file(const char *path, const char *temporary, const void *bytes, size_t count) {
  int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (fd < 0) return -errno;
  size_t offset = 0;
  long result = fchmod(fd, 0644) < 0 ? -errno : 0;
  while (result == 0 && offset < count) {
    long written = clinux_write(fd, (const uint8_t *)bytes + offset, count - offset);
    if (written < 0) result = written;
    else offset += (size_t)written;
  }
  close(fd);
  if (result == 0 && rename(temporary, path) < 0) result = -errno;
  if (result < 0) unlink(temporary);
  return result;
}

long clinux_replace_at(int directory, const char *name, const void *bytes, size_t count) {
  char temporary[64];
  if (strlen(name) + sizeof ".new" > sizeof temporary) return -ENAMETOOLONG;
  strcat(strcpy(temporary, name), ".new");
  long opened = clinux_open_at(directory, temporary, 1);
  if (opened < 0) return opened;
  int fd = (int)opened;
  size_t offset = 0;
  long result = clinux_truncate(fd, 0);
  while (result >= 0 && offset < count) {
    result = clinux_write(fd, (const uint8_t *)bytes + offset, count - offset);
    if (result > 0) offset += (size_t)result;
  }
  if (result >= 0) result = clinux_sync(fd);
  close(fd);
  if (result >= 0) result = clinux_rename_at(directory, temporary, name);
  if (result >= 0) return clinux_sync(directory);
  unlinkat(directory, temporary, 0);
  return result;
}

int64_t clinux_file_size(int fd) {
  struct stat status;
  return fstat(fd, &status) < 0 ? -errno : (int64_t)status.st_size;
}

int64_t clinux_file_system(int fd) {
  struct statfs status;
  return fstatfs(fd, &status) < 0 ? 0 : (int64_t)(uint32_t)status.f_type;
}

long clinux_list_directory(const char *path, uint8_t *names, size_t count) {
  DIR *directory = opendir(path);
  if (!directory) return -errno;
  size_t used = 0;
  struct dirent *entry;
  while ((entry = readdir(directory))) {
    size_t length = strlen(entry->d_name) + 1;
    if (length > count - used) {
      closedir(directory);
      return -ENOBUFS;
    }
    memcpy(names + used, entry->d_name, length);
    used += length;
  }
  closedir(directory);
  return (long)used;
}

void clinux_remove_flat_directory(const char *path) {
  DIR *directory = opendir(path);
  if (!directory) return;
  struct dirent *entry;
  while ((entry = readdir(directory)))
    if (entry->d_name[0] != '.') unlinkat(dirfd(directory), entry->d_name, 0);
  closedir(directory);
  rmdir(path);
}

long clinux_make_temporary_directory(char *template_path) {
  return mkdtemp(template_path) ? 0 : -errno;
}

/* ---- Time, randomness, process ---- */

int64_t clinux_monotonic_milliseconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clinux_wall_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec;
}

long clinux_clock_is_synchronised(void) {
  struct timex state;
  memset(&state, 0, sizeof state);
  int result = adjtimex(&state);
  if (result < 0) return -errno;
  return result != TIME_ERROR && !(state.status & STA_UNSYNC);
}

uint64_t clinux_random(void) {
  uint64_t value = 0;
  if (getrandom(&value, sizeof value, 0) != (ssize_t)sizeof value)
    value = (uint64_t)clinux_monotonic_milliseconds() * 0x9E3779B97F4A7C15u ^ (uint64_t)getpid();
  return value;
}

long clinux_raise_descriptor_limit(long wanted) {
  struct rlimit limit, more;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
  more.rlim_cur = more.rlim_max = (rlim_t)wanted;
  if (limit.rlim_max < more.rlim_max && setrlimit(RLIMIT_NOFILE, &more) == 0) return wanted;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) < 0) return -errno;
  return limit.rlim_cur > 0x7FFFFFFF ? 0x7FFFFFFF : (long)limit.rlim_cur;
}

long clinux_fork(void) { CLINUX_RETRY(fork()); }
long clinux_kill(int process, int signal) { return kill(process, signal) < 0 ? -errno : 0; }
int clinux_process(void) { return (int)getpid(); }
void clinux_exit(int status) { _exit(status); }
const char *clinux_environment(const char *name) { return getenv(name); }
const char *clinux_environment_at(int index) { return environ[index]; }

int clinux_is_journal(void) {
  const char *stream = getenv("JOURNAL_STREAM");
  struct stat status;
  char *end;
  if (!stream || fstat(2, &status) < 0) return 0;
  if (strtoull(stream, &end, 10) != (unsigned long long)status.st_dev || *end != ':') return 0;
  return strtoull(end + 1, &end, 10) == (unsigned long long)status.st_ino && *end == 0;
}

/* Fills `out`; returns its length, or -ENAMETOOLONG. */
static long clinux_local_sockaddr(const char *path, struct sockaddr_un *out) {
  size_t length = strlen(path);
  memset(out, 0, sizeof *out);
  if (length >= sizeof out->sun_path) return -ENAMETOOLONG;
  out->sun_family = AF_UNIX;
  memcpy(out->sun_path, path, length);
  if (path[0] == '@') out->sun_path[0] = 0;
  return (long)(offsetof(struct sockaddr_un, sun_path) + length);
}

long clinux_notify(const char *path, const void *bytes, size_t count) {
  struct sockaddr_un where;
  long size = clinux_local_sockaddr(path, &where);
  if (size < 0) return size;
  int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  long result = sendto(fd, bytes, count, MSG_NOSIGNAL, (struct sockaddr *)&where, (socklen_t)size);
  if (result < 0) result = -errno;
  close(fd);
  return result;
}

long clinux_unlink(const char *path) { CLINUX_RETRY(unlink(path)); }

long clinux_bind_local(const char *path) {
  struct sockaddr_un where;
  long size = clinux_local_sockaddr(path, &where);
  if (size < 0) return size;
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  unlink(path);
  if (bind(fd, (struct sockaddr *)&where, (socklen_t)size) < 0 || chmod(path, 0660) < 0 ||
      listen(fd, 16) < 0) {
    int error = errno;
    close(fd);
    return -error;
  }
  return fd;
}

int clinux_peer_is_owner(int fd) {
  struct ucred peer;
  socklen_t size = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0) return 0;
  return peer.uid == 0 || peer.uid == geteuid();
}

int clinux_wait_readable(int fd, int timeout) {
  struct pollfd entry = {.fd = fd, .events = POLLIN};
  return poll(&entry, 1, timeout) > 0;
}

long clinux_connect_local(const char *path) {
  struct sockaddr_un where;
  long size = clinux_local_sockaddr(path, &where);
  if (size < 0) return size;
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  if (connect(fd, (struct sockaddr *)&where, (socklen_t)size) < 0) {
    int error = errno;
    close(fd);
    return -error;
  }
  return fd;
}
int clinux_is_terminal(int fd) { return isatty(fd); }

void clinux_die_with_parent(void) { prctl(PR_SET_PDEATHSIG, SIGKILL); }

long clinux_wait(int process, int block) {
  int status;
  pid_t got;
  do {
    got = waitpid(process, &status, block ? 0 : WNOHANG);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return -errno;
  if (got == 0) return 0;
  return WIFSIGNALED(status) ? 512 + WTERMSIG(status) : 256 + WEXITSTATUS(status);
}

/* ---- Waiting ---- */

long clinux_epoll_create(void) { CLINUX_RETRY(epoll_create1(EPOLL_CLOEXEC)); }

long clinux_epoll_control(int epoll, int operation, int fd, int wants_read,
                                        int wants_write, uint64_t token) {
  struct epoll_event event;
  memset(&event, 0, sizeof event);
  event.events = (wants_read ? EPOLLIN : 0) | (wants_write ? EPOLLOUT : 0);
  event.data.u64 = token;
  int code = operation == 1 ? EPOLL_CTL_ADD : operation == 2 ? EPOLL_CTL_MOD : EPOLL_CTL_DEL;
  CLINUX_RETRY(epoll_ctl(epoll, code, fd, &event));
}

long clinux_epoll_wait(int epoll, uint64_t *tokens, uint8_t *flags, int count,
                                     int timeout) {
  struct epoll_event events[128];
  if (count > 128) count = 128;
  int ready = epoll_wait(epoll, events, count, timeout);
  if (ready < 0) return errno == EINTR ? 0 : -errno;
  for (int i = 0; i < ready; i++) {
    tokens[i] = events[i].data.u64;
    flags[i] = (uint8_t)((events[i].events & EPOLLIN ? 1 : 0) |
                         (events[i].events & EPOLLOUT ? 2 : 0) |
                         (events[i].events & (EPOLLHUP | EPOLLERR) ? 4 : 0));
  }
  return ready;
}

long clinux_eventfd(int nonblocking) {
  CLINUX_RETRY(eventfd(0, EFD_CLOEXEC | (nonblocking ? EFD_NONBLOCK : 0)));
}

long clinux_signal_descriptor(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGHUP);
  signal(SIGPIPE, SIG_IGN);
  if (sigprocmask(SIG_BLOCK, &set, 0) < 0) return -errno;
  CLINUX_RETRY(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

void clinux_ignore_broken_pipes(void) { signal(SIGPIPE, SIG_IGN); }

long clinux_next_signal(int fd) {
  struct signalfd_siginfo info;
  ssize_t got = read(fd, &info, sizeof info);
  return got == (ssize_t)sizeof info ? (long)info.ssi_signo : 0;
}

/* ---- Threads ---- */

long clinux_start_thread(void *(*body)(void *), void *argument) {
  pthread_attr_t attributes;
  pthread_t thread;
  sigset_t all, old;
  sigfillset(&all);
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, 256 * 1024);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  int error = pthread_create(&thread, &attributes, body, argument);
  pthread_sigmask(SIG_SETMASK, &old, 0);
  pthread_attr_destroy(&attributes);
  return -error;
}

/* ---- Sockets ---- */

static socklen_t clinux_to_sockaddr(const uint8_t *address, struct sockaddr_storage *out) {
  memset(out, 0, sizeof *out);
  if (address[0] == 4) {
    struct sockaddr_in *in = (struct sockaddr_in *)out;
    in->sin_family = AF_INET;
    memcpy(&in->sin_port, address + 2, 2);
    memcpy(&in->sin_addr, address + 4, 4);
    return sizeof *in;
  }
  struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
  in6->sin6_family = AF_INET6;
  memcpy(&in6->sin6_port, address + 2, 2);
  memcpy(&in6->sin6_addr, address + 4, 16);
  memcpy(&in6->sin6_scope_id, address + 20, 4);
  return sizeof *in6;
}

static void clinux_put_in6(const struct in6_addr *from, uint8_t *family, uint8_t *to) {
  memset(to, 0, 16);
  if (IN6_IS_ADDR_V4MAPPED(from)) {
    *family = 4;
    memcpy(to, from->s6_addr + 12, 4);
  } else {
    *family = 6;
    memcpy(to, from->s6_addr, 16);
  }
}

static void clinux_from_sockaddr(const struct sockaddr_storage *from, uint8_t *address) {
  memset(address, 0, CLINUX_ADDRESS_BYTES);
  if (from->ss_family == AF_INET) {
    const struct sockaddr_in *in = (const struct sockaddr_in *)from;
    address[0] = 4;
    memcpy(address + 2, &in->sin_port, 2);
    memcpy(address + 4, &in->sin_addr, 4);
  } else if (from->ss_family == AF_INET6) {
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;
    memcpy(address + 2, &in6->sin6_port, 2);
    clinux_put_in6(&in6->sin6_addr, address, address + 4);
    if (address[0] == 6) memcpy(address + 20, &in6->sin6_scope_id, 4);
  }
}

static void clinux_set(int fd, int level, int name, int value) {
  (void)setsockopt(fd, level, name, &value, sizeof value);
}

long clinux_bind(const uint8_t *address, int datagram, int dual) {
  struct sockaddr_storage where;
  socklen_t length = clinux_to_sockaddr(address, &where);
  int kind = (datagram ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC;
  int fd = socket(where.ss_family, kind, 0);
  if (fd < 0) return -errno;
  if (!datagram) clinux_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (where.ss_family == AF_INET6) {
    clinux_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, !dual);
    if (datagram) clinux_set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
  } else if (datagram) {
    clinux_set(fd, IPPROTO_IP, IP_PKTINFO, 1);
  }
  if (bind(fd, (struct sockaddr *)&where, length) < 0 || (!datagram && listen(fd, 1024) < 0)) {
    int error = errno;
    close(fd);
    return -error;
  }
  return fd;
}

long clinux_local_address(int fd, uint8_t *address) {
  struct sockaddr_storage where;
  socklen_t length = sizeof where;
  if (getsockname(fd, (struct sockaddr *)&where, &length) < 0) return -errno;
  clinux_from_sockaddr(&where, address);
  return 0;
}

long clinux_unacknowledged(int fd) {
  int count = 0;
  return ioctl(fd, TIOCOUTQ, &count) < 0 ? -errno : count;
}

long clinux_accept(int listener, uint8_t *address) {
  struct sockaddr_storage from;
  socklen_t length;
  int fd;
  do {
    length = sizeof from;
    fd = accept4(listener, (struct sockaddr *)&from, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
  } while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
  if (fd < 0) return -errno;
  clinux_from_sockaddr(&from, address);
  clinux_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  /* Half-dead devices are found by silence; this only cleans up after lost FINs. */
  clinux_set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  clinux_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 900);
  clinux_set(fd, IPPROTO_TCP, TCP_KEEPINTVL, 60);
  clinux_set(fd, IPPROTO_TCP, TCP_KEEPCNT, 4);
  return fd;
}

long clinux_connect(const uint8_t *address) {
  struct sockaddr_storage where;
  socklen_t length = clinux_to_sockaddr(address, &where);
  int fd = socket(where.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  clinux_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  /* Below the shortest NAT timers seen for TCP; dead paths with unacknowledged data end sooner. */
  clinux_set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  clinux_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, 200);
  clinux_set(fd, IPPROTO_TCP, TCP_KEEPINTVL, 15);
  clinux_set(fd, IPPROTO_TCP, TCP_KEEPCNT, 4);
  clinux_set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 40000);
  if (connect(fd, (struct sockaddr *)&where, length) < 0 && errno != EINPROGRESS) {
    int error = errno;
    close(fd);
    return -error;
  }
  return fd;
}

long clinux_connect_datagram(const uint8_t *address) {
  struct sockaddr_storage where;
  socklen_t length = clinux_to_sockaddr(address, &where);
  int fd = socket(where.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  if (connect(fd, (struct sockaddr *)&where, length) < 0) {
    int error = errno;
    close(fd);
    return -error;
  }
  return fd;
}

long clinux_connect_result(int fd) {
  int error = 0;
  socklen_t length = sizeof error;
  if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) < 0) return -errno;
  return -error;
}

long clinux_receive(int fd, void *buffer, size_t count) {
  CLINUX_RETRY(recv(fd, buffer, count, 0));
}

long clinux_send(int fd, const void *buffer, size_t count) {
  CLINUX_RETRY(send(fd, buffer, count, MSG_NOSIGNAL));
}

void clinux_shutdown_write(int fd) { (void)shutdown(fd, SHUT_WR); }

void clinux_reset_on_close(int fd) {
  struct linger linger = {1, 0};
  (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

long clinux_receive_datagram(int fd, void *buffer, size_t count, uint8_t *address) {
  struct sockaddr_storage from;
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(struct in_pktinfo))];
  } control;
  struct iovec part = {buffer, count};
  struct msghdr message;
  long got;
  do {
    memset(&message, 0, sizeof message);
    message.msg_name = &from;
    message.msg_namelen = sizeof from;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes;
    message.msg_controllen = sizeof control.bytes;
    got = recvmsg(fd, &message, 0);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return -errno;
  clinux_from_sockaddr(&from, address);
  for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
    uint8_t family;
    if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
      struct in6_pktinfo info;
      memcpy(&info, CMSG_DATA(c), sizeof info);
      clinux_put_in6(&info.ipi6_addr, &family, address + 24);
    } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
      struct in_pktinfo info;
      memcpy(&info, CMSG_DATA(c), sizeof info);
      memcpy(address + 24, &info.ipi_addr, 4);
    }
  }
  return got;
}

long clinux_send_datagram(int fd, const void *buffer, size_t count,
                                        const uint8_t *address, int dual) {
  struct sockaddr_storage to;
  socklen_t length;
  union {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(struct in6_pktinfo))];
  } control;
  struct iovec part = {(void *)buffer, count};
  struct msghdr message;
  memset(&message, 0, sizeof message);
  memset(&control, 0, sizeof control);
  uint8_t mapped[CLINUX_ADDRESS_BYTES];
  memcpy(mapped, address, sizeof mapped);
  static const uint8_t zero[16];
  int has_local = memcmp(address + 24, zero, 16) != 0;
  if (dual && address[0] == 4) {
    mapped[0] = 6;
    memset(mapped + 4, 0, 16);
    mapped[14] = mapped[15] = 0xFF;
    memcpy(mapped + 16, address + 4, 4);
    memset(mapped + 24, 0, 16);
    mapped[34] = mapped[35] = 0xFF;
    memcpy(mapped + 36, address + 24, 4);
  }
  length = clinux_to_sockaddr(mapped, &to);
  message.msg_name = &to;
  message.msg_namelen = length;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (has_local) {
    message.msg_control = control.bytes;
    if (mapped[0] == 6) {
      message.msg_controllen = CMSG_SPACE(sizeof(struct in6_pktinfo));
      struct cmsghdr *c = CMSG_FIRSTHDR(&message);
      struct in6_pktinfo info;
      memset(&info, 0, sizeof info);
      memcpy(&info.ipi6_addr, mapped + 24, 16);
      c->cmsg_level = IPPROTO_IPV6;
      c->cmsg_type = IPV6_PKTINFO;
      c->cmsg_len = CMSG_LEN(sizeof info);
      memcpy(CMSG_DATA(c), &info, sizeof info);
    } else {
      message.msg_controllen = CMSG_SPACE(sizeof(struct in_pktinfo));
      struct cmsghdr *c = CMSG_FIRSTHDR(&message);
      struct in_pktinfo info;
      memset(&info, 0, sizeof info);
      memcpy(&info.ipi_spec_dst, mapped + 24, 4);
      c->cmsg_level = IPPROTO_IP;
      c->cmsg_type = IP_PKTINFO;
      c->cmsg_len = CMSG_LEN(sizeof info);
      memcpy(CMSG_DATA(c), &info, sizeof info);
    }
  }
  CLINUX_RETRY(sendmsg(fd, &message, MSG_NOSIGNAL));
}

long clinux_resolve(const char *host, uint16_t port, int numeric, uint8_t *addresses,
                                  int count) {
  struct addrinfo hints, *found = 0;
  memset(&hints, 0, sizeof hints);
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = numeric ? AI_NUMERICHOST : 0;
  int error = getaddrinfo(host, 0, &hints, &found);
  if (error != 0) return error < 0 ? error : -error;
  int written = 0;
  for (struct addrinfo *item = found; item && written < count; item = item->ai_next) {
    struct sockaddr_storage where;
    if (item->ai_addrlen > sizeof where) continue;
    memset(&where, 0, sizeof where);
    memcpy(&where, item->ai_addr, item->ai_addrlen);
    uint8_t *to = addresses + written * CLINUX_ADDRESS_BYTES;
    clinux_from_sockaddr(&where, to);
    if (to[0] == 0) continue;
    to[2] = (uint8_t)(port >> 8);
    to[3] = (uint8_t)port;
    written++;
  }
  freeaddrinfo(found);
  return written;
}
