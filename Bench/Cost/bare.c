/* The bare relay: the least that does the same work for GT06 alone, as a measure of what the rest costs.

   usage: bare PORT PLATFORM-PORT FILE

   A frame is answered when a sync has put it into FILE, an append-only log of {size 4 | device 4 | frame}. A second
   thread writes and syncs one batch while the next one gathers. What is synced is sent to the platform, over one
   connection a device, and the platform's answers are taken in.

   It detects nothing, bounds nothing, never frees its log, forgets everything when it ends, and a device whose
   session is not there holds up all others. A lost session's unanswered frames are sent again. */
#include "common.h"
#include <pthread.h>
#include <sys/eventfd.h>

enum kind { FREE, DEVICE, CALLING, LIVE };
enum { FD_MAX = 16384, UNPROVEN_MAX = 65536, CHUNK = 256 << 10, BATCH_MAX = 8 << 20, RUN_MAX = 1024 };
enum { LISTENER = FD_MAX, SYNCED };
static const uint32_t none = UINT32_MAX;

struct record { uint32_t size, device; };

struct connection {
  uint8_t kind;
  bool writing;
  uint32_t device, rest_bytes, out_bytes;
  uint8_t rest[FRAME_MAX], *out;
};

struct device { int up; uint32_t first, last; };                          /* its unproven frames, a list */
struct unproven { uint64_t offset; uint32_t next, size; bool proven; };   /* in a ring */
struct answer { uint64_t end; int fd; uint32_t device; uint16_t serial; }; /* owed when `end` is synced */

static int poller, log_fd, wake_fd, done_fd;
static struct sockaddr_in platform;
static struct connection *connections;
static struct device *devices;
static struct unproven *ring;
static uint64_t ring_head, ring_tail;
static struct { uint8_t *bytes; size_t count; } gathering, writing;
static uint64_t log_end, synced, cursor;
static bool syncing;
static uint64_t retry_at; /* after a session was lost */
static struct answer *owed;
static uint64_t owed_head, owed_tail;
enum { OWED_MAX = 1 << 18 };
static uint8_t *chunk;
static uint64_t chunk_offset;
static size_t chunk_count;

/* ---- connections */

static void set_writing(int fd, bool on) {
  if (connections[fd].writing == on) return;
  connections[fd].writing = on;
  watch(poller, EPOLL_CTL_MOD, fd, EPOLLIN | (on ? EPOLLOUT : 0u), (uint64_t)fd);
}

static void put(int fd, const uint8_t *p, size_t bytes) {
  struct connection *c = connections + fd;
  if (!c->out_bytes) {
    ssize_t done = send(fd, p, bytes, MSG_NOSIGNAL);
    if (done > 0) p += done, bytes -= (size_t)done;
  }
  if (!bytes) return;
  if (!(c->out = realloc(c->out, c->out_bytes + bytes))) die("realloc");
  memcpy(c->out + c->out_bytes, p, bytes);
  c->out_bytes += (uint32_t)bytes;
  set_writing(fd, true);
}

static void write_rest(int fd) {
  struct connection *c = connections + fd;
  ssize_t done = send(fd, c->out, c->out_bytes, MSG_NOSIGNAL);
  if (done < 0) return;
  c->out_bytes -= (uint32_t)done;
  memmove(c->out, c->out + done, c->out_bytes);
  if (!c->out_bytes) set_writing(fd, false);
}

static void add(int fd, enum kind kind, uint32_t device) {
  if (fd >= FD_MAX) die("too many descriptors");
  uint8_t *out = connections[fd].out;
  connections[fd] = (struct connection){.kind = (uint8_t)kind, .device = device, .out = out};
  no_delay(fd);
}

static void drop(int fd) {
  struct connection *c = connections + fd;
  if (c->kind >= CALLING) {
    devices[c->device].up = -1;
    retry_at = now_ns() + 100000000u;
  }
  c->kind = FREE;
  close(fd);
}

static void receive(int fd, void (*take)(int fd, const uint8_t *frame, int size)) {
  static uint8_t buffer[(64 << 10) + FRAME_MAX];
  struct connection *c = connections + fd;
  memcpy(buffer, c->rest, c->rest_bytes);
  ssize_t got = recv(fd, buffer + c->rest_bytes, 64 << 10, 0);
  if (got < 0 && errno == EAGAIN) return;
  if (got <= 0) {
    drop(fd);
    return;
  }
  size_t bytes = c->rest_bytes + (size_t)got, at = 0;
  for (int size; (size = frame_size(buffer + at, bytes - at)) != 0; at += (size_t)size) {
    if (size < 0) {
      drop(fd);
      return;
    }
    take(fd, buffer + at, size);
  }
  c->rest_bytes = (uint32_t)(bytes - at);
  memcpy(c->rest, buffer + at, c->rest_bytes);
}

