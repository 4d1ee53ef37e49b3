"""What a session counts while it is stopped, paused, changed and corrected: every slot, once."""

import json
import sqlite3
import threading
from collections.abc import Callable

import msgspec
import pytest

from cinepi.clock import rfc3339
from cinepi.errors import BusyError, ConflictError, InternalError
from cinepi.journal.database import Work
from cinepi.journal.journal import Journal
from cinepi.model.documents import CaptureDocument
from cinepi.protocol import StartParams
from cinepi.timing import flight
from cinepi.timing import record as record_module
from cinepi.timing.keeper import SessionKeeper
from cinepi.timing.session import Session
from tests.unit.journal.test_captures import add
from tests.unit.timing.conftest import WALL, HandClock


@pytest.fixture
def keeper(journal: Journal, clock: HandClock) -> SessionKeeper:
    """With a session of 1 s that has taken its first frame."""
    keeper = started_again(journal, clock)
    start(keeper)
    take(keeper, journal)
    return keeper


def started_again(journal: Journal, clock: HandClock) -> SessionKeeper:
    """The keeper of a service that has just started."""
    keeper = SessionKeeper(journal, clock, on_change=lambda: None)
    keeper.take_up()
    return keeper


def start(keeper: SessionKeeper, **params: object) -> None:
    """Begin a session of 1 s."""
    keeper.start(msgspec.convert({"interval": 1, **params}, StartParams), 30.0, None)


def picture(session: Session) -> CaptureDocument:
    """The next frame of a session."""
    return CaptureDocument(
        filename=f"cinepi_20270115_{session.slot:06}.jpg",
        path="",
        size=1,
        sha256="",
        taken_at=rfc3339(WALL + session.slot),
        width=1,
        height=1,
        kind="frame",
        session=session.id,
        frame=session.slot,
        late_ms=0.0,
    )


def begun(keeper: SessionKeeper) -> Session:
    """The next slot begins."""
    session = keeper.begin_slot(0.0)
    assert session is not None
    return session


def take(keeper: SessionKeeper, journal: Journal) -> None:
    """The next slot is taken."""
    session = begun(keeper)
    with journal.transaction() as tx:
        keeper.frame_stored(tx, picture(session))
    keeper.landed()


def told(journal: Journal) -> dict[str, int]:
    """How many frames each reason has cost by the events; no slot may be told twice."""
    sums: dict[str, int] = {}
    slots: set[tuple[str, int]] = set()
    for entry in journal.events(0, 1000).events:
        if entry.type == "frames_missed":
            event = json.loads(bytes(entry.data))
            first, count = event["first_frame"], event["count"]
            its_slots = {(event["session"], slot) for slot in range(first, first + count)}
            assert not its_slots & slots
            slots |= its_slots
            sums[event["reason"]] = sums.get(event["reason"], 0) + count
    return sums


@pytest.fixture
def stopped(keeper: SessionKeeper, clock: HandClock, monkeypatch: pytest.MonkeyPatch) -> Session:
    """A session that was stopped 5.8 s behind the beginning of a frame that has not landed."""
    monkeypatch.setattr(flight, "IN_FLIGHT_LIMIT", 0.01)
    clock.now += 1
    session = begun(keeper)
    clock.now += 5.8
    document = keeper.stop(None)
    assert (document.state, document.frames, document.missed) == ("idle", 1, 0)
    return session


def ends(journal: Journal) -> list[tuple[int, int]]:
    """Frames and missed slots of each end of a session that was told."""
    events = (json.loads(bytes(entry.data)) for entry in journal.events(0, 1000).events)
    return [(e["frames"], e["missed"]) for e in events if e["type"] == "session_stopped"]


def test_a_stop_loses_no_frame_that_is_being_exposed(
    keeper: SessionKeeper, journal: Journal, stopped: Session
) -> None:
    """It lands in its session, nobody blames the camera, and the end is told with it."""
    assert ends(journal) == []
    land(keeper, journal, stopped)
    document = keeper.document()
    assert (document.state, document.frames) == ("idle", 2)
    assert document.missed_by == told(journal) == {"late": 5}
    assert ends(journal) == [(2, 5)]


