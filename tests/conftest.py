"""Marks each test with the tier it lies in: a test under tests/broker/ is a `broker` test."""

from pathlib import Path

import pytest
from hypothesis import settings

_HERE = Path(__file__).parent

# An example is judged by what comes of it, and not by how busy the machine is.
settings.register_profile("any-machine", settings.default, deadline=None)
settings.load_profile("any-machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark by folder, so that no test can forget its marker."""
    for item in items:
        tier, *_ = item.path.relative_to(_HERE).parts
        item.add_marker(tier)
