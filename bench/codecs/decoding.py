"""Decoding: a frame's bitstream to its samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import imagecodecs
import numpy as np

from bench.codecs import material, others
from bench.codecs.case import OURS, Case
from bench.codecs.material import Material
from fastcine.codec.decode import decode_frame
from fastcine.dicom.layout import ImageLayout

JPEG, JPEG_LOSSLESS, JPEG_LS = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.80"
JPEG_2000, HTJ2K, RLE = "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.5"
FEWER = {"pydicom": 1, "pylibjpeg-libjpeg": 2}
"""The slow ones, tens of milliseconds a frame: so many frames are enough."""


def _cases(
    operation: str,
    frames: Material,
    bitstreams: Sequence[bytes],
    calls: dict[str, Any],
    *,
    tolerance: int = 0,
    expected: Sequence[Any] | None = None,
    target: float = 0.0,
    most: int = material.FRAMES,
) -> Iterator[Case]:
    """A case for each decoder that is installed; ours is judged by `target`; `most` frames each."""
    for implementation, decode in calls.items():
        if decode is None:
            continue

        def call(n: int, decode: Any = decode) -> Any:
            return decode(bitstreams[n])

        yield Case(
            operation,
            frames.name,
            implementation,
            call,
            frames.frames if expected is None else expected,
            frames.raw_bytes,
            min(most, FEWER.get(implementation, most)),
            tolerance=tolerance,
            target=target if implementation == OURS else 0.0,
        )


def ours(layout: ImageLayout) -> Any:
    """The way every frame goes in the archive, checks and all."""
    return lambda bitstream: decode_frame([bitstream], layout)


def _same_space(color: bool) -> dict[str, str]:
    return {"colorspace": "RGB", "outcolorspace": "RGB"} if color else {}


def jpeg_lossless() -> Iterator[Case]:
    operation = "decode JPEG Lossless"
    for frames in material.every():
        layout = frames.layout(JPEG_LOSSLESS)
        space = _same_space(frames.color)
        calls = {
            OURS: ours(layout),
            "imagecodecs (libjpeg-turbo)": lambda bitstream, space=space: imagecodecs.jpeg8_decode(bitstream, **space),
            "pylibjpeg-libjpeg": others.libjpeg(layout),
            "python-gdcm": others.gdcm(layout),
        }
        target = 3.0 if frames.bits == 8 else 1.5
        yield from _cases(operation, frames, frames.jpeg_lossless, calls, target=target)


def rle() -> Iterator[Case]:
    for frames in material.every():
        layout = frames.layout(RLE)
        calls = {
            OURS: ours(layout),
            "pylibjpeg-rle": others.pylibjpeg_rle(layout),
            "imagecodecs packbits, numpy": others.packbits(layout),
            "pydicom": others.pydicoms_own_rle(layout),
        }
        yield from _cases("decode RLE", frames, frames.rle, calls, target=1.5)


def jpeg() -> Iterator[Case]:
    """Lossy: within one level of libjpeg-turbo's slow integer transform, which we use ourselves."""
    for frames in (material.xray("xa512x60"), material.xray("xa1024x60"), material.echo()):
        layout = frames.layout(JPEG)
        space = _same_space(frames.color)
        expected = [np.asarray(imagecodecs.jpeg8_decode(each, **space)) for each in frames.jpeg]
        calls = {
            OURS: ours(layout),
            "pylibjpeg-libjpeg": others.libjpeg(layout),
            "python-gdcm": others.gdcm(layout),
        }
        yield from _cases("decode JPEG", frames, frames.jpeg, calls, expected=expected, tolerance=1)


def jpeg_ls() -> Iterator[Case]:
    for frames in material.every():
        layout = frames.layout(JPEG_LS)
        calls = {
            OURS: ours(layout),
            "pylibjpeg-libjpeg": others.libjpeg(layout),
            "python-gdcm": others.gdcm(layout),
        }
        yield from _cases("decode JPEG-LS", frames, frames.jpeg_ls, calls)


def jpeg_2000() -> Iterator[Case]:
    for frames in material.every():
        layout = frames.layout(JPEG_2000)
        calls = {
            OURS: ours(layout),
            "pylibjpeg-openjpeg": others.openjpeg(layout),
            "python-gdcm": others.gdcm(layout),
        }
        yield from _cases("decode JPEG 2000", frames, frames.jpeg_2000, calls, most=2)


def htj2k() -> Iterator[Case]:
    for frames in material.every():
        layout = frames.layout(HTJ2K)
        calls = {
            OURS: ours(layout),
            "imagecodecs (OpenJPH), unchecked": lambda bitstream: imagecodecs.htj2k_decode(bitstream, planar=False),
            "pylibjpeg-openjpeg": others.openjpeg(layout),
        }
        yield from _cases("decode HTJ2K", frames, frames.htj2k, calls)


def cases() -> Iterator[Case]:
    for each in (jpeg_lossless, rle, jpeg, jpeg_ls, jpeg_2000, htj2k):
        yield from each()
