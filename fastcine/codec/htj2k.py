"""HTJ2K (ISO 15444-15) for the wire: the exact tier and the lossy first pass, and back again.

imagecodecs tags the precision by the item size and its decoder returns 2**bits, one too many, where a lossy value is
clamped at the top; both are put right here by rewriting the Ssiz bytes of the SIZ marker (ISO 15444-1 A.5.1).
"""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from fastcine.codec import fallback
from fastcine.codec.j2k import CodestreamInfo, check_complete, scan_codestream
from fastcine.errors import BadDicom, Unsupported

Unsigned = NDArray[np.unsignedinteger]

#: The codec's samples have 1 to 16 bits; deeper ones travel as deflated raw samples.
MAX_BITS = 16

NEEDS_OPENJPH = "imagecodecs is built without HTJ2K, which runs are coded in: install its wheel from PyPI"

#: Decompositions: what the codec makes unless told otherwise.
LEVELS = 5

#: Ssiz bytes stand 40 bytes after the SIZ marker's first byte, three bytes a component.
_SSIZ = 40


def encode_exact(samples: Unsigned, bits: int, *, rgb: bool = False, levels: int = LEVELS) -> bytes:
    """Reversible codestream (5/3, RPCL, TLM) at true precision.

    ``samples``: unsigned, below ``2**bits``, shape (rows, columns) or (rows, columns, 3), 1 to 16 bits. ``rgb`` says
    that the three components are really red, green and blue: then the reversible colour transform is used, which
    stays exact for anything, but costs a third to a half more on YCbCr. ``levels``: decompositions. Raises ValueError
    for other shapes and depths.

    Trap for the browser: without that transform @cornerstonejs/codec-openjph 2.4.11 hands out the lines of three
    components in the wrong places. It reads them component by component and writes the k-th as if they came
    interleaved, to row ``k // 3``, component ``k % 3``; see the test of this module.
    """
    samples = _narrowest(samples, bits)
    colour = rgb and samples.ndim == 3
    if bits in (8, 16):
        return _encoded(samples, reversible=True, rgb=colour, planar=False, tlm=True, resolutions=levels)
    # Signed samples are coded without the level shift, so the same bytes read as unsigned with that shift undone.
    signed = np.dtype(f"i{samples.dtype.itemsize}")
    shifted = (samples.astype(np.int32) - (1 << (bits - 1))).astype(signed)
    stream = _encoded(shifted, reversible=True, rgb=colour, planar=False, tlm=True, resolutions=levels)
    return _retagged(stream, bits)


def with_sign(stream: bytes) -> bytes:
    """An exact stream of samples shifted up by half their range, as the same stream of the signed samples.

    The level shift of unsigned components (ISO 15444-1 G.1) is that half, so that only the flag in Ssiz differs.
    """
    info = scan_codestream(stream)
    edited = bytearray(stream)
    for component in range(info.components):
        edited[info.siz_offset + _SSIZ + 3 * component] |= 0x80
    return bytes(edited)


def encode_first_pass(samples: Unsigned, bits: int, step: float) -> bytes:
    """Lossy codestream (9/7) with quantiser step ``step``, relative to the full range of ``bits``.

    Samples as in ``encode_exact``; three components are taken as RGB. Up to 8 bits the stream is tagged 8, above 16:
    the step is scaled to that, since a lossy stream's step hangs on its tag (so Ssiz must not be rewritten here).
    """
    samples = _narrowest(samples, bits)
    level = step * (1 << bits) / (1 << (8 * samples.dtype.itemsize))
    return _encoded(samples, level, reversible=False, rgb=samples.ndim == 3, planar=False)


def decode_exact(codestream: bytes | memoryview) -> Unsigned:
    """Samples of an exact stream: uint8 up to 8 bits, else uint16. Raises BadDicom for damaged bytes."""
    info = scan_codestream(codestream)
    return _decoded(codestream, info)


