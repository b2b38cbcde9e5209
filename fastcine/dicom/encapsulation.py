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

from fastcine.dicom.elements import ITEM, PIXEL_DATA, SEQUENCE_END, UNDEFINED, Buffer, ElementSpan, tag_text
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
_RELEASE_BYTES = 32 << 20


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
        items = _fragments(buffer, pixel_data, big_endian=structure.big_endian)
        table, fragments = items[0], items[1:]
        if not fragments:
            raise BadDicom("no fragments", tag=tag_text(PIXEL_DATA), offset=pixel_data.header_offset)
        if syntax.video:
            return (tuple(_span(item) for item in fragments),)
        groups = (
            _one_to_one(fragments, layout)
            or _by_extended_table(buffer, structure, fragments, frames=layout.frames)
            or _by_basic_table(buffer, table, fragments, frames=layout.frames)
            or _by_markers(buffer, fragments, layout)
        )
    if groups is None:
        span = structure.elements.get(_NUMBER_OF_FRAMES)
        raise BadDicom(
            f"{len(fragments)} fragments do not make {layout.frames} frames",
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


class _Item(NamedTuple):
    """An item of the fragment sequence: where its tag stands, where its value, and how long that is."""

    header_offset: int
    value_offset: int
    length: int


def _span(item: _Item) -> FragmentSpan:
    return FragmentSpan(item.value_offset, item.length)


def _fragments(buffer: memoryview, pixel_data: ElementSpan, *, big_endian: bool) -> list[_Item]:
    """All items, the offset table first. A missing sequence delimiter is tolerated where the data ends with an item."""
    header = struct.Struct(">HHI" if big_endian else "<HHI")
    offset, end = pixel_data.value_offset, pixel_data.value_offset + pixel_data.length
    items: list[_Item] = []
    released = offset
    while offset + 8 <= end:
        group, element, length = header.unpack_from(buffer, offset)
        tag = group << 16 | element
        if tag == SEQUENCE_END:
            break
        if tag != ITEM:
            raise BadDicom("no item where a fragment must start", tag=tag_text(PIXEL_DATA), offset=offset)
        if length == UNDEFINED or offset + 8 + length > end:
            raise BadDicom(
                f"fragment of {length} bytes where {end - offset - 8} are left", tag=tag_text(ITEM), offset=offset
            )
        items.append(_Item(offset, offset + 8, length))
        if len(items) > MAX_FRAGMENTS:
            raise BadDicom(f"more than {MAX_FRAGMENTS} fragments", tag=tag_text(PIXEL_DATA), offset=offset)
        offset += 8 + length
        if offset - released > _RELEASE_BYTES:
            _release(buffer)
            released = offset
    if not items:
        raise BadDicom("no offset table and no fragments", tag=tag_text(PIXEL_DATA), offset=pixel_data.header_offset)
    return items


def _release(buffer: memoryview) -> None:
    """Give mapped pages back: the kernel maps a neighbourhood of each header, which adds up to the whole object."""
    if isinstance(buffer.obj, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        buffer.obj.madvise(mmap.MADV_DONTNEED)


def _one_to_one(fragments: list[_Item], layout: ImageLayout) -> tuple[FrameSpan, ...] | None:
    """As many fragments as frames, or one frame of several fragments: no table is needed."""
    if len(fragments) == layout.frames:
        return tuple((_span(item),) for item in fragments)
    if layout.frames == 1 and _family(layout) is not Family.RLE:
        return (tuple(_span(item) for item in fragments),)
    return None


def _family(layout: ImageLayout) -> Family | None:
    syntax = find_syntax(layout.transfer_syntax_uid)
    return syntax.family if syntax else None


def _by_extended_table(
    buffer: memoryview, structure: ObjectStructure, fragments: list[_Item], *, frames: int
) -> tuple[FrameSpan, ...] | None:
    """64-bit offsets (7FE0,0001). Fragments are taken whole: lengths (7FE0,0002) are met with and without the pad."""
    span = structure.elements.get(EXTENDED_OFFSET_TABLE)
    if span is None or span.length < 8 * frames:
        return None
    offsets = struct.unpack_from(f"<{frames}Q", buffer, span.value_offset)
    return _by_offsets(list(offsets), fragments)


def _by_basic_table(
    buffer: memoryview, table: _Item, fragments: list[_Item], *, frames: int
) -> tuple[FrameSpan, ...] | None:
    """32-bit offsets from the first fragment's tag. Met in the wild and put right: counted from elsewhere by a
    constant, wrapped at 4 GB. A table that is too short or points beside the fragments is not used."""
    if table.length < 4 * frames or frames == 0:
        return None
    raw = struct.unpack_from(f"<{frames}I", buffer, table.value_offset)
    offsets, wraps, last = [], 0, -1
    for value in raw:
        if value < last:
            wraps += 1
        last = value
        offsets.append(value - raw[0] + (wraps << 32))
    return _by_offsets(offsets, fragments)


def _by_offsets(offsets: list[int], fragments: list[_Item]) -> tuple[FrameSpan, ...] | None:
    """Group fragments by frame starts, or None where a start is not a fragment's, or the order is wrong."""
    base = fragments[0].header_offset
    index = {item.header_offset - base: number for number, item in enumerate(fragments)}
    starts = [index.get(offset, -1) for offset in offsets]
    if starts[0] != 0 or any(after <= before for before, after in pairwise(starts)):
        return None
    starts.append(len(fragments))
    return tuple(tuple(_span(item) for item in fragments[first:after]) for first, after in pairwise(starts))


def _by_markers(buffer: memoryview, fragments: list[_Item], layout: ImageLayout) -> tuple[FrameSpan, ...] | None:
    """Group fragments by the codestreams that start in them. More frames than announced are cut off; fewer are None.

    RLE and uncompressed frames have no marker, and exactly one fragment each.
    """
    family = _family(layout)
    starts_with = _STARTS.get(family) if family is not None else None
    if starts_with is None:
        numbers = list(range(len(fragments)))
    else:
        numbers = [
            number
            for number, item in enumerate(fragments)
            if bytes(buffer[item.value_offset : item.value_offset + min(12, item.length)]).startswith(starts_with)
        ]
    if len(numbers) < layout.frames or numbers[0] != 0:
        return None
    numbers.append(len(fragments))
    return tuple(
        tuple(_span(item) for item in fragments[first:after])
        for first, after in list(pairwise(numbers))[: layout.frames]
    )
