"""Pixel arithmetic on whole frames: the wire's bias, colour spaces, palettes, windows. numpy only.

Arrays are C order; grey frames have shape (rows, columns), colour frames (rows, columns, 3).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastcine.dicom.lut import Palette

Samples = NDArray[Any]

_PARTIAL = ("YBR_PARTIAL_420", "YBR_PARTIAL_422")


def wire_dtype(bits_stored: int) -> np.dtype[Any]:
    """The narrowest unsigned dtype for that many bits: uint8, uint16 or uint32 (docs/protocol.md section 1)."""
    return np.dtype(np.uint8 if bits_stored <= 8 else np.uint16 if bits_stored <= 16 else np.uint32)


def to_unsigned(samples: Samples, bits_stored: int) -> Samples:
    """Stored integers as the wire counts them: ``2**(bits_stored - 1)`` added to signed ones, narrowest dtype."""
    dtype = wire_dtype(bits_stored)
    if samples.dtype.kind != "i":
        return samples.astype(dtype, order="C", copy=False)
    return (samples.astype(np.int64) + (1 << (bits_stored - 1))).astype(dtype)


def from_unsigned(samples: Samples, bits_stored: int, dtype: np.dtype[Any]) -> Samples:
    """The inverse of ``to_unsigned``; ``dtype`` is that of the stored samples."""
    if np.dtype(dtype).kind != "i":
        return samples.astype(dtype, copy=False)
    return (samples.astype(np.int64) - (1 << (bits_stored - 1))).astype(dtype)


def sample_range(samples: Samples) -> tuple[float, float]:
    """(min, max) of a frame; NaN does not count, and a frame of nothing but NaN gives (0, 0)."""
    if samples.dtype.kind != "f":
        return int(samples.min()), int(samples.max())
    finite = samples[np.isfinite(samples)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def to_rgb(samples: Samples, photometric_interpretation: str, bits_stored: int) -> Samples:
    """Colour samples as RGB of the same dtype and depth, by the equations of PS3.3 C.7.6.3.1.2, rounded and clamped.

    YBR_FULL and YBR_FULL_422 (chroma already doubled): full range. YBR_PARTIAL_420 and _422: luma 16 to 235 and
    chroma 16 to 240, at 8 bits. Everything else is RGB already and comes back as it is.
    """
    if photometric_interpretation in _PARTIAL:
        return _from_ybr(samples, bits_stored, luma_offset=16, luma_scale=255 / 219, chroma_scale=255 / 224)
    if photometric_interpretation in ("YBR_FULL", "YBR_FULL_422"):
        return _from_ybr(samples, bits_stored, luma_offset=0, luma_scale=1.0, chroma_scale=1.0)
    return samples


def _from_ybr(
    samples: Samples, bits_stored: int, *, luma_offset: int, luma_scale: float, chroma_scale: float
) -> Samples:
    """Table-driven: one look-up a component, sums in fixed point that is exact to far below half a level."""
    size, middle = 1 << bits_stored, 1 << (bits_stored - 1)
    point = 30 - bits_stored if bits_stored <= 16 else 8
    unit = float(1 << point)
    codes = np.arange(size, dtype=np.float64)
    luma = np.rint((codes - luma_offset * size / 256) * luma_scale * unit).astype(np.int64) + (1 << (point - 1))
    chroma = (codes - middle) * chroma_scale * unit
    # R = Y + 1.402 Cr, B = Y + 1.772 Cb; G follows from Y = .299 R + .587 G + .114 B.
    red, blue = np.rint(1.402 * chroma).astype(np.int64), np.rint(1.772 * chroma).astype(np.int64)
    green_blue = np.rint(-0.114 * 1.772 / 0.587 * chroma).astype(np.int64)
    green_red = np.rint(-0.299 * 1.402 / 0.587 * chroma).astype(np.int64)
    y, cb, cr = (samples[..., component] for component in range(3))
    brightness = luma[y]
    out = np.empty(samples.shape, samples.dtype)
    for component, colour in enumerate((red[cr], green_blue[cb] + green_red[cr], blue[cb])):
        colour += brightness
        colour >>= point
        np.clip(colour, 0, size - 1, out=colour)
        out[..., component] = colour
    return out


def apply_palette(samples: Samples, palette: Palette) -> NDArray[np.uint8]:
    """Palette indices, shape (rows, columns), to RGB of 8 bits, shape (rows, columns, 3); of 16 bits the upper 8.

    Indices before the first entry take the first colour, beyond the end the last (PS3.3 C.7.6.3.1.5).
    """
    shift = palette.bits - 8
    table = np.stack([channel >> shift for channel in (palette.red, palette.green, palette.blue)], axis=-1)
    places = np.clip(samples.astype(np.int64) - palette.first, 0, len(table) - 1)
    return np.ascontiguousarray(table.astype(np.uint8)[places])


def window_level(
    values: Samples, *, center: float, width: float, function: str = "LINEAR", invert: bool = False
) -> NDArray[np.uint8]:
    """Modality values to 0..255 (PS3.3 C.11.2.1.2.1 LINEAR, C.11.2.1.3.2 LINEAR_EXACT, C.11.2.1.3.1 SIGMOID)."""
    values = np.asarray(values, np.float64)
    if function == "SIGMOID":
        exponent = np.clip(-4.0 * (values - center) / max(width, 1e-12), -700.0, 700.0)
        share = 1.0 / (1.0 + np.exp(exponent))
    elif function == "LINEAR_EXACT":
        share = (values - center) / max(width, 1e-12) + 0.5
    elif width <= 1:
        share = (values > center - 0.5).astype(np.float64)
    else:
        share = (values - (center - 0.5)) / (width - 1.0) + 0.5
    levels = np.rint(np.clip(np.nan_to_num(share), 0.0, 1.0) * 255.0).astype(np.uint8)
    return 255 - levels if invert else levels
