"""Pixel kernels, each against the ways numpy has to the same result; the table compares with the best of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from bench.codecs import material
from bench.codecs.case import OURS, Case
from bench.codecs.material import Material
from fastcine.codec import _pixels, pixels
from fastcine.dicom.lut import Palette

Calls = dict[str, Any]


def _cases(operation: str, frames: Material, calls: Calls, inputs: list[Any] | None = None) -> Iterator[Case]:
    """numpy's first way says what is right; ours must not be slower than any of its ways."""
    given = list(frames.frames) if inputs is None else inputs
    oracle = next(call for name, call in calls.items() if name != OURS)
    expected = [oracle(each) for each in given]
    raw_bytes = max(given[0].nbytes, np.asarray(expected[0]).nbytes // (3 if operation == "palette to RGB" else 1))
    if operation in ("histogram", "range"):
        raw_bytes = given[0].nbytes
    for implementation, kernel in calls.items():

        def call(n: int, kernel: Any = kernel) -> Any:
            return kernel(given[n])

        target = 1.0 if implementation == OURS else 0.0
        yield Case(operation, frames.name, implementation, call, expected, raw_bytes, len(given), target=target)


def _unpack_12(packed: np.ndarray) -> np.ndarray:
    """Ours, into a buffer of our own."""
    out = np.empty(len(packed) // 3 * 2, np.uint16)
    _pixels.unpack_12(packed, out)
    return out


def _unpack_12_numpy(packed: np.ndarray) -> np.ndarray:
    out = np.empty(len(packed) // 3 * 2, np.uint16)
    first, middle, last = packed[0::3], packed[1::3], packed[2::3]
    np.left_shift(middle & 15, 8, out=out[0::2], dtype=np.uint16)
    out[0::2] |= first
    np.left_shift(last, 4, out=out[1::2], dtype=np.uint16)
    out[1::2] |= middle >> 4
    return out


def _packed_12(frame: np.ndarray) -> np.ndarray:
    low, high = frame.reshape(-1)[0::2], frame.reshape(-1)[1::2]
    return np.stack([low & 255, low >> 8 | (high & 15) << 4, high >> 4], -1).astype(np.uint8).reshape(-1)


def unpacking() -> Iterator[Case]:
    grey, deep = material.xray("xa1024x60"), material.xray("xa1024x60_12")
    bits = [np.packbits(frame > 127, bitorder="little") for frame in grey.frames]
    calls: Calls = {
        OURS: lambda packed: pixels.unpacked_bits(packed, 0, 8 * len(packed)),
        "numpy unpackbits": lambda packed: np.unpackbits(packed, bitorder="little"),
    }
    yield from _cases("unpack 1 bit", grey, calls, bits)
    packed = [_packed_12(frame) for frame in deep.frames]
    yield from _cases("unpack 12 bits", deep, {OURS: _unpack_12, "numpy, strided": _unpack_12_numpy}, packed)


def masking() -> Iterator[Case]:
    deep = material.xray("xa1024x60_12")
    dirty = [frame | np.uint16(0xA000) for frame in deep.frames]
    unsigned, signed = np.dtype(np.uint16), np.dtype(np.int16)
    masks: Calls = {
        OURS: lambda frame: pixels.to_stored(frame, 12, unsigned),
        "numpy &": lambda frame: frame & np.uint16(4095),
    }
    yield from _cases("mask 12 of 16 bits", deep, masks)
    yield from _cases("mask 12 bits off others", deep, masks, dirty)
    yield from _cases(
        "sign-extend 12 bits",
        deep,
        {
            OURS: lambda frame: pixels.to_stored(frame, 12, signed),
            "numpy, two shifts": lambda frame: (frame << np.uint16(4)).view(np.int16) >> np.int16(4),
            "numpy, shifts in place": _shifted_in_place,
        },
        dirty,
    )


def _shifted_in_place(frame: np.ndarray) -> np.ndarray:
    out = (frame << np.uint16(4)).view(np.int16)
    out >>= np.int16(4)
    return out


def planes() -> Iterator[Case]:
    echo = material.echo()
    apart = [np.ascontiguousarray(frame.transpose(2, 0, 1)) for frame in echo.frames]
    yield from _cases(
        "planes to pixels",
        echo,
        {
            OURS: pixels.interleaved,
            "numpy ascontiguousarray": lambda frame: np.ascontiguousarray(frame.transpose(1, 2, 0)),
            "numpy, plane by plane": _plane_by_plane,
            "numpy stack": lambda frame: np.stack(list(frame), axis=-1),
        },
        apart,
    )
    yield from _cases(
        "pixels to planes",
        echo,
        {
            OURS: _deinterleaved,
            "numpy ascontiguousarray": lambda frame: np.ascontiguousarray(frame.transpose(2, 0, 1)),
            "numpy stack": lambda frame: np.stack([frame[..., 0], frame[..., 1], frame[..., 2]]),
        },
    )


def _plane_by_plane(frame: np.ndarray) -> np.ndarray:
    out = np.empty((*frame.shape[1:], 3), frame.dtype)
    for sample in range(3):
        out[..., sample] = frame[sample]
    return out


def _deinterleaved(frame: np.ndarray) -> np.ndarray:
    out = np.empty(frame.size, frame.dtype)
    _pixels.deinterleave(frame.reshape(-1), out)
    return out.reshape(3, *frame.shape[:2])


def _ybr_by_tables(frame: np.ndarray) -> np.ndarray:
    """PS3.3 C.7.6.3.1.2 by the same fixed-point tables as ours."""
    tables, point = pixels._ybr_tables(8, False)
    luma, red, green_blue, green_red, blue = tables
    y = np.take(luma, frame[..., 0])
    out = np.empty(frame.shape, np.uint8)
    sums = (
        y + np.take(red, frame[..., 2]),
        y + np.take(green_blue, frame[..., 1]) + np.take(green_red, frame[..., 2]),
        y + np.take(blue, frame[..., 1]),
    )
    for sample, total in enumerate(sums):
        out[..., sample] = np.clip(total >> point, 0, 255)
    return out


def _ybr_by_matrix(frame: np.ndarray) -> np.ndarray:
    matrix = np.array([[1, 0, 1.402], [1, -0.114 * 1.772 / 0.587, -0.299 * 1.402 / 0.587], [1, 1.772, 0]], np.float32)
    samples = frame.astype(np.float32)
    samples[..., 1:] -= 128
    out = samples @ matrix.T
    np.rint(out, out=out)
    np.clip(out, 0, 255, out=out)
    return out.astype(np.uint8)


def colors() -> Iterator[Case]:
    echo, grey = material.echo(), material.xray("xa1024x60")
    yield from _cases(
        "YBR_FULL to RGB",
        echo,
        {
            OURS: lambda frame: pixels.to_rgb(frame, "YBR_FULL", 8),
            "numpy take": _ybr_by_tables,
            "numpy matmul": _ybr_by_matrix,
        },
    )
    random = np.random.default_rng(5)
    red, green, blue = random.integers(0, 65536, (3, 256)).astype(np.uint16)
    palette = Palette(first=0, bits=16, red=red, green=green, blue=blue)
    every = np.stack([red, green, blue], -1) >> 8
    table = every.astype(np.uint8)
    yield from _cases(
        "palette to RGB",
        grey,
        {
            OURS: lambda frame: pixels.apply_palette(frame, palette),
            "numpy index": lambda frame: table[frame],
            "numpy take": lambda frame: np.take(table, frame, axis=0),
        },
    )


def look_ups() -> Iterator[Case]:
    random = np.random.default_rng(6)
    for frames in (material.xray("xa1024x60"), material.xray("xa1024x60_12")):
        table = random.integers(0, 256, 1 << (8 * frames.frames[0].itemsize)).astype(np.uint8)
        calls: Calls = {
            OURS: lambda frame, table=table: pixels.look_up(frame, table),
            "numpy index": lambda frame, table=table: table[frame],
            "numpy take": lambda frame, table=table: np.take(table, frame),
            "numpy take, wrapped": lambda frame, table=table: np.take(table, frame, mode="wrap"),
        }
        yield from _cases("look-up to 8 bits", frames, calls)


def counting() -> Iterator[Case]:
    for frames in (material.xray("xa1024x60"), material.xray("xa1024x60_12")):
        levels = 1 << (8 * frames.frames[0].itemsize)
        ranges: Calls = {
            OURS: pixels.sample_range,
            "numpy min, max": lambda frame: (int(frame.min()), int(frame.max())),
        }
        yield from _cases("range", frames, ranges)
        counts: Calls = {
            OURS: pixels.histogram,
            "numpy bincount": lambda frame, levels=levels: np.bincount(frame.reshape(-1), minlength=levels),
        }
        yield from _cases("histogram", frames, counts)


def _subtracted(frame: np.ndarray, mask: np.ndarray, bits: int) -> np.ndarray:
    """numpy's way to the same samples as pixels.subtracted, by the same table."""
    top, scale = (1 << bits) - 1, min(bits, 13)
    codes = np.minimum(np.arange(1 << (8 * frame.itemsize)), top)
    table = np.rint(np.log1p(codes) / np.log1p(top) * ((1 << scale) - 1)).astype(np.int32)
    gain = round(top / ((1 << scale) - 1) * (1 << 12))
    step = np.take(table, frame)
    step -= np.take(table, mask)
    step *= gain
    step += 1 << 11
    step >>= 12
    step += 1 << (bits - 1)
    np.clip(step, 0, top, out=step)
    return step.astype(frame.dtype)


def subtraction() -> Iterator[Case]:
    for frames in (material.xray("xa1024x60"), material.xray("xa1024x60_12")):
        mask, bits = frames.frames[0], frames.bits
        calls: Calls = {
            OURS: lambda frame, mask=mask, bits=bits: pixels.subtracted(frame, mask, bits),
            "numpy take": lambda frame, mask=mask, bits=bits: _subtracted(frame, mask, bits),
        }
        yield from _cases("log subtraction", frames, calls)


def cases() -> Iterator[Case]:
    for each in (unpacking, masking, planes, colors, look_ups, counting, subtraction):
        yield from each()
