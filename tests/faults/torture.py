"""The long run, for `make torture`: kills at every point in turn, then a soak, and a table.

What was reached is kept in a file, so that the next run goes on where this one ended.
"""

import argparse
import json
import random
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.faults.kills import Campaign, Point, reference
from tests.faults.observer import effects
from tests.faults.soak import Soak
from tests.faults.traffic import refusals

TARGETS = ("service", "daemon", "broker", "broker without persistence")
ROUNDS = 25
"""Rounds with one device; then another begins, since judging looks at all that it has done."""
SOAK_PART = 0.25

Results = dict[str, Any]


def main() -> int:
    """Run for as long as asked, and say what came of it; 1 if a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--results", type=Path, default=Path("build/torture.json"))
    parser.add_argument("--fresh", action="store_true", help="forget earlier runs")
    options = parser.parse_args()
    options.results.parent.mkdir(parents=True, exist_ok=True)
    results: Results = {"targets": {}, "points": {}, "soaks": []}
    if options.results.exists() and not options.fresh:
        results = json.loads(options.results.read_text())
    console = Console(width=200)
    began = time.monotonic()
    end = began + options.minutes * 60 * (1 - SOAK_PART)
    while time.monotonic() < end:
        for target in TARGETS:
            if time.monotonic() < end:
                _campaign(target, results, end, console)
                options.results.write_text(json.dumps(results, indent=1))
    _soak(results, max(60.0, options.minutes * 60 * SOAK_PART))
    options.results.write_text(json.dumps(results, indent=1))
    console.print(_table(results))
    problems = _say_soaks(results, console)
    for row in results["targets"].values():
        problems += row["problems"]
    for problem in problems:
        console.print(f"[red]{problem}")
    return 1 if problems else 0


def _points(target: str, results: Results, count: int) -> list[Point]:
    """The next points of a target, each once before any comes again."""
    program = target.partition(" ")[0]
    left = results["points"].get(target)
    if not left:
        with tempfile.TemporaryDirectory() as root:
            every = reference(Path(root), program)
        random.Random(len(every)).shuffle(every)  # noqa: S311
        left = [[point.program, point.call, point.number] for point in every]
        results.setdefault("all_points", {})[target] = len(left)
    results["points"][target] = left[count:]
    return [Point(*each) for each in left[:count]]


def _campaign(target: str, results: Results, end: float, console: Console) -> None:
    row = results["targets"].setdefault(
        target,
        {
            "rounds": 0,
            "reached": 0,
            "frames": 0,
            "missed": 0,
            "events": 0,
            "lost": 0,
            "duplicates": 0,
            "replayed": 0,
            "commands": 0,
            "done": 0,
            "refused": 0,
            "sent_again": 0,
            "recovery": [],
            "problems": [],
        },
    )
    points = _points(target, results, ROUNDS)
    root = Path(tempfile.mkdtemp(prefix="torture-"))
    campaign = Campaign(root, is_persistent="without" not in target)
    try:
        for point in points:
            if time.monotonic() > end:
                break
            try:
                problems = campaign.run(point)
            except AssertionError as error:
                problems = [f"{point}: {error}"]
                campaign.tally.problems += problems
            console.print(f"{target}: {point} {'; '.join(problems) or 'ok'}", highlight=False)
            if problems:
                console.print(f"kept for a look: {root}")
                break
    finally:
        campaign.close()
    _add(row, campaign)
    if not campaign.tally.problems:
        shutil.rmtree(root)


def _add(row: Results, campaign: Campaign) -> None:
    observer, tally = campaign.observer, campaign.tally
    row["rounds"] += tally.rounds
    row["reached"] += tally.at_points
    row["frames"] += sum(e.get("kind") == "frame" for e in observer.of_type("capture_stored"))
    row["missed"] += sum(e["count"] for e in observer.of_type("frames_missed"))
    row["events"] += len(observer.events)
    row["lost"] += len(observer.holes())
    row["duplicates"] += observer.duplicates
    row["replayed"] += observer.replayed
    row["commands"] += len(observer.commands)
    row["done"] += sum(map(len, effects(observer.commands).values()))
    row["refused"] += refusals(observer)
    row["sent_again"] += tally.sent_again
    row["recovery"] += tally.recovery
    row["problems"] += tally.problems


def _soak(results: Results, seconds: float) -> None:
    with tempfile.TemporaryDirectory() as root:
        soak = Soak(Path(root), seed=len(results["soaks"]))
        try:
            report = soak.run(seconds)
        finally:
            soak.close()
    results["soaks"].append({"seconds": round(seconds), **vars(report)})


def _table(results: Results) -> Table:
    table = Table(title="kill -9 at system calls, a 1 s session and commands under way")
    columns = ("rounds", "reached", "frames", "missed", "events", "lost", "duplicates", "replayed")
    more = ("commands", "done", "refused", "sent_again")
    for name in ("target", *columns, *more, "recovery p50", "max", "problems"):
        table.add_column(name.replace("_", " "), justify="left" if name == "target" else "right")
    for target, row in results["targets"].items():
        recovery = row["recovery"] or [0.0]
        table.add_row(
            target,
            *(str(row[name]) for name in (*columns, *more)),
            f"{statistics.median(recovery):.2f} s",
            f"{max(recovery):.2f} s",
            str(len(row["problems"])),
        )
    return table


def _say_soaks(results: Results, console: Console) -> list[str]:
    problems: list[str] = []
    for soak in results["soaks"]:
        console.print(
            f"soak of {soak['seconds']} s: faults {soak['faults']}, {soak['frames']} frames, "
            f"missed {soak['missed']}, {soak['events']} events, {soak['duplicates']} duplicates"
        )
        for name, growth in soak["growth"].items():
            console.print(f"  {name}: {growth}", highlight=False)
        problems += soak["problems"]
    return problems


if __name__ == "__main__":
    raise SystemExit(main())
