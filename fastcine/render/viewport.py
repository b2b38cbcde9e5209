"""A picture cut, turned over and scaled to fit a viewport (PS3.18 8.3.5.1.3). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastcine.render.picture import Picture

MOST_PIXELS = 4096
"""Of either side of a viewport: larger than any screen, and what a client can make us work for is bounded."""


@dataclass(frozen=True, slots=True)
class Viewport:
    """`width` and `height` in pixels of the answer. The rest is the part of the picture that is shown, in its pixels:
    its left upper corner, its size (negative: turned over), to the far end where it is None."""

    width: int
    height: int
    left: int = 0
    top: int = 0
    part_width: int | None = None
    part_height: int | None = None


def fitted(picture: Picture, viewport: Viewport) -> Picture:
    """The viewport's part of the picture, as large as fits into the viewport without being distorted.

    `picture`: uint8, (rows, columns[, 3]). Raises ValueError where the part lies beside the picture.
    """
    rows, columns = picture.shape[:2]
    part = picture[
        _reach(viewport.top, viewport.part_height, rows), _reach(viewport.left, viewport.part_width, columns)
    ]
    if not part.size:
        raise ValueError("that part is not in the picture")
    if (viewport.part_height or 0) < 0:
        part = part[::-1]
    if (viewport.part_width or 0) < 0:
        part = part[:, ::-1]
    scale = min(viewport.height / part.shape[0], viewport.width / part.shape[1])
    new_rows, new_columns = (max(1, round(side * scale)) for side in part.shape[:2])
    if part.ndim == 2:
        return _resized(part, new_rows, new_columns)
    # One colour after another: a third of the memory.
    return np.stack([_resized(part[..., each], new_rows, new_columns) for each in range(part.shape[2])], axis=-1)


def _resized(part: Picture, rows: int, columns: int) -> Picture:
    scaled = _scaled(_scaled(part.astype(np.float32), rows, 0), columns, 1)
    return np.asarray(np.rint(scaled)).astype(np.uint8)


def _reach(start: int, length: int | None, end: int) -> slice:
    first = max(0, start)
    return slice(first, end if length is None else max(first, min(end, start + abs(length))))


def _scaled(values: NDArray[Any], wanted: int, axis: int) -> NDArray[Any]:
    """One axis to `wanted` places: means of what falls together, or straight lines between what is drawn apart."""
    have = values.shape[axis]
    if wanted == have:
        return values
    if wanted < have:
        starts = np.arange(wanted) * have // wanted
        shape = [1] * values.ndim
        shape[axis] = wanted
        sums = np.add.reduceat(values, starts, axis=axis)
        return np.asarray(sums / np.diff(np.append(starts, have)).reshape(shape).astype(np.float32))
    places = np.clip((np.arange(wanted, dtype=np.float32) + 0.5) * have / wanted - 0.5, 0, have - 1)
    below = places.astype(np.int64)
    share = (places - below).reshape([-1 if each == axis else 1 for each in range(values.ndim)])
    above = np.minimum(below + 1, have - 1)
    return np.asarray(np.take(values, below, axis) * (1 - share) + np.take(values, above, axis) * share)
