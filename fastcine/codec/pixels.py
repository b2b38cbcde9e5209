"""Pixel arithmetic on whole frames: Bits Stored, the wire's bias, colour spaces, palettes, look-ups, subtraction.

The kernels are compiled (ext/_pixels.pyx) where numpy needs several passes; where it needs one, it is numpy.

Arrays are C order; grey frames have shape (rows, columns), colour frames (rows, columns, 3).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastcine.codec import _pixels
from fastcine.dicom.lut import Palette

Samples = NDArray[Any]

_PARTIAL = ("YBR_PARTIAL_420", "YBR_PARTIAL_422")


def wire_dtype(bits_stored: int) -> np.dtype[Any]:
    """The narrowest unsigned dtype for that many bits: uint8, uint16 or uint32 (docs/protocol.md section 1)."""
    return np.dtype(np.uint8 if bits_stored <= 8 else np.uint16 if bits_stored <= 16 else np.uint32)


def _flat(samples: Samples) -> Samples:
    """One dimension, C order, as the kernels want it."""
    return np.ascontiguousarray(samples).reshape(-1)


def to_unsigned(samples: Samples, bits_stored: int, *, signed: bool = False) -> Samples:
    """Stored integers as the wire counts them: ``2**(bits_stored - 1)`` added to signed ones, narrowest dtype, C order.

    Only the low ``bits_stored`` bits count, so words fresh from a codec may come as they are; ``signed`` says so of
    samples in an unsigned dtype. Not copied where there is nothing to do.
    """
    dtype = wire_dtype(bits_stored)
    signed = signed or samples.dtype.kind == "i"
    samples = samples.astype(samples.dtype.newbyteorder("="), copy=False)
    if dtype.itemsize <= samples.dtype.itemsize <= 4:
        words = np.ascontiguousarray(samples).view(f"u{samples.dtype.itemsize}")
    else:
        words = samples.astype(dtype, order="C")
    return _masked(words, dtype, bits_stored, flip=_sign_bit(bits_stored) if signed else 0, minus=0)


def to_stored(words: Samples, bits_stored: int, dtype: np.dtype[Any]) -> Samples:
    """Words fresh from a codec as stored samples: the low ``bits_stored`` bits, sign-extended for a signed ``dtype``.

    C order; not copied where there is nothing to do (PS3.5 8.1.1: what stands above Bits Stored is no pixel).
    """
    if dtype.kind != "i":
        return _masked(words.astype(dtype, order="C", casting="unsafe", copy=False), dtype, bits_stored)
    unsigned, sign = np.dtype(f"u{dtype.itemsize}"), _sign_bit(bits_stored)
    words = words.astype(unsigned, order="C", casting="unsafe", copy=False)
    return _masked(words, unsigned, bits_stored, flip=sign, minus=sign).view(dtype)


def shifted_down(words: Samples, low_bit: int) -> Samples:
    """Unsigned words whose samples start at bit ``low_bit``, with them at bit 0: a new array of the same dtype."""
    return np.asarray(np.right_shift(words, words.dtype.type(low_bit)))


def _sign_bit(bits_stored: int) -> int:
    return 1 << (bits_stored - 1)


def _masked(words: Samples, dtype: np.dtype[Any], bits_stored: int, *, flip: int = 0, minus: int = 0) -> Samples:
    mask = (1 << bits_stored) - 1
    if flip == minus and bits_stored == 8 * words.itemsize:
        return words
    if not words.flags.aligned:  # 32 bits where an object's bytes happen to lie
        words = words.copy()
    # Hardly any machine writes anything above Bits Stored: looking takes half the time of copying.
    if not flip and words.dtype == dtype and not _pixels.any_bits(words, ~mask & 0xFFFFFFFF):
        return words
    out = np.empty(words.shape, dtype)
    _pixels.mask_bits(words, out, mask, flip, minus)
    return out


def interleaved(planes: Samples) -> Samples:
    """(3, rows, columns) to (rows, columns, 3), C order (Planar Configuration 1 to 0, PS3.3 C.7.6.3.1.3)."""
    if planes.shape[0] != 3 or planes.dtype not in (np.uint8, np.uint16):
        return np.ascontiguousarray(np.moveaxis(planes, 0, -1))
    out = np.empty((*planes.shape[1:], 3), planes.dtype)
    _pixels.interleave(_flat(planes), out.reshape(-1))
    return out


def unpacked_bits(packed: Samples, start_bit: int, count: int) -> NDArray[np.uint8]:
    """``count`` 1-bit samples from bit ``start_bit`` (0 to 7) on, least significant first, as 0 and 1 (PS3.5 8.1.1)."""
    out = np.empty(start_bit + count, np.uint8)
    _pixels.unpack_bits(packed, out)
    return out[start_bit:]


def from_unsigned(samples: Samples, bits_stored: int, dtype: np.dtype[Any]) -> Samples:
    """The inverse of ``to_unsigned``; ``dtype`` is that of the stored samples."""
    if np.dtype(dtype).kind != "i":
        return samples.astype(dtype, copy=False)
    return (samples.astype(np.int64) - (1 << (bits_stored - 1))).astype(dtype)


def sample_range(samples: Samples) -> tuple[float, float]:
    """(min, max) of a frame; NaN does not count, and a frame of nothing but NaN gives (0, 0)."""
    if samples.dtype in (np.uint8, np.uint16):
        return _pixels.sample_range(_flat(samples))
    if samples.dtype.kind != "f":
        return int(samples.min()), int(samples.max())
    finite = samples[np.isfinite(samples)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def to_rgb(samples: Samples, photometric_interpretation: str, bits_stored: int) -> Samples:
    """Colour samples as RGB of the same dtype and depth, by the equations of PS3.3 C.7.6.3.1.2, rounded and clamped.

    YBR_FULL and YBR_FULL_422 (chroma already doubled): full range. YBR_PARTIAL_420 and _422: luma 16 to 235 and
    chroma 16 to 240, at 8 bits. Everything else is RGB already and comes back as it is.
    """
    if photometric_interpretation not in (*_PARTIAL, "YBR_FULL", "YBR_FULL_422"):
        return samples
    tables, point = _ybr_tables(bits_stored, photometric_interpretation in _PARTIAL)
    out = np.empty(samples.shape, samples.dtype)
    _pixels.ybr_to_rgb(_flat(samples), out.reshape(-1), tables, point)
    return out


@lru_cache(8)
def _ybr_tables(bits_stored: int, partial: bool) -> tuple[NDArray[np.int32], int]:
    """Fixed-point tables, int32 (5, levels), exact to far below half a level: luma, red, green twice, blue; the point.

    29 bits, so that luma and chroma together stay below 31.
    """
    luma_offset, luma_scale, chroma_scale = (16, 255 / 219, 255 / 224) if partial else (0, 1.0, 1.0)
    size, middle, point = 1 << bits_stored, 1 << (bits_stored - 1), 29 - bits_stored
    codes = np.arange(size, dtype=np.float64)
    luma = np.rint((codes - luma_offset * size / 256) * luma_scale * (1 << point)) + (1 << (point - 1))
    chroma = (codes - middle) * chroma_scale * (1 << point)
    # R = Y + 1.402 Cr, B = Y + 1.772 Cb; G follows from Y = .299 R + .587 G + .114 B.
    red, blue = 1.402 * chroma, 1.772 * chroma
    green_blue, green_red = -0.114 / 0.587 * blue, -0.299 / 0.587 * red
    tables = np.rint(np.stack([luma, red, green_blue, green_red, blue])).astype(np.int32)
    return tables, point


def apply_palette(samples: Samples, palette: Palette) -> NDArray[np.uint8]:
    """Palette indices, shape (rows, columns), to RGB of 8 bits, shape (rows, columns, 3); of 16 bits the upper 8.

    Indices before the first entry take the first colour, beyond the end the last (PS3.3 C.7.6.3.1.5).
    """
    shift = palette.bits - 8
    table = np.stack([channel >> shift for channel in (palette.red, palette.green, palette.blue)], axis=-1)
    unsigned = np.dtype(f"u{samples.dtype.itemsize}")
    codes = np.arange(1 << (8 * unsigned.itemsize)).astype(unsigned).view(samples.dtype).astype(np.int64)
    every = table.astype(np.uint8)[np.clip(codes - palette.first, 0, len(table) - 1)]
    out = np.empty((*samples.shape, 3), np.uint8)
    _pixels.lookup_rgb(_flat(samples).view(unsigned), out.reshape(-1), every)
    return out


def look_up(samples: Samples, table: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """``table[samples]`` for uint8 and uint16 of any shape; samples beyond the table take its last entry."""
    codes = 1 << (8 * samples.dtype.itemsize)
    every = np.ascontiguousarray(
        np.pad(table, (0, codes - len(table)), "edge") if len(table) < codes else table[:codes]
    )
    out = np.empty(samples.shape, np.uint8)
    _pixels.lookup(_flat(samples), out.reshape(-1), every)
    return out


def histogram(samples: Samples) -> NDArray[np.uint32]:
    """How often each value is there: uint32, 2**8 entries for uint8 and 2**16 for uint16."""
    counts = np.zeros(1 << (8 * samples.dtype.itemsize), np.uint32)
    _pixels.histogram(_flat(samples), counts)
    return counts


def subtracted(
    frame: Samples, mask: Samples, bits_stored: int, *, logarithmic: bool = True, gain: float = 1.0
) -> Samples:
    """Mask subtraction (PS3.3 C.7.6.10): grey where frame and mask are alike, darker where contrast was added.

    ``frame`` and ``mask``: uint8 or uint16 of one shape, below ``2**bits_stored``; so is the result. ``logarithmic``:
    absorbers multiply, so their logarithms subtract, and a vessel is as dark over bone as beside it; the full range of
    the logarithm counts as the full range of samples. ``gain`` up to 4.
    """
    top, levels = (1 << bits_stored) - 1, 1 << (8 * frame.dtype.itemsize)
    scale = min(bits_stored, 13)
    codes = np.minimum(np.arange(levels), top)
    full = np.log1p(codes) / np.log1p(top) if logarithmic else codes / top
    table = np.rint(full * ((1 << scale) - 1)).astype(np.int16)
    factor = gain * top / ((1 << scale) - 1) * (1 << 12)
    out = np.empty(frame.shape, frame.dtype)
    middle = 1 << (bits_stored - 1)
    _pixels.subtract(_flat(frame), _flat(mask), _flat(out), table, gain=round(factor), middle=middle, top=top)
    return out


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
