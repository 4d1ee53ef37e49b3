"""Folder and index are put in order at the start, and beside a session in small parts."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cinepi.capture.reconcile import at_once
from cinepi.service import tidying as tidying_module
from tests.service.stick import plug, stick, unplug
from tests.unit.journal.test_captures import capture
from tests.unit.service.test_storage import Bench


def missing(bench: Bench) -> list[str]:
    """Types of events after the start."""
    return [kind for kind in bench.told() if kind != "service_started"]


def test_what_is_left_is_done_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each turn of the monitor does a step; frames can be stored between two of them."""
    monkeypatch.setattr(tidying_module, "BUDGET", 0.0)
    monkeypatch.setattr("cinepi.capture.removal.MOST_NAMES", 10)
    with stick() as disk:
        plug(tmp_path / "opt/cinepi/captures", disk)
        bench = Bench(tmp_path)
        bench.index(0, 35, 1000)
        unplug(bench.layout.captures)
        bench.tidying.look()
        assert bench.tidying.refusal is not None
        bench.tidying.go_on(at_once)
        plug(bench.layout.captures, disk)
        bench.tidying.look()
        looks: list[int] = []

        def between_pictures(work: Callable[[], None]) -> None:
            looks.append(bench.journal.capture_totals()[0])
            work()

        left = []
        for _ in range(6):
            bench.tidying.go_on(between_pictures)
            left.append(bench.journal.capture_totals()[0])
        assert left == [35, 25, 15, 5, 0, 0]
        assert looks == [35]
        assert missing(bench) == [
            "captures_folder_changed",
            "captures_folder_settled",
            *["capture_deleted"] * 4,
        ]
        bench.journal.close()


def test_accepting_is_one_transaction_with_its_answer(tmp_path: Path) -> None:
    """The event, the folder and what the command adds are there together."""
    with stick() as disk:
        plug(tmp_path / "opt/cinepi/captures", disk)
        bench = Bench(tmp_path)
        with bench.journal.transaction() as tx:
            tx.add_capture(capture(1))
        unplug(bench.layout.captures)
        bench.tidying.look()
        seqs: list[int] = []
        bench.journal.on_append(seqs.append)
        bench.tidying.accept(lambda tx: tx.set_value("answer", "given"))
        assert len(seqs) == 1
        assert bench.journal.value("answer") == "given"
        assert bench.tidying.refusal is None
        bench.tidying.go_on(at_once)
        assert missing(bench) == [
            "captures_folder_changed",
            "captures_folder_settled",
            "capture_deleted",
        ]
        bench.journal.close()
