"""Many real devices on one broker, and cinepictl: `python -m benchmarks.real_fleet --devices 50`.

Each is a camera service with the simulated camera and a daemon, as they run on a Pi: two processes.
Broker, devices and client share this machine, so that the times are those of all of them together;
a fleet of Pis has two processors or more for each device.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import psutil
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.parts import broker

LIMIT_S = 600.0
_AHEAD_S = 3
_STARTING = 2  # so many at a time: programs that start take a core each


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with broker.running() as found, _devices(options.devices, found.port) as (processes, took):
        environment = {**os.environ, "CINEPICTL_BROKER": f"127.0.0.1:{found.port}"}
        own = [psutil.Process(process.pid).memory_full_info().uss for process in processes]
        print(
            f"{options.devices} devices, each a camera service and a daemon, online after "
            f"{took:.0f} s; {2 * statistics.mean(own) / 1e6:.0f} MB a device"
        )
        _idle(processes, options.devices)
        for _ in range(options.rounds):
            _ls(environment, options.devices)
        for _ in range(options.rounds):
            _snapshot(environment, options.devices)
        for _ in range(options.rounds):
            _snapshot(environment, options.devices, at=f"+{_AHEAD_S}s")


@contextmanager
def _devices(number: int, port: int) -> Iterator[tuple[list[subprocess.Popen[bytes]], float]]:
    """Start them, and wait until all say that they are there."""
    processes: list[subprocess.Popen[bytes]] = []
    began, online = time.monotonic(), set[str]()
    watcher = paho.Client(CallbackAPIVersion.VERSION2)
    watcher.on_message = lambda _client, _data, message: (
        online.add(message.topic) if b'"online"' in message.payload else None
    )
    watcher.connect("127.0.0.1", port)
    watcher.subscribe("cinepi/+/status", 1)
    watcher.loop_start()

    def await_online(least: int) -> None:
        while len(online) < least:
            if time.monotonic() - began > LIMIT_S:
                sys.exit(f"only {len(online)} of {number} came online")
            time.sleep(0.05)  # between two looks

    with tempfile.TemporaryDirectory(prefix="cinepi-real-fleet-") as folder:
        try:
            for index in range(number):
                await_online(index - _STARTING)
                processes += _start(Path(folder) / f"cam-{index:03}", port)
            await_online(number)
            yield processes, time.monotonic() - began
        finally:
            watcher.disconnect()
            watcher.loop_stop()
            for process in processes:
                process.send_signal(signal.SIGTERM)
            for process in processes:
                process.wait(LIMIT_S)


def _start(root: Path, port: int) -> list[subprocess.Popen[bytes]]:
    config = root / "opt/cinepi/config"
    config.mkdir(parents=True)
    camera = "camera: {backend: simulated, resolution: 640x480}\n"
    (config / "cinepi.yaml").write_text(f"{camera}capture: {{reserve_mb: 16}}\n")
    daemon = f"device: {{id: {root.name}}}\nbroker: {{host: 127.0.0.1, port: {port}}}\n"
    (config / "cinepid.yaml").write_text(daemon)
    clock = root / "clock.json"
    clock.write_text('{"offset_s": 0, "synced": true}')
    environment = {**os.environ, "CINEPI_CLOCK": str(clock)}
    return [
        subprocess.Popen(
            [sys.executable, "-m", *words, "--root", str(root)],
            env=environment,
            stderr=subprocess.DEVNULL,
        )
        for words in (("cinepi.service",), ("cinepid", "run"))
    ]


def _idle(processes: list[subprocess.Popen[bytes]], number: int, seconds: float = 15) -> None:
    """What the devices take of the processor when nothing happens."""
    before = sum(map(_cpu, processes))
    time.sleep(seconds)  # the time that is measured
    share = (sum(map(_cpu, processes)) - before) / seconds
    print(f"at rest: {100 * share:.0f} % of a core for all, {100 * share / number:.2f} % a device")


def _cpu(process: subprocess.Popen[bytes]) -> float:
    times = psutil.Process(process.pid).cpu_times()
    return times.user + times.system


def _ls(environment: dict[str, str], number: int) -> None:
    began = time.monotonic()
    listed = _ctl(environment, "ls", "--json")
    took = time.monotonic() - began
    problems = sum(bool(each["problems"]) for each in listed)
    print(f"ls: {len(listed)} of {number}, {problems} with problems, {took:.2f} s")


def _snapshot(environment: dict[str, str], number: int, at: str | None = None) -> None:
    words = ["snapshot", "--all", "--json", "--timeout", "30", *(["--at", at] if at else [])]
    began = time.monotonic()
    found = _ctl(environment, *words)
    took = time.monotonic() - began
    line = f"{' '.join(words[:2])}{f' --at {at}' if at else ''}: {len(found['ok'])} of {number} ok"
    late = [each["data"]["late_ms"] for each in found["ok"] if each["data"].get("late_ms")]
    if at and late:
        line += f", late by {statistics.median(late):.1f} ms (median), {max(late):.1f} ms (worst)"
    print(f"{line}, {took:.2f} s in all")
    for each in found["failed"][:3]:
        print(f"   {each['device']}: {each['message']}")


def _ctl(environment: dict[str, str], *words: str) -> Any:
    result = subprocess.run(
        [sys.executable, "-m", "cinepid.ctl", *words],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=LIMIT_S,
    )
    return json.loads(result.stdout or "[]")


if __name__ == "__main__":
    main()
