"""Files that a power cut leaves whole: the old one or the new one, and the new one once told."""

import os
from pathlib import Path


def replace(path: Path, content: bytes) -> None:
    """Put `content` at `path`; on return it is on the disk. Blocks for two fsyncs.

    Raises:
        OSError: The folder is missing, cannot be written, or is full; the old file is still there.
    """
    temporary = path.with_suffix(".new")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path)


def sync_folder(path: Path) -> None:
    """Make the name of the file at `path` outlive a power cut.

    Raises:
        OSError: The disk failed.
    """
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
