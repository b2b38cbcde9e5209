"""One frame in, its stored samples out, whatever the transfer syntax.

Stored samples are what the file holds: no colour is converted but what a codec inverts as part of itself (the
component transforms of JPEG 2000), bits above Bits Stored are removed, signed samples are sign-extended.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from fastcine.codec import fallback, pixels
from fastcine.codec.htj2k import decode_clamped
from fastcine.codec.j2k import scan_codestream
from fastcine.codec.jpeg import scan_jpeg
from fastcine.codec.jpeg_lossless import decode_jpeg_lossless, handles
from fastcine.codec.registry import decoder_family
from fastcine.codec.rle import decode_rle, decode_rle_bits
from fastcine.dicom.encapsulation import FrameSpan, first_bit
from fastcine.dicom.layout import ImageLayout
from fastcine.dicom.syntaxes import JPEG_XL_RECOMPRESSION, Family
from fastcine.errors import BadDicom, FastcineError, Unsupported

Samples = NDArray[np.generic]

_END_OF_IMAGE = b"\xff\xd9"
_OTHER_BITS = b"\xa5\x5a" * 64 + _END_OF_IMAGE

_WORDS = (Family.NATIVE, Family.ENCAPSULATED_NATIVE, Family.DEFLATED_FRAMES, Family.RLE)
_FLOAT_TYPES: dict[int, np.dtype[np.generic]] = {4: np.dtype(np.float32), 8: np.dtype(np.float64)}


def sample_dtype(layout: ImageLayout) -> np.dtype[np.generic]:
    """The dtype of decoded samples: uint8, int8, uint16, int16, uint32, int32, float32 or float64, native order."""
    if layout.sample_kind == "float":
        return _FLOAT_TYPES[layout.bytes_per_sample]
    return np.dtype(f"{'i' if layout.signed else 'u'}{layout.bytes_per_sample}")


def frame_shape(layout: ImageLayout) -> tuple[int, ...]:
    """(rows, columns) for one sample a pixel, else (rows, columns, samples)."""
    shape = (layout.rows, layout.columns)
    return shape if layout.samples_per_pixel == 1 else (*shape, layout.samples_per_pixel)


def decode_frame(fragments: Sequence[memoryview | bytes], layout: ImageLayout, *, start_bit: int = 0) -> Samples:
    """Stored samples of one frame: ``sample_dtype(layout)``, ``frame_shape(layout)``, C order, writable.

    ``fragments`` are the frame's bytes in order; ``start_bit`` is ``first_bit`` of native 1-bit frames. Raises
    Unsupported where nothing decodes the transfer syntax; BadDicom for damaged bytes and for sizes that contradict
    the layout, whatever the codec made of them.
    """
    samples = _shaped(_decoded(fragments, layout, start_bit), layout)
    if layout.sample_kind == "float":
        return np.array(samples, sample_dtype(layout), order="C")
    stored = pixels.to_stored(samples, layout.bits_stored, sample_dtype(layout))
    return stored if stored.flags.writeable else stored.copy()


def decode_unsigned(fragments: Sequence[memoryview | bytes], layout: ImageLayout, *, start_bit: int = 0) -> Samples:
    """The same as the wire counts them (pixels.to_unsigned), in one pass; floats as they are. May be read-only."""
    samples = _shaped(_decoded(fragments, layout, start_bit), layout)
    if layout.sample_kind == "float":
        return np.ascontiguousarray(samples, sample_dtype(layout))
    return pixels.to_unsigned(samples, layout.bits_stored, signed=layout.signed)


def _decoded(fragments: Sequence[memoryview | bytes], layout: ImageLayout, start_bit: int) -> Samples:
    """What the codec makes of a frame, in its own dtype. Raises as decode_frame does."""
    family = decoder_family(layout.transfer_syntax_uid)
    if family is Family.VIDEO:
        raise Unsupported(
            "a video has no frames of its own (codec/video.py)", transfer_syntax=layout.transfer_syntax_uid
        )
    frame = memoryview(fragments[0] if len(fragments) == 1 else b"".join(fragments))
    if not len(frame):
        raise BadDicom("empty frame", tag="7FE0,0010")
    try:
        if family in (Family.NATIVE, Family.ENCAPSULATED_NATIVE):
            samples = _native(frame, layout, start_bit)
        else:
            samples = _DECODERS[family](frame, layout)
        # Codestreams hold samples, these hold words.
        return pixels.shifted_down(samples, layout.low_bit) if layout.low_bit and family in _WORDS else samples
    except FastcineError as error:
        if isinstance(error, BadDicom) and not error.tag:
            raise BadDicom(error.reason, tag="7FE0,0010") from error
        raise
    except Exception as error:  # each codec has its own error class, and some raise ValueError or MemoryError
        raise BadDicom(f"{family} frame does not decode", tag="7FE0,0010") from error


def decode_at(buffer: memoryview, spans: Sequence[FrameSpan], frame: int, *, layout: ImageLayout) -> Samples:
    """Stored samples of frame ``frame`` (from 0) of an object: ``frame_spans`` and ``decode_frame`` together."""
    fragments = [buffer[offset : offset + length] for offset, length in spans[frame]]
    return decode_frame(fragments, layout, start_bit=first_bit(layout, frame))


def _shaped(samples: Samples, layout: ImageLayout) -> Samples:
    """The codec's array in the layout's shape; raises BadDicom where it cannot be."""
    shape = frame_shape(layout)
    if samples.shape == shape:
        return samples
    if samples.size != layout.frame_samples or samples.shape[:2] != shape[:2]:
        raise BadDicom(f"frame of shape {samples.shape} where {shape} is needed", tag="7FE0,0010")
    return samples.reshape(shape)


def _native(frame: memoryview, layout: ImageLayout, start_bit: int) -> Samples:
    if layout.bits_allocated == 1:
        packed = np.frombuffer(frame, np.uint8)
        return _arranged(pixels.unpacked_bits(packed, start_bit, 8 * len(packed) - start_bit), layout)
    order = ">" if layout.big_endian else "<"
    kind = "f" if layout.sample_kind == "float" else "u"
    dtype = np.dtype(f"{order}{kind}{layout.bytes_per_sample}")
    if layout.words_swapped:
        words = np.frombuffer(frame, ">u2", len(frame) // 2).astype("<u2")
        return _arranged(words.view(np.uint8), layout)
    return _arranged(np.frombuffer(frame, dtype, len(frame) // dtype.itemsize), layout)


def _arranged(flat: Samples, layout: ImageLayout) -> Samples:
    """Flat native samples as (rows, columns[, samples]): halved chroma doubled, planes interleaved."""
    needed = layout.native_frame_bits // layout.bits_allocated
    if len(flat) < needed:
        raise BadDicom(f"frame of {len(flat)} samples where {needed} are needed")
    flat = flat[:needed]
    if layout.chroma_halved:
        return _chroma_doubled(flat, layout)
    if layout.samples_per_pixel == 1:
        return flat.reshape(layout.rows, layout.columns)
    if layout.planar_configuration == 1:
        return pixels.interleaved(flat.reshape(layout.samples_per_pixel, layout.rows, layout.columns))
    return flat.reshape(layout.rows, layout.columns, layout.samples_per_pixel)


def _chroma_doubled(flat: Samples, layout: ImageLayout) -> Samples:
    """Y1 Y2 Cb Cr for each two pixels, running on over the row ends (PS3.3 C.7.6.3.1.2), to one triple a pixel."""
    if layout.rows * layout.columns % 2:
        raise BadDicom("halved chroma with an odd number of pixels")
    pairs = flat.reshape(-1, 4)
    out = np.empty((len(pairs), 2, 3), flat.dtype)
    out[:, :, 0] = pairs[:, :2]
    out[:, :, 1] = pairs[:, 2:3]
    out[:, :, 2] = pairs[:, 3:4]
    return out.reshape(layout.rows, layout.columns, 3)


def _deflated(frame: memoryview, layout: ImageLayout) -> Samples:
    """Deflated Image Frame Compression (PS3.5 A.4.13): a raw deflate stream of the native frame."""
    limit = (layout.native_frame_bits + 7) // 8
    machine = zlib.decompressobj(-zlib.MAX_WBITS)
    return _native(memoryview(machine.decompress(frame, limit + 1)), layout, 0)


def _rle(frame: memoryview, layout: ImageLayout) -> Samples:
    pixels, samples = layout.rows * layout.columns, layout.samples_per_pixel
    if layout.bits_allocated == 1:
        flat: Samples = decode_rle_bits(frame, pixels=pixels, samples=samples)
    else:
        flat = decode_rle(frame, pixels=pixels, samples=samples, bytes_per_sample=layout.bytes_per_sample)
    return flat.reshape(layout.rows, layout.columns, samples)


def _check_size(width: int, height: int, components: int, *, layout: ImageLayout) -> None:
    """Before a codec allocates by its own header: that header has to agree with the layout."""
    if (width, height, components) != (layout.columns, layout.rows, layout.samples_per_pixel):
        raise BadDicom(
            f"bitstream of {height}x{width}x{components} in an image of "
            f"{layout.rows}x{layout.columns}x{layout.samples_per_pixel}"
        )


def _jpeg(frame: memoryview, layout: ImageLayout) -> Samples:
    info = scan_jpeg(frame)
    _check_size(info.width, info.height, info.components, layout=layout)
    # The same space in and out: libjpeg leaves three components alone, whatever their markers say.
    space = "RGB" if info.components == 3 else None
    bitstream = bytes(frame)
    samples = np.asarray(imagecodecs.jpeg8_decode(bitstream, colorspace=space, outcolorspace=space))
    if _END_OF_IMAGE not in bitstream:
        # libjpeg makes up what is missing, from zero bits. It was complete if other bits behind it change nothing.
        # (A last FF is completed to the data byte FF, or it would make a marker with what follows.)
        behind = b"\0" * bitstream.endswith(b"\xff") + _OTHER_BITS
        more = imagecodecs.jpeg8_decode(bitstream + behind, colorspace=space, outcolorspace=space)
        if not np.array_equal(samples, more):
            raise BadDicom("JPEG bitstream is cut off")
    return samples


def _jpeg_lossless(frame: memoryview, layout: ImageLayout) -> Samples:
    """Our own decoder; libjpeg for the kinds that it leaves out, never for what it finds damaged."""
    info = scan_jpeg(frame)
    if not info.height:
        raise BadDicom("JPEG Lossless: number of lines comes after the scan (DNL)")
    _check_size(info.width, info.height, info.components, layout=layout)
    samples = decode_jpeg_lossless(frame, info) if handles(info) else None
    return _jpeg(frame, layout) if samples is None else samples


def _jpeg_ls(frame: memoryview, layout: ImageLayout) -> Samples:
    info = scan_jpeg(frame)
    _check_size(info.width, info.height, info.components, layout=layout)
    bitstream = bytes(frame)
    if _END_OF_IMAGE not in bitstream:
        # CharLS searches 2**31 zero bits, for seconds, where a stream is cut off, but stops at once at a marker.
        bitstream += _END_OF_IMAGE
    samples = np.asarray(imagecodecs.jpegls_decode(bitstream))
    by_plane = samples.shape == (info.components, info.height, info.width)
    if info.components > 1 and by_plane and not _interleaved_jpeg_ls(bitstream, info.components):
        return samples.transpose(1, 2, 0)
    return samples


def _interleaved_jpeg_ls(bitstream: bytes, components: int) -> bool:
    """Whether all components are in one scan (ISO 14495-1 C.2.3): of 3x3x3 samples the shape does not tell."""
    scan = bitstream.find(b"\xff\xda")
    return bitstream[scan + 4 : scan + 5] == bytes([components])


def _jpeg_2000(frame: memoryview, layout: ImageLayout) -> Samples:
    info = scan_codestream(frame)
    _check_size(info.width, info.height, info.components, layout=layout)
    if info.high_throughput:
        return decode_clamped(frame, info)
    if fallback.needed("JPEG2K"):
        return fallback.decode_codestream(bytes(frame), info)
    return np.asarray(imagecodecs.jpeg2k_decode(bytes(frame), planar=False, numthreads=1))


def _jpeg_xl(frame: memoryview, layout: ImageLayout) -> Samples:
    if layout.transfer_syntax_uid == JPEG_XL_RECOMPRESSION:
        # The JPEG inside is rebuilt bit for bit, so its components come out as stored.
        return _jpeg(memoryview(bytes(imagecodecs.jpegxl_decode_jpeg(bytes(frame), numthreads=1))), layout)
    out = np.empty(frame_shape(layout), np.dtype(f"u{min(layout.bytes_per_sample, 2)}"))
    return np.asarray(imagecodecs.jpegxl_decode(bytes(frame), numthreads=1, out=out))


_DECODERS: dict[Family, Callable[[memoryview, ImageLayout], Samples]] = {
    Family.DEFLATED_FRAMES: _deflated,
    Family.RLE: _rle,
    Family.JPEG: _jpeg,
    Family.JPEG_LOSSLESS: _jpeg_lossless,
    Family.JPEG_LS: _jpeg_ls,
    Family.JPEG_2000: _jpeg_2000,
    Family.HTJ2K: _jpeg_2000,
    Family.JPEG_XL: _jpeg_xl,
}
