"""Many devices on one broker, and cinepictl: `python -m benchmarks.fleet --devices 1000`.

Broker, devices (light ones, see parts/simulated_fleet.py) and client share this machine, so the
times are those of all three together. `--limits default` shows what mosquitto drops as it comes.
"""

import argparse
import fcntl
import json
import os
import pty
import select
import statistics
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import psutil

from benchmarks.parts import broker
from benchmarks.parts.stack import running

LIMIT_S = 120.0
_HEADER = 9  # fixed header, length of the topic, packet id, properties, and its acknowledgement


@dataclass(frozen=True)
class Stage:
    """What runs."""

    port: int
    broker: psutil.Process
    online_s: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=1000)
    parser.add_argument("--limits", choices=("house", "default"), default="house")
    parser.add_argument("--steady-s", type=float, default=10.0, help="how long to look at rest")
    parser.add_argument(
        "--real", action="store_true", help="instead: the idle traffic of one real device"
    )
    options = parser.parse_args()
    if options.real:
        _idle_traffic(max(60.0, options.steady_s))
        return
    number = options.devices
    with _stage(number, options.limits) as stage:
        print(f"{number} devices, {options.limits} limits; all online after {stage.online_s:.2f} s")
        _rest(stage, number, options.steady_s)
        _ls(stage, number)
        _snapshot(stage, number)
        _watch(stage, options.steady_s)
        _doctor(stage)


def _rest(stage: Stage, number: int, seconds: float) -> None:
    """What the broker costs while devices only say how they are and take pictures."""
    before, sent = stage.broker.cpu_times(), stage.broker.memory_info().rss
    began = time.monotonic()
    time.sleep(seconds)  # the time that is measured
    took, after = time.monotonic() - began, stage.broker.cpu_times()
    cpu = (after.user + after.system - before.user - before.system) / took
    print(
        f"broker at rest: {100 * cpu:.1f} % of a core, {sent / 1e6:.0f} MB; "
        f"a device: {1e6 * cpu / number:.0f} µs of CPU a second, {sent / number / 1000:.1f} KB"
    )


def _ls(stage: Stage, number: int) -> None:
    times, found, problems = [], 0, 0
    for _ in range(3):
        began = time.monotonic()
        listed = json.loads(_ctl(stage, "ls", "--json").stdout)
        times.append(time.monotonic() - began)
        found = len(listed)
        problems = sum(bool(device["problems"]) for device in listed)
    verdict = "met" if statistics.median(times) < 2 and found == number else "MISSED"
    print(
        f"ls: {found} of {number}, {problems} with problems, median of {len(times)} "
        f"{statistics.median(times):.2f} s (target 2 s for 1000: {verdict})"
    )


def _snapshot(stage: Stage, number: int) -> None:
    """How long after the end of the random delay the last answer comes."""
    began = time.monotonic()
    summary = json.loads(_ctl(stage, "snapshot", "--all", "--json").stdout)
    took = time.monotonic() - began
    last = max((answer["after_s"] for answer in summary["ok"]), default=0.0)
    spread = max(0.05, 0.001 * number)
    answered = len(summary["ok"])
    verdict = "met" if answered == number and last - spread < 5 else "MISSED"
    print(
        f"snapshot --all: {answered} of {number} answered, the last {last - spread:+.2f} s after "
        f"the delay of {spread:.2f} s, {took:.2f} s in all (target +5 s: {verdict})"
    )


def _watch(stage: Stage, seconds: float) -> None:
    """CPU and memory of a `watch` on a terminal of 50 lines."""
    command = [sys.executable, "-m", "cinepid.ctl", "watch"]
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
    environment = {**_environment(stage), "TERM": "xterm-256color"}
    process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=environment)
    watched = psutil.Process(process.pid)
    _drain(master, 4.0)
    before, began = watched.cpu_times(), time.monotonic()
    shown = _drain(master, seconds)
    after, took = watched.cpu_times(), time.monotonic() - began
    rss = watched.memory_info().rss / 1e6
    cpu = 100 * (after.user + after.system - before.user - before.system) / took
    os.write(master, b"q")
    _drain(master, 1.0)
    code = process.wait(LIMIT_S)
    os.close(master)
    os.close(slave)
    verdict = "met" if cpu < 20 and rss < 80 and code == 0 else "MISSED"
    print(
        f"watch: {cpu:.1f} % of a core, {rss:.0f} MB, {shown / took / 1000:.0f} KB/s to the "
        f"terminal (target 20 %, 80 MB: {verdict})"
    )


def _doctor(stage: Stage) -> None:
    began = time.monotonic()
    result = _ctl(stage, "doctor")
    print(f"doctor: {time.monotonic() - began:.2f} s, says:")
    for line in result.stdout.splitlines()[:12]:
        print(f"   {line}")


def _idle_traffic(seconds: float) -> None:
    """What a real cinepid sends when nothing happens: topic, payload and header of each message."""
    with running() as stack:
        time.sleep(15)  # what is said once at the start is no idle traffic
        before = len(stack.heard)
        time.sleep(seconds)  # the time that is measured
        sent = stack.heard[before:]
    total = sum(len(topic) + len(payload) + _HEADER for topic, payload in sent)
    by_topic: dict[str, int] = {}
    for topic, payload in sent:
        by_topic[topic] = by_topic.get(topic, 0) + len(payload)
    verdict = "met" if total / seconds < 1000 else "MISSED"
    print(
        f"a real device at rest: {len(sent)} messages, {total / seconds:.0f} bytes a second over "
        f"{seconds:.0f} s (target 1000 B/s: {verdict})"
    )
    for topic, size in sorted(by_topic.items(), key=lambda each: -each[1]):
        print(f"   {size:6} bytes  {topic}")


def _drain(file: int, seconds: float) -> int:
    """Read what a terminal would show; returns its bytes."""
    until, count = time.monotonic() + seconds, 0
    while (left := until - time.monotonic()) > 0:
        ready, _, _ = select.select([file], [], [], left)
        if ready:
            count += len(os.read(file, 65536))
    return count


def _ctl(stage: Stage, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "cinepid.ctl", *words],
        env=_environment(stage),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_S,
    )


def _environment(stage: Stage) -> dict[str, str]:
    return {**os.environ, "CINEPICTL_BROKER": f"127.0.0.1:{stage.port}"}


@contextmanager
def _stage(devices: int, limits: Literal["house", "default"]) -> Iterator[Stage]:
    """A mosquitto, and the devices."""
    with broker.running(limits) as found:
        command = [sys.executable, "-m", "benchmarks.parts.simulated_fleet"]
        fleet = subprocess.Popen(
            [*command, "--port", str(found.port), "--devices", str(devices)],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert fleet.stdout
            said = fleet.stdout.readline()
            if "online" not in said:
                sys.exit("the simulated devices did not come up")
            online_s = float(said.split(" after ")[1].split()[0])
            time.sleep(2)  # until the broker is done with the thousand arrivals
            yield Stage(found.port, psutil.Process(found.pid), online_s)
        finally:
            fleet.terminate()
            fleet.wait(LIMIT_S)


if __name__ == "__main__":
    main()
