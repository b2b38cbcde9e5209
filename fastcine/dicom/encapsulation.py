"""Which bytes are which frame (PS3.5 A.4, PS3.3 C.7.6.3.1.8).

Native Pixel Data is cut by arithmetic. Encapsulated Pixel Data is a chain of fragments: the tables that say which
fragments make which frame (Basic and Extended Offset Table) are believed only where each entry points at a fragment;
otherwise the start markers of the codestreams decide.
"""

from __future__ import annotations

import mmap
import struct
from itertools import pairwise
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fastcine.dicom import _fragments
from fastcine.dicom.elements import ITEM, PIXEL_DATA, Buffer, ElementSpan, tag_text
from fastcine.dicom.layout import ImageLayout
from fastcine.dicom.parse import ObjectStructure
from fastcine.dicom.syntaxes import Family, find_syntax
from fastcine.errors import BadDicom, Unsupported

EXTENDED_OFFSET_TABLE = 0x7FE00001
EXTENDED_LENGTHS = 0x7FE00002
_NUMBER_OF_FRAMES = 0x00280008

#: Fragments in one object; a frame of 4 GB in 32 kB pieces has fewer.
MAX_FRAGMENTS = 4_000_000

#: Headers are read over this much of the object before its pages are given back.
_RELEASE_BYTES = 4 << 20

#: Items that one block of the table of items holds.
_BLOCK_ITEMS = 1 << 14

#: Items, in order: int64, shape (3, n): where the value stands, how long it is, its first eight bytes as a number.
_Items: TypeAlias = NDArray[np.int64]

#: An item's header: its tag and its length.
_HEADER_BYTES = 8


class FragmentSpan(NamedTuple):
    """One run of bytes of the buffer."""

    offset_bytes: int
    length_bytes: int


#: The fragments of one frame, in order.
FrameSpan: TypeAlias = tuple[FragmentSpan, ...]

