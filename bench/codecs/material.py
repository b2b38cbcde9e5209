"""Frames of the bench runs, and each coded in each way; made once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import imagecodecs
import numpy as np

from fastcine.dicom.layout import ImageLayout
from fastcine.phantom import bench_runs
from tests.codec.pydicoms_rle import encoded

FRAMES = 4
"""A handful: rendering more would take longer than measuring them."""


@dataclass(frozen=True)
class Material:
    """Frames of one bench run: uint8 or uint16, (rows, columns) or (rows, columns, 3), `bits` of them used."""

    name: str
    bits: int
    frames: tuple[np.ndarray, ...]

    @property
    def raw_bytes(self) -> int:
        return self.frames[0].nbytes

    @property
    def color(self) -> bool:
        return self.frames[0].ndim == 3

    def layout(self, transfer_syntax: str) -> ImageLayout:
        """Of an object that holds these frames."""
        rows, columns, *samples = self.frames[0].shape
        width = self.frames[0].itemsize
        return ImageLayout(
            rows=rows,
            columns=columns,
            frames=1,
            samples_per_pixel=samples[0] if samples else 1,
            bits_allocated=8 * width,
            bits_stored=self.bits,
            high_bit=self.bits - 1,
            signed=False,
            photometric_interpretation="RGB" if samples else "MONOCHROME2",
            planar_configuration=0,
            transfer_syntax_uid=transfer_syntax,
            sample_kind="uint",
            bytes_per_sample=width,
        )

    def _each(self, encode: Any) -> tuple[bytes, ...]:
        return tuple(bytes(encode(frame)) for frame in self.frames)

    @cached_property
    def jpeg_lossless(self) -> tuple[bytes, ...]:
        """Process 14, Selection Value 1."""
        depth = None if self.bits == 8 else self.bits
        space = {"colorspace": "RGB", "outcolorspace": "RGB"} if self.color else {}
        return self._each(
            lambda frame: imagecodecs.jpeg8_encode(frame, lossless=True, predictor=1, bitspersample=depth, **space)
        )

    @cached_property
    def jpeg(self) -> tuple[bytes, ...]:
        space = {"colorspace": "RGB", "outcolorspace": "RGB"} if self.color else {}
        return self._each(lambda frame: imagecodecs.jpeg8_encode(frame, level=90, **space))

    @cached_property
    def jpeg_ls(self) -> tuple[bytes, ...]:
        return self._each(imagecodecs.jpegls_encode)

    @cached_property
    def jpeg_2000(self) -> tuple[bytes, ...]:
        return self._each(
            lambda frame: imagecodecs.jpeg2k_encode(
                frame, codecformat="J2K", level=0, reversible=True, bitspersample=self.bits
            )
        )

    @cached_property
    def htj2k(self) -> tuple[bytes, ...]:
        return self._each(lambda frame: imagecodecs.htj2k_encode(frame, reversible=True, rgb=self.color, planar=False))

    @cached_property
    def rle(self) -> tuple[bytes, ...]:
        """By pydicom's own encoder, so that it is nobody's home match."""
        layout = self.layout("1.2.840.10008.1.2.5")
        return self._each(lambda frame: encoded(frame, layout))


@lru_cache
def xray(name: str) -> Material:
    """The first frames of an X-ray bench run."""
    run = bench_runs.XRAY_RUNS[name]
    return Material(name, run.bits, tuple(bench_runs.xray_frames(run, fps=15, frames=FRAMES)))


@lru_cache
def echo() -> Material:
    """The first frames of the RGB echo."""
    return Material(bench_runs.ECHO, 8, tuple(bench_runs.echo_frames(fps=15, frames=FRAMES)))


def xrays() -> tuple[Material, ...]:
    return xray("xa512x60"), xray("xa1024x60"), xray("xa1024x60_12")


def every() -> tuple[Material, ...]:
    return (*xrays(), echo())
