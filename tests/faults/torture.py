"""The long run, for `make torture`: kills at every point in turn, with other troubles beside them.

At the same time another device soaks: random faults that it must outlive, nothing that kills. What
was reached is kept in a file, so that the next run goes on where this one ended.
"""

import argparse
import random
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path

from rich.console import Console

from tests.faults.kills import Campaign, Tally, reference
from tests.faults.ledger import Ledger, counts
from tests.faults.points import Points
from tests.faults.soak import Soak
from tests.faults.troubles import fitting

FORGETFUL = "broker without persistence"
DEVICES = (
    ("service", "daemon", "service", "broker", "daemon") * 2,
    ("service", "daemon", "broker", "service", "daemon") * 2,
    (FORGETFUL,) * 3,
)
"""What is killed of one device, round by round, and then of the next: judging looks at all that a
device has done. The third has a broker that forgets."""
AT_CALLS = {"service": 4, "daemon": 4, "broker": 2}
"""Points of a round, after a first kill at any instant; fewer where the others stay away longer
with each death."""
TROUBLED = 0.5
"""Part of the rounds in which something else goes wrong too."""


class Torture:
    """Kills one device after the other."""

    def __init__(self, ledger: Ledger, console: Console, seed: int) -> None:
        """Count where programs can be killed."""
        self._ledger = ledger
        self._console = console
        self._choice = random.Random(seed)  # noqa: S311 - reproducible, not secret
        self._points: dict[str, Points] = {}
        self._windows: dict[str, float] = {}
        for target in ("service", "daemon", "broker", FORGETFUL):
            row = ledger.row(target)
            found, self._windows[target] = reference(_program(target))
            self._points[target] = Points(found, row.tried, self._choice)
            row.points = len(found)

    def run(self, seconds: float) -> None:
        """Go on for so long; a round that has begun is ended."""
        end = time.monotonic() + seconds
        for targets in cycle(DEVICES):
            try:
                self._torment(targets, end)
            except AssertionError as error:
                tally = Tally(problems=[f"a device does not start: {error}"])
                self._ledger.row(targets[0]).add(tally, Counter())
            if time.monotonic() > end:
                return

    def _torment(self, targets: Sequence[str], end: float) -> None:
        """Begin with a device, and go on until the end of its rounds, of its health or of time."""
        counted = time.monotonic()
        with self._device(is_persistent=FORGETFUL not in targets) as campaign:
            for target in targets:
                is_well = self._round(campaign, target)
                now = time.monotonic()
                self._ledger.seconds += now - counted
                counted = now
                self._ledger.write()
                if not is_well or time.monotonic() > end:
                    return

    @contextmanager
    def _device(self, *, is_persistent: bool) -> Iterator[Campaign]:
        """A device of its own folder, which stays if anything was wrong."""
        root = Path(tempfile.mkdtemp(prefix="torture-"))
        broken = len(self._ledger.problems())
        campaign = Campaign(root, is_persistent=is_persistent, seed=self._choice.getrandbits(32))
        try:
            yield campaign
        finally:
            campaign.close()
        if len(self._ledger.problems()) == broken:
            shutil.rmtree(root)
        else:
            self._console.print(f"kept for a look: {root}")

    def _round(self, campaign: Campaign, target: str) -> bool:
        """Kill, judge and count; returns whether all was well."""
        points = [self._points[target].next() for _ in range(AT_CALLS[_program(target)])]
        trouble = None
        if self._choice.random() < TROUBLED:
            trouble = self._choice.choice(fitting(_program(target)))
            self._ledger.troubles[trouble] += 1
        what = f"{target} at {', '.join(f'{p.call} {p.number}' for p in points)}; {trouble or '-'}"
        before = counts(campaign.observer)
        try:
            tally = campaign.run(points, trouble, self._windows[target])
        except AssertionError as error:
            tally = Tally(rounds=1, problems=[str(error)])
        tally.problems = [f"{what}: {problem}" for problem in tally.problems]
        seen = counts(campaign.observer)
        seen.subtract(before)
        self._ledger.row(target).add(tally, seen)
        stamp = time.strftime("%H:%M:%S")
        self._console.print(
            f"{stamp} {what}: {'; '.join(tally.problems) or 'ok'}", highlight=False, markup=False
        )
        return not tally.problems


def _program(target: str) -> str:
    return target.partition(" ")[0]


def _soak(ledger: Ledger, seconds: float) -> None:
    """Let a device of its own suffer, and keep what came of it."""
    root = Path(tempfile.mkdtemp(prefix="soak-"))
    soak = Soak(root, seed=len(ledger.soaks))
    try:
        report = soak.run(seconds)
    finally:
        soak.close()
    ledger.soaks.append({"seconds": round(seconds), **vars(report)})
    if not report.problems:
        shutil.rmtree(root)


def main() -> int:
    """Run for as long as asked, and say what came of it; 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--results", type=Path, default=Path("build/torture.json"))
    parser.add_argument("--fresh", action="store_true", help="forget earlier runs")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of all that is random")
    options = parser.parse_args()
    console = Console(width=220)
    ledger = Ledger(options.results, fresh=options.fresh)
    console.print(f"seed {options.seed}")
    soak = threading.Thread(target=_soak, args=(ledger, options.minutes * 60), name="soak")
    soak.start()
    Torture(ledger, console, options.seed).run(options.minutes * 60)
    soak.join()
    ledger.write()
    console.print(ledger.table())
    console.print(f"beside the kills: {_listed(ledger.troubles)}")
    for each in ledger.soaks:
        console.print(
            f"soak of {each['seconds']} s: {_listed(each['faults'])}; {each['frames']} frames, "
            f"missed {each['missed']}, {each['events']} events, {each['duplicates']} duplicates"
        )
        for name, growth in each["growth"].items():
            console.print(f"  {name}: {growth}", highlight=False)
    for problem in ledger.problems():
        console.print(problem, style="red", highlight=False, markup=False)
    return 1 if ledger.problems() else 0


def _listed(numbers: Counter[str] | dict[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(numbers.items())) or "none"


if __name__ == "__main__":
    raise SystemExit(main())
