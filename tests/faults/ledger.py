"""What long runs have come to: counted round by round, kept in a file, told as a table."""

import json
import statistics
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.table import Table

from tests.faults.kills import Tally
from tests.faults.observer import Observer, effects
from tests.faults.traffic import refusals

SEEN = ("frames", "missed", "events", "lost", "duplicates", "replayed")
ASKED = ("commands", "done", "refused")


def counts(observer: Observer) -> Counter[str]:
    """What an observer has seen so far, by the names of the columns."""
    return Counter(
        frames=sum(e.get("kind") == "frame" for e in observer.of_type("capture_stored")),
        missed=sum(e["count"] for e in observer.of_type("frames_missed")),
        events=len(observer.events),
        lost=len(observer.holes()),
        duplicates=observer.duplicates,
        replayed=observer.replayed,
        commands=len(observer.commands),
        done=sum(map(len, effects(observer.commands).values())),
        refused=refusals(observer),
    )


@dataclass
class Row:
    """All rounds in which one program was killed.

    Attributes:
        tally: Their sum.
        seen: What the observer counted meanwhile.
        tried: Points that it was sent to die at, as text.
        points: How many there are.
    """

    tally: Tally = field(default_factory=Tally)
    seen: Counter[str] = field(default_factory=Counter)
    tried: set[str] = field(default_factory=set)
    points: int = 0

    def add(self, tally: Tally, seen: Counter[str]) -> None:
        """One round more."""
        for name, value in vars(tally).items():
            setattr(self.tally, name, getattr(self.tally, name) + value)
        self.seen.update(seen)


class Ledger:
    """Rows by target, how often each trouble came, and the soaks.

    Attributes:
        seconds: How long all runs took together.
    """

    def __init__(self, path: Path, *, fresh: bool) -> None:
        """Go on with what the file says, or begin anew."""
        self._path = path
        self.rows: dict[str, Row] = {}
        self.troubles: Counter[str] = Counter()
        self.soaks: list[dict[str, Any]] = []
        self.seconds = 0.0
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not fresh:
            self._read(json.loads(path.read_text()))

    def row(self, target: str) -> Row:
        """The row of a target, empty at first."""
        return self.rows.setdefault(target, Row())

    def problems(self) -> list[str]:
        """Everything that was wrong at any time."""
        found = [problem for row in self.rows.values() for problem in row.tally.problems]
        return found + [problem for soak in self.soaks for problem in soak["problems"]]

    def write(self) -> None:
        """Keep it, for the next run and for whoever wants the figures."""
        rows = {
            target: {**asdict(row.tally), **row.seen, "tried": sorted(row.tried), "all": row.points}
            for target, row in self.rows.items()
        }
        document = {
            "seconds": self.seconds,
            "rows": rows,
            "troubles": self.troubles,
            "soaks": self.soaks,
        }
        self._path.write_text(json.dumps(document, indent=1))

    def table(self) -> Table:
        """One line for each target."""
        kills = sum(row.tally.kills for row in self.rows.values())
        table = Table(
            title=f"{kills} times kill -9 in {self.seconds / 60:.0f} minutes, "
            "a 1 s session and commands under way"
        )
        recovery = ("recovery p50", "max")
        for name in ("target", "rounds", "kills", "at calls", "points", *SEEN, *ASKED, *recovery):
            table.add_column(name, justify="left" if name == "target" else "right")
        table.add_column("problems", justify="right")
        for target, row in self.rows.items():
            times = row.tally.recovery or [0.0]
            table.add_row(
                target,
                *map(str, (row.tally.rounds, row.tally.kills, row.tally.at_calls)),
                f"{len(row.tried)} of {row.points}",
                *(str(row.seen[name]) for name in (*SEEN, *ASKED)),
                f"{statistics.median(times):.1f} s",
                f"{max(times):.1f} s",
                str(len(row.tally.problems)),
            )
        return table

    def _read(self, document: dict[str, Any]) -> None:
        for target, values in document["rows"].items():
            row = self.row(target)
            row.tried = set(values["tried"])
            row.points = values["all"]
            row.tally = Tally(**{name: values[name] for name in vars(Tally())})
            row.seen = Counter({name: values[name] for name in (*SEEN, *ASKED) if name in values})
        self.troubles = Counter(document["troubles"])
        self.soaks = document["soaks"]
        self.seconds = document["seconds"]
