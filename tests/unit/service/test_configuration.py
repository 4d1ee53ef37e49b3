"""Changes of the settings: in their order, as one thing, and each told to who follows."""

import contextlib
import errno
import os
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from cinepi.config import store
from cinepi.envelope import Command, StateChanged
from cinepi.errors import (
    ConflictError,
    InternalError,
    InvalidArgumentError,
    PermissionDeniedError,
    Problem,
)
from cinepi.journal.journal import Journal, Transaction
from cinepi.model.settings import Config
from cinepi.paths import Layout
from cinepi.protocol import StartParams
from cinepi.service.configuration import Configuration
from cinepi.service.followers.contract import Changed, Follower
from cinepi.service.followers.registry import Followers
from cinepi.service.in_force import InForce
from cinepi.service.parts import Parts
from tests.unit.camera.bench import MovingClock


class Witness(Follower):
    """Notes all that a follower is told; may object, and may do something when it follows."""

    def __init__(self) -> None:
        self.joined: list[Changed] = []
        self.followed: list[int] = []
        self.objects_to: int | None = None
        self.on_follow: Callable[[int], None] = lambda _iso: None

    def problems(self, config: Config, changed: Changed) -> list[Problem]:
        """Object to one ISO."""
        if "/camera/iso" in changed and config.camera.iso == self.objects_to:
            return [Problem("/camera/iso", f"iso must not be {self.objects_to}")]
        return []

    def join(self, tx: Transaction, config: Config, changed: Changed) -> None:
        """Write the ISO beside the change."""
        self.joined.append(changed)
        tx.set_value("joined", str(config.camera.iso))

    def follow(self, config: Config, changed: Changed) -> None:
        """Note the ISO."""
        assert changed
        self.on_follow(config.camera.iso)
        self.followed.append(config.camera.iso)


@dataclass
class Desk:
    """A configuration with one witness; `begin` is a start of the service."""

    layout: Layout
    clock: MovingClock
    journal: Journal
    witness: Witness = field(default_factory=Witness)

    def begin(self) -> None:
        """Read the file as a start does."""
        self.in_force = InForce.begin(self.layout, self.clock, self.journal)
        self.configuration = Configuration(
            self.layout, self.clock, self.journal, self.in_force, Followers([self.witness])
        )
        self.configuration.finish_interrupted()

    @property
    def iso(self) -> int:
        """The ISO in force."""
        return self.in_force.config.camera.iso

    def edit(self, old: str, new: str) -> None:
        """Change the file by hand, and look twice, as the monitor does."""
        text = self.layout.config.read_text()
        assert old in text
        self.layout.config.write_text(text.replace(old, new))
        self.look()

    def look(self) -> None:
        """Look until the file has been left alone."""
        self.configuration.look()
        self.configuration.look()

    def events(self, kind: str) -> int:
        """How many events of a kind there are."""
        return [event.type for event in self.journal.events(0, 1000).events].count(kind)


@pytest.fixture
def desk(layout: Layout, clock: MovingClock, journal: Journal) -> Desk:
    """One that has begun."""
    desk = Desk(layout, clock, journal)
    desk.begin()
    return desk


def test_a_change_is_in_file_journal_and_force_at_once(desk: Desk) -> None:
    """Its followers write into its transaction, and act when it holds."""
    before = desk.in_force.revision
    result = desk.configuration.patch({"camera": {"iso": 400}})
    assert (result.revision, result.changed) == (before + 1, ("/camera/iso",))
    assert desk.in_force.document().effective["camera"]["iso"] == 400
    assert "iso: 400" in desk.layout.config.read_text()
    assert desk.journal.value("joined") == "400"
    assert desk.witness.followed == [400]
    desk.begin()
    assert (desk.iso, desk.in_force.revision) == (400, before + 1)


def test_who_follows_is_never_left_with_an_older_change(desk: Desk) -> None:
    """Of two clients at once, the change that took effect last is followed last."""
    second = threading.Thread(
        target=desk.configuration.patch, args=({"camera": {"iso": 800}},), name="second"
    )

    def overtake(iso: int) -> None:
        if iso == 200:
            second.start()
            second.join(0.5)  # as long as a change takes that is not made to wait

    desk.witness.on_follow = overtake
    desk.configuration.patch({"camera": {"iso": 200}})
    second.join(5)
    assert desk.iso == 800
    assert desk.witness.followed == [200, 800]


