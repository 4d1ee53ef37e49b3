"""Names of devices for the shell's completion: a small file, written when devices are found."""

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

_MOST = 5000


def path(environment: Mapping[str, str]) -> Path:
    """Where the names are."""
    folder = environment.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(folder).expanduser() / "cinepictl" / "devices"


def remember(names: Iterable[str], environment: Mapping[str, str]) -> None:
    """Keep names; that they cannot be kept is no reason to fail."""
    file = path(environment)
    text = "".join(f"{name}\n" for name in sorted(names)[:_MOST])
    with suppress(OSError):
        if file.exists() and file.read_text() == text:
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_suffix(f".{os.getpid()}")
        temporary.write_text(text)
        temporary.replace(file)
