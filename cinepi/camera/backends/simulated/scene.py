"""The landscape that the simulated camera looks at: hills under a sky across which a sun moves.

Everything is made of numbers, so that the same look at the same frame number gives the same
picture. What does not move is painted once; a frame is that with the sun and a line of text on top,
which takes 2 ms at 12 megapixels on a desktop machine.
"""

import mmap
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from cinepi.camera.backends.simulated.lettering import lettering
from cinepi.camera.contract import Plane, Planes

Floats: TypeAlias = NDArray[np.float32]
Colour: TypeAlias = tuple[float, float, float]

FRAMES_PER_DAY = 240
"""The sun crosses the sky once in so many frames."""

_HORIZON = 0.62  # of the height, from the top; the ridges rise over it
_SKY: tuple[Colour, Colour] = ((0.09, 0.22, 0.52), (0.72, 0.60, 0.46))  # zenith, horizon


@dataclass(frozen=True, slots=True)
class _Hills:
    """A range of hills: shares of the picture's height, and linear light."""

    height: float  # of the middle line, above the horizon
    waves: tuple[tuple[float, float, float], ...]  # how many across, how high, where they begin
    colours: tuple[Colour, Colour]  # at the ridge, at the foot


_HILLS = (
    _Hills(
        height=0.13,
        waves=((1.3, 0.07, 0.4), (4.1, 0.025, 1.9), (11.0, 0.008, 0.2)),
        colours=((0.20, 0.26, 0.36), (0.38, 0.40, 0.42)),
    ),
    _Hills(
        height=0.03,
        waves=((1.9, 0.05, 2.6), (5.3, 0.015, 0.7), (17.0, 0.004, 1.1)),
        colours=((0.10, 0.16, 0.15), (0.20, 0.25, 0.20)),
    ),
    _Hills(
        height=-0.10,
        waves=((0.8, 0.04, 4.0), (3.7, 0.012, 2.2)),
        colours=((0.07, 0.13, 0.05), (0.16, 0.22, 0.05)),
    ),
)
_CLOUDS = (  # x, y and size, as shares of the picture
    (0.18, 0.17, 0.10),
    (0.26, 0.15, 0.13),
    (0.34, 0.18, 0.09),
    (0.68, 0.30, 0.08),
    (0.76, 0.28, 0.11),
)
_TEXTURE = 256  # pixels; grain repeats at this distance
_GRAIN_LIMIT = 8  # keeps brightness plus grain within a byte
_SUN = (250, 104, 140)  # bright and a little yellow, in the three planes
_SUN_REACH = 3.5  # how far the glow reaches, in radii of the sun
_GAMMA = 1 / 2.2


@dataclass(frozen=True, slots=True)
class Look:
    """All that decides how the landscape comes out, apart from the moment.

    Attributes:
        width: Pixels, even.
        height: Pixels, even.
        exposure: Light gathered; 1 is exposed well, 2 is one stop over.
        white: Factors on red, green and blue.
        brightness: -1 to 1; 0 is neutral.
        contrast: 1 is neutral.
        saturation: 1 is neutral.
        grain: Noise, as a standard deviation in steps of brightness of 255.
        is_upside_down: Whether the picture is turned by 180°.
    """

    width: int
    height: int
    exposure: float = 1.0
    white: Colour = (1.0, 1.0, 1.0)
    brightness: float = 0.0
    contrast: float = 1.0
    saturation: float = 1.0
    grain: float = 1.5
    is_upside_down: bool = False


