"""The device that most faults are tried on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.observer import Observer
from tests.faults.stack import Stack, wait_for


@pytest.fixture
def device(tmp_path: Path) -> Iterator[tuple[Stack, Observer]]:
    """A device with a session that has taken pictures, and whoever watches it.

    A test whose fault ends the camera service starts it again itself, as systemd would.
    """
    stack = Stack(tmp_path)
    stack.start()
    observer = Observer(stack.port)
    try:
        observer.await_document("camera", lambda found: found["connected"])
        assert observer.ask("session/start", interval=1)["success"]
        wait_for(lambda: len(observer.of_type("capture_stored")) > 1)
        yield stack, observer
    finally:
        observer.close()
        stack.close()