def decode_first_pass(codestream: bytes | memoryview, bits: int) -> Unsigned:
    """Samples of a first pass, clamped to ``0 .. 2**bits - 1``: uint8 up to 8 bits, else uint16.

    Raises BadDicom for damaged bytes.
    """
    samples = decode_clamped(codestream, scan_codestream(codestream))
    return np.minimum(samples, samples.dtype.type((1 << bits) - 1))


def decode_clamped(codestream: bytes | memoryview, info: CodestreamInfo) -> Unsigned:
    """Samples of any HTJ2K stream, lossy values clamped to the tagged range instead of wrapped.

    The codec clamps to ``2**bits``, which wraps to 0 where ``bits`` fill the item: so lossy streams of 8 and 16 bits
    are decoded under a larger tag, which multiplies the values by a power of two, and divided again.
    """
    precision = info.precisions[0]
    clamped = info.reversible or precision not in (8, 16) or any(info.signed) or len(set(info.precisions)) > 1
    if clamped or fallback.needed("HTJ2K"):  # OpenJPEG clamps as it should
        return _decoded(codestream, info)
    more = 7 if precision == 8 else 4
    raised = _retagged(bytes(codestream), precision + more, info=info)
    wide = _decoded(raised, scan_codestream(raised)).astype(np.uint32, copy=False)
    wide += 1 << (more - 1)
    wide >>= more
    return np.minimum(wide, (1 << precision) - 1).astype(f"u{precision // 8}")


def _decoded(codestream: bytes | memoryview, info: CodestreamInfo) -> Unsigned:
    """Decode, and make sure that it came to the end.

    Trap: where decoding breaks off, imagecodecs prints an ignored exception and returns what it has. Lines are written
    in order, so the last line of the last component shows whether all were: it is marked before and looked at after.
    """
    check_complete(codestream, info)
    stream = bytes(memoryview(codestream)[info.start :])
    shape = (info.height, info.width) if info.components == 1 else (info.height, info.width, info.components)
    if not info.components or len(set(info.precisions)) > 1 or info.precisions[0] > 32:
        raise BadDicom("HTJ2K codestream with components of different depths")
    if fallback.needed("HTJ2K"):
        return fallback.decode_codestream(bytes(codestream), info)
    size = 1 if info.precisions[0] <= 8 else 2 if info.precisions[0] <= 16 else 4
    samples = np.empty(shape, f"{'i' if info.signed[0] else 'u'}{size}")
    last = samples[-1] if info.components == 1 else samples[-1, :, -1]
    for mark in (0x55, 0x2A):
        last[...] = mark
        try:
            imagecodecs.htj2k_decode(stream, planar=False, out=samples)
        except Exception as error:
            raise BadDicom("HTJ2K codestream does not decode") from error
        if np.any(last != mark):
            return samples
    raise BadDicom("HTJ2K codestream breaks off")


def _encoded(samples: NDArray[np.integer], *level: float, **options: Any) -> bytes:
    """Raises Unsupported where imagecodecs was built without it: nothing else encodes HTJ2K."""
    if fallback.needed("HTJ2K"):
        raise Unsupported(NEEDS_OPENJPH)
    return bytes(imagecodecs.htj2k_encode(samples, *level, **options))


def _narrowest(samples: Unsigned, bits: int) -> Unsigned:
    if not 1 <= bits <= MAX_BITS:
        raise ValueError(f"{bits} bits a sample; 1 to {MAX_BITS} can be coded")
    if samples.ndim not in (2, 3) or (samples.ndim == 3 and samples.shape[2] != 3) or samples.dtype.kind != "u":
        raise ValueError("samples must be unsigned, (rows, columns) or (rows, columns, 3)")
    return np.ascontiguousarray(samples, np.uint8 if bits <= 8 else np.uint16)


def _retagged(stream: bytes, bits: int, *, info: CodestreamInfo | None = None) -> bytes:
    """The codestream with every component tagged unsigned, ``bits`` deep."""
    info = info or scan_codestream(stream)
    edited = bytearray(stream)
    for component in range(info.components):
        edited[info.siz_offset + _SSIZ + 3 * component] = bits - 1
    return bytes(edited)
