"""What a power cut, a pause and a clock that is set cost a session, over windows of any kind.

The kinds of windows that the tests use are files that they put into the folder themselves, as
somebody would who adds one.
"""

from datetime import datetime
from pathlib import Path
from textwrap import dedent
from zoneinfo import ZoneInfo

import msgspec
import pytest

from cinepi.errors import NotSupportedError
from cinepi.journal.journal import Journal
from cinepi.model.documents import Ends
from cinepi.timing import record, windows
from cinepi.timing.keeper import SessionKeeper
from cinepi.timing.moment import Moment
from cinepi.timing.session import Session
from cinepi.timing.settle import settle
from cinepi.timing.windows import registry
from tests.unit.timing.conftest import HandClock

BERLIN = ZoneInfo("Europe/Berlin")
HOUR, DAY = 3600.0, 86_400.0
DAILY = '''
    """Every day between two times of day, in a zone."""

    from collections.abc import Iterator
    from datetime import datetime, time, timedelta
    from zoneinfo import ZoneInfo

    from cinepi.timing.windows.contract import Window, Windows


    class Rule(Windows, frozen=True):
        opens: str
        closes: str
        zone: str

        def after(self, wall: float) -> Iterator[Window]:
            zone = ZoneInfo(self.zone)
            day = datetime.fromtimestamp(wall, zone).date() - timedelta(days=1)
            while True:
                first, last = time.fromisoformat(self.opens), time.fromisoformat(self.closes)
                opens = datetime.combine(day, first, zone).timestamp()
                end = day if last > first else day + timedelta(days=1)
                closes = datetime.combine(end, last, zone).timestamp()
                if closes > wall:
                    yield Window(opens, closes)
                day += timedelta(days=1)
'''