#: First bytes of a codestream: JPEG and JPEG-LS (SOI), JPEG 2000 and HTJ2K (SOC SIZ, or a JP2/JPH box), JPEG XL.
_STARTS: dict[Family, tuple[bytes, ...]] = {
    Family.JPEG: (b"\xff\xd8\xff",),
    Family.JPEG_LOSSLESS: (b"\xff\xd8\xff",),
    Family.JPEG_LS: (b"\xff\xd8\xff",),
    Family.JPEG_2000: (b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  "),
    Family.HTJ2K: (b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  "),
    Family.JPEG_XL: (b"\xff\x0a", b"\0\0\0\x0cJXL "),
}


def frame_spans(data: Buffer | mmap.mmap, structure: ObjectStructure, layout: ImageLayout) -> tuple[FrameSpan, ...]:
    """The bytes of each of ``layout.frames`` frames, as offsets into ``structure.buffer(data)``.

    Native frames have one span each; with 1 bit allocated the span holds the bytes that the frame touches and
    ``first_bit`` says where in the first byte it starts. A video stream is one span whose fragments are the stream.
    Fragments keep their padding. Raises BadDicom (tag, offset) for damaged or missing fragments, Unsupported for
    layouts that cannot be cut.
    """
    pixel_data = structure.pixel_data
    if pixel_data is None:
        raise BadDicom("no pixel data", tag=tag_text(PIXEL_DATA))
    if not pixel_data.undefined_length and not layout.encapsulated:
        return _native_spans(pixel_data, layout)
    syntax = find_syntax(layout.transfer_syntax_uid)
    if syntax is None:
        raise Unsupported("unknown transfer syntax", transfer_syntax=layout.transfer_syntax_uid)
    with structure.buffer(data) as buffer:
        items = _walk(buffer, pixel_data, big_endian=structure.big_endian)
        fragments = items[:, 1:]
        if not fragments.shape[1]:
            raise BadDicom("no fragments", tag=tag_text(PIXEL_DATA), offset=pixel_data.header_offset)
        if syntax.video:
            return (tuple(_spans(fragments)),)
        groups = (
            _one_to_one(fragments, layout)
            or _by_extended_table(buffer, structure, fragments, frames=layout.frames)
            or _by_basic_table(buffer, items, frames=layout.frames)
            or _by_markers(fragments, layout)
        )
    if groups is None:
        span = structure.elements.get(_NUMBER_OF_FRAMES)
        raise BadDicom(
            f"{fragments.shape[1]} fragments do not make {layout.frames} frames",
            tag=tag_text(_NUMBER_OF_FRAMES if span else PIXEL_DATA),
            offset=(span or pixel_data).header_offset,
        )
    return groups


def first_bit(layout: ImageLayout, frame: int) -> int:
    """Bit (0 the lowest) of the first byte of that frame's span where its samples start; 0 but for native 1-bit."""
    return frame * layout.native_frame_bits % 8 if layout.bits_allocated == 1 and not layout.encapsulated else 0


def _native_spans(pixel_data: ElementSpan, layout: ImageLayout) -> tuple[FrameSpan, ...]:
    bits, start = layout.native_frame_bits, pixel_data.value_offset
    if layout.words_swapped and layout.frames > 1 and bits % 16:
        raise Unsupported("big-endian words that hold bytes of two frames", transfer_syntax=layout.transfer_syntax_uid)
    spans = []
    for frame in range(layout.frames):
        first, last = frame * bits // 8, ((frame + 1) * bits + 7) // 8
        if layout.words_swapped:
            last = min(last + last % 2, pixel_data.length)
        spans.append((FragmentSpan(start + first, last - first),))
    return tuple(spans)


def _spans(fragments: _Items) -> list[FragmentSpan]:
    return list(map(FragmentSpan, fragments[0].tolist(), fragments[1].tolist()))


def _walk(buffer: memoryview, pixel_data: ElementSpan, *, big_endian: bool) -> _Items:
    """All items, the offset table first. A missing sequence delimiter is tolerated where the data ends with an item."""
    offset, end = pixel_data.value_offset, pixel_data.value_offset + pixel_data.length
    blocks, filled, state = [_new_block()], 0, _fragments.PAUSED
    while state in (_fragments.PAUSED, _fragments.FULL):
        filled, offset, state = _fragments.scan(
            buffer,
            blocks[-1].data,
            filled=filled,
            start=offset,
            end=end,
            big_endian=big_endian,
            pause_bytes=_RELEASE_BYTES,
        )
        if len(blocks) * _BLOCK_ITEMS > MAX_FRAGMENTS:
            _check_number(blocks, filled)
        if state == _fragments.PAUSED or offset - pixel_data.value_offset > _RELEASE_BYTES:
            _release(buffer)
        if state == _fragments.FULL:
            blocks.append(_new_block())
            filled = 0
    if state != _fragments.ENDED:
        raise _damaged(buffer, offset, end, state=state, big_endian=big_endian)
    blocks[-1] = blocks[-1][:, :filled]
    items = blocks[0] if len(blocks) == 1 else np.concatenate(blocks, axis=1)
    if not items.shape[1]:
        raise BadDicom("no offset table and no fragments", tag=tag_text(PIXEL_DATA), offset=pixel_data.header_offset)
    return items


def _new_block() -> _Items:
    return np.empty((3, _BLOCK_ITEMS), np.int64)


def _check_number(blocks: list[_Items], filled: int) -> None:
    """Refuse the item that is one too many."""
    last = MAX_FRAGMENTS - (len(blocks) - 1) * _BLOCK_ITEMS
    if filled > last:
        offset = int(blocks[-1][0, last]) - _HEADER_BYTES
        raise BadDicom(f"more than {MAX_FRAGMENTS} fragments", tag=tag_text(PIXEL_DATA), offset=offset)


def _damaged(buffer: memoryview, offset: int, end: int, *, state: int, big_endian: bool) -> BadDicom:
    """What is wrong with the item at ``offset``."""
    if state == _fragments.NO_ITEM:
        return BadDicom("no item where a fragment must start", tag=tag_text(PIXEL_DATA), offset=offset)
    length = struct.unpack_from(">I" if big_endian else "<I", buffer, offset + 4)[0]
    left = end - offset - _HEADER_BYTES
    return BadDicom(f"fragment of {length} bytes where {left} are left", tag=tag_text(ITEM), offset=offset)


def _release(buffer: memoryview) -> None:
    """Give mapped pages back: the kernel maps a neighbourhood of each header, which adds up to the whole object."""
    if isinstance(buffer.obj, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        buffer.obj.madvise(mmap.MADV_DONTNEED)


def _one_to_one(fragments: _Items, layout: ImageLayout) -> tuple[FrameSpan, ...] | None:
    """As many fragments as frames, or one frame of several fragments: no table is needed."""
    if fragments.shape[1] == layout.frames:
        return tuple(zip(_spans(fragments)))
    if layout.frames == 1 and _family(layout) is not Family.RLE:
        return (tuple(_spans(fragments)),)
    return None


def _family(layout: ImageLayout) -> Family | None:
    syntax = find_syntax(layout.transfer_syntax_uid)
    return syntax.family if syntax else None


def _by_extended_table(
    buffer: memoryview, structure: ObjectStructure, fragments: _Items, *, frames: int
) -> tuple[FrameSpan, ...] | None:
    """64-bit offsets (7FE0,0001). Fragments are taken whole: lengths (7FE0,0002) are met with and without the pad."""
    span = structure.elements.get(EXTENDED_OFFSET_TABLE)
    if span is None or span.length < 8 * frames:
        return None
    offsets = np.frombuffer(buffer, "<u8", frames, span.value_offset)
    if int(offsets.max(initial=0)) > fragments[0, -1]:
        return None
    return _by_offsets(offsets.astype(np.int64), fragments)


def _by_basic_table(buffer: memoryview, items: _Items, *, frames: int) -> tuple[FrameSpan, ...] | None:
    """32-bit offsets from the first fragment's tag, in the first item. Met in the wild and put right: counted from
    elsewhere by a constant, wrapped at 4 GB. A table that is too short or points beside the fragments is not used."""
    table_offset, table_length = items[:2, 0].tolist()
    if table_length < 4 * frames:
        return None
    offsets = np.frombuffer(buffer, "<u4", frames, table_offset).astype(np.int64)
    wraps = np.cumsum(np.diff(offsets, prepend=offsets[:1]) < 0)
    return _by_offsets(offsets - offsets[:1] + (wraps << 32), items[:, 1:])


def _by_offsets(offsets: NDArray[np.int64], fragments: _Items) -> tuple[FrameSpan, ...] | None:
    """Group fragments by frame starts, or None where a start is not a fragment's, or the order is wrong."""
    places = fragments[0] - fragments[0, 0]
    starts = np.searchsorted(places, offsets)
    if not len(starts) or starts[0] != 0 or starts[-1] == len(places) or np.any(np.diff(starts) <= 0):
        return None
    if np.any(places[starts] != offsets):
        return None
    return _grouped(fragments, starts, end=len(places))


def _by_markers(fragments: _Items, layout: ImageLayout) -> tuple[FrameSpan, ...] | None:
    """Group fragments by the codestreams that start in them. More frames than announced are cut off; fewer are None.

    RLE and uncompressed frames have no marker, and exactly one fragment each.
    """
    family = _family(layout)
    signatures = _STARTS.get(family) if family is not None else None
    starts = np.arange(fragments.shape[1])
    if signatures is not None:
        starts = np.flatnonzero(np.any([_begin_with(fragments, signature) for signature in signatures], axis=0))
    if len(starts) < layout.frames or starts[0] != 0:
        return None
    end = int(starts[layout.frames]) if layout.frames < len(starts) else fragments.shape[1]
    return _grouped(fragments, starts[: layout.frames], end=end)


def _begin_with(fragments: _Items, signature: bytes) -> NDArray[np.bool_]:
    """Which fragments begin with these bytes: at most eight, the last not zero, as none is beyond a fragment's end."""
    spare = 8 * (8 - len(signature))
    wanted = np.uint64(int.from_bytes(signature, "little") << spare)
    begins: NDArray[np.bool_] = fragments[2].view(np.uint64) << np.uint64(spare) == wanted
    return begins


def _grouped(fragments: _Items, starts: NDArray[np.intp], *, end: int) -> tuple[FrameSpan, ...]:
    """Frames that start at the fragments of these numbers; the last one ends before fragment ``end``."""
    spans = _spans(fragments[:, :end])
    return tuple(tuple(spans[first:after]) for first, after in pairwise([*starts.tolist(), end]))
