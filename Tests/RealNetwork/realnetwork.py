"""What the relay makes of a network that fails. See `run` in this folder."""
import argparse
import asyncio
import contextlib
import ctypes
import json
import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile

import network
from ends import DEVICE_PORT, PLATFORM_PORT, DatagramDevice, Platform, make_device

BINARY = os.environ["EDGERELAY_BINARY"]
RECOVERY_MAX = 180
LATE = 60
WAITED = 2  # a frame that took longer than this belonged to the backlog
DIALS_PER_SECOND_MAX = 130  # 100, and what a busy machine bunches together


def die_with_parent(signal_number=signal.SIGKILL):
    ctypes.CDLL(None).prctl(1, signal_number)


def endpoint(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


class World:
    """Devices, relay, NAT and platform."""

    def __init__(self, count, folder, is_ipv6):
        self.count = count
        self.relay_address = network.RELAY_IPV6 if is_ipv6 else network.RELAY
        self.platform_address = network.PLATFORM_IPV6 if is_ipv6 else network.PLATFORM
        self.folder = folder
        self.killed = None
        self.process = None

    async def start(self):
        self.loop = asyncio.get_running_loop()
        self.network = network.Network()
        address = (self.relay_address, DEVICE_PORT)
        self.devices = [make_device(i, self.network, address) for i in range(1, self.count + 1)]
        self.platform = Platform(self.network, [device.name for device in self.devices])
        await self.platform.start()
        self.start_relay()
        await self.until("the relay answers", self.answers, 20)
        self.tasks = [self.loop.create_task(self.platform.judge_commands())]
        for device in self.devices:
            self.tasks.append(self.loop.create_task(device.live()))
            await asyncio.sleep(0.004)
        await self.until("every device is at the platform", lambda: all(
            device.is_logged_in and self.platform.records[device.name].arrived for device in self.devices), 60)

    def start_relay(self):
        def prepare():
            self.network.relay.enter()
            die_with_parent()

        with open(f"{self.folder}/log", "ab") as log:
            self.process = subprocess.Popen(
                [BINARY, "run", "--listen", endpoint(self.relay_address, DEVICE_PORT), "--upstream",
                 endpoint(self.platform_address, PLATFORM_PORT), "--spool", f"{self.folder}/spool"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=prepare,
                env={name: value for name, value in os.environ.items() if not name.startswith("EDGERELAY_")})

    def kill_relay(self):
        self.process.kill()
        self.process.wait()
        self.killed = self.loop.time()

    def ask(self):
        return subprocess.run([BINARY, "status", "--json", "--spool", f"{self.folder}/spool"],
                              capture_output=True, text=True)

    def answers(self):
        return self.ask().returncode == 0

    def status(self):
        """What the relay says of itself."""
        asked = self.ask()
        if asked.returncode:
            raise RuntimeError(f"edgerelay status: {asked.stderr.strip()}")
        return json.loads(asked.stdout)

    async def until(self, what, condition, seconds):
        end = self.loop.time() + seconds
        while not condition():
            if self.loop.time() > end:
                raise RuntimeError(f"waited {seconds} s in vain until {what}")
            if self.process.poll() is not None:
                raise RuntimeError(f"the relay ended with {self.process.returncode}")
            await asyncio.sleep(0.1)

    # ---- What must be there

    def missing(self, before=float("inf")):
        """Alarms that were answered, and positions, that were sent by then and are not at the platform.

        Nobody is promised a position. So one may be lost with the relay's memory, and no other way.
        """
        alarms = positions = with_memory = 0
        for device in self.devices:
            arrived = self.platform.records[device.name].arrived
            for number, sent in device.sent.items():
                if number in arrived or sent > before:
                    continue
                if device.is_alarm(number):
                    alarms += number in device.answered
                elif self.killed and abs(sent - self.killed) < 2:
                    with_memory += 1
                else:
                    positions += 1
        return alarms, positions, with_memory

    def is_back(self, ended):
        return all(record.back for record in self.platform.records.values()) and self.missing(ended)[:2] == (0, 0)

    async def settle(self):
        """Ends the sending and waits until nothing is under way."""
        self.platform.is_commanding = False
        for device in self.devices:
            device.is_sending = False
        await asyncio.sleep(5)
        await self.until("devices, platform and relay are at rest", lambda: not any(
            device.owed for device in self.devices) and self.missing()[:2] == (0, 0)
            and self.status()["frames_waiting"] == 0, 60)

    async def stop(self):
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        self.platform.stop()
        self.process.terminate()
        self.process.wait(20)


# ---- Faults. Each begins one and returns when it is over, with the relay's status from right before.


async def cut(world, seconds):
    world.network.line.is_cut = True
    await asyncio.sleep(seconds)
    seen = world.status()
    world.network.line.is_cut = False
    return seen


async def nat_silent(world, seconds):
    world.network.forget(maps_anew=False)


async def nat_reset(world, seconds):
    world.network.forget(maps_anew=True)


async def loss(world, seconds):
    world.network.line.loss = 0.2
    await asyncio.sleep(seconds)
    seen = world.status()
    world.network.line.loss = 0
    return seen


async def stall(world, seconds):
    world.platform.stall(True)
    await asyncio.sleep(seconds)
    seen = world.status()
    world.platform.stall(False)
    return seen


async def restart(world, seconds):
    world.platform.stop()
    await asyncio.sleep(seconds)
    seen = world.status()
    await world.platform.start()
    return seen


async def renumber(world, seconds):
    world.network.renumber()


async def kill(world, seconds):
    world.network.line.is_cut = True
    await asyncio.sleep(seconds / 2)
    world.kill_relay()
    world.start_relay()
    await asyncio.sleep(seconds / 2)
    seen = world.status()
    world.network.line.is_cut = False
    return seen


async def rebind(world, seconds):
    """Commands wait meanwhile: nobody can tell the relay where a device is before the device does."""
    world.platform.is_commanding = False
    await asyncio.sleep(1)
    moved = [device for device in world.devices if isinstance(device, DatagramDevice)]
    began = world.loop.time()
    for device in moved:
        await device.rebind()
    await world.until("every device has logged in again", lambda: all(
        device.logged_in_at > began for device in moved), 60)
    world.platform.is_commanding = True


# Name: what is done, seconds, seconds when brief, devices, devices when brief.
CASES = {
    "cut": (cut, 60, 12, 100, 40),
    "nat-silent": (nat_silent, 0, 0, 100, 40),
    "nat-reset": (nat_reset, 0, 0, 100, 40),
    "loss": (loss, 60, 15, 100, 40),
    "stall": (stall, 60, 12, 100, 40),
    "restart": (restart, 30, 6, 500, 500),
    "renumber": (renumber, 0, 0, 100, 40),
    "kill": (kill, 60, 14, 100, 40),
    "rebind": (rebind, 0, 0, 100, 40),
    "cut-ipv6": (cut, 60, 12, 100, 40),
    "firewall-ipv6": (nat_silent, 0, 0, 100, 40),
    "restart-ipv6": (restart, 30, 6, 100, 40),
}


# Faults in which the platform ends no connection that the relay knows of.
SILENT = ("cut", "nat-silent", "kill", "cut-ipv6", "firewall-ipv6")


async def run(name, options, folder):
    """Runs a case; what it came to, and what is wrong about it."""
    fault, *figures = CASES[name]
    seconds, count = figures[1::2] if options.brief else figures[::2]
    if seconds and options.seconds:
        seconds = options.seconds
    world = World(count, folder, name.endswith("-ipv6"))
    await world.start()
    await asyncio.sleep(5)
    began = world.loop.time()
    seen = await fault(world, seconds)
    ended = world.loop.time()
    world.platform.mark()
    if seen is None:
        await asyncio.sleep(3)
        seen = world.status()
    wrong = []
    try:
        await world.until("every device is back and nothing waits", lambda: world.is_back(ended), RECOVERY_MAX)
        await asyncio.sleep(5)
        await world.settle()
    except RuntimeError as error:
        wrong.append(str(error))
    last = world.status()
    await world.stop()
    return report(name, world, began, ended, seen, last, wrong)


class Commands:
    """What became of the platform's commands."""

    def __init__(self, world):
        sent = world.platform.commands
        self.sent = len(sent)
        self.owed = sum(command.is_owed for command in sent.values())
        self.doubled = self.late = self.astray = 0
        self.slowest = 0.0
        taken = set()
        for device in world.devices:
            for number, when in device.commands:
                if number not in sent or sent[number].name != device.name:
                    self.astray += 1
                    continue
                self.doubled += number in taken
                taken.add(number)
                delay = when - sent[number].sent
                self.late += delay > LATE
                self.slowest = max(self.slowest, delay)
        self.taken = len(taken)
        self.lost = sum(command.is_owed and number not in taken for number, command in sent.items())


def report(name, world, began, ended, seen, last, wrong):
    """The line of a case, and what is wrong about it."""
    records = world.platform.records
    answered = sum(len(device.answered) for device in world.devices)
    others = sum(len(device.sent) for device in world.devices) - answered
    alarms, positions, with_memory = world.missing()
    made_up = sum(number not in device.sent for device in world.devices for number in records[device.name].arrived)
    twice = sum(record.duplicates for record in records.values())
    disordered = sum(record.disordered for record in records.values())
    ended_connections = 0 if world.killed else sum(device.lost_connections for device in world.devices)
    slowest_answer = max(device.slowest_answer for device in world.devices)
    commands = Commands(world)
    busiest = max_per_second(list(world.network.line.dials.values()))
    back = sorted(record.back - ended for record in records.values() if record.back) or [-1]
    waited = [when - ended for device in world.devices
              for number, when in records[device.name].arrived.items()
              if when - device.sent.get(number, when) > WAITED]
    with open(f"{world.folder}/log", errors="replace") as log:
        blamed = log.read().count("reason=closed-by-platform") if name in SILENT else 0
    wrong += world.platform.faults + [fault for device in world.devices for fault in device.faults]
    for count, what in (
            (alarms, "answered alarms lost"), (positions, "positions lost"),
            (made_up, "frames that were never sent"), (disordered, "frames out of order"),
            (last["frames_dropped"], "frames dropped"), (ended_connections, "connections of devices ended"),
            (commands.lost, "commands lost"), (commands.doubled, "commands doubled"),
            (commands.late, "commands late"), (commands.astray, "commands astray"),
            (blamed, "lines that blame the platform"), (max(0, busiest - DIALS_PER_SECOND_MAX), "connections a second too many")):
        if count:
            wrong.append(f"{count} {what}")
    return (
        f"{name}: {world.count} devices, {ended - began:.0f} s; "
        f"status: {seen['devices_online']} online, {seen['platform_sessions']} sessions, "
        f"{seen['frames_waiting']} waiting | "
        f"lost {alarms} of {answered} answered, {positions + with_memory} of {others} others; "
        f"{twice} twice, {disordered} out of order; slowest answer {slowest_answer:.2f} s | "
        f"commands: {commands.sent} sent, {commands.taken} taken, {commands.owed} owed, {commands.lost} lost, "
        f"{commands.doubled} doubled, slowest {commands.slowest:.1f} s | "
        f"back after {back[0]:.1f} to {back[-1]:.1f} s, backlog gone after {max([0] + waited):.1f} s, "
        f"at most {busiest} connections a second"
    ), wrong


def max_per_second(times):
    most = start = 0
    for i, time in enumerate(times):
        while time - times[start] > 1:
            start += 1
        most = max(most, i + 1 - start)
    return most


def run_alone(name, options):
    """A case in this process: its lines, and whether it went well as the exit code."""
    die_with_parent(signal.SIGTERM)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    folder = tempfile.mkdtemp(prefix=f"edgerelay-network-{name}-")
    try:
        try:
            text, wrong = asyncio.run(run(name, options, folder))
        except (OSError, RuntimeError) as error:
            text, wrong = f"{name}: broken off", [str(error)]
        lines = [text] + [f"{name}: WRONG: {what}" for what in wrong[:10]]
        if wrong:
            with contextlib.suppress(OSError), open(f"{folder}/log", errors="replace") as log:
                lines += [f"{name}: log: {line.rstrip()}" for line in log.readlines()[-10:]]
        if options.keep:
            lines.append(f"{name}: spool and log are in {folder}")
        print("\n".join(lines), flush=True)
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    sys.exit(1 if wrong else 0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--brief", action="store_true")
    parser.add_argument("--seconds", type=int)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    names = options.names or list(CASES)
    _, descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(1))
    started = []
    try:
        for name in names:
            case = multiprocessing.Process(target=run_alone, args=(name, options))
            case.start()
            started.append(case)
        for case in started:
            case.join()
    finally:
        for case in started:
            case.terminate()
            case.join()
    wrong = sum(case.exitcode != 0 for case in started)
    print(f"{len(names) - wrong} passed, {wrong} failed")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