def test_a_stop_counts_what_hangs_and_what_has_passed(
    keeper: SessionKeeper, journal: Journal, stopped: Session
) -> None:
    """The frame that does not land is the camera's; the events say as much as the session."""
    del stopped
    keeper.slot_failed("camera")
    keeper.landed()
    assert keeper.document().missed_by == told(journal) == {"camera": 1, "late": 5}
    assert ends(journal) == [(1, 6)]


def test_a_session_that_was_stopped_in_a_frame_ends_once_after_a_restart(
    keeper: SessionKeeper, journal: Journal, clock: HandClock, stopped: Session
) -> None:
    """With the frame, where its picture was complete on the disk."""
    del keeper
    add(journal, picture(stopped))
    for _ in range(2):
        document = started_again(journal, clock).document()
        assert (document.state, document.frames) == ("idle", 2)
        assert document.missed_by == told(journal) == {"service_down": 5}
        assert ends(journal) == [(2, 5)]


def test_a_process_that_is_left_tells_the_end_of_a_session_that_was_stopped(
    keeper: SessionKeeper, journal: Journal, stopped: Session
) -> None:
    """What hung in its last frame is the camera's."""
    del stopped
    with journal.transaction() as tx:
        keeper.lose_to_camera(tx)
    assert keeper.document().missed_by == told(journal) == {"camera": 6}
    assert ends(journal) == [(1, 6)]


def test_no_session_begins_while_the_last_frame_of_another_is_exposed(
    keeper: SessionKeeper, journal: Journal, stopped: Session
) -> None:
    """It would have to do without the frame."""
    with pytest.raises(BusyError, match="still being taken"):
        start(keeper)
    land(keeper, journal, stopped)
    start(keeper)


def test_the_end_of_one_session_leaves_the_next_alone(
    keeper: SessionKeeper, journal: Journal
) -> None:
    """A disk that is full ends the session that found it so."""
    first = keeper.running
    assert first is not None
    keeper.stop(None)
    start(keeper)
    keeper.finish(first.id, "storage_full")
    assert keeper.running is not None
    assert ends(journal) == [(1, 0)]


def test_the_last_frame_is_as_old_as_its_exposure(
    keeper: SessionKeeper, journal: Journal, clock: HandClock
) -> None:
    """However long it took to be kept."""
    clock.now += 1
    session = begun(keeper)
    clock.now += 30
    land(keeper, journal, session)
    assert keeper.document().last_frame_at == rfc3339(WALL + session.slot)


