"""One frame's stored samples to a lossless bitstream, at true precision: what transcoding writes.

Colour is coded as it is: only JPEG 2000 and HTJ2K take a component transform, and only of RGB, which their decoders
undo (PS3.5 8.2.4). JPEG Lossless and JPEG-LS know no sign: of signed samples they hold the low Bits Stored bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from fastcine import work
from fastcine.codec import htj2k, pixels
from fastcine.codec.rle import encode_rle
from fastcine.dicom.layout import ImageLayout
from fastcine.errors import Unsupported

RLE_LOSSLESS = "1.2.840.10008.1.2.5"
JPEG_LOSSLESS_SV1 = "1.2.840.10008.1.2.4.70"
JPEG_LS_LOSSLESS = "1.2.840.10008.1.2.4.80"
JPEG_2000_LOSSLESS = "1.2.840.10008.1.2.4.90"
HTJ2K_LOSSLESS = "1.2.840.10008.1.2.4.201"
HTJ2K_LOSSLESS_RPCL = "1.2.840.10008.1.2.4.202"
HTJ2K = (HTJ2K_LOSSLESS, HTJ2K_LOSSLESS_RPCL)

_TRANSFORMED = (JPEG_2000_LOSSLESS, *HTJ2K)
_COLOURS = ("RGB", "YBR_FULL")
_GREY = ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")
_BASE_PIXELS = 64
"""PS3.5 10.18: width or height of an RPCL stream's smallest picture at most."""
_LONGER_BYTES = 65_536
"""Room for noise that does not compress, beside a quarter more than the samples."""

Samples = NDArray[Any]


def encoded_photometric(photometric: str, transfer_syntax_uid: str) -> str:
    """The Photometric Interpretation of an object with its samples coded so; `photometric` is the samples'."""
    return "YBR_RCT" if photometric == "RGB" and transfer_syntax_uid in _TRANSFORMED else photometric


def check_encodes(layout: ImageLayout, photometric: str, transfer_syntax_uid: str) -> None:
    """Raises Unsupported where the transfer syntax cannot hold such samples, or nothing here writes it."""
    known = DEPTHS.get(transfer_syntax_uid)
    if known is None:
        raise Unsupported("nothing here encodes it", transfer_syntax=transfer_syntax_uid)
    if layout.sample_kind == "float" or layout.bits_allocated == 1 or layout.bits_stored not in known:
        reason = f"samples of {layout.bits_stored} bits ({layout.sample_kind})"
        raise Unsupported(reason, transfer_syntax=transfer_syntax_uid)
    if photometric not in (_GREY if layout.samples_per_pixel == 1 else _COLOURS):
        raise Unsupported(f"{photometric} with {layout.samples_per_pixel} samples", transfer_syntax=transfer_syntax_uid)


def encode_frame(samples: Samples, layout: ImageLayout, photometric: str, transfer_syntax_uid: str) -> bytes:
    """A frame of ``decode_frame`` as a bitstream of that transfer syntax.

    Raises Unsupported where `check_encodes` does and where a codec is not installed.
    """
    check_encodes(layout, photometric, transfer_syntax_uid)
    return _ENCODERS[transfer_syntax_uid](samples, layout, photometric)


def from_cine_cache(codestream: bytes, layout: ImageLayout, photometric: str, transfer_syntax_uid: str) -> bytes | None:
    """The exact tier's codestream as one of that transfer syntax: its sign flag put right (decision 0003).

    None where it is none: the tier takes the component transform of YBR too (decision 0005), and has five levels.
    """
    if layout.samples_per_pixel == 3 and photometric != "RGB":
        return None
    if transfer_syntax_uid == HTJ2K_LOSSLESS_RPCL and _levels(layout) > htj2k.LEVELS:
        return None
    return htj2k.with_sign(codestream) if layout.signed else codestream


def _words(samples: Samples, layout: ImageLayout) -> Samples:
    """The low Bits Stored bits as the narrowest unsigned type."""
    unsigned = samples.view(f"u{samples.dtype.itemsize}")
    mask = unsigned.dtype.type((1 << layout.bits_stored) - 1)
    return np.ascontiguousarray(unsigned & mask if layout.signed else unsigned, pixels.wire_dtype(layout.bits_stored))


