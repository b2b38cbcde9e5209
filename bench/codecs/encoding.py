"""Encoding: RLE, and the tiers as HTJ2K. Right is what another decoder makes the same samples of."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

import imagecodecs
import numpy as np

from bench.codecs import material
from bench.codecs.case import OURS, Case, installed
from bench.codecs.material import Material
from bench.codecs.others import packbits
from fastcine.cine.tiers import COARSE_STEP, FINE_STEP
from fastcine.codec import htj2k

RLE = "1.2.840.10008.1.2.5"


class Decoded:
    """What a bitstream holds, so that encoders are compared by that."""

    def __init__(self, frame: np.ndarray, decode: Callable[[bytes], Any]) -> None:
        self._frame, self._decode = frame, decode

    def __eq__(self, bitstream: object) -> bool:
        return np.array_equal(np.asarray(self._decode(bitstream)).reshape(self._frame.shape), self._frame)

    __hash__ = None


class Near(Decoded):
    """The same of a lossy one: its mean error is at most `levels`."""

    def __init__(self, frame: np.ndarray, decode: Callable[[bytes], Any], levels: float) -> None:
        super().__init__(frame, decode)
        self._levels = levels

    def __eq__(self, bitstream: object) -> bool:
        error = np.asarray(self._decode(bitstream)).reshape(self._frame.shape).astype(float) - self._frame
        return bool(np.abs(error).mean() <= self._levels)

    __hash__ = None


def _packbits_encode(frame: np.ndarray) -> bytes:
    """imagecodecs' PackBits of byte planes that numpy takes apart, row by row (PS3.5 G.3.1)."""
    width = frame.itemsize
    planes = frame.reshape(*frame.shape[:2], -1).view(np.uint8).reshape(*frame.shape[:2], -1, width)
    segments = []
    for sample in range(planes.shape[2]):
        for byte in reversed(range(width)):
            packed = bytes(imagecodecs.packbits_encode(np.ascontiguousarray(planes[:, :, sample, byte]), axis=-1))
            segments.append(packed + bytes(len(packed) % 2))
    offsets = np.cumsum([64, *map(len, segments[:-1])])
    return struct.pack("<16I", len(segments), *offsets, *[0] * (15 - len(segments))) + b"".join(segments)


def rle() -> Iterator[Case]:
    own = getattr(installed("fastcine.codec.rle"), "encode_rle", None)
    rust = installed("rle.rle")
    for frames in material.every():
        rows, columns, *rest = frames.frames[0].shape
        samples, bits = (rest[0] if rest else 1), 8 * frames.frames[0].itemsize
        calls: dict[str, Any] = {"imagecodecs packbits, numpy": _packbits_encode}
        if own is not None:
            calls[OURS] = own
        if rust is not None:
            calls["pylibjpeg-rle"] = lambda frame, rows=rows, columns=columns, samples=samples, bits=bits: bytes(
                rust.encode_frame(frame.tobytes(), rows, columns, samples, bits, "<")
            )
        decode = packbits(frames.layout(RLE))
        expected = [Decoded(frame, decode) for frame in frames.frames]
        yield from _cases("encode RLE", frames, calls, expected, target=1.5)


def tiers() -> Iterator[Case]:
    for frames in material.every():
        bits, color = frames.bits, frames.color
        full = (1 << bits) - 1
        exact = [Decoded(frame, htj2k.decode_exact) for frame in frames.frames]
        calls = {
            OURS: lambda frame, bits=bits, color=color: htj2k.encode_exact(frame, bits, rgb=color),
            "imagecodecs (OpenJPH), plain": lambda frame, color=color: imagecodecs.htj2k_encode(
                frame, reversible=True, rgb=color, planar=False
            ),
        }
        yield from _cases("encode HTJ2K, exact tier", frames, calls, exact)
        for words, step in (("coarse", COARSE_STEP), ("fine", FINE_STEP)):
            near = [
                Near(frame, lambda stream, bits=bits: htj2k.decode_first_pass(stream, bits), full * step / 2)
                for frame in frames.frames
            ]
            first = {OURS: lambda frame, bits=bits, step=step: htj2k.encode_first_pass(frame, bits, step)}
            yield from _cases(f"encode HTJ2K, {words} tier", frames, first, near)


def _cases(
    operation: str, frames: Material, calls: dict[str, Any], expected: list[Any], *, target: float = 0.0
) -> Iterator[Case]:
    for implementation, encode in calls.items():

        def call(n: int, encode: Any = encode) -> Any:
            return encode(frames.frames[n])

        yield Case(
            operation,
            frames.name,
            implementation,
            call,
            expected,
            frames.raw_bytes,
            len(frames.frames),
            target=target if implementation == OURS else 0.0,
        )


def cases() -> Iterator[Case]:
    yield from rle()
    yield from tiers()