@pytest.fixture(autouse=True)
def daily(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file more in the folder of windows."""
    folder = tmp_path / "windows"
    folder.mkdir()
    (folder / "every_day_somewhere.py").write_text(dedent(DAILY))
    monkeypatch.setattr(windows, "__path__", [*windows.__path__, str(folder)])


def at(text: str) -> Moment:
    """A moment in Berlin, on a machine that was switched on at the beginning of 2027."""
    wall = datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()
    switched_on = datetime(2027, 1, 1, tzinfo=BERLIN).timestamp()
    return Moment(wall - switched_on, wall)


def waiting(moment: Moment, *, opens: str = "06:00", closes: str = "20:00") -> Session:
    """A session of a minute that waits for the first of its windows that has not closed."""
    rule = {"rule": "every_day_somewhere", "opens": opens, "closes": closes, "zone": BERLIN.key}
    window = next(registry.read(rule).after(moment.wall))
    session = Session(
        id="20270101_000000_ab12",
        name=None,
        state="waiting",
        interval=60.0,
        ends=Ends(),
        origin=0.0,
        first_due=0.0,
        started_wall=window.opens,
        rule=rule,
        opens=window.opens,
        offset=moment.offset,
    )
    return session.awaiting(window)


def test_a_night_without_power_costs_the_slots_of_the_windows_and_no_others() -> None:
    """Off from 19:00 to 7:30: 60 slots of the evening and 90 of the morning."""
    evening = settle(waiting(at("2027-06-20 05:00")), at("2027-06-20 19:00"), "late").session
    assert evening.slot == 13 * 60
    morning = settle(evening, at("2027-06-21 07:30"), "power_off")
    assert morning.missed == 60 + 90
    assert morning.session.state == "active"
    assert morning.session.missed_by["power_off"] == 150
    assert morning.session.due_wall(morning.session.slot) == at("2027-06-21 07:30").wall


def test_the_day_on_which_summer_time_begins_has_an_hour_less() -> None:
    """A window from midnight to 12:00 has eleven hours then, and twenty-five on no day."""
    session = waiting(at("2027-03-27 23:00"), opens="00:00", closes="12:00")
    assert settle(session, at("2027-03-28 12:00"), "late").missed == 11 * 60
    session = waiting(at("2027-10-30 23:30"), opens="00:00", closes="12:00")
    assert settle(session, at("2027-10-31 12:00"), "late").missed == 13 * 60


def test_a_window_over_midnight_is_one_window() -> None:
    """From 22:00 to 4:00 there are six hours."""
    session = waiting(at("2027-06-20 12:00"), opens="22:00", closes="04:00")
    settled = settle(session, at("2027-06-21 05:00"), "late")
    assert settled.missed == 6 * 60
    assert (settled.session.state, settled.session.opens) == (
        "waiting",
        at("2027-06-21 22:00").wall,
    )


def test_between_windows_nothing_is_numbered() -> None:
    """A week of days of 14 hours, settled every ten minutes or at its end, is the same."""
    begin = at("2027-06-20 00:00")
    at_once = settle(waiting(begin), Moment(begin.mono + 7 * DAY, begin.wall + 7 * DAY), "late")
    session, missed = waiting(begin), 0
    for minutes in range(0, 7 * 24 * 60 + 1, 10):
        now = Moment(begin.mono + 60 * minutes, begin.wall + 60 * minutes)
        settled = settle(session, now, "late")
        session, missed = settled.session, missed + settled.missed
    assert missed == at_once.missed == 7 * 14 * 60
    assert session == at_once.session


def test_each_window_has_a_grid_of_its_own() -> None:
    """A window that is no multiple of the interval long begins the next one in its first moment."""
    session = waiting(at("2027-06-20 05:00"), opens="06:00:30", closes="06:05")
    settled = settle(session, at("2027-06-21 06:00:30"), "late")
    assert settled.missed == 5
    assert settled.session.due_wall(5) == at("2027-06-21 06:00:30").wall
    assert settled.session.passed(at("2027-06-21 06:00:30").mono).is_next_due


def test_a_clock_that_is_set_costs_nothing() -> None:
    """From 1970 into the middle of a window: those between are passed over, and so is its past."""
    lost = Moment(100.0, 100.0)
    session = waiting(lost)
    now = at("2027-06-20 12:00:20")
    settled = settle(session, Moment(160.0, now.wall), "late")
    assert (settled.missed, settled.session.state, settled.session.slot) == (0, "active", 0)
    due = settled.session.due_wall(0)
    assert due == pytest.approx(at("2027-06-20 12:00").wall)  # by the grid, and still in time
    back = Moment(161.0, at("2027-06-20 19:59:30").wall)
    ahead = settle(settled.session, back, "late")
    assert ahead.missed == 0
    over = settle(ahead.session, Moment(260.0, at("2027-06-20 20:01").wall), "late")
    assert over.session.state == "waiting"


def test_a_session_goes_through_its_windows_with_the_keeper(
    tmp_path: Path, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits, takes, waits again, and a power cut over two edges is told as one."""
    clock.now, clock.offset = 0.0, at("2027-06-20 05:59").wall
    journal = Journal(tmp_path / "j" / "journal.db", clock=clock, boot="0badcafe")
    with journal.transaction() as tx:
        tx.save_session(msgspec.json.encode(waiting(Moment(0.0, clock.offset))))
    keeper = SessionKeeper(journal, clock, on_change=lambda: None)
    keeper.take_up()
    assert keeper.next_due() == pytest.approx(60.0)
    clock.now = 60.0
    assert keeper.begin_slot(0.0) is not None
    keeper.slot_failed("camera")
    clock.now = 13 * HOUR + 60
    keeper.settle()
    assert keeper.document().missed == 13 * 60
    monkeypatch.setattr(record, "kernel_boot_id", lambda: "another")
    clock.now, clock.offset = 10.0, at("2027-06-21 07:30").wall - 10
    keeper = SessionKeeper(journal, clock, on_change=lambda: None)
    keeper.take_up()
    document = keeper.document()
    assert document.missed_by["power_off"] == 150
    assert document.next_at == "2027-06-21T05:30:00.000Z"
    journal.close()


def test_windows_of_another_version_cost_the_session_and_not_the_start(
    tmp_path: Path, clock: HandClock
) -> None:
    """A rule that this version does not know is put aside with its session."""
    session = waiting(Moment(0.0, clock.wall()))
    saved = msgspec.json.encode(session).replace(b"every_day_somewhere", b"of_a_newer_version")
    journal = Journal(tmp_path / "j" / "journal.db", clock=clock, boot="0badcafe")
    with journal.transaction() as tx:
        tx.save_session(saved)
    assert SessionKeeper(journal, clock, on_change=lambda: None).running is None
    journal.close()


def test_what_is_no_rule_is_named() -> None:
    """By what there is."""
    with pytest.raises(NotSupportedError, match="no windows 'contract'"):
        registry.read({"rule": "contract"})
    with pytest.raises(NotSupportedError, match="of another version"):
        registry.read({"rule": "once", "opens": "soon"})