def test_an_objection_refuses_the_whole_change(desk: Desk) -> None:
    """Nothing is written, nothing is followed."""
    desk.witness.objects_to = 500
    before = desk.layout.config.read_text()
    with pytest.raises(InvalidArgumentError, match="iso must not be 500"):
        desk.configuration.patch({"camera": {"iso": 500, "gain": 2.0}})
    assert desk.layout.config.read_text() == before
    assert desk.in_force.config.camera.gain == 1.0
    assert desk.witness.followed == []


def test_a_follower_that_fails_takes_no_change_back(desk: Desk) -> None:
    """The change holds; its answer does not say otherwise."""

    def fail(_iso: int) -> None:
        raise InternalError("not now")

    desk.witness.on_follow = fail
    assert desk.configuration.patch({"camera": {"iso": 400}}).changed
    assert desk.iso == 400


def test_a_stale_writer_is_refused(desk: Desk) -> None:
    """The revision on which it builds is not the present one."""
    with pytest.raises(ConflictError, match=r"base_revision is 7, .* has revision 1"):
        desk.configuration.patch({"camera": {"iso": 400}}, base_revision=7)


def test_a_dry_run_writes_nothing(desk: Desk) -> None:
    """Neither file nor backup nor event."""
    before = desk.layout.config.read_text()
    assert desk.configuration.replace({"camera": {"iso": 400}}, dry_run=True).changed
    assert desk.layout.config.read_text() == before
    assert store.backups(desk.layout) == ()
    assert desk.events("config_changed") == 1


