"""Frames that are not what was asked for: none becomes a picture, and the next good one does."""

import pytest

from tests.faults import invariants
from tests.faults.observer import Observer
from tests.faults.stack import Stack, wait_for


@pytest.mark.timeout(120)
@pytest.mark.parametrize("fault", ["truncated", "wrong_size"])
def test_a_frame_of_another_shape_is_no_picture(device: tuple[Stack, Observer], fault: str) -> None:
    """One bad frame costs a restart of the stream, and is told; every picture has its size."""
    stack, observer = device
    stack.fault(fault, count=1)
    wait_for(lambda: observer.of_type("camera_recovered"), why=stack.stderr)
    assert [event["rung"] for event in observer.of_type("camera_lost")] == ["restart_stream"]
    assert {event["height"] for event in observer.of_type("capture_stored")} == {480}
    assert observer.ask("session/stop")["success"]
    assert invariants.problems(stack, observer) == []
