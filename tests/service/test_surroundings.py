"""What a service is started into: a terminal that goes, streams that are closed, mounts."""

import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cinepi.errors import CinepiError
from cinepi.model.documents import ConfigDocument
from cinepi.paths import Layout
from cinepi.protocol import ConfigChangeResult, ConfigPatchParams, HealthResult, PingResult
from tests.service.running import RunningService, wait_for

Start = Callable[..., RunningService]


def test_a_hang_up_ends_nothing(service: RunningService) -> None:
    """The session goes on in the same process, whatever was meant by it."""
    service.start_session(interval=1)
    before = service.call("ping", PingResult)
    service.process.send_signal(signal.SIGHUP)
    service.frames_reach(service.session().frames + 2)
    assert service.call("ping", PingResult) == before
    assert service.events("frames_missed") == []
    service.terminate()


def test_closed_streams_do_not_become_the_journal(start_service: Start) -> None:
    """What is printed goes nowhere; the files that are opened first do not get their numbers."""
    service = start_service(closes_streams=True)
    fds = Path(f"/proc/{service.process.pid}/fd")
    assert [str((fds / str(number)).readlink()) for number in range(3)] == ["/dev/null"] * 3
    service.snapshot()
    service.terminate()
    assert "service stops" in service.layout.log.read_text()


@pytest.fixture
def mounted(tmp_path: Path) -> Iterator[Path]:
    """A configuration file that is a mount of its own, as a container gets one: its source."""
    source = tmp_path / "on-the-host.yaml"
    source.write_text(
        "camera:\n  backend: simulated\n  resolution: 640x480\ncapture:\n  reserve_mb: 16\n"
    )
    place = Layout(tmp_path).config
    place.parent.mkdir(parents=True)
    place.touch()
    mount = subprocess.run(["mount", "--bind", source, place], check=False, capture_output=True)
    if mount.returncode:
        pytest.skip("only root can mount")
    yield source
    subprocess.run(["umount", "--lazy", place], check=True)


def test_a_configuration_that_is_a_mount_is_read_and_says_what_to_mount(
    mounted: Path, start_service: Start
) -> None:
    """Edits on the host are taken up; a change names the folder; a broken edit stops no start."""
    service = start_service()
    change = ConfigPatchParams(patch={"camera": {"iso": 200}})
    with pytest.raises(CinepiError, match=r"it is a mount of its own.* mount its folder instead"):
        service.call("config.patch", ConfigChangeResult, change)
    text = mounted.read_text()
    mounted.write_text(text.replace("640x480", "640x480\n  iso: 400"))
    wait_for(lambda: service.call("config.get", ConfigDocument).effective["camera"]["iso"] == 400)
    service.terminate()
    mounted.write_text("camera: [")
    again = start_service()
    assert again.call("config.get", ConfigDocument).effective["camera"]["iso"] == 400
    check = again.call("health.get", HealthResult).configuration
    assert check.state == "failing"
    assert "cinepi.yaml:1:10" in check.reason
    again.snapshot()
    mounted.write_text(text)
    wait_for(lambda: again.call("config.get", ConfigDocument).effective["camera"]["iso"] == 100)
    again.terminate()
