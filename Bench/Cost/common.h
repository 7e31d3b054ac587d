/* What the three programs share: the frames of GT06 that they use, sockets on loopback, a clock.

   78 78 | length 1 | type 1 | content | serial 2 | CRC-ITU 2 from the length on | 0D 0A

   A login names its device by the last six digits before the check digit of the IMEI. An alarm carries its
   number in the place of the latitude, so that the platform can tell what is lost, repeated or out of order. */
#ifndef COST_COMMON_H
#define COST_COMMON_H
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LOGIN = 0x01, ALARM = 0x16 };
enum { FRAME_MAX = 260, LOGIN_BYTES = 18, ALARM_BYTES = 42, ANSWER_BYTES = 10, DEVICES_MAX = 4096 };

__attribute__((noreturn)) static inline void die(const char *what) {
  perror(what);
  exit(1);
}

static inline uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline void *zeroed(size_t count, size_t size) {
  void *p = calloc(count, size);
  if (!p) die("calloc");
  return p;
}

static inline void put16(uint8_t *p, unsigned v) { p[0] = (uint8_t)(v >> 8), p[1] = (uint8_t)v; }
static inline void put32(uint8_t *p, uint32_t v) { put16(p, v >> 16), put16(p + 2, v & 0xFFFF); }
static inline unsigned get16(const uint8_t *p) { return (unsigned)p[0] << 8 | p[1]; }
static inline uint32_t get32(const uint8_t *p) { return (uint32_t)get16(p) << 16 | get16(p + 2); }

static inline uint16_t crc(const uint8_t *p, size_t count) {
  static uint16_t table[256];
  if (!table[1])
    for (unsigned i = 0; i < 256; i++) {
      unsigned c = i;
      for (int bit = 0; bit < 8; bit++) c = c & 1 ? (c >> 1) ^ 0x8408 : c >> 1;
      table[i] = (uint16_t)c;
    }
  unsigned c = 0xFFFF;
  while (count--) c = (c >> 8) ^ table[(c ^ *p++) & 0xFF];
  return (uint16_t)~c;
}

/* Puts the envelope around the content at out + 4; returns the frame's size. */
static inline size_t seal(uint8_t *out, unsigned type, size_t content, unsigned serial) {
  out[0] = out[1] = 0x78;
  out[2] = (uint8_t)(content + 5);
  out[3] = (uint8_t)type;
  put16(out + 4 + content, serial & 0xFFFF);
  put16(out + 6 + content, crc(out + 2, content + 4));
  out[8 + content] = 0x0D;
  out[9 + content] = 0x0A;
  return content + 10;
}

/* Size of the frame at p: 0 = more bytes are needed, -1 = none. */
static inline int frame_size(const uint8_t *p, size_t count) {
  if (count < 3) return 0;
  if (p[0] != 0x78 || p[1] != 0x78 || p[2] < 5) return -1;
  int size = p[2] + 5;
  if (count < (size_t)size) return 0;
  if (p[size - 2] != 0x0D || p[size - 1] != 0x0A) return -1;
  return crc(p + 2, (size_t)size - 6) == get16(p + size - 4) ? size : -1;
}

static inline unsigned serial_of(const uint8_t *frame, int size) { return get16(frame + size - 6); }

static inline size_t make_login(uint32_t device, uint8_t *out) {
  unsigned digits[16] = {0, 8, 6, 9, 0, 3, 0, 0, 0}, sum = 0;
  for (int i = 14; i >= 9; i--, device /= 10) digits[i] = device % 10;
  for (int i = 1; i <= 14; i++) {
    unsigned d = digits[i] << (i % 2 == 0);
    sum += d > 9 ? d - 9 : d;
  }
  digits[15] = (10 - sum % 10) % 10;
  for (int i = 0; i < 8; i++) out[4 + i] = (uint8_t)(digits[2 * i] << 4 | digits[2 * i + 1]);
  return seal(out, LOGIN, 8, 1);
}

static inline uint32_t login_device(const uint8_t *frame) {
  uint32_t device = 0;
  for (int i = 9; i <= 14; i++) device = device * 10 + (frame[4 + i / 2] >> (i % 2 ? 0 : 4) & 15u);
  return device;
}

static inline size_t make_alarm(uint32_t number, uint8_t *out) {
  static const uint8_t content[32] = {
    26, 11, 21, 12, 0, 0, 0xC9, 0, 0, 0, 0, 0x03, 0, 0, 0, 40,
    0x15, 0, 0x09, 0x01, 0xCC, 0, 0x28, 0x7D, 0, 0x1F, 0xB8, 0x44, 0x04, 0x04, 0x02, 0x01,
  };
  memcpy(out + 4, content, sizeof content);
  put32(out + 11, number);
  return seal(out, ALARM, sizeof content, number + 2);
}

static inline uint32_t alarm_number(const uint8_t *frame) { return get32(frame + 11); }

static inline struct sockaddr_in loopback(const char *port, uint32_t host) {
  return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)),
                              .sin_addr.s_addr = htonl(0x7F000000u + host)};
}

static inline void watch(int poller, int operation, int fd, uint32_t events, uint64_t tag) {
  struct epoll_event event = {.events = events, .data.u64 = tag};
  if (epoll_ctl(poller, operation, fd, &event)) die("epoll_ctl");
}

static inline void no_delay(int fd) { setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int)); }

static inline int listen_on(const struct sockaddr_in *address) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
  if (bind(fd, (const struct sockaddr *)address, sizeof *address)) die("bind");
  if (listen(fd, 4096)) die("listen");
  return fd;
}
#endif
