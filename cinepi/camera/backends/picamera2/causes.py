"""What an error of libcamera or picamera2 means, in words that help."""

from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager

from cinepi.camera.backends.picamera2.holders import camera_holders
from cinepi.errors import CameraUnavailableError, CinepiError


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Turn foreign errors into ours, with the likely cause and what to do about it.

    Raises:
        CameraUnavailableError: "`doing` failed: …".
    """
    try:
        yield
    except CinepiError:
        raise
    except (
        ArithmeticError,
        AttributeError,
        CancelledError,
        ImportError,
        LookupError,
        MemoryError,
        OSError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        raise CameraUnavailableError(f"{doing} failed: {_cause(error)}") from error


def _cause(error: BaseException) -> str:
    """The innermost reason, which says most, and what to do about it."""
    chain = [error]
    while (inner := chain[-1].__cause__ or chain[-1].__context__) is not None:
        chain.append(inner)
    text = "; ".join(dict.fromkeys(str(link) or type(link).__name__ for link in reversed(chain)))
    lowered = text.lower()
    if "busy" in lowered or "in use" in lowered or "acquire" in lowered:
        holders = ", ".join(camera_holders()) or "another process"
        return f"it is in use by {holders}; end that, or wait for it ({text})"
    if "cannot allocate memory" in lowered or "failed to allocate" in lowered:
        return (
            "there is not enough contiguous memory: choose a smaller resolution, or raise cma in "
            f"/boot/firmware/config.txt ({text})"
        )
    return text
