"""A real camera service on the simulated camera, in a folder of the test's own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.service.running import RunningService


@pytest.fixture
def start_service(tmp_path: Path) -> Iterator[Callable[..., RunningService]]:
    """Start services below one root; all are killed in the end."""
    running: list[RunningService] = []

    def start(
        *, is_steered: bool = True, closes_streams: bool = False, **settings: object
    ) -> RunningService:
        service = RunningService.start(
            tmp_path, is_steered=is_steered, closes_streams=closes_streams, **settings
        )
        running.append(service)
        return service

    yield start
    for service in running:
        service.close()


@pytest.fixture
def service(start_service: Callable[..., RunningService]) -> RunningService:
    """One running service with small pictures."""
    return start_service()
