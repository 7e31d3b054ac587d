#!/usr/bin/python3
"""The spool on real file systems that fill up, fail, and lose their power. See `run` in this folder.

A disk is a file of a FUSE file system in this process, under a loop device: every write and every flush
of the kernel is seen here in order, can fail, and can be replayed up to any place. Devices are
simulated over TCP; the platform is never there, so what was answered must be in the spool.
"""
import ctypes
import errno
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.stdout.reconfigure(line_buffering=True)
BINARY = os.environ.get("EDGERELAY_BINARY", ".build-static/bin/edgerelay-amd64")
SECTOR = 512


def call(*words, **keys):
    return subprocess.run(words, check=True, capture_output=True, text=True, **keys).stdout.strip()


# ---- Devices


def gt06(kind, content, serial):
    body = bytes([len(content) + 5, kind]) + content + serial.to_bytes(2, "big")
    crc = 0xFFFF
    for byte in body:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x8408 if crc & 1 else crc >> 1
    return b"\x78\x78" + body + (crc ^ 0xFFFF).to_bytes(2, "big") + b"\r\n"


ALARM = bytes.fromhex("0B0B0F0E241DCF027AC8870C4657E60014020901CC00287D001F7265060401")


class Devices(threading.Thread):
    """Devices that send alarms one after the other; `answered` has those the relay took."""

    def __init__(self, port, count, note=lambda: 0):
        super().__init__(daemon=True)
        self.port, self.count, self.note = port, count, note
        self.names = ["86000000000%04d" % i for i in range(count)]
        self.answered = []  # (device, frame, what `note` said)
        self.serials = [1] * count
        self.ends = False

    def run(self):
        threads = [threading.Thread(target=self.device, args=(i,), daemon=True) for i in range(self.count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def device(self, i):
        while not self.ends:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as peer:
                    peer.settimeout(3)
                    peer.sendall(gt06(1, bytes.fromhex("0" + self.names[i]), 0))
                    peer.recv(64)
                    while not self.ends:
                        self.serials[i] = self.serials[i] % 65535 + 1
                        frame = gt06(0x26, ALARM, self.serials[i])
                        peer.sendall(frame)
                        if peer.recv(64)[3:4] != b"\x26":
                            break
                        self.answered.append((i, frame.hex(), self.note()))
                        time.sleep(random.random() * 0.02)
            except OSError:
                time.sleep(0.05)

    def stop(self):
        self.ends = True
        self.join()


def die_with_parent():
    ctypes.CDLL(None).prctl(1, 9)


class Relay:
    """The program on a spool, with a platform that is never there."""

    def __init__(self, spool, port, size="4M"):
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            [BINARY, "run", "--listen", f"127.0.0.1:{port}", "--upstream", "127.0.0.1:1",
             "--spool", spool, "--spool-size", size], stderr=self.log,
            stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, preexec_fn=die_with_parent)

    def text(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def wait_for(self, words):
        end = time.time() + 60
        while words not in self.text():
            if time.time() > end or self.process.poll() is not None:
                sys.exit(f"in vain for '{words}' in the log:\n{self.text()[-2000:]}")
            time.sleep(0.05)

    def kill(self):
        self.process.kill()
        self.process.wait()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def missing(spool, devices, answered):
    """Frames that were answered and are not in the spool."""
    lost = 0
    wanted = [set() for _ in devices.names]
    for device, frame, _ in answered:
        wanted[device].add(frame)
    for name, frames in zip(devices.names, wanted):
        if not frames:
            continue
        look = subprocess.run([BINARY, "spool", "--dump", name, spool], capture_output=True, text=True)
        lost += len(frames - set(look.stdout.split()))
    return lost


def wait_until(what, condition, seconds=60):
    end = time.time() + seconds
    while not condition():
        if time.time() > end:
            sys.exit(f"waited in vain until {what}")
        time.sleep(0.05)


# ---- Disks


class Folder:
    """A place to mount things, which is cleared away."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="edgerelay-disk-")
        self.undo = []
        return self

    def __exit__(self, *_):
        for words in reversed(self.undo):
            for _ in range(50):
                if subprocess.run(words, capture_output=True).returncode == 0:
                    break
                time.sleep(0.1)
            else:
                # A relay that is still ending has files open.
                if words[0] == "umount":
                    subprocess.run(["umount", "--lazy", *words[1:]], capture_output=True)
        shutil.rmtree(self.path, ignore_errors=True)

    def __truediv__(self, name):
        path = f"{self.path}/{name}"
        os.makedirs(path, exist_ok=True)
        return path

    def mount(self, device, name, options="rw"):
        place = self / name
        call("mount", "-o", options, device, place)
        self.undo.append(["umount", place])
        return place

    def unmount(self):
        call(*self.undo.pop())

    def loop(self, path):
        device = call("losetup", "--find", "--show", path)
        self.undo.append(["losetup", "--detach", device])
        return device

    def image(self, kind, size):
        path = f"{self.path}/image"
        with open(path, "wb") as file:
            file.truncate(size)
        make(kind, path)
        return path


def make(kind, path):
    force = {"ext4": ["-q", "-F"], "xfs": ["-q", "-f"], "btrfs": ["-q", "-f"]}[kind]
    call(f"mkfs.{kind}", *force, path)


class Recorder:
    """A disk in memory behind FUSE that keeps every write and flush, and fails when told."""

    def __init__(self, folder, size):
        import fusepy

        self.bytes = bytearray(size)
        self.log = []  # (offset, bytes), or None for a flush
        self.records = False
        self.lock = threading.Lock()
        self.fails = False
        # Zero until the failure is over.
        self.epoch = 0
        disk = self

        class Files(fusepy.Operations):
            def getattr(self, path, fh=None):
                if path == "/":
                    return {"st_mode": 0o40755, "st_nlink": 2}
                if path != "/disk":
                    raise fusepy.FuseOSError(errno.ENOENT)
                return {"st_mode": 0o100600, "st_nlink": 1, "st_size": len(disk.bytes)}

            def readdir(self, path, fh):
                return [".", "..", "disk"]

            def read(self, path, size, offset, fh):
                return bytes(disk.bytes[offset : offset + size])

            def write(self, path, data, offset, fh):
                if disk.fails:
                    raise fusepy.FuseOSError(errno.EIO)
                with disk.lock:
                    disk.bytes[offset : offset + len(data)] = data
                    if disk.records:
                        disk.log.append((offset, data))
                return len(data)

            def fsync(self, path, datasync, fh):
                if disk.fails:
                    raise fusepy.FuseOSError(errno.EIO)
                if disk.records:
                    disk.log.append(None)
                return 0

            def truncate(self, path, length, fh=None):
                return 0

        place = folder / "fuse"
        thread = threading.Thread(
            target=fusepy.FUSE, args=(Files(), place),
            kwargs={"foreground": True, "nothreads": True, "big_writes": True}, daemon=True)
        thread.start()
        wait_until("the disk is there", lambda: os.path.exists(f"{place}/disk"))
        folder.undo.append(["umount", place])
        self.device = folder.loop(f"{place}/disk")

    def record(self):
        """Keeps every write from now on; returns what was there before. The relay fills its segments all the time."""
        with self.lock:
            self.records = True
            return bytes(self.bytes)


# ---- Runs


def full(rounds=10):
    """A neighbour fills the file system while devices send, and leaves again."""
    for kind, size in [("ext4", 16 << 20), ("btrfs", 128 << 20)]:
        with Folder() as folder:
            try:
                place = folder.mount(folder.image(kind, size), "mnt", "loop")
            except (subprocess.CalledProcessError, FileNotFoundError) as error:
                print(f"full: {kind} cannot be tried here: {error}")
                continue
            spool, port = place + "/spool", free_port()
            relay = Relay(spool, port)
            devices = Devices(port, 8)
            devices.start()
            wait_until("devices are answered", lambda: len(devices.answered) > 20)
            stalls = 0
            for i in range(rounds):
                with open(place + "/neighbour", "wb", buffering=0) as file:
                    for piece in (1 << 20, 1 << 12):
                        try:
                            while True:
                                file.write(bytes(piece))
                        except OSError:
                            pass
                if i % 5 == 4:
                    # A start on a full file system.
                    relay.kill()
                    relay = Relay(spool, port)
                before = len(devices.answered)
                time.sleep(0.4)
                stalls += len(devices.answered) == before
                os.unlink(place + "/neighbour")
                before = len(devices.answered)
                wait_until("devices are answered again", lambda: len(devices.answered) > before + 10)
            devices.stop()
            relay.kill()
            lost = lost_but_evicted(spool, devices)
            print(f"full: {kind}: {rounds} times full, {stalls} of them without an answer, "
                  f"{len(devices.answered)} answered, {lost} lost")
            if lost:
                sys.exit(1)


def lost_but_evicted(spool, devices):
    look = call(BINARY, "spool", "--json", spool).split("\n")[0]
    evicted = int(look.split('"lost_full":')[1].split(",")[0])
    return max(0, missing(spool, devices, devices.answered) - evicted)


def segments(spool):
    return [entry.path for entry in os.scandir(spool) if entry.name.startswith("seg.")]


def is_written(path):
    """Whether no block is one that the file system has only reserved."""
    with open(path, "rb") as file:
        return os.lseek(file.fileno(), 0, os.SEEK_HOLE) == os.path.getsize(path)


def errors(cases=20):
    """The disk fails writes and flushes for a while; nothing answered may be lost."""
    failed = 0
    for case in range(cases):
        random.seed(case)
        with Folder() as folder:
            disk = Recorder(folder, 24 << 20)
            make("ext4", disk.device)
            # Without a journal the file system stays writable when it has met an error.
            if case % 2:
                call("tune2fs", "-O", "^has_journal", disk.device)
            place = folder.mount(disk.device, "mnt", "errors=continue")
            spool, port = place + "/spool", free_port()
            relay = Relay(spool, port)
            devices = Devices(port, 4, lambda: disk.epoch)
            devices.start()
            wait_until("devices are answered", lambda: len(devices.answered) > 20)
            wait_until("every block was written once", lambda: all(map(is_written, segments(spool))))
            disk.fails = True
            before = len(devices.answered)
            time.sleep(random.choice([0.3, 1.5, 4]))
            during = len(devices.answered) - before
            disk.fails = False
            disk.epoch = 1
            before = len(devices.answered)
            deadline = time.time() + 8
            while time.time() < deadline and len(devices.answered) < before + 10:
                time.sleep(0.05)
            recovers = len(devices.answered) >= before + 10
            alive = relay.process.poll() is None
            devices.stop()
            relay.kill()
            folder.unmount()
            place = folder.mount(disk.device, "mnt")
            lost = missing(spool, devices, devices.answered)
            print(f"errors: case {case}: {'no journal' if case % 2 else 'journal'}, answered while it failed "
                  f"{during}, goes on by itself: {recovers}, {len(devices.answered)} answered, {lost} lost, "
                  f"{missing(spool, devices, [a for a in devices.answered if a[2] == 0])} of them answered before")
            failed += lost > 0 or not alive
    if failed:
        sys.exit(1)


def replay(states=300, kind="ext4", forgotten=0):
    """The power goes: every write up to some place, and some of those behind the last flush.

    With flushes that the disk forgets something must be lost, or this sees nothing.
    """
    size = 24 << 20 if kind == "ext4" else 320 << 20
    random.seed(1)
    with Folder() as folder:
        disk = Recorder(folder, size)
        make(kind, disk.device)
        place = folder.mount(disk.device, "mnt")
        # The files of the spool are made before; creating them is not what is recorded.
        port = free_port()
        relay = Relay(place + "/spool", port)
        relay.wait_for("listening")
        os.sync()
        base = disk.record()
        devices = Devices(port, 6, lambda: len(disk.log))
        devices.start()
        wait_until("enough is recorded", lambda: len(devices.answered) > 2500, 240)
        devices.stop()
        relay.kill()
        disk.records = False
        log = disk.log
        folder.unmount()
    flushes = [i for i, entry in enumerate(log) if entry is None]
    writes = len(log) - len(flushes)
    print(f"replay: {kind}: {writes} writes, {len(flushes)} flushes, {len(devices.answered)} answered")
    lost = damaged = 0
    with Folder() as folder:
        image = f"{folder.path}/state"
        cuts = sorted(random.randrange(len(log)) for _ in range(states))
        now, state = 0, bytearray(base)
        for cut in cuts:
            flushed = [f for f in flushes if f < cut]
            stable = flushed[-1 - forgotten] if len(flushed) > forgotten else 0
            while now < stable:
                if log[now]:
                    offset, data = log[now]
                    state[offset : offset + len(data)] = data
                now += 1
            torn = bytearray(state)
            style = 2 if forgotten else random.randrange(3)
            for entry in log[now:cut]:
                if entry is None:
                    continue
                offset, data = entry
                for start in range(0, len(data), SECTOR):
                    if style == 0 or (style == 1 and random.random() < 0.5):
                        torn[offset + start : offset + start + SECTOR] = data[start : start + SECTOR]
            with open(image, "wb") as file:
                file.write(torn)
            place = folder.mount(image, "mnt", "loop")
            kept = [entry for entry in devices.answered if entry[2] <= cut]
            here = missing(place + "/spool", devices, kept)
            look = subprocess.run([BINARY, "spool", place + "/spool"], capture_output=True, text=True)
            lost += here > 0
            damaged += look.returncode != 0
            if here and lost < 5:
                print(f"replay: cut {cut} style {style}: {here} of {len(kept)} lost\n{look.stdout[:600]}")
            if states < 50 or cuts.index(cut) % 20 == 0:
                port = free_port()
                relay = Relay(place + "/spool", port)
                relay.wait_for("listening")
                relay.kill()
                lost += missing(place + "/spool", devices, kept) > 0
            folder.unmount()
    print(f"replay: {kind}: {states} states, {lost} with a loss, {damaged} called damaged")
    if (lost or damaged) != (forgotten > 0):
        sys.exit(1)


if __name__ == "__main__":
    words = sys.argv[1:]
    {"full": full, "errors": errors, "replay": replay}[words[0]](
        *[int(word) if word.isdigit() else word for word in words[1:]])
