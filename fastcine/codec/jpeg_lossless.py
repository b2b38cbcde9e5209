"""JPEG Lossless (ITU-T T.81 process 14, SOF3; PS3.5 8.2.1): the syntax of the cath lab, decoded by ``_jpegll``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fastcine.codec import _jpegll
from fastcine.codec.jpeg import JpegInfo
from fastcine.errors import BadDicom

_HUFFMAN_LOSSLESS = 0xC3


def handles(info: JpegInfo) -> bool:
    """Whether ``decode_jpeg_lossless`` is for such a stream: SOF3, 2 to 16 bits, 1 to 3 components of one size."""
    return (
        info.frame_marker == _HUFFMAN_LOSSLESS
        and 2 <= info.precision <= 16
        and info.components <= 3
        and (info.components == 1 or all(each == (1, 1) for each in info.sampling))
    )


def decode_jpeg_lossless(frame: memoryview, info: JpegInfo) -> NDArray[np.uint8] | NDArray[np.uint16] | None:
    """Samples as coded: uint8 up to a precision of 8, else uint16, shape (rows, columns[, components]), C order.

    ``info`` is ``scan_jpeg(frame)``, whose size the caller has checked. Components are not converted. None where the
    stream is sound, but of a kind that is not decoded here (components scanned in groups). Raises BadDicom for a
    damaged one, with what is wrong and the offset in the frame.
    """
    dtype = np.dtype(np.uint8 if info.precision <= 8 else np.uint16)
    shape = (info.height, info.width) if info.components == 1 else (info.height, info.width, info.components)
    sizes = {
        "rows": info.height,
        "columns": info.width,
        "components": info.components,
        "sample_bytes": dtype.itemsize,
    }
    try:
        scratch = np.empty(_jpegll.scratch_size(len(frame), **sizes), np.uint8)
        out = np.empty(shape, dtype)
        _jpegll.decode(frame, out.data.cast("B"), scratch.data, **sizes)
    except _jpegll.UnhandledStream:
        return None
    except ValueError as error:
        reason, *place = error.args
        where = f" at byte {place[0]} of the frame" if place else ""
        raise BadDicom(f"JPEG Lossless: {reason}{where}", tag="7FE0,0010") from error
    return out
