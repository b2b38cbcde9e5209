"""Letters burned into pixels: a 5x7 bitmap font, enough for PHANTOM, times, angles and scales."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Seven rows of five bits a letter, top row first, leftmost pixel in bit 4.
_FONT = {
    " ": "00000000000000", "A": "0E11111F111111", "B": "1E11111E11111E", "C": "0E11101010110E", "D": "1E11111111111E",
    "E": "1F10101E10101F", "F": "1F10101E101010", "G": "0E11101713110F", "H": "1111111F111111", "I": "0E04040404040E",
    "J": "0702020202120C", "K": "11121418141211", "L": "1010101010101F", "M": "111B1515111111", "N": "11191513111111",
    "O": "0E11111111110E", "P": "1E11111E101010", "Q": "0E11111115120D", "R": "1E11111E141211", "S": "0F10100E01011E",
    "T": "1F040404040404", "U": "1111111111110E", "V": "11111111110A04", "W": "11111115151B11", "X": "11110A040A1111",
    "Y": "11110A04040404", "Z": "1F01020408101F", "0": "0E11131519110E", "1": "040C040404040E", "2": "0E11010608101F",
    "3": "1E01010E01011E", "4": "02060A121F0202", "5": "1F101E0101110E", "6": "0E10101E11110E", "7": "1F010204080808",
    "8": "0E11110E11110E", "9": "0E11110F01010E", ".": "00000000000C0C", ":": "000C0C000C0C00", "-": "0000001F000000",
    "/": "01010204081010", "+": "0004041F040400",
}  # fmt: skip

LETTER_ROWS, LETTER_COLUMNS = 7, 6
"""A letter's cell before scaling; the sixth column is the gap."""


def text_mask(text: str, *, scale: int = 1) -> NDArray[np.bool_]:
    """``text`` (upper case, digits, ``.:-/+``) as a bool picture of 7*scale rows and 6*len*scale columns.

    Raises KeyError for a letter the font lacks.
    """
    cells = []
    for letter in text:
        rows = np.frombuffer(bytes.fromhex(_FONT[letter]), dtype=np.uint8)
        bits = np.unpackbits(rows[:, None], axis=1)[:, 3:]
        cells.append(np.pad(bits, ((0, 0), (0, 1))))
    return np.repeat(np.repeat(np.concatenate(cells, axis=1), scale, axis=0), scale, axis=1).astype(np.bool_)


def burn_text(
    pixels: NDArray[Any], text: str, *, top: int, left: int, value: Any, shadow: Any = None, scale: int = 1
) -> None:
    """Write ``text`` into ``pixels`` (rows, columns[, samples]) in place; ``shadow`` darkens one pixel around it.

    The text must lie inside the picture with a pixel to spare (ValueError otherwise).
    """
    mask = np.pad(text_mask(text, scale=scale), 1)
    top, left = top - 1, left - 1
    window = pixels[top : top + mask.shape[0], left : left + mask.shape[1]]
    if top < 0 or left < 0 or window.shape[:2] != mask.shape:
        raise ValueError(f"text of {mask.shape[1]}x{mask.shape[0]} pixels does not fit at row {top}, column {left}")
    if shadow is not None:
        around = mask.copy()
        for axis in (0, 1):
            around |= np.roll(around, 1, axis) | np.roll(around, -1, axis)
        window[around] = shadow
    window[mask] = value