class Scene:
    """The landscape under one look. It holds one picture, and paints sun and text on that."""

    def __init__(self, look: Look) -> None:
        """Paint what does not move; at 12 megapixels about 60 ms on a desktop machine."""
        self.look = look
        self._planes = blank(look.width, look.height)
        self._covered: list[tuple[Plane, Plane]] = []
        _paint_landscape(_upright(self._planes, look), look)

    def draw(self, number: int, text: str) -> Planes:
        """The frame of that `number` with `text` on it; gone with the next call."""
        for part, below in reversed(self._covered):
            part[:] = below
        self._covered.clear()
        upright = _upright(self._planes, self.look)
        self._draw_sun(upright, number)
        self._draw_text(upright, text)
        return self._planes

    def _draw_sun(self, planes: Planes, number: int) -> None:
        progress = (number % FRAMES_PER_DAY + 0.5) / FRAMES_PER_DAY
        x = 0.04 + 0.92 * progress
        y = _HORIZON - 0.03 - 0.5 * float(np.sin(np.pi * progress))
        skyline = _skyline(self.look)
        glow = min(1.0, self.look.exposure**_GAMMA)
        for plane, goal in zip(_each(planes), _SUN, strict=True):
            shrink = planes.height // plane.shape[0]
            light = _sun(max(2, planes.height // (36 * shrink)))
            half = light.shape[0] // 2
            rows, rows_lit = _within(round(y * plane.shape[0]) - half, len(light), plane.shape[0])
            columns, lit = _within(round(x * plane.shape[1]) - half, len(light), plane.shape[1])
            part = self._cover(plane[rows, columns])
            behind = (
                np.arange(rows.start, rows.stop)[:, None] >= skyline[::shrink][columns] // shrink
            )
            # Fixed point: four times as fast as floats here.
            step = (goal - part.astype(np.int32)) * light[rows_lit, lit]
            change = (step * int(256 * glow)) >> 16
            change[behind] = 0
            np.add(part, change, out=part, casting="unsafe")

    def _draw_text(self, planes: Planes, text: str) -> None:
        letters = lettering(text, max(1, planes.height // 240))
        height, width = letters.shape
        margin = 2 * (planes.height // 60)
        box = self._cover(planes.y[-margin - height : -margin, margin : margin + width])
        box >>= 1
        box[letters[:, : box.shape[1]]] = 235

    def _cover(self, part: Plane) -> Plane:
        """Remember what is below, so that the next picture need not be painted from scratch."""
        self._covered.append((part, part.copy()))
        return part


def blank(width: int, height: int) -> Planes:
    """Room for a picture, straight from the operating system: freed, it goes back there at once."""
    quarter = width * height // 4
    memory = np.frombuffer(mmap.mmap(-1, 6 * quarter), np.uint8)
    half = (height // 2, width // 2)
    return Planes(
        y=memory[: 4 * quarter].reshape(height, width),
        u=memory[4 * quarter : 5 * quarter].reshape(half),
        v=memory[5 * quarter :].reshape(half),
    )


def _each(planes: Planes) -> tuple[Plane, Plane, Plane]:
    return planes.y, planes.u, planes.v


def _upright(planes: Planes, look: Look) -> Planes:
    """The same memory, so turned that painting it upright gives what the look wants."""
    if not look.is_upside_down:
        return planes
    return Planes(*(plane[::-1, ::-1] for plane in _each(planes)))


def _paint_landscape(planes: Planes, look: Look) -> None:
    rows = look.height
    sky = _developed(_gradient(_SKY, round(rows * _HORIZON), rows), look)
    for plane, column in zip(_each(planes), sky, strict=True):
        plane[:] = _as_rows(column, plane)[:, None]
    for x, y, size in _CLOUDS:
        _paint_cloud(planes, look, (x, y), size)
    for hills in _HILLS:
        _paint_hills(planes, look, hills)
    _add_grain(planes.y, look.grain)


def _paint_hills(planes: Planes, look: Look, hills: _Hills) -> None:
    ridge = _ridge(look, hills)
    first = int(ridge.min())
    columns = _developed(_gradient(hills.colours, look.height - first, look.height - first), look)
    for plane, column in zip(_each(planes), columns, strict=True):
        shrink = look.height // plane.shape[0]
        tops = ridge[::shrink] // shrink
        top, solid = int(tops.min()), int(tops.max())
        shades = column[::shrink][: plane.shape[0] - top]
        shades = np.pad(shades, (0, plane.shape[0] - top - len(shades)), mode="edge")[:, None]
        ragged = np.arange(top, solid, dtype=np.int32)[:, None] >= tops[None, :]
        np.copyto(plane[top:solid], shades[: solid - top], where=ragged)
        plane[solid:] = shades[solid - top :]


def _paint_cloud(planes: Planes, look: Look, centre: tuple[float, float], size: float) -> None:
    """A soft ellipse, brighter and greyer than the sky; outer products keep it cheap."""
    bright = min(250.0, 245.0 * look.exposure**_GAMMA)
    for plane, goal in zip(_each(planes), (bright, 128.0, 128.0), strict=True):
        height, width = plane.shape
        rows = slice(
            max(0, int((centre[1] - size / 2) * height)), int((centre[1] + size / 2) * height)
        )
        columns = slice(max(0, int((centre[0] - size) * width)), int((centre[0] + size) * width))
        y = (np.arange(height, dtype=np.float32)[rows] / height - centre[1]) / (size / 5)
        x = (np.arange(width, dtype=np.float32)[columns] / width - centre[0]) / (size / 2.5)
        alpha = 0.6 * np.outer(np.exp(-y * y), np.exp(-x * x))
        part = plane[rows, columns]
        part[:] = part + alpha * (goal - part)


def _add_grain(plane: Plane, strength: float) -> None:
    height, width = plane.shape
    tile = _grain(strength).view(np.uint8)  # wraps around like the signed numbers that they are
    strip = np.tile(tile, (1, -(-width // _TEXTURE)))[:, :width]
    for top in range(0, height, _TEXTURE):
        part = plane[top : top + _TEXTURE]
        np.add(part, strip[: part.shape[0]], out=part)


@lru_cache(maxsize=4)
def _grain(strength: float) -> NDArray[np.int8]:
    noise = np.random.default_rng(477).normal(0.0, strength, (_TEXTURE, _TEXTURE))
    return np.clip(np.rint(noise), -_GRAIN_LIMIT, _GRAIN_LIMIT).astype(np.int8)


def _within(first: int, length: int, size: int) -> tuple[slice, slice]:
    """The part of a span that lies within `size`, and which part of the span that is."""
    start, stop = max(0, first), min(size, first + length)
    return slice(start, stop), slice(start - first, stop - first)


@lru_cache(maxsize=8)
def _sun(radius: int) -> NDArray[np.int32]:
    """How much of the light at each point is the sun's, 0 to 256: a disc within its glow."""
    reach = round(radius * _SUN_REACH)
    square = np.arange(-reach, reach + 1, dtype=np.float32) ** 2
    distance = np.sqrt(square[:, None] + square[None, :]) / radius
    halo = 0.75 * np.clip(1 - (distance - 1) / (_SUN_REACH - 1), 0, 1) ** 2
    share: Floats = np.where(distance < 1, np.float32(1.0), halo)
    return np.rint(256 * share).astype(np.int32)


def _ridge(look: Look, hills: _Hills) -> NDArray[np.int32]:
    """The row at which a range of hills begins, for each column."""
    x = np.arange(look.width, dtype=np.float32) * np.float32(2 * np.pi / look.width)
    rise = np.full_like(x, hills.height)
    for many, high, begin in hills.waves:
        rise += high * np.sin(many * x + begin)
    return np.rint(look.height * (_HORIZON - rise)).astype(np.int32)


@lru_cache(maxsize=4)
def _skyline(look: Look) -> NDArray[np.int32]:
    lowest: NDArray[np.int32] = np.minimum.reduce([_ridge(look, hills) for hills in _HILLS])
    return lowest


def _gradient(colours: tuple[Colour, Colour], length: int, rows: int) -> Floats:
    """From one colour to the other over `length` rows, then no further; shape (rows, 3)."""
    share = np.clip(np.arange(rows, dtype=np.float32) / max(1, length), 0, 1)[:, None]
    start, end = (np.asarray(colour, dtype=np.float32) for colour in colours)
    return start + share * (end - start)


def _developed(light: Floats, look: Look) -> tuple[Plane, Plane, Plane]:
    """What colours in linear light, shape (rows, 3), become in the picture."""
    exposed = np.clip(light * np.asarray(look.white, np.float32) * look.exposure, 0, 1)
    red, green, blue = (255 * exposed**_GAMMA).T
    y = 0.299 * red + 0.587 * green + 0.114 * blue  # full-range BT.601, as JPEG has it
    u, v = 0.564 * (blue - y), 0.713 * (red - y)
    y = (y - 128) * look.contrast + 128 + 128 * look.brightness
    return (
        np.clip(y, _GRAIN_LIMIT, 255 - _GRAIN_LIMIT).astype(np.uint8),
        np.clip(128 + u * look.saturation, 0, 255).astype(np.uint8),
        np.clip(128 + v * look.saturation, 0, 255).astype(np.uint8),
    )


def _as_rows(column: Plane, plane: Plane) -> Plane:
    """Half as many shades for a plane of half the height."""
    return column[:: len(column) // plane.shape[0]]