def test_a_file_that_cannot_be_replaced_leaves_all_as_it_was(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system refuses the rename, as it does where the file is a mount of its own."""

    def refuse(_self: Path, _target: Path) -> Path:
        raise OSError(errno.EBUSY, "Device or resource busy")

    before = desk.layout.config.read_text()
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", refuse)
        with pytest.raises(InternalError, match=r"mount of its own.* mount its folder"):
            desk.configuration.patch(
                {"camera": {"iso": 400}}, command=Command(id="1", fingerprint="f")
            )
    assert (desk.iso, desk.witness.followed) == (100, [])
    assert desk.layout.config.read_text() == before


def test_an_edit_counts_once_it_is_left_alone(desk: Desk) -> None:
    """An editor that saves in steps is not caught in the middle."""
    desk.layout.config.write_text("camera:\n  backend: simulated\n  iso: 300\n")
    desk.configuration.look()
    assert desk.iso == 100
    desk.configuration.look()
    assert desk.iso == 300
    assert desk.witness.followed == [300]


def test_a_wrong_line_costs_itself(desk: Desk) -> None:
    """Its value stays, over restarts too, until the line is mended."""
    desk.configuration.patch({"camera": {"iso": 400}})
    desk.edit("iso: 400", "iso: 9000\n  kelvin: 5000\n  gain: 2.0")
    assert (desk.iso, desk.in_force.config.camera.gain) == (400, 2.0)
    assert desk.in_force.unused == ("/camera/iso", "/camera/kelvin")
    desk.begin()
    assert (desk.iso, desk.in_force.config.camera.gain) == (400, 2.0)
    revision = desk.in_force.revision
    desk.edit("iso: 9000", "iso: 400")
    assert [problem.field for problem in desk.in_force.problems] == ["/camera/kelvin"]
    assert desk.in_force.revision == revision
    desk.edit("  kelvin: 5000\n", "")
    assert desk.in_force.problems == ()


def test_a_change_keeps_the_lines_that_are_not_understood(desk: Desk) -> None:
    """Unless it gives another value for them, even that which is in force."""
    desk.edit("resolution: 640x480", "resolution: 640x480\n  iso: 9000\n  kelvin: 5000")
    desk.configuration.patch({"camera": {"gain": 2.0}})
    text = desk.layout.config.read_text()
    assert "iso: 9000" in text
    assert "kelvin: 5000" in text
    assert desk.configuration.patch({"camera": {"iso": 100}}).changed == ("/camera/iso",)
    assert "iso: 100" in desk.layout.config.read_text()
    assert desk.in_force.unused == ("/camera/kelvin",)


def test_what_a_follower_objects_to_in_a_file_is_not_used(desk: Desk) -> None:
    """The rest of the edit is."""
    desk.witness.objects_to = 500
    desk.edit("resolution: 640x480", "resolution: 640x480\n  iso: 500\n  gain: 2.0")
    assert (desk.iso, desk.in_force.config.camera.gain) == (100, 2.0)
    (problem,) = desk.in_force.problems
    assert problem.message == "cinepi.yaml:4:8: iso must not be 500"


def test_a_broken_file_changes_nothing_and_can_be_recovered(desk: Desk) -> None:
    """It is kept; what was in force takes its place, once."""
    desk.configuration.patch({"camera": {"iso": 400}})
    desk.layout.config.write_text("camera: [")
    desk.look()
    assert desk.iso == 400
    with pytest.raises(InvalidArgumentError, match=r"cinepi\.yaml:1:10"):
        desk.configuration.patch({"camera": {"iso": 200}})
    desk.configuration.recover(Command(id="1", fingerprint="f"))
    assert "iso: 400" in desk.layout.config.read_text()
    assert desk.events("config_recovered") == 1
    with pytest.raises(ConflictError, match="there is nothing to recover"):
        desk.configuration.recover(None)


def test_a_file_that_may_not_be_read_is_left_alone(clock: MovingClock) -> None:
    """What was in force holds, no change is taken, and it counts again once it can be read."""
    if os.geteuid() != 0:
        pytest.skip("only root can take a file from another user")
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        Path(folder).chmod(0o777)
        os.seteuid(65534)
        stack.callback(os.seteuid, 0)
        layout = Layout(Path(folder))
        desk = Desk(layout, clock, Journal(layout.journal, clock=clock, boot="0badcafe"))
        stack.callback(desk.journal.close)
        desk.begin()
        desk.configuration.patch({"camera": {"iso": 400}})
        layout.config.chmod(0)
        desk.begin()
        desk.look()
        assert desk.iso == 400
        reason = desk.configuration.problem()
        assert reason is not None
        assert "Permission denied; the mode of" in reason
        assert reason.endswith("what was in force before stays in force")
        for change in (desk.configuration.recover, desk.configuration.back_up):
            with pytest.raises(PermissionDeniedError):
                change(None)
        with pytest.raises(PermissionDeniedError):
            desk.configuration.patch({"camera": {"iso": 200}})
        assert [path.name for path in layout.config.parent.glob("cinepi*")] == ["cinepi.yaml"]
        layout.config.chmod(0o640)
        desk.look()
        desk.configuration.patch({"camera": {"iso": 200}})
        assert (desk.iso, desk.configuration.problem()) == (200, None)


def test_a_mistake_is_nothing_to_recover_from(desk: Desk) -> None:
    """What is in force is in the file already; only a person knows what was meant."""
    desk.edit("resolution: 640x480", "resolution: 640x480\n  iso: 9000")
    with pytest.raises(ConflictError, match="the lines that health names: mend them by hand"):
        desk.configuration.recover(None)
    assert "iso: 9000" in desk.layout.config.read_text()


def test_a_change_that_a_crash_cut_short_ends_at_the_next_start(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file was written, the journal was not: one revision, one answer, and it is joined."""
    command = Command(id="1", fingerprint="f")

    class PowerCutError(BaseException):
        pass

    def cut(_layout: Layout, text: str) -> str:
        write(desk.layout, text)
        raise PowerCutError

    write = store.write
    monkeypatch.setattr(store, "write", cut)
    with pytest.raises(PowerCutError):
        desk.configuration.patch({"camera": {"iso": 400}}, command=command)
    monkeypatch.undo()
    desk.begin()
    assert (desk.iso, desk.in_force.revision) == (400, 2)
    assert desk.events("config_changed") == 2
    assert desk.journal.outcome(command) is not None
    assert desk.journal.value("joined") == "400"


def test_every_file_of_followers_is_found(parts: Parts) -> None:
    """A change reaches the camera, the session and whoever watches."""
    watcher = parts.board.subscribe()
    parts.configuration.patch({"camera": {"iso": 400}})
    errand, _ = parts.shutter.next_errand()
    assert errand is not None
    errand.run()
    assert parts.camera.document().settings.iso == 400
    parts.keeper.start(StartParams(interval=60), 30, None)
    parts.configuration.patch({"capture": {"interval": 7}})
    assert parts.keeper.document().interval == 7
    states = [news.params for news in watcher.wait() or [] if news.method == "state"]
    told = {msgspec.json.decode(params, type=StateChanged).topic for params in states}
    assert told == {"camera", "config", "session"}
