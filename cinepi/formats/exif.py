"""What a picture says of itself: the EXIF block, and reading it again."""

import json
import math
import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import msgspec
import piexif

from cinepi import __version__
from cinepi.formats.contract import Facts, Provenance
from cinepi.units import Microseconds, WallTime

_EXIF_TIME = "%Y:%m:%d %H:%M:%S"
_UPRIGHT = 1  # EXIF orientation; the camera turns the picture itself
_MOST_SHORT = 65_535
_LATEST_US = 4_000_000_000  # EXIF holds the exposure as a fraction of two 32-bit numbers
_ASCII = b"ASCII\x00\x00\x00"  # how a user comment names its character set
_APP1 = b"\xff\xe1"
_SRGB = 1
_EXIF = b"Exif\0\0"
_POINTER = 0x8769  # of the first directory: where the Exif tags are
_TEXT_KINDS = (2, 7)  # ASCII and UNDEFINED, as the user comment is
_MOST_TAGS = 200
_REFUSALS = (ValueError, RecursionError)  # msgspec's errors, and wrong UTF-8 inside them


def app1(facts: Facts, width: int, height: int) -> bytes:
    """The EXIF block as a JPEG segment, marker and length included; about 0.2 ms."""
    achieved = facts.provenance.achieved
    local = datetime.fromtimestamp(facts.wall).astimezone()
    text_time = local.strftime(_EXIF_TIME)
    offset = _offset(local.utcoffset() or timedelta())
    milliseconds = f"{local.microsecond // 1000:03}"
    main: dict[int, object] = {
        piexif.ImageIFD.Make: "CinePi",
        piexif.ImageIFD.Model: _ascii(facts.model),
        piexif.ImageIFD.Software: f"cinepi {__version__}",
        piexif.ImageIFD.DateTime: text_time,
        piexif.ImageIFD.ImageDescription: _description(facts),
        piexif.ImageIFD.Orientation: _UPRIGHT,
    }
    exposure: dict[int, object] = {
        piexif.ExifIFD.ExifVersion: b"0232",
        piexif.ExifIFD.DateTimeOriginal: text_time,
        piexif.ExifIFD.OffsetTimeOriginal: offset,
        piexif.ExifIFD.SubSecTimeOriginal: milliseconds,
        piexif.ExifIFD.OffsetTime: offset,
        piexif.ExifIFD.SubSecTime: milliseconds,
        piexif.ExifIFD.PixelXDimension: width,
        piexif.ExifIFD.PixelYDimension: height,
        piexif.ExifIFD.ColorSpace: _SRGB,
        piexif.ExifIFD.ImageUniqueID: os.urandom(16).hex(),
        piexif.ExifIFD.UserComment: _ASCII + _comment(facts.provenance),
    }
    if achieved.exposure_us is not None:
        exposure[piexif.ExifIFD.ExposureTime] = _seconds(achieved.exposure_us)
    if achieved.iso is not None:
        exposure[piexif.ExifIFD.ISOSpeedRatings] = min(achieved.iso, _MOST_SHORT)
    block: bytes = piexif.dump({"0th": main, "Exif": exposure})
    return _APP1 + (len(block) + 2).to_bytes(2, "big") + block


def read(jpeg: bytes) -> tuple[WallTime | None, Provenance]:
    """When a picture of ours was exposed, and where it belongs; None and defaults if unsaid.

    Args:
        jpeg: At least the first 64 KiB, or the whole file.
    """
    start = jpeg.find(_APP1, 0, 64)
    if start < 0:
        return None, Provenance()
    length = int.from_bytes(jpeg[start + 2 : start + 4], "big")
    try:
        exposure = _texts(jpeg[start + 4 : start + 2 + length])
    except struct.error:
        return None, Provenance()
    return _time(exposure), _provenance(exposure.get(piexif.ExifIFD.UserComment, b""))


def _texts(block: bytes) -> dict[int, bytes]:
    """The texts among the Exif tags of a block.

    Bounded, unlike piexif, which takes gigabytes for a damaged length and fails in many ways.

    Raises:
        struct.error: The block ends where a number should be.
    """
    tiff = block.removeprefix(_EXIF)
    order = "<" if tiff.startswith(b"II") else ">"
    found: dict[int, bytes] = {}
    (directory,) = struct.unpack_from(f"{order}I", tiff, 4)
    for pointer in (value for tag, _, value in _entries(tiff, order, directory) if tag == _POINTER):
        (directory,) = struct.unpack(f"{order}I", pointer)
        for tag, count, value in _entries(tiff, order, directory):
            if count > len(value):
                (offset,) = struct.unpack(f"{order}I", value)
                found[tag] = tiff[offset : offset + count].rstrip(b"\0")
            else:
                found[tag] = value[:count].rstrip(b"\0")
    return found


def _entries(tiff: bytes, order: str, directory: int) -> Iterator[tuple[int, int, bytes]]:
    """Tag, number of bytes, and the four bytes of the value or of its place; texts and pointers."""
    (number,) = struct.unpack_from(f"{order}H", tiff, directory)
    for place in range(min(number, _MOST_TAGS)):
        tag, kind, count, value = struct.unpack_from(
            f"{order}HHI4s", tiff, directory + 2 + 12 * place
        )
        if kind in _TEXT_KINDS or tag == _POINTER:
            yield tag, count, value


def _time(exposure: dict[int, bytes]) -> WallTime | None:
    date = exposure.get(piexif.ExifIFD.DateTimeOriginal, b"").decode("ascii", "replace")
    offset = exposure.get(piexif.ExifIFD.OffsetTimeOriginal, b"").decode("ascii", "replace")
    part = exposure.get(piexif.ExifIFD.SubSecTimeOriginal, b"000").decode("ascii", "replace")
    if not offset:
        return None
    try:  # as ISO 8601, which is read in a tenth of the time that `strptime` takes
        whole = datetime.fromisoformat(f"{date.replace(':', '-', 2)}{offset}")
        return whole.timestamp() + int(part) / 1000
    except (ValueError, OverflowError):
        return None


def _provenance(comment: bytes) -> Provenance:
    """What a user comment of ours says; a value that a newer version wrote costs itself."""
    text = comment.removeprefix(_ASCII)
    try:
        return msgspec.json.decode(text, type=Provenance)
    except _REFUSALS:
        pass
    try:
        values = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except _REFUSALS:
        return Provenance()
    understood: dict[str, Any] = {}
    for field in msgspec.structs.fields(Provenance):
        with suppress(KeyError, *_REFUSALS):
            understood[field.name] = msgspec.json.decode(values[field.name], type=field.type)
    return Provenance(**understood)


def _comment(provenance: Provenance) -> bytes:
    return json.dumps(msgspec.to_builtins(provenance), ensure_ascii=True).encode()


def _description(facts: Facts) -> bytes:
    where = facts.provenance
    if where.session is None:
        return b"Snapshot"
    name = f"{facts.session_name}, " if facts.session_name else ""
    return f"{name}session {where.session}, slot {where.frame}".encode()


def _seconds(exposure_us: Microseconds) -> tuple[int, int]:
    """As a fraction in lowest terms, since viewers show it as it stands: 1/100."""
    limited = min(exposure_us, _LATEST_US)
    divisor = math.gcd(limited, 1_000_000)
    return limited // divisor, 1_000_000 // divisor


def _offset(offset: timedelta) -> str:
    minutes = round(offset.total_seconds() / 60)
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"


def _ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode("ascii")