/* ---- bytes to one connection are put together while it is the same */

static struct run { uint8_t bytes[32 << 10]; size_t count; int fd; } answers, frames;

static void flush(struct run *run) {
  if (run->count) put(run->fd, run->bytes, run->count);
  run->count = 0;
}

static uint8_t *room(struct run *run, int fd) {
  if (fd != run->fd || run->count + FRAME_MAX > sizeof run->bytes) flush(run);
  run->fd = fd;
  return run->bytes + run->count;
}

static void answer(int fd, unsigned type, unsigned serial) {
  answers.count += seal(room(&answers, fd), type, 0, serial);
}

/* ---- the log */

static void *sync_thread(void *unused) {
  for (uint64_t v; read(wake_fd, &v, 8) == 8;) {
    for (size_t done = 0; done < writing.count;) {
      ssize_t n = write(log_fd, writing.bytes + done, writing.count - done);
      if (n < 0) die("write");
      done += (size_t)n;
    }
    if (fdatasync(log_fd)) die("fdatasync");
    if (write(done_fd, &(uint64_t){1}, 8) != 8) die("eventfd");
  }
  return unused;
}

static void start_sync(void) {
  if (syncing || !gathering.count) return;
  uint8_t *bytes = writing.bytes;
  writing = gathering;
  gathering.bytes = bytes, gathering.count = 0;
  syncing = true;
  if (write(wake_fd, &(uint64_t){1}, 8) != 8) die("eventfd");
}

static void finish_sync(void) {
  uint64_t v;
  if (read(done_fd, &v, 8) != 8) return;
  syncing = false;
  synced += writing.count;
  for (; owed_head != owed_tail; owed_head++) {
    struct answer *a = owed + owed_head % OWED_MAX;
    if (a->end > synced) break;
    struct connection *c = connections + a->fd;
    if (c->kind == DEVICE && c->device == a->device) answer(a->fd, ALARM, a->serial);
  }
  flush(&answers);
}

static void spool(int fd, const uint8_t *frame, int size) {
  struct record r = {(uint32_t)size, connections[fd].device};
  if (gathering.count + sizeof r + FRAME_MAX > BATCH_MAX || owed_tail - owed_head == OWED_MAX)
    die("the disk is too slow for the load");
  memcpy(gathering.bytes + gathering.count, &r, sizeof r);
  memcpy(gathering.bytes + gathering.count + sizeof r, frame, (size_t)size);
  gathering.count += sizeof r + (size_t)size;
  log_end += sizeof r + (size_t)size;
  owed[owed_tail++ % OWED_MAX] =
    (struct answer){log_end, fd, connections[fd].device, (uint16_t)serial_of(frame, size)};
}

/* The record at `offset`, which is below `synced`. */
static const struct record *record_at(uint64_t offset) {
  for (int attempt = 0; attempt < 2; attempt++) {
    if (offset >= chunk_offset && offset + sizeof(struct record) <= chunk_offset + chunk_count) {
      const struct record *r = (const void *)(chunk + (offset - chunk_offset));
      if (offset + sizeof *r + r->size <= chunk_offset + chunk_count) return r;
    }
    size_t wanted = synced - offset < CHUNK ? synced - offset : CHUNK;
    ssize_t got = pread(log_fd, chunk, wanted, (off_t)offset);
    chunk_offset = offset;
    chunk_count = got > 0 ? (size_t)got : 0;
  }
  die("the log");
}

/* ---- the platform */

static void call(uint32_t device) {
  if (devices[device].up >= 0 || (retry_at && now_ns() < retry_at)) return;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) die("socket");
  add(fd, CALLING, device);
  devices[device].up = fd;
  if (connect(fd, (struct sockaddr *)&platform, sizeof platform) && errno != EINPROGRESS) {
    drop(fd);
    return;
  }
  connections[fd].writing = true;
  watch(poller, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLOUT, (uint64_t)fd);
  uint8_t login[FRAME_MAX];
  size_t bytes = make_login(device, login);
  if (!(connections[fd].out = realloc(connections[fd].out, bytes))) die("realloc");
  memcpy(connections[fd].out, login, bytes); /* waits for the connection */
  connections[fd].out_bytes = (uint32_t)bytes;
}