def _rle(samples: Samples, layout: ImageLayout, photometric: str) -> bytes:
    return encode_rle(samples)


def _jpeg_lossless(samples: Samples, layout: ImageLayout, photometric: str) -> bytes:
    # The same space in and out: nothing is converted. Not YCBCR, for which libjpeg-turbo 3.1 makes two Huffman tables
    # and then streams that do not decode; UNKNOWN says nothing, so that the Photometric Interpretation decides.
    space = None if layout.samples_per_pixel == 1 else "RGB" if photometric == "RGB" else "UNKNOWN"
    return bytes(
        imagecodecs.jpeg8_encode(
            _words(samples, layout),
            lossless=True,
            predictor=1,
            bitspersample=layout.bits_stored,
            colorspace=space,
            outcolorspace=space,
        )
    )


def _jpeg_ls(samples: Samples, layout: ImageLayout, photometric: str) -> bytes:
    words = _words(samples, layout)
    if layout.bits_stored in (8, 16):
        room = words.nbytes + words.nbytes // 4 + _LONGER_BYTES
        return bytes(imagecodecs.jpegls_encode(words, out=room))
    # imagecodecs tags the depth by the item size, and a JPEG-LS stream hangs on its tag; pyjpegls holds the GIL.
    shape = (layout.rows, layout.columns, layout.samples_per_pixel)
    return work.in_process(_jpeg_ls_of_depth, words.tobytes(), shape, layout.bits_stored)


def _jpeg_ls_of_depth(data: bytes, shape: tuple[int, int, int], bits: int) -> bytes:
    try:
        import jpeg_ls
    except ImportError:
        raise Unsupported(f"JPEG-LS of {bits} bits needs pyjpegls: install it from PyPI") from None
    return bytes(jpeg_ls.encode_buffer(data, *shape, bits_stored=bits, interleave_mode=2))


def _jpeg_2000(samples: Samples, layout: ImageLayout, photometric: str) -> bytes:
    kind = "i" if layout.signed else "u"
    narrow = np.ascontiguousarray(samples, f"{kind}{1 if layout.bits_stored <= 8 else 2}")
    smallest = min(layout.rows, layout.columns)
    return bytes(
        imagecodecs.jpeg2k_encode(
            narrow,
            codecformat="j2k",
            bitspersample=layout.bits_stored,
            reversible=True,
            mct=photometric == "RGB",
            planar=False,
            resolutions=max(1, min(htj2k.LEVELS + 1, smallest.bit_length())),
            numthreads=1,
        )
    )


def _levels(layout: ImageLayout) -> int:
    """Decompositions until width or height is at most 64 pixels, and not fewer than usual."""
    smallest, levels = min(layout.rows, layout.columns), 0
    while smallest > _BASE_PIXELS:
        smallest, levels = (smallest + 1) // 2, levels + 1
    return max(htj2k.LEVELS, levels)


def _htj2k(samples: Samples, layout: ImageLayout, photometric: str) -> bytes:
    unsigned = pixels.to_unsigned(samples, layout.bits_stored)
    stream = htj2k.encode_exact(unsigned, layout.bits_stored, rgb=photometric == "RGB", levels=_levels(layout))
    return htj2k.with_sign(stream) if layout.signed else stream


_ENCODERS: dict[str, Callable[[Samples, ImageLayout, str], bytes]] = {
    RLE_LOSSLESS: _rle,
    JPEG_LOSSLESS_SV1: _jpeg_lossless,
    JPEG_LS_LOSSLESS: _jpeg_ls,
    JPEG_2000_LOSSLESS: _jpeg_2000,
    HTJ2K_LOSSLESS: _htj2k,
    HTJ2K_LOSSLESS_RPCL: _htj2k,
}
DEPTHS: dict[str, range] = {
    RLE_LOSSLESS: range(1, 33),
    JPEG_LOSSLESS_SV1: range(2, 17),
    JPEG_LS_LOSSLESS: range(2, 17),
    JPEG_2000_LOSSLESS: range(1, 17),
    HTJ2K_LOSSLESS: range(1, htj2k.MAX_BITS + 1),
    HTJ2K_LOSSLESS_RPCL: range(1, htj2k.MAX_BITS + 1),
}
"""Transfer syntaxes that are written here, and the bits that a sample may have."""