def test_a_frame_that_cannot_be_kept_leaves_no_lateness(
    keeper: SessionKeeper, journal: Journal, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the document says of frames is of those that are there."""

    def refuse(_: Work) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    clock.now += 1
    late = msgspec.structs.replace(picture(begun(keeper)), late_ms=400.0)
    monkeypatch.setattr(Work, "commit", refuse)
    with pytest.raises(InternalError), journal.transaction() as tx:
        keeper.frame_stored(tx, late)
    assert keeper.document().lateness.p95_ms == 0


def test_until_on_the_grid_means_the_same_when_the_clock_is_slewed(
    keeper: SessionKeeper, journal: Journal, clock: HandClock
) -> None:
    """Ten minutes at a frame a minute are ten frames, though the clock gained 5 ms meanwhile."""
    keeper.stop(None)
    start(keeper, interval=60, until=rfc3339(clock.wall() + 600))
    for _ in range(10):
        take(keeper, journal)
        clock.now += 60
        clock.offset -= 0.0005
    keeper.settle()
    document = keeper.document()
    assert (document.state, document.frames, document.end_reason) == ("idle", 10, "until")


def test_a_start_that_fell_into_a_power_cut_is_counted_as_one(
    keeper: SessionKeeper, journal: Journal, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session had waited for its time, and goes on two hours behind it."""
    keeper.stop(None)
    start(keeper, interval=60, start_at=rfc3339(clock.wall() + 3600))
    monkeypatch.setattr(record_module, "kernel_boot_id", lambda: "another")
    clock.now += 3 * 3600
    document = started_again(journal, clock).document()
    assert (document.state, document.missed_by) == ("active", {"power_off": 120})
    resumed = [e for e in journal.events(0, 1000).events if e.type == "session_resumed"]
    assert len(resumed) == 1


def fail(keeper: SessionKeeper) -> None:
    """The next slot begins, and the camera gives nothing."""
    begun(keeper)
    keeper.slot_failed("camera")
    keeper.landed()


def test_a_new_session_tells_its_first_miss_at_once(
    keeper: SessionKeeper, journal: Journal, clock: HandClock
) -> None:
    """What the session before it has lost to the same camera is another streak."""
    clock.now += 1
    fail(keeper)
    keeper.stop(None)
    start(keeper)
    fail(keeper)
    assert told(journal) == {"camera": 2}


def test_what_a_camera_has_cost_stays_its_fault_when_the_process_is_left(
    keeper: SessionKeeper, journal: Journal, clock: HandClock
) -> None:
    """What was held in memory, what is in flight and what has passed behind it."""
    for _ in range(3):
        clock.now += 1
        fail(keeper)
    clock.now += 1
    begun(keeper)
    clock.now += 4.8
    with journal.transaction() as tx:
        keeper.lose_to_camera(tx)
    assert keeper.document().missed_by == told(journal) == {"camera": 3 + 5}
    clock.now += 2
    document = started_again(journal, clock).document()
    assert document.missed_by == told(journal) == {"camera": 8, "service_down": 2}


def test_a_slot_that_is_still_in_time_is_lost_with_the_process(
    keeper: SessionKeeper, journal: Journal, clock: HandClock
) -> None:
    """It had begun, and nothing of it will land."""
    clock.now += 1
    begun(keeper)
    with journal.transaction() as tx:
        keeper.lose_to_camera(tx)
    assert keeper.document().missed_by == told(journal) == {"camera": 1}


def test_what_is_told_early_is_not_told_again(
    keeper: SessionKeeper, journal: Journal, clock: HandClock
) -> None:
    """Where a process is left for another reason, the slot in flight may still have a picture."""
    for _ in range(3):
        clock.now += 1
        fail(keeper)
    clock.now += 1
    session = begun(keeper)
    with journal.transaction() as tx:
        keeper.tell(tx)
    assert keeper.document().missed_by == told(journal) == {"camera": 3}
    add(journal, picture(session))
    document = started_again(journal, clock).document()
    assert (document.frames, document.missed_by) == (2, {"camera": 3})


def test_no_slot_begins_while_the_session_is_stopped(
    keeper: SessionKeeper, journal: Journal, clock: HandClock
) -> None:
    """The frame in flight lands, the next one waits, and nothing was missed."""
    clock.now += 1
    session = begun(keeper)
    with journal.transaction() as tx:
        keeper.frame_stored(tx, picture(session))
        stopping = threading.Thread(target=keeper.stop, args=(None,), name="stopping")
        stopping.start()
        stopping.join(0.1)  # it waits for the landing
    clock.now += 1
    with journal.transaction():  # so that the stop cannot be through before the next slot
        keeper.landed()
        taking = threading.Thread(target=keeper.begin_slot, args=(0.0,), name="taking")
        taking.start()
        taking.join(0.1)
    stopping.join(5)
    taking.join(5)
    document = keeper.document()
    assert (document.state, document.frames, document.missed) == ("idle", 2, 0)


def by_a_pause(keeper: SessionKeeper, journal: Journal) -> None:
    """Pause and go on."""
    del journal
    keeper.pause("command", None)


def by_a_new_interval(keeper: SessionKeeper, journal: Journal) -> None:
    """Change the grid."""
    with journal.transaction() as tx:
        keeper.change_interval(tx, 60.0)


@pytest.mark.parametrize("change", [by_a_pause, by_a_new_interval])
def test_what_had_passed_before_a_change_is_counted(
    keeper: SessionKeeper,
    journal: Journal,
    clock: HandClock,
    change: Callable[[SessionKeeper, Journal], None],
) -> None:
    """The shutter was busy with a long snapshot, and then the grid is left."""
    keeper.passing("snapshot")
    clock.now += 4.8
    change(keeper, journal)
    assert keeper.document().missed_by == told(journal) == {"snapshot": 4}


def test_what_passes_a_frame_in_flight_is_counted_after_a_new_interval(
    keeper: SessionKeeper, journal: Journal, clock: HandClock
) -> None:
    """The frame keeps its number, and those after it are missed."""
    clock.now += 1
    session = begun(keeper)
    clock.now += 3.8
    by_a_new_interval(keeper, journal)
    with journal.transaction() as tx:
        keeper.frame_stored(tx, picture(session))
    keeper.landed()
    keeper.begin_slot(0.0)
    document = keeper.document()
    assert (document.frames, document.missed_by) == (2, {"late": 3})
    assert document.missed_by == told(journal)


@pytest.fixture
def in_flight(keeper: SessionKeeper, clock: HandClock, monkeypatch: pytest.MonkeyPatch) -> Session:
    """A session that was paused 5.8 s behind the beginning of a frame that has not landed."""
    monkeypatch.setattr(flight, "IN_FLIGHT_LIMIT", 0.01)
    clock.now += 1
    session = begun(keeper)
    clock.now += 5.8
    keeper.pause("command", None)
    return session


def land(keeper: SessionKeeper, journal: Journal, session: Session) -> None:
    """The frame in flight comes after all."""
    with journal.transaction() as tx:
        keeper.frame_stored(tx, picture(session))
    keeper.landed()


def test_what_passed_a_frame_in_flight_before_a_pause_is_counted_when_it_lands(
    keeper: SessionKeeper, journal: Journal, clock: HandClock, in_flight: Session
) -> None:
    """The frame keeps its number, those behind it are missed, and the pause costs nothing."""
    land(keeper, journal, in_flight)
    document = keeper.document()
    assert (document.state, document.frames, document.missed_by) == ("paused", 2, {"late": 5})
    clock.now += 60
    keeper.resume("command", None)
    assert keeper.next_due() == pytest.approx(1067)
    clock.now = 1067
    take(keeper, journal)
    assert (keeper.document().frames, keeper.document().missed_by) == (3, {"late": 5})
    assert told(journal) == {"late": 5}


def test_what_passed_a_frame_in_flight_is_counted_where_it_fails_too(
    keeper: SessionKeeper, journal: Journal, in_flight: Session
) -> None:
    """Each by its own reason."""
    del in_flight
    keeper.slot_failed("camera")
    keeper.landed()
    assert keeper.document().missed_by == told(journal) == {"camera": 1, "late": 5}


def test_a_quick_resume_skips_no_point_of_the_grid(
    keeper: SessionKeeper, journal: Journal, clock: HandClock, in_flight: Session
) -> None:
    """Also where the frame in flight lands behind it."""
    keeper.resume("command", None)
    land(keeper, journal, in_flight)
    clock.now += 0.2
    take(keeper, journal)
    document = keeper.document()
    assert (document.frames, document.missed_by) == (3, {"late": 5})
    assert document.missed_by == told(journal)
    assert keeper.next_due() == pytest.approx(1008)


def test_a_stop_of_a_pause_counts_what_passed_before(
    keeper: SessionKeeper, journal: Journal, in_flight: Session
) -> None:
    """The frame that does not land is the camera's."""
    del in_flight
    keeper.stop(None)
    keeper.slot_failed("camera")
    keeper.landed()
    assert keeper.document().missed_by == told(journal) == {"camera": 1, "late": 5}
    assert ends(journal) == [(1, 6)]


def test_a_restart_in_a_pause_counts_what_passed_before(
    keeper: SessionKeeper, journal: Journal, clock: HandClock, in_flight: Session
) -> None:
    """With the frame that was in flight, and nothing of the pause."""
    del keeper, in_flight
    clock.now += 60
    document = started_again(journal, clock).document()
    assert (document.state, document.frames) == ("paused", 1)
    assert document.missed_by == told(journal) == {"service_down": 6}


def rebooted(journal: Journal, clock: HandClock, monkeypatch: pytest.MonkeyPatch) -> SessionKeeper:
    """The session after a reboot with a clock that stood still meanwhile and is not set."""
    monkeypatch.setattr(record_module, "kernel_boot_id", lambda: "another")
    clock.is_set = False
    return started_again(journal, clock)


def set_clock(keeper: SessionKeeper, clock: HandClock, seconds: float) -> None:
    """A time server is heard."""
    clock.offset += seconds
    clock.is_set = True
    keeper.settle()


def test_time_without_power_is_counted_once_the_clock_is_set(
    keeper: SessionKeeper, journal: Journal, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However late that is noticed, and only once."""
    del keeper
    keeper = rebooted(journal, clock, monkeypatch)
    clock.now += 1
    take(keeper, journal)
    keeper.settle()
    assert keeper.document().missed == 0
    set_clock(keeper, clock, 100.5)
    assert keeper.document().missed_by == told(journal) == {"power_off": 100}
    set_clock(keeper, clock, 3600)
    clock.now += 1
    take(keeper, journal)
    assert (keeper.document().frames, keeper.document().missed) == (3, 100)


@pytest.mark.parametrize("state", ["paused", "waiting"])
def test_time_without_power_costs_no_slot_where_none_was_due(
    keeper: SessionKeeper,
    journal: Journal,
    clock: HandClock,
    monkeypatch: pytest.MonkeyPatch,
    state: str,
) -> None:
    """A paused session misses nothing, and one that has not begun neither."""
    if state == "paused":
        keeper.pause("command", None)
    else:
        keeper.stop(None)
        start(keeper, start_at=rfc3339(clock.wall() + 7200))
    keeper = rebooted(journal, clock, monkeypatch)
    set_clock(keeper, clock, 3600)
    assert (keeper.document().state, keeper.document().missed, told(journal)) == (state, 0, {})


def test_a_session_that_ended_without_power_missed_no_more_than_its_own(
    keeper: SessionKeeper, journal: Journal, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slots at `until` or later are none of it."""
    keeper.stop(None)
    start(keeper, until=rfc3339(clock.wall() + 60))
    take(keeper, journal)
    keeper = rebooted(journal, clock, monkeypatch)
    set_clock(keeper, clock, 3600)
    assert keeper.begin_slot(0.0) is None
    document = keeper.document()
    assert (document.end_reason, document.frames, document.missed) == ("until", 1, 59)
    assert told(journal) == {"power_off": 59}


def test_a_small_correction_ends_the_doubt(
    keeper: SessionKeeper, journal: Journal, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock that was right all along, and is set by hand a month later, costs nothing."""
    del keeper
    keeper = rebooted(journal, clock, monkeypatch)
    set_clock(keeper, clock, 0.2)
    set_clock(keeper, clock, 3600)
    assert keeper.document().missed == 0


def test_what_was_missed_before_a_picture_that_is_found_is_told(
    keeper: SessionKeeper, journal: Journal, clock: HandClock
) -> None:
    """It was killed with slots missed and a picture on the disk, which is in the index by now.

    And killed once more before the session went on, perhaps.
    """
    session = keeper.running
    assert session is not None
    clock.now += 5
    add(journal, picture(msgspec.structs.replace(session, slot=4)))
    document = started_again(journal, clock).document()
    assert (document.frames, document.missed) == (2, 3)
    assert document.missed_by == told(journal) == {"service_down": 3}


def test_a_frame_of_an_old_session_is_refused(
    keeper: SessionKeeper, journal: Journal, clock: HandClock
) -> None:
    """It is no part of the new one, whatever its number."""
    clock.now += 1
    session = begun(keeper)
    keeper.landed()
    keeper.stop(None)
    start(keeper)
    with pytest.raises(ConflictError), journal.transaction() as tx:
        keeper.frame_stored(tx, picture(session))


def test_a_streak_begins_when_it_is_told(
    keeper: SessionKeeper, journal: Journal, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit that the disk refuses just then mixes no reasons."""

    def refuse(_: Work) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    for _ in range(3):
        clock.now += 1
        fail(keeper)
    clock.now += 1
    begun(keeper)
    with monkeypatch.context() as on_a_bad_disk:
        on_a_bad_disk.setattr(Work, "commit", refuse)
        with pytest.raises(InternalError):
            keeper.slot_failed("storage")
    for _ in range(2):
        keeper.slot_failed("storage")
        keeper.landed()
        clock.now += 1
        begun(keeper)
    with journal.transaction() as tx:
        keeper.tell(tx)
    assert keeper.document().missed_by == told(journal) == {"camera": 3, "storage": 2}
