"""Which processes hold a device: the kernel only says that it is busy, people want a name."""

import os
from pathlib import Path

_CAMERA_DEVICES = ("/dev/video", "/dev/media", "/dev/v4l-subdev")
_PROC = Path("/proc")


def camera_holders(proc: Path = _PROC) -> tuple[str, ...]:
    """Processes other than this one with a camera device open, each as `name (pid 123)`.

    Those of other users are seen by root only. Blocks for some milliseconds.
    """
    processes = (entry for entry in proc.iterdir() if entry.name.isdecimal())
    return tuple(
        f"{_name(process)} (pid {process.name})"
        for process in sorted(processes, key=lambda entry: int(entry.name))
        if process.name != str(os.getpid()) and _holds_camera(process)
    )


def _holds_camera(process: Path) -> bool:
    try:
        for descriptor in (process / "fd").iterdir():
            if _target(descriptor).startswith(_CAMERA_DEVICES):
                return True
    except OSError:  # ended meanwhile, or another user's
        return False
    return False


def _target(descriptor: Path) -> str:
    try:
        return str(descriptor.readlink())
    except OSError:
        return ""


def _name(process: Path) -> str:
    try:
        return (process / "comm").read_text().strip()
    except OSError:
        return "a process that has ended"
