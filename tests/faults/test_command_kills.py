"""A command that is cut short by `kill -9`, at any system call, has happened once when repeated."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from cinepi.capture.folder import MARKER
from cinepi.capture.removal import MOST_NAMES
from cinepi.envelope import Command
from cinepi.errors import CameraUnavailableError, CinepiError, ConflictError
from cinepi.model.documents import CaptureDocument, ConfigDocument
from cinepi.protocol import (
    BackupResult,
    CapturesDeleteParams,
    CapturesDeleteResult,
    ConfigChangeResult,
    ConfigPatchParams,
    NoParams,
    Params,
    TakeParams,
)
from tests.faults import strace
from tests.service.running import LIMIT, RunningService

pytestmark = pytest.mark.timeout(300)  # some twenty starts each
ResultT = TypeVar("ResultT")

DISK = tuple(call for call in strace.CHANGING if call != "write")
"""Without `write`, of which the log makes many; they are counted by themselves."""
MOST_POINTS = 40


class Device:
    """A camera service that is killed again and again, and started again."""

    def __init__(self, root: Path) -> None:
        """Start it."""
        self.service = RunningService.start(root)
        self._root = root

    def restart(self) -> None:
        """Start it again after a kill."""
        self.service.process.wait(LIMIT)
        self.service.close()
        self.service = RunningService.start(self._root)

    def cut_short(
        self,
        method: str,
        make: Callable[[], Params],
        result: type[ResultT],
        needless: type[CinepiError] | tuple[()] = (),
    ) -> Iterator[ResultT | None]:
        """Give a command and kill the service at each point in turn; yields the repeat's answer.

        Ends with the run that got through. None stands for the error `needless`, with which a
        repeat may say that nothing is left to be done.
        """
        for calls in (DISK, ("write",)):
            for number in range(1, MOST_POINTS):
                params = make()
                command = Command(id=f"{method}-{calls[0]}-{number}", fingerprint="f", context="{}")
                what = f"signal=SIGKILL:when={number}"
                was_killed = False
                with strace.attached(self.service.process.pid, calls, what):
                    try:
                        self.service.call(method, result, params, command=command)
                    except CameraUnavailableError:
                        was_killed = True
                        self.restart()
                try:
                    answer = self.service.call(method, result, params, command=command)
                except needless:
                    assert was_killed
                    yield None
                else:
                    yield answer
                assert self.leftovers() == []
                if not was_killed:
                    break
            else:
                pytest.fail("it never got through")

    def leftovers(self) -> list[str]:
        """Temporary files; the mark of the folder of pictures is none."""
        layout = self.service.layout
        folders = (layout.captures, layout.backups, layout.config.parent)
        found = [path.name for folder in folders if folder.exists() for path in folder.iterdir()]
        return [name for name in found if name.startswith(".") and name != MARKER]


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    """A device with the simulated camera."""
    device = Device(tmp_path)
    yield device
    device.service.close()


def test_a_snapshot_cut_short_is_one_picture(device: Device) -> None:
    """Whenever the service dies, the repeated command ends with one picture and its answer."""
    taken: list[str] = []
    for answer in device.cut_short("snapshot.take", TakeParams, CaptureDocument):
        assert answer is not None
        taken.append(answer.filename)
        assert device.service.pictures() == sorted(taken)
        stored = [event["filename"] for event in device.service.events("capture_stored")]
        assert stored == taken


def test_a_deletion_cut_short_says_what_went(device: Device) -> None:
    """The repeated command tells of every picture that fitted, also of those gone before."""
    pictures: list[str] = []

    def snapshots() -> CapturesDeleteParams:
        pictures[:] = [device.service.snapshot().filename for _ in range(2)]
        return CapturesDeleteParams(kind="snapshot")

    for answer in device.cut_short("captures.delete", snapshots, CapturesDeleteResult):
        assert answer is not None
        assert sorted(answer.filenames) == sorted(pictures)
        assert device.service.pictures() == []
        deleted = device.service.events("capture_deleted")
        assert sorted(deleted[-1]["filenames"]) == sorted(pictures)  # type: ignore[call-overload]
        assert deleted[-1]["reason"] == "command"


def test_a_long_deletion_cut_short_goes_on(device: Device) -> None:
    """Of more pictures than go in one step, each is told once, and the answer counts them all."""
    device.service.copy_picture(2 * MOST_NAMES)
    device.service.process.kill()
    device.restart()
    pictures = device.service.pictures()
    params = CapturesDeleteParams(kind="snapshot")
    command = Command(id="long", fingerprint="f", context="{}")
    cut = f"signal=SIGKILL:when={MOST_NAMES + MOST_NAMES // 2}"
    with strace.attached(device.service.process.pid, ("unlinkat",), cut):
        with pytest.raises(CameraUnavailableError):
            device.service.call("captures.delete", CapturesDeleteResult, params, command=command)
        device.restart()
    answer = device.service.call("captures.delete", CapturesDeleteResult, params, command=command)
    assert answer.count == len(pictures) == 2 * MOST_NAMES + 1
    assert device.service.pictures() == []
    deleted = [set(event["filenames"]) for event in device.service.events("capture_deleted")]  # type: ignore[call-overload]
    assert [len(names) for names in deleted] == [MOST_NAMES, MOST_NAMES, 1]
    assert set().union(*deleted) == set(pictures)


def test_a_change_cut_short_is_one_revision(device: Device) -> None:
    """The repeated command tells of the change, not that there was nothing to change."""
    qualities = iter(range(50, 95))
    revision = device.service.call("config.get", ConfigDocument).revision

    def quality() -> ConfigPatchParams:
        return ConfigPatchParams(
            patch={"capture": {"quality": next(qualities)}}, base_revision=revision
        )

    for answer in device.cut_short("config.patch", quality, ConfigChangeResult):
        assert answer is not None
        assert answer.changed == ("/capture/quality",)
        assert answer.revision == revision + 1
        revision = device.service.call("config.get", ConfigDocument).revision
        assert revision == answer.revision
        assert device.service.events("config_changed")[-1]["source"] == "command"


def test_a_recovery_cut_short_is_told_once(device: Device) -> None:
    """What was in force is put back, once, and the repeated command says so.

    Only where nothing at all was done yet, the next start puts it back itself, and the command then
    finds a file that is sound.
    """
    patch = ConfigPatchParams(patch={"capture": {"quality": 77}})
    device.service.call("config.patch", ConfigChangeResult, patch)
    in_force = device.service.call("config.get", ConfigDocument).effective

    def broken() -> NoParams:
        device.service.layout.config.write_text("capture: [broken")
        return NoParams()

    answers = device.cut_short("config.recover", broken, ConfigChangeResult, ConflictError)
    for times, answer in enumerate(answers, start=1):
        assert len(device.service.events("config_recovered")) == times
        assert device.service.call("config.get", ConfigDocument).effective == in_force
        assert answer is None or not answer.changed
    assert answer is not None


def test_a_backup_cut_short_is_one_file(device: Device) -> None:
    """The repeated command names the copy that was made before."""
    made: list[str] = []
    for answer in device.cut_short("config.backup", NoParams, BackupResult):
        assert answer is not None
        made.append(answer.backup_file)
        files = sorted(path.name for path in device.service.layout.backups.iterdir())
        assert files == sorted(made)
