/* GT06 trackers that stay connected and send alarms when they are told to.

   usage: devices PORT COUNT

   They log in and "ready" is printed. Then each line on standard input is a run, "FRAMES WINDOW RATE": every device
   sends so many, at most WINDOW of them unanswered; with a RATE other than 0 all of them together send so many
   a second and wait for nobody. When all are answered, "FRAMES SECONDS" is printed. Anything else that
   happens to a connection, and any answer that is not the next one, ends the program with 1. */
#include "common.h"

struct device {
  int fd;
  uint32_t sent, answered;
  uint8_t rest[FRAME_MAX];
  size_t rest_bytes;
};

static struct device *devices;
static uint32_t count, ready, finished, goal, window, allowed = UINT32_MAX;
static int poller;

static void send_all(struct device *d, const uint8_t *p, size_t bytes) {
  for (ssize_t done; bytes; p += done, bytes -= (size_t)done)
    if ((done = send(d->fd, p, bytes, MSG_NOSIGNAL)) < 0) die("send");
}

/* Sends what the window allows, and no more than `limit` frames in all. */
static void pump(struct device *d, uint32_t limit) {
  uint8_t buffer[64 * ALARM_BYTES];
  while (d->sent < limit && d->sent - d->answered < window) {
    size_t bytes = 0;
    while (bytes < sizeof buffer && d->sent < limit && d->sent - d->answered < window)
      bytes += make_alarm(d->sent++, buffer + bytes);
    send_all(d, buffer, bytes);
  }
}

static void take(struct device *d, const uint8_t *frame, int size) {
  if (frame[3] == LOGIN) {
    ready++;
    return;
  }
  if (frame[3] != ALARM || serial_of(frame, size) != ((d->answered + 2) & 0xFFFF)) {
    fprintf(stderr, "devices: device %ld got another answer than its next\n", d - devices);
    exit(1);
  }
  if (++d->answered == goal) finished++;
}

static void receive(struct device *d) {
  static uint8_t buffer[1 << 16];
  memcpy(buffer, d->rest, d->rest_bytes);
  ssize_t got = recv(d->fd, buffer + d->rest_bytes, sizeof buffer - FRAME_MAX, MSG_DONTWAIT);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) die("a connection ended");
  size_t bytes = d->rest_bytes + (size_t)got, at = 0;
  for (int size; (size = frame_size(buffer + at, bytes - at)) != 0; at += (size_t)size) {
    if (size < 0) die("no frame");
    take(d, buffer + at, size);
  }
  d->rest_bytes = bytes - at;
  memcpy(d->rest, buffer + at, d->rest_bytes);
  if (goal) pump(d, allowed < goal ? allowed : goal);
}

static void turn(int timeout) {
  struct epoll_event events[512];
  int n = epoll_wait(poller, events, 512, timeout);
  for (int i = 0; i < n; i++) receive(devices + events[i].data.u64);
}

int main(int argc, char **argv) {
  if (argc != 3 || (count = (uint32_t)atoi(argv[2])) < 1 || count > DEVICES_MAX) {
    fprintf(stderr, "usage: devices PORT COUNT\n");
    return 64;
  }
  poller = epoll_create1(EPOLL_CLOEXEC);
  devices = zeroed(count, sizeof *devices);
  for (uint32_t i = 0; i < count; i++) {
    /* A relay may limit the connections of one source. */
    struct sockaddr_in from = loopback("0", 2 + i / 200), to = loopback(argv[1], 1);
    struct device *d = devices + i;
    d->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(d->fd, (struct sockaddr *)&from, sizeof from)) die("bind");
    if (connect(d->fd, (struct sockaddr *)&to, sizeof to)) die("connect");
    no_delay(d->fd);
    watch(poller, EPOLL_CTL_ADD, d->fd, EPOLLIN, i);
    uint8_t login[FRAME_MAX];
    send_all(d, login, make_login(i, login));
  }
  while (ready < count) turn(-1);
  printf("ready\n");
  fflush(stdout);
  char line[80];
  while (fgets(line, sizeof line, stdin)) {
    unsigned frames, rate;
    if (sscanf(line, "%u %u %u", &frames, &window, &rate) != 3 || !frames || !window) return 64;
    uint32_t before = goal;
    uint64_t began = now_ns();
    goal += frames;
    finished = 0;
    allowed = rate ? goal - frames : UINT32_MAX;
    if (!rate)
      for (uint32_t i = 0; i < count; i++) pump(devices + i, goal);
    /* At a rate the devices take turns, so that nothing comes in bursts. */
    for (uint64_t sent = 0, total = (uint64_t)frames * count; rate && sent < total;) {
      uint64_t due = began + sent * 1000000000u / rate, now = now_ns();
      if (now < due) {
        turn((int)((due - now + 999999u) / 1000000u));
        continue;
      }
      pump(devices + sent % count, before + (uint32_t)(sent / count) + 1);
      sent++;
    }
    while (finished < count) turn(-1);
    printf("%llu %.3f\n", (unsigned long long)frames * count, (double)(now_ns() - began) / 1e9);
    fflush(stdout);
  }
  return 0;
}
