"""Other people's decoders, each as a call of one frame's bitstream; None where it is not installed."""

from __future__ import annotations

import struct
from collections.abc import Callable
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import imagecodecs
import numpy as np
from pydicom.pixels.decoders import gdcm as pydicom_gdcm
from pydicom.pixels.decoders import rle as pydicom_rle
from pydicom.uid import UID

from bench.codecs.case import installed
from fastcine.dicom.layout import ImageLayout

Decode = Callable[[bytes], Any]
OPTIONAL = {
    "pylibjpeg-rle": "rle",
    "pylibjpeg-libjpeg": "libjpeg",
    "pylibjpeg-openjpeg": "openjpeg",
    "python-gdcm": "gdcm",
}
"""Package: module. pylibjpeg-libjpeg is GPL, so no extra names it."""


def missing() -> list[str]:
    """A line for each of the others that is not installed."""
    return [
        f"{package} is not installed and is left out" for package, name in OPTIONAL.items() if installed(name) is None
    ]


def gdcm(layout: ImageLayout) -> Decode | None:
    """GDCM as pydicom calls it: its buffer comes as a str, which has to be encoded again."""
    if installed("gdcm") is None:
        return None

    def decode(bitstream: bytes) -> np.ndarray:
        runner = SimpleNamespace(
            transfer_syntax=UID(layout.transfer_syntax_uid),
            photometric_interpretation=layout.photometric_interpretation,
            bits_stored=layout.bits_stored,
            bits_allocated=layout.bits_allocated,
            pixel_representation=0,
            rows=layout.rows,
            columns=layout.columns,
            samples_per_pixel=layout.samples_per_pixel,
            planar_configuration=0,
            get_option=lambda name, default=None: default,
            set_option=lambda name, value: None,
        )
        raw = pydicom_gdcm._decode_frame(bitstream, runner)
        return np.frombuffer(raw, f"<u{layout.bytes_per_sample}")

    return decode


def libjpeg(layout: ImageLayout) -> Decode | None:
    """pylibjpeg-libjpeg; colour transform 0: the components as they are."""
    module = installed("libjpeg")
    if module is None:
        return None
    return lambda bitstream: module.decode(bitstream, 0)


def openjpeg(layout: ImageLayout) -> Decode | None:
    """pylibjpeg-openjpeg, for JPEG 2000 and HTJ2K."""
    module = installed("openjpeg")
    return None if module is None else (lambda bitstream: module.decode(bitstream, j2k_format=0))


def pylibjpeg_rle(layout: ImageLayout) -> Decode | None:
    """pylibjpeg-rle, written in Rust; three samples come as planes, which is part of what it does for pydicom."""
    module = installed("rle.rle")
    if module is None:
        return None
    pixels, decode = layout.rows * layout.columns, module.decode_frame
    dtype = f"<u{layout.bytes_per_sample}"

    def call(frame: bytes) -> np.ndarray:
        flat = np.frombuffer(decode(frame, pixels, layout.bits_allocated, "<"), dtype)
        if layout.samples_per_pixel == 1:
            return flat
        return np.ascontiguousarray(flat.reshape(layout.samples_per_pixel, -1).T)

    return call


def packbits(layout: ImageLayout) -> Decode:
    """imagecodecs' PackBits, segment by segment, put together by numpy."""

    def call(frame: bytes) -> np.ndarray:
        count, *offsets = struct.unpack_from("<16I", frame)
        bounds = [*offsets[:count], len(frame)]
        pixels, width = layout.rows * layout.columns, layout.bytes_per_sample
        out = np.empty((pixels, layout.samples_per_pixel, width), np.uint8)
        for number, (start, end) in enumerate(pairwise(bounds)):
            sample, byte = divmod(number, width)
            plane = np.frombuffer(imagecodecs.packbits_decode(frame[start:end]), np.uint8)
            out[:, sample, width - 1 - byte] = plane[:pixels]
        return out.reshape(-1).view(f"<u{width}")

    return call


def pydicoms_own_rle(layout: ImageLayout) -> Decode:
    """pydicom's decoder in Python."""
    pixels, width = layout.rows * layout.columns, layout.bytes_per_sample

    def call(frame: bytes) -> np.ndarray:
        raw = pydicom_rle._rle_decode_frame(
            frame, layout.rows, layout.columns, layout.samples_per_pixel, layout.bits_allocated
        )
        planes = np.frombuffer(raw, f"<u{width}").reshape(layout.samples_per_pixel, pixels)
        return np.ascontiguousarray(planes.T)

    return call
