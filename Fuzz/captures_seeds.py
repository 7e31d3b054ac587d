#!/usr/bin/env python3
"""Writes small captures as seeds for the fuzzer, and to try `inspect` on: captures_seeds.py OUT_FOLDER."""
import itertools
import json
import pathlib
import struct
import sys

LOGIN = bytes.fromhex("78780d01012345678901234500018cdd0d0a")
LOGIN_ANSWER = bytes.fromhex("787805010001d9dc0d0a")
HEARTBEAT = bytes.fromhex("78780a134401040001000508450d0a")
HEARTBEAT_ANSWER = bytes.fromhex("787805130005afd50d0a")
SYN, FIN, RST, ACK = 2, 1, 4, 16


def ip(source, destination, protocol, body, six=False):
    if six:
        addresses = b"".join(b"\xfd" + bytes(14) + bytes([host]) for host in (source, destination))
        return struct.pack(">IHBB", 6 << 28, len(body), protocol, 64) + addresses + body
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, protocol, 0)
    return head + bytes([10, 0, 0, source, 10, 0, 0, destination]) + body


def tcp(up, sequence, acknowledged, flags, payload=b"", six=False):
    ports = (40001, 8888) if up else (8888, 40001)
    head = struct.pack(">HHIIBBHHH", *ports, sequence % 2**32, acknowledged % 2**32, 5 << 4, flags, 65535, 0, 0)
    return ip(5 if up else 1, 1 if up else 5, 6, head + payload, six)


def udp(up, payload, six=False):
    ports = (40001, 8888) if up else (8888, 40001)
    body = struct.pack(">HHHH", *ports, 8 + len(payload), 0) + payload
    return ip(5 if up else 1, 1 if up else 5, 17, body, six)


def connection(six=False, start=2**32 - 20):
    """A login, a heartbeat in two segments that come the wrong way round, a retransmission, a reset."""
    down = 7000
    yield tcp(True, start, 0, SYN, six=six)
    yield tcp(False, down, start + 1, SYN | ACK, six=six)
    yield tcp(True, start + 1, down + 1, ACK, LOGIN, six)
    yield tcp(False, down + 1, start + 19, ACK, LOGIN_ANSWER, six)
    yield tcp(True, start + 26, down + 11, ACK, HEARTBEAT[7:], six)
    yield tcp(True, start + 19, down + 11, ACK, HEARTBEAT[:10], six)
    yield tcp(True, start + 19, down + 11, ACK, HEARTBEAT[:7], six)
    yield tcp(False, down + 11, start + 34, ACK, HEARTBEAT_ANSWER, six)
    yield tcp(True, start + 134, down + 21, ACK | FIN, HEARTBEAT, six)
    yield tcp(False, down + 21, 0, RST, six=six)


def datagrams(six=False):
    yield udp(True, LOGIN, six)
    yield udp(False, LOGIN_ANSWER, six)
    yield udp(True, HEARTBEAT, six)
    yield udp(False, HEARTBEAT_ANSWER, six)


def framed(packet, link):
    kind = b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\x00"
    return {
        0: struct.pack("<I", 30 if packet[0] >> 4 == 6 else 2),
        1: bytes(12) + b"\x81\x00\x00\x0c" + kind,
        101: b"",
        113: bytes([0, 0, 0, 1, 0, 6]) + bytes(8) + kind,
        276: kind + bytes([0, 0, 0, 0, 0, 1, 0, 1, 0, 6]) + bytes(8),
    }[link] + packet


def pcap(packets, link, order="<", nanoseconds=False):
    yield struct.pack(order + "IHHiIII", 0xA1B23C4D if nanoseconds else 0xA1B2C3D4, 2, 4, 0, 0, 262144, link)
    for i, packet in enumerate(packets):
        data = framed(packet, link)
        yield struct.pack(order + "IIII", 1709380800 + i, 5000 * i, len(data), len(data)) + data


def pcapng(packets, link, order="<", simple=False):
    def block(kind, body):
        body += bytes(-len(body) % 4)
        length = struct.pack(order + "I", len(body) + 12)
        return struct.pack(order + "I", kind) + length + body + length

    yield block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))
    yield block(1, struct.pack(order + "HHI", link, 0, 0) + struct.pack(order + "HHI", 9, 1, 3) + bytes(4))
    for i, packet in enumerate(packets):
        data = framed(packet, link)
        time = (1709380800 + i) * 1000
        head = struct.pack(order + "IIIII", 0, time >> 32, time & 0xFFFFFFFF, len(data), len(data))
        yield block(3, struct.pack(order + "I", len(data)) + data) if simple else block(6, head + data)


def main():
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for link, six, order in itertools.product((0, 1, 101, 113, 276), (False, True), "<>"):
        packets = list(connection(six)) + list(datagrams(six))
        name = f"link{link}-{'ipv6' if six else 'ipv4'}-{'little' if order == '<' else 'big'}"
        (out / f"{name}.pcap").write_bytes(b"".join(pcap(packets, link, order, order == ">")))
        (out / f"{name}.pcapng").write_bytes(b"".join(pcapng(packets, link, order)))
    simple = pcapng(connection(), 1, simple=True)
    (out / "simple.pcapng").write_bytes(b"".join(simple))
    line = {"family": "gt06", "transport": "tcp", "frames": [LOGIN.hex()], "server_replies": [LOGIN_ANSWER.hex()],
            "identity": "123456789012345", "other": [1, {"a": None}]}
    (out / "line.jsonl").write_text(json.dumps(line))


main()
