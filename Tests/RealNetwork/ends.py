"""The two ends: devices that send for as long as they are told to, and a strict platform.

Both write down what they see; times are the event loop's.
"""
import asyncio
import fcntl
import random
import socket
import struct

import wire

PLATFORM_PORT = 5000
DEVICE_PORT = 8888
COMMAND_INTERVAL = 5.0
SIOCOUTQ = 0x5411
ESTABLISHED = 1


def make_device(number, network, relay_address):
    return (DatagramDevice if number % 5 == 4 else Device)(number, network, relay_address)


class Device(asyncio.Protocol):
    """Sends two positions and an alarm in turns, and nothing else while an alarm is not answered.

    An alarm without an answer is sent again over the next connection, as trackers do.
    """

    def __init__(self, number, network, relay_address):
        self.speech = wire.Watch if number % 5 in (1, 3) else wire.GT06
        self.name = self.speech.name(number)
        is_ipv6 = ":" in relay_address[0]
        self.family = socket.AF_INET6 if is_ipv6 else socket.AF_INET
        self.source = f"2001:db8:18::{number:x}" if is_ipv6 else f"198.18.{number >> 8}.{number & 255}"
        self.network = network
        self.relay_address = relay_address
        self.is_sending = True
        self.sent = {}  # number of the frame: when it was sent first
        self.answered = set()
        self.commands = []  # (number, when)
        self.lost_connections = 0
        self.slowest_answer = 0.0
        self.is_logged_in = False
        self.asked_again = set()
        self.faults = []

    async def live(self):
        self.loop = asyncio.get_running_loop()
        while True:
            try:
                await self.session()
            except (OSError, asyncio.TimeoutError):
                self.lost_connections += 1
            finally:
                self.is_logged_in = False
                self.transport and self.transport.abort()
            await asyncio.sleep(random.uniform(0.5, 1.5))

    async def session(self):
        self.transport = None
        self.gone = self.loop.create_future()
        self.awaited = None
        self.input = bytearray()
        self.transport = await self.open()
        await self.ask(self.speech.login(self.name), "login", self.speech.mark(1))
        self.is_logged_in = True
        while True:
            await asyncio.wait([self.gone], timeout=random.uniform(2, 4))
            if self.gone.done():
                raise ConnectionResetError
            if self.is_sending or self.owed:
                await self.send()

    async def open(self):
        with self.network.devices.inside():
            peer = socket.socket(self.family)
        peer.setblocking(False)
        peer.bind((self.source, 0))
        await asyncio.wait_for(self.loop.sock_connect(peer, self.relay_address), 5)
        transport, _ = await self.loop.create_connection(lambda: self, sock=peer)
        return transport

    def put(self, frame):
        self.transport.write(frame)

    @property
    def owed(self):
        """The alarm that waits for its answer."""
        number = len(self.sent)
        return number if self.is_alarm(number) and number not in self.answered else 0

    @staticmethod
    def is_alarm(number):
        return number > 0 and number % 3 == 0

    async def send(self):
        number = self.owed or len(self.sent) + 1
        frame = self.speech.report(self.name, number, self.is_alarm(number))
        now = self.loop.time()
        self.sent.setdefault(number, now)
        if self.is_alarm(number):
            await self.ask(frame, "alarm", self.speech.mark(number))
            self.answered.add(number)
            self.slowest_answer = max(self.slowest_answer, self.loop.time() - now)
        else:
            self.put(frame)

    async def ask(self, frame, kind, mark):
        self.awaited = (kind, mark), self.loop.create_future()
        self.put(frame)
        await asyncio.wait_for(self.awaited[1], 30)
        self.awaited = None

    def data_received(self, data):
        self.input += data
        for frame in wire.take(self.speech, self.input):
            kind, mark = self.speech.read_down(frame)
            if kind == "command":
                self.commands.append((mark, self.loop.time()))
                self.put(self.speech.reply(self.name, mark))
            elif self.awaited and self.awaited[0] == (kind, mark) and not self.awaited[1].done():
                self.awaited[1].set_result(None)
            elif (kind, mark) not in self.asked_again:
                self.faults.append(f"{self.name} was answered out of turn: {frame.hex()}")

    def connection_lost(self, error):
        if not self.gone.done():
            self.gone.set_result(None)
        if self.awaited and not self.awaited[1].done():
            self.awaited[1].set_exception(ConnectionResetError())


class DatagramDevice(Device):
    """The same over UDP: who is not answered logs in again from where it is, and sends the alarm once more."""

    PATIENCE = 5
    ATTEMPTS = 10

    logged_in_at = 0.0

    async def open(self):
        with self.network.devices.inside():
            peer = socket.socket(self.family, socket.SOCK_DGRAM)
        peer.setblocking(False)
        peer.bind((self.source, 0))
        peer.connect(self.relay_address)
        transport, _ = await self.loop.create_datagram_endpoint(lambda: self, sock=peer)
        return transport

    def put(self, frame):
        self.transport.sendto(frame)

    async def ask(self, frame, kind, mark):
        for _ in range(self.ATTEMPTS):
            self.awaited = (kind, mark), self.loop.create_future()
            self.put(frame)
            await asyncio.wait([self.awaited[1]], timeout=self.PATIENCE)
            if self.awaited[1].done():
                self.awaited = None
                if kind == "login":
                    self.logged_in_at = self.loop.time()
                return
            # What came before the login is answered behind it, too.
            self.asked_again.add((kind, mark))
            if kind != "login":
                await self.ask(self.speech.login(self.name), "login", self.speech.mark(1))
        raise asyncio.TimeoutError

    async def rebind(self):
        """Sends from another port from now on, as when a NAT in front of it has forgotten the old one."""
        old, self.transport = self.transport, await self.open()
        old.close()

    def datagram_received(self, data, source):
        self.data_received(data)

    def error_received(self, error):
        """The relay's port is closed just now: a lost datagram."""

    def connection_lost(self, error):
        """Nobody is told when a way for datagrams ends."""


