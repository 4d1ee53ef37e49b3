"""The documentation names nothing that is not there."""

import re
from pathlib import Path

import msgspec
import pytest

from cinepid.commands._registry import commands
from cinepid.config import DaemonConfig

_ROOT = Path(__file__).parents[2]
_PAGES = sorted([*_ROOT.glob("*.md"), *(_ROOT / "docs").rglob("*.md")])
_LINK = re.compile(r"\]\((?!https?:)([^)#]*)(#[^)]*)?\)")
_TEST = re.compile(r"`((?:[\w/]+/)?test_\w+\.py)(?:::(\w+))?`")
_CODE = re.compile(
    r"`((?:cinepi|cinepid|tests|scripts|mosquitto|systemd|docs)/[\w./-]*(?:\.\w+|/))`"
)


def _of_page(page: Path) -> str:
    return str(page.relative_to(_ROOT))


@pytest.mark.parametrize("page", _PAGES, ids=_of_page)
def test_links_lead_somewhere(page: Path) -> None:
    """Files that a page links to exist, and so do the headings."""
    for file, heading in _LINK.findall(page.read_text()):
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), file
        if heading and target.suffix == ".md":
            assert heading[1:] in _headings(target.read_text()), f"{file}{heading}"


@pytest.mark.parametrize("page", _PAGES, ids=_of_page)
def test_code_that_is_named_exists(page: Path) -> None:
    """Paths in the repository, files of tests, and tests in them."""
    text = page.read_text()
    for path in _CODE.findall(text):
        assert (_ROOT / path).exists(), path
    for file, name in _TEST.findall(text):
        folders = (_ROOT, _ROOT / "tests", _ROOT / "tests/faults")
        found = [folder / file for folder in folders if (folder / file).exists()]
        assert found, file
        assert f"def {name}" in found[0].read_text(), f"{file}::{name}"


def test_every_page_is_in_the_index() -> None:
    """Whoever opens the documentation finds all of it."""
    index = (_ROOT / "docs/README.md").read_text()
    pages = {page.name for page in (_ROOT / "docs").glob("*.md")} - {"README.md"}
    assert sorted(name for name in pages if f"({name})" not in index) == []


def test_the_readme_has_every_command() -> None:
    """Its table of groups and verbs is the registry."""
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", (_ROOT / "README.md").read_text(), re.MULTILINE)
    told = {
        f"{group}/{verb}"
        for group, verbs in rows
        for verb in re.findall(r"`([a-z]+)`", re.sub(r"\(.*?\)", "", verbs))
    }
    assert told == set(commands())


def test_every_fault_is_in_the_page_on_reliability() -> None:
    """Its table names each file of the campaign."""
    page = (_ROOT / "docs/reliability.md").read_text()
    files = {path.name for path in (_ROOT / "tests/faults").glob("test_*.py")}
    assert sorted(name for name in files if name not in page) == []


def test_every_setting_of_the_daemon_is_documented() -> None:
    """Whoever installed a package has no source to read."""
    page = (_ROOT / "docs/brokers.md").read_text()
    keys = {
        f"{section.name}.{key.name}"
        for section in msgspec.structs.fields(DaemonConfig)
        for key in msgspec.structs.fields(section.type)
    }
    assert sorted(key for key in keys if f"`{key}`" not in page) == []


def _headings(text: str) -> set[str]:
    """Anchors of a page, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title).strip().lower().replace(" ", "-") for title in titles}
