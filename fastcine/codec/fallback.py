"""JPEG 2000 and HTJ2K where imagecodecs was built without them: pylibjpeg-openjpeg, in a process of its own.

It holds the GIL as long as a frame takes, and everything else would stand still. It never decides about frames that
imagecodecs finds damaged.
"""

from __future__ import annotations

import importlib
import importlib.util
import struct
from typing import Any, Literal

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from fastcine import work
from fastcine.codec.j2k import CodestreamInfo
from fastcine.errors import BadDicom, Unsupported

Codec = Literal["JPEG2K", "HTJ2K"]
"""imagecodecs' names."""

DECODER = "pylibjpeg, OpenJPEG"
NEEDS_OPENJPEG = (
    "imagecodecs is built without this codec and pylibjpeg-openjpeg is not installed: pip install pylibjpeg-openjpeg"
)


def needed(codec: Codec) -> bool:
    """Whether imagecodecs was built without this codec, as some distributions do."""
    return not getattr(getattr(imagecodecs, codec, None), "available", False)


def installed() -> bool:
    """Whether pylibjpeg-openjpeg is here."""
    return importlib.util.find_spec("openjpeg") is not None


def decode_codestream(codestream: bytes, info: CodestreamInfo) -> NDArray[Any]:
    """Samples of a codestream whose header was looked at, ``info`` being what ``scan_codestream`` found there.

    Shape (rows, columns) or (rows, columns, components). Raises Unsupported without pylibjpeg-openjpeg; BadDicom for
    damaged bytes and for what ends the decoder's process or keeps it busy beyond ``work.PROCESS_LIMIT_S``.
    """
    if not installed():
        raise Unsupported(NEEDS_OPENJPEG)
    openjpeg: Any = importlib.import_module("openjpeg")
    if len(set(zip(info.precisions, info.signed, strict=True))) > 1:
        raise BadDicom("JPEG 2000 codestream with components of different depths")
    if struct.unpack_from(">II", codestream, info.siz_offset + 6) != (info.width, info.height):
        # It would allocate the whole grid, however far off the image lies on it.
        raise Unsupported("JPEG 2000 image off its grid's origin, and imagecodecs is built without this codec")
    try:
        flat = work.in_process(openjpeg.decode_pixel_data, codestream[info.start :])
    except ChildProcessError as error:
        raise BadDicom("JPEG 2000 codestream ends its decoder's process") from error
    except TimeoutError as error:
        raise BadDicom("JPEG 2000 codestream keeps its decoder busy for too long") from error
    except RuntimeError as error:
        raise BadDicom("JPEG 2000 codestream does not decode") from error
    size = 1 if info.precisions[0] <= 8 else 2 if info.precisions[0] <= 16 else 4
    shape = (info.height, info.width) if info.components == 1 else (info.height, info.width, info.components)
    samples: NDArray[Any] = np.asarray(flat).view(f"{'i' if info.signed[0] else 'u'}{size}").reshape(shape)
    return samples
