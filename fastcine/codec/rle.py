"""RLE Lossless (PS3.5 annex G): byte planes, each packed by PackBits, most significant first, sample after sample.

The work is done by ``ext/_rle.pyx``; this says what its numbers are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fastcine.codec import _rle
from fastcine.errors import BadDicom

_PIXEL_DATA = "7FE0,0010"

#: Bytes beyond its packed bits that a 1-bit segment may unpack to: pad bytes that a writer packed too.
_PAD_BYTES = 2


def decode_rle(frame: memoryview, *, pixels: int, samples: int, bytes_per_sample: int) -> NDArray[np.unsignedinteger]:
    """Samples of one frame: little-endian unsigned integers of ``bytes_per_sample`` (1, 2, 4) bytes, (pixels, samples).

    Raises BadDicom, naming segment and offset in the frame, for a header that lies and for segments that are damaged
    or unpack to less; a longer one is cut (some writers pack their pad byte).
    """
    out = np.empty(pixels * samples * bytes_per_sample, np.uint8)
    try:
        _rle.decode(frame, out.data, samples_per_pixel=samples, bytes_per_sample=bytes_per_sample)
    except ValueError as error:
        raise BadDicom(str(error), tag=_PIXEL_DATA) from error
    words: NDArray[np.unsignedinteger] = out.view(f"<u{bytes_per_sample}")
    return words.reshape(pixels, samples)


def decode_rle_bits(frame: memoryview, *, pixels: int, samples: int) -> NDArray[np.uint8]:
    """Samples of one frame with Bits Allocated 1: uint8 of 0 and 1, shape (pixels, samples).

    A pixel takes a byte of its segment (PS3.5 G.2: padded to whole bytes). Older writers packed the bits of eight
    pixels, the first lowest, into a byte; how long the first segment unpacks to tells them apart. Raises BadDicom as
    ``decode_rle`` does.
    """
    try:
        length = _rle.unpacked_bytes(frame, segments=samples, number=0)
    except ValueError as error:
        raise BadDicom(str(error), tag=_PIXEL_DATA) from error
    packed = (pixels + 7) // 8
    if length < pixels and packed <= length <= packed + _PAD_BYTES:
        planes = decode_rle(frame, pixels=packed, samples=samples, bytes_per_sample=1)
        return np.unpackbits(planes.view(np.uint8), axis=0, count=pixels, bitorder="little")
    return decode_rle(frame, pixels=pixels, samples=samples, bytes_per_sample=1).view(np.uint8) & np.uint8(1)


def encode_rle(samples: NDArray[np.generic]) -> bytes:
    """One frame as RLE Lossless: header, and for each byte of a sample a segment of even length, row by row (G.3.1).

    ``samples``: integers of 1, 2 or 4 bytes, shape (rows, columns) or (rows, columns, samples), rows and columns up to
    65535; with Bits Allocated 1, a byte of 0 or 1 a pixel. Raises ValueError for other shapes and types, and where
    they make more than the 15 segments of a header.
    """
    if samples.ndim not in (2, 3) or samples.dtype.kind not in "iub" or samples.dtype.itemsize > 4:
        raise ValueError(f"RLE packs (rows, columns[, samples]) of 1 to 4 bytes, not {samples.shape} {samples.dtype}")
    rows, columns, count = (*samples.shape, 1)[:3]
    width = samples.dtype.itemsize
    limit = _rle.encoded_limit(rows, columns, samples_per_pixel=count, bytes_per_sample=width)
    flat = np.ascontiguousarray(samples, samples.dtype.newbyteorder("<")).reshape(-1).view(np.uint8)
    out = np.empty(limit, np.uint8)
    length = _rle.encode(
        flat.data, out.data, rows=rows, columns=columns, samples_per_pixel=count, bytes_per_sample=width
    )
    return out[:length].tobytes()