class Record:
    """What the platform has of a device."""

    def __init__(self):
        self.arrived = {}  # number of the frame: when it arrived first
        self.newest = 0
        self.duplicates = 0
        self.disordered = 0
        self.replies = set()
        self.session = None
        self.back = None  # when its first frame arrived since `Platform.mark`

    def take(self, number, now, back_from):
        if number in self.arrived:
            self.duplicates += 1
        else:
            self.arrived[number] = now
            self.disordered += number < self.newest
            self.newest = max(self.newest, number)
        if self.back is None and now >= back_from:
            self.back = now


class Command:
    def __init__(self, name, session, now):
        self.name, self.session, self.sent = name, session, now
        self.acknowledged = None  # when the relay's kernel was seen to have it
        self.is_owed = False


class Session(asyncio.Protocol):
    """A connection from the relay: one device, login first, nothing unknown."""

    def __init__(self, platform):
        self.platform = platform
        self.speech = self.record = self.name = self.timer = None
        self.input = bytearray()

    def connection_made(self, transport):
        self.transport = transport
        self.platform.sessions.add(self)
        # The loop begins to read right after this.
        self.platform.loop.call_soon(self.pause)

    def pause(self):
        if self.transport.is_closing():
            return
        if self.platform.is_stalled:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def data_received(self, data):
        self.input += data
        if self.speech is None:
            self.speech = wire.GT06 if self.input[0] == 0x78 else wire.Watch
        try:
            for frame in wire.take(self.speech, self.input):
                self.take(frame)
        except (ValueError, KeyError) as error:
            self.platform.faults.append(f"{self.name}: {error}: {bytes(self.input[:40]).hex()}")
            self.transport.abort()

    def take(self, frame):
        now = self.platform.loop.time()
        kind, value = self.speech.read_up(frame)
        if kind == "login":
            self.log_in(value)
        elif self.record is None:
            raise ValueError("no login")
        elif kind == "reply":
            self.record.replies.add(value)
        elif frame == self.speech.report(self.name, value, kind == "alarm"):
            self.record.take(value, now, self.platform.back_from)
        else:
            raise ValueError("altered frame")
        if kind in ("login", "alarm"):
            self.transport.write(self.speech.answer(frame))

    def log_in(self, name):
        if self.name not in (None, name):
            raise ValueError(f"{name} on the connection of {self.name}")
        if self.name is None:
            self.name = name
            self.record = self.platform.records[name]
            if self.record.session:
                self.record.session.transport.abort()
            self.record.session = self
            first = random.uniform(0, COMMAND_INTERVAL)
            self.timer = self.platform.loop.call_later(first, self.command)

    def command(self):
        if self.transport.is_closing():
            return
        self.timer = self.platform.loop.call_later(COMMAND_INTERVAL, self.command)
        if self.platform.is_stalled or not self.platform.is_commanding:
            return
        number = len(self.platform.commands) + 1
        self.platform.commands[number] = Command(self.name, self, self.platform.loop.time())
        self.transport.write(self.speech.command(self.name, number))

    def stands(self):
        """Whether the connection is open as far as this end's kernel knows."""
        if self.transport.is_closing():
            return False
        peer = self.transport.get_extra_info("socket")
        return peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == ESTABLISHED

    def unacknowledged(self):
        if self.transport.get_write_buffer_size():
            return True
        peer = self.transport.get_extra_info("socket")
        return struct.unpack("i", fcntl.ioctl(peer.fileno(), SIOCOUTQ, b"\0\0\0\0"))[0] > 0

    def connection_lost(self, error):
        self.platform.sessions.discard(self)
        if self.timer:
            self.timer.cancel()
        if self.record and self.record.session is self:
            self.record.session = None


class Platform:
    def __init__(self, network, names):
        self.loop = asyncio.get_running_loop()
        self.network = network
        self.records = {name: Record() for name in names}
        self.sessions = set()
        self.commands = {}
        self.is_stalled = False
        self.is_commanding = True
        self.back_from = 0.0
        self.faults = []

    async def start(self):
        with self.network.platform.inside():
            listener = socket.socket(socket.AF_INET6)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(("::", PLATFORM_PORT))
        self.server = await self.loop.create_server(lambda: Session(self), sock=listener, backlog=1024)

    def stop(self):
        """Ends as a process does: what it has not read by now it has never seen."""
        self.server.close()
        for session in list(self.sessions):
            session.transport.abort()

    def stall(self, is_stalled):
        self.is_stalled = is_stalled
        for session in self.sessions:
            session.pause()

    def mark(self):
        """From now on devices come back; what is on the line just now does not count."""
        self.back_from = self.loop.time() + 0.1
        for record in self.records.values():
            record.back = None

    async def judge_commands(self):
        """Says of every command whether it is owed to the device.

        It is when the relay's kernel has acknowledged it and the connection stands a second later: then the relay has
        read it. Any other may have been on its way when the connection ended, and its sender knows that.
        """
        pending = []
        judged = 0
        while True:
            await asyncio.sleep(0.5)
            now = self.loop.time()
            pending += [self.commands[n] for n in range(judged + 1, len(self.commands) + 1)]
            judged = len(self.commands)
            waiting = []
            for command in pending:
                if not command.session.stands():
                    continue
                if command.acknowledged is None:
                    if not command.session.unacknowledged():
                        command.acknowledged = now
                elif now - command.acknowledged >= 1:
                    command.is_owed = True
                    continue
                waiting.append(command)
            pending = waiting
