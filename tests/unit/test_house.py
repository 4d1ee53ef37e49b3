"""What keeps the camera side a house to live in: nothing in it grows beyond what one can read."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

CINEPI = Path(__file__).parents[2] / "cinepi"
LONGEST_FILE = 400
LONGEST_FUNCTION = 50
MOST_NAMES = 30
"""In-house names that one file imports: what a newcomer must know before changing it."""


def modules() -> Iterator[Path]:
    """Every file of code of the camera side."""
    return CINEPI.rglob("*.py")


def problems(module: Path) -> Iterator[str]:
    """What of a file is more than one can read."""
    text = module.read_text()
    if (lines := text.count("\n")) > LONGEST_FILE:
        yield f"it has {lines} lines"
    names: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and node.end_lineno is not None:
            length = node.end_lineno - node.lineno + 1
            if length > LONGEST_FUNCTION:
                yield f"{node.name} has {length} lines"
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cinepi"):
            names.update(alias.name for alias in node.names)
    if len(names) > MOST_NAMES:
        yield f"it imports {len(names)} names of the house"


@pytest.mark.parametrize(
    "module", sorted(modules()), ids=lambda path: str(path.relative_to(CINEPI))
)
def test_nothing_is_too_large_to_be_read(module: Path) -> None:
    """A file above 400 lines holds a second thing, and a long function hides one."""
    assert list(problems(module)) == []
