"""A few letters, drawn as dots: what the simulated camera writes on its pictures."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_ROWS = 7
# Five dots a row, seven rows from the top; each row is one number whose highest bit is at the left.
_GLYPHS = {
    "0": (14, 17, 19, 21, 25, 17, 14),
    "1": (4, 12, 4, 4, 4, 4, 14),
    "2": (14, 17, 1, 2, 4, 8, 31),
    "3": (31, 2, 4, 2, 1, 17, 14),
    "4": (2, 6, 10, 18, 31, 2, 2),
    "5": (31, 16, 30, 1, 1, 17, 14),
    "6": (6, 8, 16, 30, 17, 17, 14),
    "7": (31, 1, 2, 4, 8, 8, 8),
    "8": (14, 17, 17, 14, 17, 17, 14),
    "9": (14, 17, 17, 15, 1, 2, 12),
    ":": (0, 4, 4, 0, 4, 4, 0),
    "-": (0, 0, 0, 14, 0, 0, 0),
    "#": (10, 10, 31, 10, 31, 10, 10),
    " ": (0, 0, 0, 0, 0, 0, 0),
}
_WIDTH = 6  # dots from letter to letter


def lettering(text: str, scale: int) -> NDArray[np.bool_]:
    """Where to paint for `text`, each dot `scale` pixels wide; unknown letters are left blank."""
    return np.hstack([_letter(letter, scale) for letter in f" {text}"])


@lru_cache(maxsize=4 * len(_GLYPHS))
def _letter(letter: str, scale: int) -> NDArray[np.bool_]:
    dots = np.zeros((_ROWS + 4, _WIDTH), dtype=np.bool_)  # two rows of margin above and below
    for row, bits in enumerate(_GLYPHS.get(letter, _GLYPHS[" "])):
        dots[row + 2, :5] = [bool(bits >> shift & 1) for shift in range(4, -1, -1)]
    return np.kron(dots, np.ones((scale, scale), dtype=np.bool_))
