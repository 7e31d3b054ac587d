"""A network of its own: devices | relay | router with NAT | platform, in four namespaces without names.

    198.18.0.0/16 devices --veth-- relay 192.0.2.2 --veth-- 192.0.2.1 router 203.0.113.2 --line-- 203.0.113.1

and the same on IPv6, 2001:db8:18:: to 2001:db8:113::, where the router is a firewall and translates nothing.

Each device has an address of its own. The line is two tun interfaces and the packets that this process carries between
them: late, or not at all. The kernel removes a namespace with its last descriptor, so nothing stays behind whatever
ends the process.
"""
import asyncio
import contextlib
import ctypes
import fcntl
import os
import random
import socket
import struct
import subprocess

RELAY, RELAY_IPV6 = "198.19.0.2", "2001:db8:19::2"
PLATFORM, PLATFORM_IPV6 = "203.0.113.1", "2001:db8:113::1"
C = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
NETLINK_NETFILTER, DELETE_CONNTRACK, REQUEST_AND_ACKNOWLEDGE = 12, 1 << 8 | 2, 5

# The NAT takes other ports at every mapping, as carriers do; nobody outside reaches in uninvited.
RULES = """
table inet nat {
  chain leave {
    type nat hook postrouting priority srcnat
    meta nfproto ipv4 oifname "line" masquerade fully-random
  }
  chain pass {
    type filter hook forward priority filter; policy drop;
    ct state invalid drop
    ct state established,related accept
    iifname "lan" accept
  }
  chain enter { type filter hook input priority filter; iifname "line" drop; }
}
"""


class Namespace:
    def __init__(self):
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        check(C.unshare(CLONE_NEWNET))
        self.descriptor = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        self.path = f"/proc/{os.getpid()}/fd/{self.descriptor}"
        check(C.setns(home, CLONE_NEWNET))
        os.close(home)

    def enter(self):
        check(C.setns(self.descriptor, CLONE_NEWNET))

    @contextlib.contextmanager
    def inside(self):
        """Sockets and files opened meanwhile are this namespace's."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        self.enter()
        try:
            yield
        finally:
            check(C.setns(home, CLONE_NEWNET))
            os.close(home)

    def run(self, *words, text=None):
        done = subprocess.run(words, input=text, text=True, capture_output=True, preexec_fn=self.enter)
        if done.returncode:
            raise OSError(f"{' '.join(words)}: {done.stderr.strip()}")

    def ip(self, *lines):
        self.run("ip", "-batch", "-", text="\n".join(lines) + "\n")

    def set(self, name, value):
        with self.inside(), open(f"/proc/sys/net/{name}", "w") as file:
            file.write(str(value))

    def tun(self, name):
        with self.inside():
            descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
        return descriptor


def check(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class Line:
    """What is between router and platform, in both directions alike."""

    def __init__(self, router, platform):
        self.delay = 0.025
        self.loss = 0.0
        self.is_cut = False
        self.dials = {}  # ports and sequence number of a first segment: when it came first
        self.ends = [router.tun("line"), platform.tun("line")]
        loop = asyncio.get_running_loop()
        for here in (0, 1):
            loop.add_reader(self.ends[here], self.read, loop, here)

    def read(self, loop, here):
        try:
            for _ in range(64):
                packet = os.read(self.ends[here], 65536)
                if here == 0 and (dial := dial_of(packet)):
                    self.dials.setdefault(dial, loop.time())
                if not self.is_cut and random.random() >= self.loss:
                    loop.call_later(self.delay, self.write, 1 - here, packet)
        except BlockingIOError:
            pass

    def write(self, there, packet):
        if not self.is_cut:
            with contextlib.suppress(BlockingIOError):
                os.write(self.ends[there], packet)


def dial_of(packet):
    """What tells a request for a connection from others, but not from its repetitions."""
    start, protocol = (40, packet[6]) if packet[0] >> 4 == 6 else ((packet[0] & 15) * 4, packet[9])
    if protocol == 6 and packet[start + 13] & 0x12 == 0x02:
        return packet[start:start + 8]
    return None


class Network:
    def __init__(self):
        self.devices, self.relay, self.router, self.platform = (Namespace() for _ in range(4))
        self.line = Line(self.router, self.platform)
        for place in (self.devices, self.relay, self.router, self.platform):
            place.ip("link set lo up")
        self.devices.ip(
            f"link add relay type veth peer name devices netns {self.relay.path}",
            "addr add 198.19.0.1/30 dev relay", "addr add 2001:db8:19::1/64 dev relay nodad",
            "link set relay up", "route add local 198.18.0.0/16 dev lo",
            "route add local 2001:db8:18::/64 dev lo")
        # IPv6 asks for an address where IPv4 asks for a route.
        self.devices.set("ipv6/ip_nonlocal_bind", 1)
        self.relay.ip(
            f"link add router type veth peer name lan netns {self.router.path}",
            "addr add 198.19.0.2/30 dev devices", f"addr add {RELAY_IPV6}/64 dev devices nodad",
            "link set devices up",
            "route add 198.18.0.0/16 via 198.19.0.1", "route add 2001:db8:18::/64 via 2001:db8:19::1",
            "addr add 192.0.2.2/30 dev router", "addr add 2001:db8:2::2/64 dev router nodad",
            "link set router up", "route add default via 192.0.2.1", "route add default via 2001:db8:2::1")
        self.router.ip(
            "addr add 192.0.2.1/30 dev lan", "addr add 2001:db8:2::1/64 dev lan nodad", "link set lan up",
            "link set line up", "addr add 2001:db8:113::2/64 dev line nodad")
        self.address = 2
        self.renumber()
        self.router.set("ipv4/ip_forward", 1)
        self.router.set("ipv6/conf/all/forwarding", 1)
        self.router.run("nft", "-f", "-", text=RULES)
        self.platform.ip(
            f"addr add {PLATFORM}/24 dev line", f"addr add {PLATFORM_IPV6}/64 dev line nodad",
            "link set line up", "route add 2001:db8:2::/64 via 2001:db8:113::2")

    def renumber(self):
        """Gives the line another address."""
        self.router.run("ip", "-4", "addr", "flush", "dev", "line")
        self.address += 1
        self.router.ip(f"addr add 203.0.113.{self.address}/24 dev line", "route replace default dev line")

    def forget(self, maps_anew):
        """Lets the NAT lose every connection; what comes of one then is mapped anew, or dropped."""
        self.router.set("netfilter/nf_conntrack_tcp_loose", int(maps_anew))
        with self.router.inside():
            ask = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        with ask:
            ask.bind((0, 0))
            ask.send(struct.pack("=IHHII4B", 20, DELETE_CONNTRACK, REQUEST_AND_ACKNOWLEDGE, 1, 0, 0, 0, 0, 0))
            error, = struct.unpack_from("=i", ask.recv(4096), 16)
            if error:
                raise OSError(-error, os.strerror(-error))
