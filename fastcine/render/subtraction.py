"""Mask subtraction of frames (PS3.3 C.7.6.10), the reference for what the viewer draws. Pure.

`fastcine.codec.pixels.subtracted` is the quick whole-pixel kernel; here masks are averaged, moved by parts of a
pixel, and faded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastcine.codec import pixels
from fastcine.dicom.mask import MaskItem
from fastcine.render.picture import Picture

Samples = NDArray[Any]
Levels = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Parts:
    """Frames, from 1, of one subtracted picture: the mean of `masks` is taken from the mean of `contrast`."""

    masks: tuple[int, ...]
    contrast: tuple[int, ...]


def parts_of(item: MaskItem, frame: int, *, frames: int) -> Parts | None:
    """What `frame` (from 1) of a run of so many frames is subtracted by; None where this item is not for it.

    AVG_SUB without ranges ends where there are too few frames left to average; TID takes the frame `tid_offset` before
    (negative: after); REV_TID walks back from the start of the range while the frame goes on.
    """
    within = [(first, last) for first, last in item.frame_ranges if first <= frame <= last]
    if item.operation == "NONE" or (item.frame_ranges and not within):
        return None
    if item.operation == "AVG_SUB":
        if not within and frame > frames - item.contrast_averaging + 1:
            return None
        return Parts(item.mask_frames, tuple(range(frame, min(frames, frame + item.contrast_averaging - 1) + 1)))
    first = within[0][0] if within else 1
    mask = frame - item.tid_offset if item.operation == "TID" else first - item.tid_offset - (frame - first)
    return Parts((mask,), (frame,)) if 1 <= mask <= frames else None


def levels(samples: Samples, *, bits_stored: int, logarithmic: bool, signed: bool = False) -> Levels:
    """Wire samples as shares of their range, or of its logarithm: absorbers multiply, so their logarithms subtract.

    `logarithmic`: Pixel Intensity Relationship LIN. `signed`: the wire counts from ``-2**(bits_stored - 1)``.
    """
    codes, top = samples.astype(np.float64), float((1 << bits_stored) - 1)
    if not logarithmic:
        return codes / top
    bias = float(1 << (bits_stored - 1)) if signed else 0.0
    shares: Levels = np.log1p(np.maximum(codes - bias, 0.0)) / np.log1p(top - bias)
    return shares


def moved(mask: Levels, shift_pixels: tuple[float, float]) -> Levels:
    """The mask moved by (row, column) as the standard writes them: positive rows down, positive columns to the LEFT.

    Between pixels by straight lines; what comes in from beyond the edge is the edge.
    """
    rows, columns = mask.shape
    upright = _between(mask, np.arange(rows, dtype=np.float64) - shift_pixels[0], 0)
    return _between(upright, np.arange(columns, dtype=np.float64) + shift_pixels[1], 1)


def _between(values: Levels, places: Levels, axis: int) -> Levels:
    last = values.shape[axis] - 1
    below = np.floor(places).astype(np.int64)
    share = (places - below).reshape([-1 if each == axis else 1 for each in range(2)])
    low, high = (np.take(values, np.clip(below + step, 0, last), axis) for step in (0, 1))
    between: Levels = low * (1 - share) + high * share
    return between


def difference(
    contrast: Sequence[Samples],
    masks: Sequence[Samples],
    *,
    bits_stored: int,
    logarithmic: bool,
    signed: bool = False,
    shift_pixels: tuple[float, float] = (0.0, 0.0),
    opacity: float = 1.0,
) -> Levels:
    """Mean of `contrast` less the mean of `masks`, as levels of the samples' range: 0 where alike, else negative.

    Frames are wire samples, shape (rows, columns). `opacity` below 1 leaves of the mask only that share, about its
    mean, so that the anatomy stays as a landmark.
    """

    def mean(frames: Sequence[Samples]) -> Levels:
        each = [levels(one, bits_stored=bits_stored, logarithmic=logarithmic, signed=signed) for one in frames]
        return np.asarray(np.mean(each, axis=0))

    mask = mean(masks)
    faded = opacity * moved(mask, shift_pixels) + (1 - opacity) * mask.mean()
    apart: Levels = (mean(contrast) - faded) * float((1 << bits_stored) - 1)
    return apart


def opening_window(bits_stored: int, *, logarithmic: bool) -> tuple[float, float]:
    """(center, width) of a subtracted picture: half the range, or a factor of e either way."""
    top = float((1 << bits_stored) - 1)
    return 0.0, float(np.round(2 * top / np.log1p(top) if logarithmic else (top + 1) / 2))


def subtracted_picture(levels_apart: Levels, *, window: tuple[float, float], invert: bool = False) -> Picture:
    """Differences to a picture of 8 bits, through a window about 0."""
    center, width = window
    return pixels.window_level(levels_apart, center=center, width=width, function="LINEAR_EXACT", invert=invert)
