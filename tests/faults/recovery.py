"""How long recovery takes: `python -m tests.faults.recovery --rounds 5` measures and prints it.

Whatever dies is started again at once; systemd waits for a second first. A session with a picture
a second runs all the time, so that up to one second of a time until the next picture is the wait
for its slot.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from cinepid.uplink import STABLE
from tests.faults.observer import Observer
from tests.faults.stack import Stack, wait_for

AWAY = 20.0
"""Seconds that a broker is away, so that the daemon has come to try less often."""
_LONG = 120.0


class Recovery:
    """A device with a session, and what can happen to it; each returns seconds."""

    def __init__(self, root: Path) -> None:
        """Start everything."""
        self._stack = Stack(root)
        self._stack.start()
        self._observer = Observer(self._stack.port)
        self._observer.await_document("camera", lambda found: found["connected"])
        assert self._observer.ask("session/start", interval=1)["success"]
        self._picture_after(time.monotonic())

    def close(self) -> None:
        """End everything."""
        self._observer.close()
        self._stack.close()

    def service_killed(self) -> float:
        """From the death of the camera service to the next picture that is heard of."""
        self._stack.service.kill()
        died = time.monotonic()
        self._stack.service.start()
        return self._picture_after(died)

    def daemon_killed(self) -> float:
        """From the death of the daemon to `online`."""
        before = self._status()
        self._stack.daemon.kill()
        died = time.monotonic()
        self._stack.daemon.start()
        return self._online_after(died, before)

    def broker_killed(self) -> float:
        """From a broker that is back at once to `online`."""
        return self._broker_away(0)

    def broker_away(self) -> float:
        """From a broker that was away for longer to `online`."""
        return self._broker_away(AWAY)

    def hang(self) -> float:
        """From a call that hangs once to the next picture."""
        self._stack.fault("hang", count=1)
        wait_for(lambda: not self._stack.layout.faults.exists())  # it has begun
        return self._picture_after(time.monotonic())

    def hang_for_ever(self) -> float:
        """From a camera that hangs until its process has ended to the next picture.

        It is well again with the next process.
        """
        self._stack.fault("hang")
        lost = len(self._observer.of_type("camera_lost"))
        wait_for(lambda: len(self._observer.of_type("camera_lost")) > lost)
        began = time.monotonic()
        wait_for(lambda: not self._stack.service.is_running, limit=_LONG)
        self._stack.mend()
        self._stack.service.start()
        return self._picture_after(began)

    def _broker_away(self, seconds: float) -> float:
        time.sleep(STABLE + 1)  # one that dies again at once is tried less often
        before = self._status()
        self._stack.broker.kill()
        time.sleep(seconds)  # the fault itself
        self._stack.start_broker()
        return self._online_after(time.monotonic(), before)

    def _status(self) -> object:
        return self._observer.await_online()["seq"]

    def _online_after(self, moment: float, before: object) -> float:
        wait_for(
            lambda: (
                (status := self._observer.retained.get("status", {})).get("state") == "online"
                and status["seq"] != before
            ),
            limit=_LONG,
            why=self._stack.stderr,
        )
        seconds = time.monotonic() - moment
        self._picture_after(time.monotonic())  # so that every round begins alike
        return seconds

    def _picture_after(self, moment: float) -> float:
        def heard() -> float | None:
            for event in reversed(list(self._observer.events.values())):
                if event["heard_at"] > moment and event.get("kind") == "frame":
                    return float(event["heard_at"])
            return None

        return (wait_for(heard, limit=_LONG, why=self._stack.stderr) or moment) - moment


ROWS: tuple[tuple[str, str, Callable[[Recovery], float]], ...] = (
    ("camera service killed", "next picture", Recovery.service_killed),
    ("daemon killed", "online", Recovery.daemon_killed),
    ("broker killed, back at once", "online", Recovery.broker_killed),
    (f"broker back after {AWAY:g} s", "online", Recovery.broker_away),
    ("camera hangs once", "next picture", Recovery.hang),
    ("camera hangs for good, its process ends", "next picture", Recovery.hang_for_ever),
)


def main() -> int:
    """Measure all of it, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    table = Table(title=f"recovery, {options.rounds} rounds")
    for name in ("after", "until", "median", "worst"):
        table.add_column(name, justify="right" if name in ("median", "worst") else "left")
    with tempfile.TemporaryDirectory(prefix="recovery-") as root:
        device = Recovery(Path(root))
        try:
            for after, until, measure in ROWS:
                times = [measure(device) for _ in range(options.rounds)]
                table.add_row(
                    after, until, f"{statistics.median(times):.1f} s", f"{max(times):.1f} s"
                )
        finally:
            device.close()
    Console(width=100).print(table)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