/* Sends what is synced and the sessions take; true when there is more to do at once. */
static bool forward(void) {
  unsigned taken = 0;
  for (; cursor < synced && ring_tail - ring_head < UNPROVEN_MAX && taken < RUN_MAX; taken++) {
    const struct record *r = record_at(cursor);
    struct device *d = devices + r->device;
    if (d->up < 0) call(r->device);
    if (d->up < 0 || connections[d->up].kind != LIVE || connections[d->up].out_bytes) break;
    uint32_t i = (uint32_t)(ring_tail++ % UNPROVEN_MAX);
    ring[i] = (struct unproven){cursor, none, r->size, false};
    if (d->first == none) d->first = i;
    else ring[d->last].next = i;
    d->last = i;
    memcpy(room(&frames, d->up), r + 1, r->size);
    frames.count += r->size;
    cursor += sizeof *r + r->size;
  }
  flush(&frames);
  return taken == RUN_MAX;
}

static void take_from_platform(int fd, const uint8_t *frame, int size) {
  struct device *d = devices + connections[fd].device;
  (void)size;
  if (frame[3] == LOGIN) {
    connections[fd].kind = LIVE;
    for (uint32_t i = d->first; i != none; i = ring[i].next) {
      if (pread(log_fd, room(&frames, fd), ring[i].size, (off_t)(ring[i].offset + sizeof(struct record))) < 0)
        die("the log");
      frames.count += ring[i].size;
    }
    flush(&frames);
  } else if (d->first != none) {
    ring[d->first].proven = true;
    d->first = ring[d->first].next;
    while (ring_head != ring_tail && ring[ring_head % UNPROVEN_MAX].proven) ring_head++;
  }
}

/* ---- devices */

static void take_from_device(int fd, const uint8_t *frame, int size) {
  if (frame[3] == LOGIN) {
    connections[fd].device = login_device(frame);
    if (connections[fd].device >= DEVICES_MAX) die("an unknown device");
    answer(fd, LOGIN, serial_of(frame, size));
    call(connections[fd].device);
  } else {
    spool(fd, frame, size);
  }
}

static void accept_all(int listener) {
  for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
    add(fd, DEVICE, 0);
    watch(poller, EPOLL_CTL_ADD, fd, EPOLLIN, (uint64_t)fd);
  }
}

int main(int argc, char **argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: bare PORT PLATFORM-PORT FILE\n");
    return 64;
  }
  struct sockaddr_in address = loopback(argv[1], 1);
  platform = loopback(argv[2], 1);
  log_fd = open(argv[3], O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
  wake_fd = eventfd(0, EFD_CLOEXEC);
  done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  poller = epoll_create1(EPOLL_CLOEXEC);
  if (log_fd < 0 || wake_fd < 0 || done_fd < 0 || poller < 0) die(argv[3]);
  connections = zeroed(FD_MAX, sizeof *connections);
  devices = zeroed(DEVICES_MAX, sizeof *devices);
  for (uint32_t i = 0; i < DEVICES_MAX; i++) devices[i] = (struct device){-1, none, none};
  ring = zeroed(UNPROVEN_MAX, sizeof *ring);
  owed = zeroed(OWED_MAX, sizeof *owed);
  gathering.bytes = zeroed(BATCH_MAX, 1);
  writing.bytes = zeroed(BATCH_MAX, 1);
  chunk = zeroed(CHUNK, 1);
  pthread_t thread;
  if (pthread_create(&thread, NULL, sync_thread, NULL)) die("pthread_create");
  int listener = listen_on(&address);
  watch(poller, EPOLL_CTL_ADD, listener, EPOLLIN, LISTENER);
  watch(poller, EPOLL_CTL_ADD, done_fd, EPOLLIN, SYNCED);
  for (bool busy = false;;) {
    struct epoll_event events[512];
    int n = epoll_wait(poller, events, 512, busy ? 0 : 100);
    for (int i = 0; i < n; i++) {
      uint64_t tag = events[i].data.u64;
      if (tag == LISTENER) accept_all(listener);
      else if (tag == SYNCED) finish_sync();
      else if (connections[tag].kind != FREE) {
        if (events[i].events & EPOLLOUT) write_rest((int)tag);
        receive((int)tag, connections[tag].kind == DEVICE ? take_from_device : take_from_platform);
        flush(&answers);
      }
    }
    start_sync();
    busy = forward();
  }
}
