"""A frame's stored samples to an 8-bit display picture: modality, VOI, presentation (PS3.3 C.11; PS3.4 N.2).

The reference for what the viewer draws. `display` is the object of docs/api.md.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastcine.codec import pixels

Picture = NDArray[np.uint8]
Samples = NDArray[Any]


def _lut_values(table: Mapping[str, Any]) -> NDArray[np.float64]:
    return np.frombuffer(base64.b64decode(table["data"]), "<u2").astype(np.float64)


def _through(table: Mapping[str, Any], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values through a LUT: below its first input the first entry, beyond the end the last (PS3.3 C.11.1.1)."""
    entries = _lut_values(table)
    places = np.clip(np.rint(values) - table["first"], 0, len(entries) - 1).astype(np.int64)
    result: NDArray[np.float64] = entries[places]
    return result


def modality_values(stored: NDArray[np.float64], display: Mapping[str, Any]) -> NDArray[np.float64]:
    """Stored values to modality values, by the Modality LUT or the rescale."""
    if display["modality_lut"] is not None:
        return _through(display["modality_lut"], stored)
    return stored * float(display["rescale_slope"]) + float(display["rescale_intercept"])


def grey_lut(display: Mapping[str, Any], *, bits_stored: int, signed: bool) -> Picture:
    """The picture's level for every wire sample 0..2**bits_stored - 1 (signed samples shifted up)."""
    codes = np.arange(1 << bits_stored, dtype=np.float64)
    values = modality_values(codes - (1 << (bits_stored - 1)) if signed else codes, display)
    return _presented(values, display)


def _presented(values: NDArray[np.float64], display: Mapping[str, Any]) -> Picture:
    # As the viewer opens it: by a table where the file gives no window.
    if not display["voi_luts"] or any(each.get("source") == "file" for each in display["windows"][:1]):
        window, function = display["windows"][0], display["voi_lut_function"]
        return pixels.window_level(
            values, center=window["center"], width=window["width"], function=function, invert=display["invert"]
        )
    table = display["voi_luts"][0]
    levels = np.rint(np.clip(_through(table, values) * (255.0 / ((1 << table["bits"]) - 1)), 0, 255)).astype(np.uint8)
    picture: Picture = 255 - levels if display["invert"] else levels
    return picture


def grey_picture(samples: NDArray[Any], display: Mapping[str, Any], *, bits_stored: int, signed: bool) -> Picture:
    """Wire samples, shape (rows, columns), to a picture of the same shape. Over 16 bits and floats: value by value."""
    if samples.dtype.kind == "f" or bits_stored > 16:
        values = samples.astype(np.float64)
        if signed:
            values -= float(1 << (bits_stored - 1))
        return _presented(modality_values(values, display), display)
    table = grey_lut(display, bits_stored=bits_stored, signed=signed)
    return pixels.look_up(samples, table)


def shrunk(picture: Picture, longest: int) -> Picture:
    """The picture with its longest side at most `longest` pixels, each the mean of the area it stands for."""
    while max(picture.shape[:2]) >= 2 * longest and not (picture.shape[0] % 2 or picture.shape[1] % 2):
        picture = _half(picture)  # a twentieth of the time
    rows, columns = picture.shape[:2]
    scale = max(rows, columns) / longest
    if scale <= 1:
        return picture
    new_rows, new_columns = max(1, round(rows / scale)), max(1, round(columns / scale))
    row_starts = np.arange(new_rows) * rows // new_rows
    column_starts = np.arange(new_columns) * columns // new_columns
    sums = np.add.reduceat(picture.astype(np.float32), row_starts, axis=0)
    sums = np.add.reduceat(sums, column_starts, axis=1)
    counts = np.outer(np.diff(np.append(row_starts, rows)), np.diff(np.append(column_starts, columns)))
    mean = sums / (counts[..., None] if picture.ndim == 3 else counts)
    return np.asarray(np.rint(mean)).astype(np.uint8)


def halved(picture: Samples, longest: int) -> Samples:
    """uint8 or uint16, both sides halved until the longest is at most `longest` pixels: quick, by means of four."""
    while max(picture.shape[:2]) > longest and min(picture.shape[:2]) > 1:
        picture = _half(picture)
    return picture


def _half(picture: Samples) -> Samples:
    """Both sides halved, each pixel the mean of four; an odd last row or column goes."""
    rows, columns = picture.shape[0] // 2 * 2, picture.shape[1] // 2 * 2
    upper: Samples = picture[0:rows:2].astype(np.uint16 if picture.dtype == np.uint8 else np.uint32)
    upper += picture[1:rows:2]
    sums: Samples = upper[:, 0:columns:2] + upper[:, 1:columns:2]
    return np.asarray((sums + 2) >> 2).astype(picture.dtype)
