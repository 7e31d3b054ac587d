/* The platform behind a relay: answers logins and alarms at once and counts them.

   usage: platform PORT

   Lines on standard input: "down" stops listening and resets every connection, "up" listens again (at the start it
   listens), "count" prints "SESSIONS UNIQUE REPEATED MISSING". REPEATED frames were there before; a frame counts as
   MISSING while a later one of its device has come. What is not GT06 ends the program with 1. */
#include "common.h"

enum { SESSIONS_MAX = 8192 };
enum { LISTENER = SESSIONS_MAX, INPUT };

struct session {
  bool open, named;
  uint32_t device;
  uint8_t rest[FRAME_MAX];
  size_t rest_bytes;
};

static struct session sessions[SESSIONS_MAX]; /* by descriptor */
static uint32_t next[DEVICES_MAX], named;
static uint64_t unique, repeated, missing;
static int poller, listener = -1;

static void end(int fd, bool reset) {
  struct linger linger = {1, 0};
  if (reset) setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  close(fd);
  named -= sessions[fd].named;
  sessions[fd] = (struct session){0};
}

static void take(struct session *s, const uint8_t *frame) {
  if (frame[3] == LOGIN) {
    s->device = login_device(frame);
    if (s->device >= DEVICES_MAX) die("an unknown device");
    named += !s->named;
    s->named = true;
  } else {
    uint32_t number = alarm_number(frame), *expected = next + s->device;
    if (!s->named || frame[3] != ALARM) die("no alarm");
    if (number < *expected) {
      repeated++;
      return;
    }
    missing += number - *expected;
    *expected = number + 1;
    unique++;
  }
}

static void receive(int fd) {
  static uint8_t buffer[1 << 18], answers[1 << 17];
  struct session *s = sessions + fd;
  memcpy(buffer, s->rest, s->rest_bytes);
  ssize_t got = recv(fd, buffer + s->rest_bytes, sizeof buffer - FRAME_MAX, 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) {
    end(fd, false);
    return;
  }
  size_t bytes = s->rest_bytes + (size_t)got, at = 0, out = 0;
  for (int size; (size = frame_size(buffer + at, bytes - at)) != 0; at += (size_t)size) {
    if (size < 0) die("no frame");
    take(s, buffer + at);
    out += seal(answers + out, buffer[at + 3], 0, serial_of(buffer + at, size));
  }
  s->rest_bytes = bytes - at;
  memcpy(s->rest, buffer + at, s->rest_bytes);
  /* Answers are a quarter of what they are for: a peer that does not read them is broken. */
  if (out && send(fd, answers, out, MSG_NOSIGNAL) != (ssize_t)out) end(fd, true);
}

static void go_up(const struct sockaddr_in *address) {
  listener = listen_on(address);
  watch(poller, EPOLL_CTL_ADD, listener, EPOLLIN, LISTENER);
}

static bool obey(const struct sockaddr_in *address) {
  char line[80];
  ssize_t got = read(0, line, sizeof line - 1);
  if (got <= 0) return false;
  line[got] = 0;
  if (!strcmp(line, "up\n")) go_up(address);
  if (!strcmp(line, "down\n")) {
    close(listener);
    for (int fd = 0; fd < SESSIONS_MAX; fd++)
      if (sessions[fd].open) end(fd, true);
  }
  printf("%u %llu %llu %llu\n", named, (unsigned long long)unique, (unsigned long long)repeated,
         (unsigned long long)missing);
  fflush(stdout);
  return true;
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: platform PORT\n");
    return 64;
  }
  struct sockaddr_in address = loopback(argv[1], 1);
  poller = epoll_create1(EPOLL_CLOEXEC);
  watch(poller, EPOLL_CTL_ADD, 0, EPOLLIN, INPUT);
  go_up(&address);
  for (;;) {
    struct epoll_event events[512];
    int n = epoll_wait(poller, events, 512, -1);
    for (int i = 0; i < n; i++) {
      uint64_t tag = events[i].data.u64;
      if (tag == INPUT) {
        if (!obey(&address)) return 0;
      } else if (tag == LISTENER) {
        for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
          if (fd >= SESSIONS_MAX) die("too many sessions");
          sessions[fd] = (struct session){.open = true};
          no_delay(fd);
          watch(poller, EPOLL_CTL_ADD, fd, EPOLLIN, (uint64_t)fd);
        }
      } else if (sessions[tag].open) {
        receive((int)tag);
      }
    }
  }
}
