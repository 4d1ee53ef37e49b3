"""A Debian that boots: systemd-nspawn on a disk of its own, which can lose its power.

The root is an overlay: below it a base that all machines share, above it an ext4 file system in a
file. Cutting the power shuts that file system down without a last write (what was not synced is
gone, as on a Pi) and kills every process.
"""

import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self, TypeVar

from tests.system.forward import Forward
from tests.system.isolation import Isolation

DISK_BYTES = 3 * 1024**3  # sparse
BOOT_LIMIT_S = 60.0

_EXT4_IOC_SHUTDOWN = 0x8004587D  # linux/ext4.h
_WITHOUT_FLUSH = (2).to_bytes(4, "little")
T = TypeVar("T")

_ENVIRONMENT = (
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/root",
    "DEBIAN_FRONTEND=noninteractive",
)


class MachineError(Exception):
    """A command in the machine failed, or the machine itself did."""


def wait_until(look: Callable[[], T], limit_s: float, what: str) -> T:
    """Look until there is something to see, and return it; fails after `limit_s`."""
    deadline = time.monotonic() + limit_s
    while not (seen := look()):
        if time.monotonic() > deadline:
            raise MachineError(f"{what}: not within {limit_s:g} s")
        time.sleep(0.05)
    return seen


class Machine:
    """One machine; `boot` it, `run` commands in it, `halt` it, `discard` it."""

    def __init__(self, base: Path, folder: Path) -> None:
        """Make the machine's empty disk in `folder`, or take over the one that is there."""
        self._base = base
        self._folder = folder
        self._disk = folder / "disk.img"
        self._mounted = folder / "disk"
        self.root = folder / "root"
        self._name = f"cinepi-{os.getpid()}-{folder.name}"
        self._isolation = Isolation(self._name, self.root)
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._leader = 0
        self._forwards: list[Forward] = []
        for made in (self._mounted, self.root):
            made.mkdir(parents=True, exist_ok=True)
        if not self._disk.exists():
            with self._disk.open("wb") as disk:
                disk.truncate(DISK_BYTES)
            subprocess.run(["mkfs.ext4", "-q", "-m0", self._disk], check=True)
        self._mount()

    @property
    def is_running(self) -> bool:
        """Whether it is booted."""
        return self._leader != 0

    def save(self, file: Path) -> Path:
        """Copy its disk to `file`, for an `Image`; it must be halted."""
        assert not self.is_running
        self._take_out()
        try:
            _copy(self._disk, file)
        finally:
            self._mount()
        return file

    def boot(self) -> float:
        """Start it and wait until its systemd has started everything; returns the seconds taken."""
        begun = time.monotonic()
        command = ["systemd-nspawn", "--quiet", f"--directory={self.root}", "--boot"]
        # No network but a loopback of its own: nothing here can disturb, or depend on, the host's.
        command += ["--private-network", "--register=no", "--keep-unit", "--resolv-conf=off"]
        command += [f"--machine={self._name}"]
        command += ["--link-journal=no", "--timezone=off"]
        # DeviceAllow= is a BPF program on a unified control group.
        command += ["--capability=CAP_BPF", "--system-call-filter=bpf"]
        with (self._folder / "console").open("ab") as console:
            self._nspawn = subprocess.Popen(
                self._isolation.around(command),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                env=os.environ | {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
            )
        self._leader = wait_until(self._find_leader, BOOT_LIMIT_S, "nspawn starts")
        wait_until(self._has_booted, BOOT_LIMIT_S, "systemd starts")
        return time.monotonic() - begun

    def run(
        self, *command: str, check: bool = True, timeout: float = 60, stdin: str | None = None
    ) -> str:
        """Run a command as root and return what it printed.

        Raises:
            MachineError: It failed and `check` is set; has all that it printed.
        """
        enter = ["nsenter", f"--target={self._leader}", "-m", "-u", "-i", "-p", "-n", "-C"]
        done = subprocess.run(
            [*enter, "env", "-i", *_ENVIRONMENT, "LC_ALL=C.UTF-8", *command],
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
        if check and done.returncode:
            raise MachineError(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}")
        return done.stdout.strip()

    def shell(self, script: str, *, check: bool = True, timeout: float = 60) -> str:
        """Run a shell script as root and return what it printed."""
        return self.run("sh", "-euc", script, check=check, timeout=timeout)

    def path(self, inside: str) -> Path:
        """Where the file `inside` the machine is seen from here; /run and /tmp are not."""
        return self.root / inside.lstrip("/")

    def write(self, inside: str, text: str) -> None:
        """Write a file in the machine, and the folders above it."""
        self.run("sh", "-euc", 'mkdir -p "$(dirname "$1")"; cat >"$1"', "-", inside, stdin=text)

    def forward(self, port: int) -> int:
        """Make a TCP port of the machine's loopback reachable here; returns the port to use."""
        forward = Forward(self._leader, port)
        self._forwards.append(forward)
        return forward.port

    def halt(self) -> None:
        """Shut it down cleanly."""
        if self._nspawn and self.is_running:
            with suppress(MachineError, subprocess.TimeoutExpired):
                self.run("systemctl", "poweroff", "--no-wall", check=False)
                self._nspawn.wait(60)
        self._kill()

    def cut_power(self) -> None:
        """End it as pulling the plug does: nothing more reaches the disk, nothing is stopped."""
        disk = os.open(self._mounted, os.O_RDONLY)
        try:
            fcntl.ioctl(disk, _EXT4_IOC_SHUTDOWN, _WITHOUT_FLUSH)
        finally:
            os.close(disk)
        self._kill()
        self._take_out()
        self._mount()

    def discard(self) -> None:
        """End it and delete its disk."""
        self._kill()
        self._isolation.remove()
        self._unmount()
        shutil.rmtree(self._folder)

    def __enter__(self) -> Self:
        """Use the machine in a `with` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Discard it."""
        self.discard()

    def _mount(self) -> None:
        subprocess.run(["mount", "-o", "loop", self._disk, self._mounted], check=True)
        for made in ("upper", "work"):
            (self._mounted / made).mkdir(exist_ok=True)
        layers = (
            f"lowerdir={self._base},upperdir={self._mounted}/upper,workdir={self._mounted}/work"
        )
        subprocess.run(["mount", "-t", "overlay", "-o", layers, "box", self.root], check=True)

    def _unmount(self) -> None:
        for mounted in (self.root, self._mounted):
            wait_until(partial(_is_unmounted, mounted), 10, f"unmount {mounted}")

    def _take_out(self) -> None:
        """Unmount it until the file has all that was written, and nobody uses it any more."""
        self._unmount()
        wait_until(partial(_is_released, self._disk), 20, f"nobody uses {self._disk}")

    def _kill(self) -> None:
        for forward in self._forwards:
            forward.close()
        self._forwards.clear()
        if self._leader:
            with suppress(ProcessLookupError):
                os.kill(self._leader, signal.SIGKILL)  # with it goes the whole PID namespace
        if self._nspawn:
            with suppress(subprocess.TimeoutExpired):
                self._nspawn.wait(10)
            self._nspawn.kill()
            self._nspawn.wait()
        self._leader, self._nspawn = 0, None

    def _find_leader(self) -> int:
        assert self._nspawn is not None
        number = self._nspawn.pid
        if self._nspawn.poll() is not None:
            console = (self._folder / "console").read_text(errors="replace")
            raise MachineError(f"systemd-nspawn ended at once: {console}")
        children = Path(f"/proc/{number}/task/{number}/children").read_text().split()
        # nspawn has other short-lived children: the leader is PID 1 in a namespace of its own
        for child in children:
            with suppress(OSError):
                for line in Path(f"/proc/{child}/status").read_text().splitlines():
                    if line.startswith("NSpid:") and line.split()[-1] == "1":
                        return int(child)
        return 0

    def _has_booted(self) -> bool:
        return self.run("systemctl", "is-system-running", check=False) in ("running", "degraded")


@dataclass(frozen=True)
class Image:
    """A disk that machines begin with.

    Attributes:
        base: What lies below it, as of a machine.
        disk: A file; see `Machine.save`.
    """

    base: Path
    disk: Path

    def copy(self, folder: Path) -> Machine:
        """Make a machine with a copy of the disk."""
        folder.mkdir(parents=True)
        _copy(self.disk, folder / "disk.img")
        return Machine(self.base, folder)


def _copy(disk: Path, to: Path) -> None:
    subprocess.run(["cp", "--sparse=always", "--reflink=auto", disk, to], check=True)


def _is_unmounted(mounted: Path) -> bool:
    """Unmount; False while a process that was killed still holds it."""
    subprocess.run(["umount", mounted], stderr=subprocess.DEVNULL, check=False)
    return not mounted.is_mount()


def _is_released(disk: Path) -> bool:
    """Whether no loop device has the file open any more."""
    found = subprocess.run(["losetup", "--associated", disk], capture_output=True, check=True)
    return not found.stdout
