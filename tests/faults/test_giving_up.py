"""A process that is given up ends in bounded time, whatever else hangs."""

import time
from pathlib import Path

import pytest

from cinepi.client import Client
from cinepi.model.documents import CameraDocument
from cinepi.protocol import CameraSetParams
from cinepi.service.giving_up import EXIT_CAMERA
from tests.faults.hanging import broken
from tests.faults.observer import Observer
from tests.faults.stack import Stack, wait_for

STUCK_AFTER = 8.0
ENDED = 25.0
"""Seconds from the hang to the end of the process, on a loaded machine; 8 to give up, 5 to note."""


@pytest.mark.timeout(120)
def test_a_disk_that_hangs_does_not_keep_a_process_from_being_given_up(tmp_path: Path) -> None:
    """The shutter's write never ends, and whoever gives up waits for the journal that it holds.

    The process ends all the same, and the next one takes up the session.
    """
    stack = Stack(tmp_path)
    flag = tmp_path / "hang"
    place = "cinepi.journal.database.Work.commit"
    limit = f"cinepi.service.monitor.STUCK_AFTER={STUCK_AFTER}"
    stack.service, service = broken(stack, "service", place, "hang", flag, limit), stack.service
    stack.start()
    observer = Observer(stack.port)
    try:
        observer.await_document("camera", lambda found: found["connected"])
        assert observer.ask("session/start", interval=1)["success"]
        wait_for(lambda: observer.of_type("capture_stored"))
        flag.touch()
        began = time.monotonic()
        assert stack.service.await_end(ENDED) == EXIT_CAMERA
        print(f"ended {time.monotonic() - began:.1f} s after the disk began to hang")
        died = time.monotonic()
        service.start()
        wait_for(
            lambda: any(e["heard_at"] > died for e in observer.of_type("capture_stored")),
            why=stack.stderr,
        )
    finally:
        observer.close()
        service.kill()
        stack.close()


@pytest.mark.timeout(120)
def test_a_shutter_that_is_corrected_does_not_end_a_long_exposure(tmp_path: Path) -> None:
    """A call into the camera keeps the time that it was given when it began."""
    camera = {"exposure_mode": "manual", "shutter_us": 6_000_000}
    stack = Stack(tmp_path, camera=camera)
    limit = "cinepi.service.monitor.STUCK_AFTER=3"
    stack.service = broken(
        stack, "service", "cinepi.service.app.run", "hang", tmp_path / "never", limit
    )
    stack.programs = (stack.daemon, stack.service, stack.broker)
    stack.start()
    observer = Observer(stack.port)
    try:
        observer.await_document("camera", lambda found: found["connected"])
        stack.fault("slow", count=1, seconds=0)
        sent = observer.send("snapshot/take")
        wait_for(lambda: not stack.layout.faults.exists())  # so the exposure has begun
        with Client.connect(stack.layout, start=False) as client:
            client.call(
                "camera.set", CameraDocument, CameraSetParams(settings={"shutter_us": 1000})
            )
        wait_for(lambda: sent.final, why=stack.stderr)
        assert sent.final is not None
        assert sent.final["success"], sent.final
        assert sent.final["data"]["achieved"]["exposure_us"] == 6_000_000
        assert stack.service.is_running
        assert not observer.of_type("camera_lost")
    finally:
        observer.close()
        stack.close()
