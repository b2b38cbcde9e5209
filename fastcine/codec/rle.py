"""RLE Lossless (PS3.5 annex G): byte planes, each packed by PackBits, most significant first, sample after sample."""

from __future__ import annotations

import struct
from itertools import pairwise

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from fastcine.errors import BadDicom

_HEADER = struct.Struct("<16I")


def decode_rle(frame: memoryview, *, samples: int, bytes_per_sample: int, plane_bytes: int) -> NDArray[np.uint8]:
    """Byte planes of one frame: uint8, shape (samples, bytes_per_sample, plane_bytes), most significant byte first.

    ``plane_bytes`` is rows times columns (1-bit planes: a byte for 8 pixels). Raises BadDicom for a header that lies
    and for segments that unpack to less; a longer one is cut (some writers pack their pad byte).
    """
    if len(frame) < 64:
        raise BadDicom("RLE frame shorter than its header")
    count, *offsets = _HEADER.unpack_from(frame)
    if count != samples * bytes_per_sample:
        raise BadDicom(f"RLE frame of {count} segments where {samples * bytes_per_sample} are needed")
    bounds = [*offsets[:count], len(frame)]
    if bounds[0] < 64 or any(after < before for before, after in pairwise(bounds)):
        raise BadDicom("RLE segment offsets out of order or beyond the frame")
    planes = np.empty((count, plane_bytes), np.uint8)
    for number, (start, end) in enumerate(pairwise(bounds)):
        segment = bytes(frame[start:end])
        if len(segment) * 64 < plane_bytes:
            raise BadDicom("RLE segment too short for its plane")
        plane = _unpack(segment)
        if len(plane) < plane_bytes:
            raise BadDicom(f"RLE segment unpacks to {len(plane)} bytes where {plane_bytes} are needed")
        planes[number] = np.frombuffer(plane, np.uint8, plane_bytes)
    return planes.reshape(samples, bytes_per_sample, plane_bytes)


def _unpack(segment: bytes) -> bytes:
    """PackBits; a pad byte after the last run may look like the start of one, so cut it off when that fails."""
    try:
        return bytes(imagecodecs.packbits_decode(segment))
    except Exception as error:
        try:
            return bytes(imagecodecs.packbits_decode(segment[:-1]))
        except Exception:
            raise BadDicom("RLE segment damaged") from error
