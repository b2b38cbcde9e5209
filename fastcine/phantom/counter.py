"""The frame counter burned into bench runs, which a probe reads back from what was drawn.

Layout, version 1 (docs: this text; a browser's probe reads the same). A row of fifteen blocks of 16x16 pixels lies in
the picture's top left corner, first block at row 0, column 0:

====== ======= ==============================================================
block  column  meaning
====== ======= ==============================================================
0      0       sync, always bright
1      16      sync, always dark
2..13  32..    the frame's number (from 0), 12 bits, most significant first, bright = 1
14     224     parity: bright where the twelve bits hold an even number of ones (odd parity over 13 blocks)
====== ======= ==============================================================

Bright is 7/8 and dark 1/8 of the sample range, so that the ringing of a lossy first pass cannot wrap or clip.
To read: take the mean of each block's inner 8x8 pixels (any colour channel; after any monotonous display step and any
scaling, the geometry scaled alike); the two sync blocks are the levels; a bit is 1 above their middle. It is
unreadable where the sync blocks differ by under 1/8 of the range, where a block lies within a fifth of the
difference of the middle, or where the parity is wrong.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

BLOCK_PIXELS = 16
NUMBER_BITS = 12
BLOCKS = 2 + NUMBER_BITS + 1
_INNER = 4
_MAX_NUMBER = (1 << NUMBER_BITS) - 1


def _blocks(number: int) -> NDArray[np.bool_]:
    bits = [(number >> (NUMBER_BITS - 1 - k)) & 1 for k in range(NUMBER_BITS)]
    return np.array([1, 0, *bits, 1 - sum(bits) % 2], dtype=np.bool_)


def burn(frame_pixels: NDArray[Any], number: int, *, bits: int = 8) -> None:
    """Burn ``number`` (0 to 4095) into ``frame_pixels``, unsigned (rows, columns[, samples]), in place.

    ``bits`` is Bits Stored. Raises ValueError for a number out of range or a picture under 16x240 pixels.
    """
    if not 0 <= number <= _MAX_NUMBER:
        raise ValueError(f"frame number {number} is not within 0 to {_MAX_NUMBER}")
    if frame_pixels.shape[0] < BLOCK_PIXELS or frame_pixels.shape[1] < BLOCKS * BLOCK_PIXELS:
        raise ValueError(f"a picture of {frame_pixels.shape[1]}x{frame_pixels.shape[0]} pixels is too small")
    bright, dark = (7 << bits) >> 3, (1 << bits) >> 3
    row = np.where(np.repeat(_blocks(number), BLOCK_PIXELS), bright, dark).astype(frame_pixels.dtype)
    target = frame_pixels[:BLOCK_PIXELS, : row.size]
    target[...] = row if frame_pixels.ndim == 2 else row[:, None]


def read(pixels: NDArray[Any], *, bits: int = 8) -> int | None:
    """The number in ``pixels`` (rows, columns[, samples]), or None where it cannot be read with certainty."""
    width = BLOCKS * BLOCK_PIXELS
    if pixels.ndim not in (2, 3) or pixels.shape[0] < BLOCK_PIXELS or pixels.shape[1] < width:
        return None
    strip = pixels[_INNER : BLOCK_PIXELS - _INNER, :width].astype(np.float64)
    if strip.ndim == 3:
        strip = strip.mean(axis=2)
    inner = strip.reshape(strip.shape[0], BLOCKS, BLOCK_PIXELS)[:, :, _INNER : BLOCK_PIXELS - _INNER]
    level = inner.mean(axis=(0, 2))
    difference = level[0] - level[1]
    if difference < (1 << bits) / 8:
        return None
    middle = (level[0] + level[1]) / 2
    if np.any(np.abs(level - middle) < difference / 5):
        return None
    ones = level[2:] > middle
    if ones.sum() % 2 != 1:
        return None
    return int(sum(1 << (NUMBER_BITS - 1 - k) for k in range(NUMBER_BITS) if ones[k]))
