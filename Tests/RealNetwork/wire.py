"""Frames as the two ends speak them: GT06, and watches as a protocol of text.

A frame carries the number of its place in the device's order: GT06 in the latitude, a watch in the steps.
Nothing here is the relay's: this is what judges it.
"""

LONGEST = 300


def checksum_table():
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ 0x8408 if byte & 1 else byte >> 1
        yield byte


CRC = list(checksum_table())


def checksum(data):
    register = 0xFFFF
    for byte in data:
        register = register >> 8 ^ CRC[(register ^ byte) & 0xFF]
    return (register ^ 0xFFFF).to_bytes(2, "big")


class GT06:
    """Logins and alarms are answered with their serial, positions are not."""

    @staticmethod
    def name(number):
        return "86900000%07d" % number

    @staticmethod
    def frame(kind, content, serial=1):
        body = bytes([len(content) + 5, kind]) + content + (serial & 0xFFFF).to_bytes(2, "big")
        return b"xx" + body + checksum(body) + b"\r\n"

    @classmethod
    def login(cls, name):
        return cls.frame(0x01, bytes.fromhex("0" + name))

    @classmethod
    def report(cls, name, number, is_alarm):
        fix = b"\x1a\x01\x02\x03\x04\x05\xcb" + number.to_bytes(4, "big") + bytes.fromhex("0C465860001490")
        cell = bytes.fromhex("01CC00287D001FB8")
        if is_alarm:
            return cls.frame(0x26, fix + b"\x09" + cell + bytes.fromhex("4405040102"), number)
        return cls.frame(0x22, fix + cell + b"\x01\x00\x00", number)

    @classmethod
    def text(cls, kind, number, text):
        return cls.frame(kind, bytes([len(text) + 4]) + number.to_bytes(4, "big") + text + b"\x00\x02")

    @classmethod
    def command(cls, name, number):
        return cls.text(0x80, number, b"STATUS#")

    @classmethod
    def reply(cls, name, number):
        return cls.text(0x15, number, b"OK!")

    @staticmethod
    def cut(data):
        """The length of the first frame, 0 when it is not whole yet."""
        if not b"xx".startswith(data[:2]):
            raise ValueError("no frame")
        if len(data) < 3 or len(data) < data[2] + 5:
            return 0
        end = data[2] + 5
        if data[end - 2:end] != b"\r\n" or checksum(data[2:end - 4]) != data[end - 4:end - 2]:
            raise ValueError("broken frame")
        return end

    @staticmethod
    def read_up(frame):
        """What a device says: kind, and a name or a number."""
        kind = frame[3]
        if kind == 0x01:
            return "login", frame[4:12].hex()[1:]
        if kind in (0x22, 0x26):
            return "alarm" if kind == 0x26 else "position", int.from_bytes(frame[11:15], "big")
        if kind == 0x15:
            return "reply", int.from_bytes(frame[5:9], "big")
        raise ValueError("unknown frame")

    @classmethod
    def answer(cls, frame):
        return cls.frame(frame[3], b"", int.from_bytes(frame[-6:-4], "big"))

    @staticmethod
    def read_down(frame):
        """What a device hears: kind, and what tells it from others of the kind."""
        kind = {0x01: "login", 0x26: "alarm", 0x80: "command"}.get(frame[3])
        if kind == "command":
            return kind, int.from_bytes(frame[5:9], "big")
        if kind:
            return kind, int.from_bytes(frame[-6:-4], "big")
        raise ValueError("unknown answer")

    @staticmethod
    def mark(number):
        """What the answer to an alarm says of it."""
        return number & 0xFFFF


class Watch:
    """Text in brackets. LK opens a session; LK and alarms are answered by their word, positions are not."""

    @staticmethod
    def name(number):
        return "88%08d" % number

    @staticmethod
    def frame(name, text):
        return b"[3G*%s*%04X*%s]" % (name.encode(), len(text), text)

    @classmethod
    def login(cls, name):
        return cls.frame(name, b"LK")

    @classmethod
    def report(cls, name, number, is_alarm):
        return cls.frame(name, b"%s,020126,030405,A,22.570733,N,113.8626083,E,0.00,249.5,0.0,6,100,60,%d,0,"
                         b"00000010,0,0" % (b"AL" if is_alarm else b"UD", number))

    @classmethod
    def command(cls, name, number):
        return cls.frame(name, b"UPLOAD,%d" % number)

    reply = command

    @staticmethod
    def cut(data):
        if data[:1] not in (b"", b"[") or len(data) > LONGEST and b"]" not in data[:LONGEST]:
            raise ValueError("no frame")
        return data.find(b"]") + 1

    @staticmethod
    def parts(frame):
        maker, name, length, text = bytes(frame[1:-1]).split(b"*")
        if maker != b"3G" or int(length, 16) != len(text):
            raise ValueError("broken frame")
        return name.decode(), text.split(b",")

    @classmethod
    def read_up(cls, frame):
        name, fields = cls.parts(frame)
        if fields == [b"LK"]:
            return "login", name
        if fields[0] in (b"AL", b"UD") and len(fields) == 19:
            return "alarm" if fields[0] == b"AL" else "position", int(fields[14])
        if fields[0] == b"UPLOAD":
            return "reply", int(fields[1])
        raise ValueError("unknown frame")

    @classmethod
    def answer(cls, frame):
        name, fields = cls.parts(frame)
        return cls.frame(name, fields[0])

    @classmethod
    def read_down(cls, frame):
        _, fields = cls.parts(frame)
        if fields[0] == b"UPLOAD":
            return "command", int(fields[1])
        return {b"LK": "login", b"AL": "alarm"}[fields[0]], None

    @staticmethod
    def mark(number):
        return None


def take(speech, data):
    """Takes every whole frame out of `data`."""
    while length := speech.cut(data):
        yield bytes(data[:length])
        del data[:length]
