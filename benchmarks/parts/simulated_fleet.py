"""Light devices that speak the contract, thousands in one process: see `python … --help`.

They say the retained documents that cinepid says, in its own types and in its order, answer
commands once, with the random delay of a broadcast, tell health every half minute and an event with
its capture every ten seconds. They have no camera, no disk and no journal.
"""

import argparse
import asyncio
import signal
import sys
import time
from contextlib import suppress

from benchmarks.parts.simulated_device import Device, Habits


class SimulatedFleet:
    """Many devices in this loop."""

    def __init__(self, port: int, habits: Habits, *, host: str = "127.0.0.1") -> None:
        """Devices that will connect to this broker."""
        self.devices: list[Device] = []
        self._host, self._port, self._habits = host, port, habits

    async def start(self, number: int, prefix: str = "sim") -> float:
        """Connect so many; returns the seconds until the last was online."""
        began = time.monotonic()
        limit = asyncio.Semaphore(100)
        loop = asyncio.get_running_loop()

        async def one(index: int) -> None:
            await asyncio.sleep(index / self._habits.connects_per_s)
            device = Device(f"{prefix}-{index:04}", index, self._habits)
            async with limit:
                await loop.create_connection(lambda: device, self._host, self._port)
            await device.online
            self.devices.append(device)

        await asyncio.gather(*(one(index) for index in range(number)))
        return time.monotonic() - began

    def close(self) -> None:
        """Let all leave."""
        for device in self.devices:
            device.close()


async def _serve(options: argparse.Namespace) -> None:
    habits = Habits(
        capture_s=options.capture_s,
        health_s=options.health_s,
        silent=options.silent,
        failing=options.failing,
        losing=options.losing,
    )
    fleet = SimulatedFleet(options.port, habits)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    took = await fleet.start(options.devices, options.prefix)
    sys.stdout.write(f"{options.devices} devices online after {took:.2f} s\n")
    sys.stdout.flush()
    await stopping.wait()
    fleet.close()
    await asyncio.sleep(0)


def main() -> None:
    """Run until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=1883)
    parser.add_argument("--devices", type=int, default=100)
    parser.add_argument("--prefix", default="sim")
    parser.add_argument("--capture-s", type=float, default=10.0, help="0: no session")
    parser.add_argument("--health-s", type=float, default=30.0)
    parser.add_argument("--silent", type=float, default=0.0, help="share that never answers")
    parser.add_argument("--failing", type=float, default=0.0, help="share that fails")
    parser.add_argument(
        "--losing", type=float, default=0.0, help="share of first answers that are lost"
    )
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
