"""The box, the package, and machines with the product installed on them.

Run by `make test-system`, as root: on several workers, which share the package and the disk on
which it is installed, and then what measures time. The figures of both are printed where they end,
and kept in dist/figures.txt.
"""

import fcntl
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import pytest

from tests.system.dashboard import Dashboard
from tests.system.machine import Image, Machine
from tests.system.watched import Watched, watch

REPOSITORY = Path(__file__).parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cinepi/box"
CALLED = "CINEPI_SYSTEM_TESTS"
INSTALL_LIMIT_S = 300
LAST = "test_budget.py"
TIMED = ("s", "frames")
BUSY = 4
"""Processes that want each core: where there are more, others work here, and times say nothing."""


class Figure(Protocol):
    """Notes a figure for the summary, and fails where it is above its limit.

    A time is only noted, and whether it was missed: a loaded machine must not fail a test.
    """

    def __call__(self, what: str, value: float, unit: str, limit: float | None = None) -> None:
        """Note it."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what `make test-system` did not ask for: it needs root, minutes and a box."""
    here = Path(__file__).parent
    items.sort(key=lambda item: item.path == here / LAST)
    for item in items:
        if not item.path.is_relative_to(here):
            continue
        item.add_marker(pytest.mark.timeout(600))  # a test's own comes before it
        if not os.environ.get(CALLED):
            item.add_marker(pytest.mark.skip(reason="run by make test-system"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the machine's units said where a test fails: the machine will be gone."""
    report = yield
    machines = getattr(item, "funcargs", {}).values()
    if report.failed:
        for machine in machines:
            if isinstance(machine, Machine) and machine.is_running:
                report.sections.append(("journal of the machine", _journal(machine)))
                break
    return report


def _journal(machine: Machine) -> str:
    units = [f"--unit={unit}" for unit in ("cinepi*", "mosquitto", "init.scope")]
    try:
        return machine.run("journalctl", "--no-pager", "--lines=150", *units, check=False)
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was measured, on whichever worker; `make test-system` begins the file anew."""
    reports = (*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed"))
    figures = [
        str(line)
        for report in reports
        if report.when == "call"
        for name, line in report.user_properties
        if name == "figure"
    ]
    if not figures:
        return
    terminalreporter.section("figures")
    for line in figures:
        terminalreporter.line(line)
    with (REPOSITORY / "dist/figures.txt").open("a") as kept:
        kept.writelines(f"{line}\n" for line in figures)


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Figure:
    """See `Figure`."""

    def note(what: str, value: float, unit: str, limit: float | None = None) -> None:
        allowed = "" if limit is None else f"(at most {limit:g})"
        load = os.getloadavg()[0]
        if limit is not None and unit in TIMED and load > BUSY * (os.cpu_count() or 1):
            limit, allowed = None, f"{allowed} not judged: the load is {load:.0f}"
        record_property("figure", f"{what:58} {value:10.3f} {unit:8}{allowed}".rstrip())
        assert limit is None or value <= limit, f"{what}: {value} {unit}, allowed {limit}"

    return note


def build_package(version: str = "") -> Path:
    """Build the package, under another version if one is given."""
    command = [str(REPOSITORY / "scripts/deb"), *([version] if version else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout
    return REPOSITORY / done.stdout.split()[-1]


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this run have in common."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


def once(note: Path, make: Callable[[], Path]) -> Path:
    """What `make` has made; the first of the workers makes it, and leaves a note for the others."""
    with note.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the others wait here
        if not note.exists():
            note.write_text(str(make()))
        return Path(note.read_text())


@pytest.fixture(scope="session")
def package(shared: Path) -> Path:
    """The package as it would be released."""
    return once(shared / "package", build_package)


@pytest.fixture(scope="session")
def newer_package(shared: Path) -> Path:
    """The same, called a later version."""
    return once(shared / "newer-package", lambda: build_package("99.0"))


def made_box(suite: str) -> Path:
    """The base of all machines of a Debian release; made on first use."""
    make: list[str | Path] = [REPOSITORY / "tests/system/box/build", suite, CACHE]
    made = subprocess.run(make, check=True, stdout=subprocess.PIPE, text=True)
    return Path(made.stdout.strip())


@pytest.fixture(scope="session")
def base() -> Path:
    """A Debian trixie with a camera."""
    return made_box("trixie")


@pytest.fixture(scope="session")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where machines have their disks."""
    return tmp_path_factory.mktemp("machines")


@pytest.fixture
def bare(base: Path, machines: Path) -> Iterator[Machine]:
    """A booted machine without the product."""
    with Machine(base, machines / "bare") as machine:
        machine.boot()
        yield machine


def install(machine: Machine, package: Path, *more: str) -> float:
    """Install the package as the README says; returns the seconds taken."""
    shutil.copy(package, machine.path("/srv"))
    begun = time.monotonic()
    command = ["apt-get", "install", "--yes", *more, f"/srv/{package.name}"]
    machine.run(*command, timeout=INSTALL_LIMIT_S)
    return time.monotonic() - begun


@pytest.fixture(scope="session")
def installed(base: Path, shared: Path, package: Path) -> Image:
    """A machine with the product on it, to make copies of."""

    def make() -> Path:
        with Machine(base, shared / "made") as machine:
            machine.boot()
            install(machine, package)
            machine.halt()
            return machine.save(shared / "installed.img")

    return Image(base, once(shared / "installed", make))


@pytest.fixture(scope="session")
def idle(installed: Image, machines: Path) -> Iterator[Watched]:
    """A machine on which nothing happens."""
    with watch(installed, machines / "idle", None) as watched:
        yield watched


@pytest.fixture(scope="session")
def busy(installed: Image, machines: Path) -> Iterator[Watched]:
    """A machine that takes a picture every second."""
    with watch(installed, machines / "busy", 1) as watched:
        yield watched


@pytest.fixture(scope="session", autouse=True)
def _watch_from_the_start(request: pytest.FixtureRequest) -> None:
    """Begin to watch before the first test, where a test will look at what came of it."""
    wanted = {
        name
        for item in request.session.items
        if item.path.name == LAST and isinstance(item, pytest.Function)
        for name in item.fixturenames
    }
    if os.environ.get(CALLED):
        for name in {"idle", "busy"} & wanted:
            with suppress(Exception):  # the test that looks at it gets the same error again
                request.getfixturevalue(name)


@pytest.fixture
def pi(installed: Image, machines: Path) -> Iterator[Machine]:
    """A booted machine with the product, for one test."""
    with installed.copy(machines / "pi") as machine:
        machine.boot()
        yield machine


@pytest.fixture
def dashboard(pi: Machine) -> Iterator[Dashboard]:
    """A dashboard of `pi`, which is online."""
    with Dashboard(pi.forward(1883)) as made:
        made.is_online()
        yield made
