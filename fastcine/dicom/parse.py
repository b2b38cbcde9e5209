"""Where everything lies in a DICOM object: a strict scan of its skeleton (PS3.5 7, PS3.10 7).

The scan reads headers only. It accepts Part 10 files and bare data sets (no preamble, no file meta), as real
archives hold them; offsets count from the start of the buffer, except for the deflated syntax, where they count
from the start of the inflated data set (``ObjectStructure.buffer`` says which bytes to slice).
"""

from __future__ import annotations

import mmap
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from fastcine.dicom.elements import (
    LONG_VRS,
    PIXEL_DATA,
    SHORT_VRS,
    UNDEFINED,
    Breach,
    Buffer,
    ElementReader,
    ElementSpan,
    Encoding,
    tag_text,
)
from fastcine.errors import BadDicom, FastcineError, NotDicom

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
FLOAT_PIXEL_DATA = 0x7FE00008
DOUBLE_FLOAT_PIXEL_DATA = 0x7FE00009

#: A deflated object may not inflate beyond this: 12 bits a pixel deflate 3 to 1, so real ones stay far below.
MAX_INFLATED_BYTES = 1 << 30
#: A data set has a few hundred top-level elements; ten thousand is damage or malice.
MAX_TOP_LEVEL = 50_000

_VRS = SHORT_VRS | LONG_VRS
_ENCODINGS = {
    IMPLICIT_LITTLE: Encoding(False, False),
    EXPLICIT_LITTLE: Encoding(True, False),
    EXPLICIT_BIG: Encoding(True, True),
}


@dataclass(frozen=True, slots=True)
class ObjectStructure:
    """The skeleton of one object.

    ``elements`` maps each top-level tag of the data set (file meta excluded) to its span; of a tag that stands twice
    the first counts. ``pixel_data`` is Pixel Data, Float Pixel Data or Double Float Pixel Data, or None.
    ``dataset_offset`` is where the data set starts; ``file_meta`` maps tags of group 0002 to their raw value bytes
    (at most 1024 each). ``tolerated`` lists what was read in spite of the standard: (breach, tag, offset).
    """

    transfer_syntax_uid: str
    has_preamble: bool
    is_part10: bool
    dataset_offset: int
    big_endian: bool
    explicit_vr: bool
    elements: Mapping[int, ElementSpan]
    pixel_data: ElementSpan | None
    file_meta: Mapping[int, bytes] = field(default_factory=dict)
    inflated: bytes | None = field(default=None, repr=False)
    tolerated: tuple[tuple[Breach, int, int], ...] = ()

    @property
    def encoding(self) -> Encoding:
        """How the data set is written."""
        return Encoding(self.explicit_vr, self.big_endian)

    def buffer(self, data: Buffer | mmap.mmap) -> memoryview:
        """The bytes that the spans of this structure point into: ``data``, or what it inflated to."""
        return memoryview(data if self.inflated is None else self.inflated)


def parse_object(data: Buffer | mmap.mmap) -> ObjectStructure:
    """Scan one DICOM object.

    Raises NotDicom when the bytes are no DICOM at all; BadDicom, with tag and offset, when they are DICOM but broken:
    cut off, lengths that lie, items out of place, nesting or element counts beyond the limits.
    """
    with memoryview(data) as view:
        return _scan(view)


def _scan(view: memoryview) -> ObjectStructure:
    has_preamble = len(view) >= 132 and bytes(view[128:132]) == b"DICM"
    if not has_preamble:
        _refuse_what_is_no_dicom(view)
    start = 132 if has_preamble else 0
    tolerated: list[tuple[Breach, int, int]] = []
    file_meta, dataset_offset = _read_file_meta(view, start, tolerated=tolerated)
    declared = file_meta.get(0x00020010, b"").rstrip(b"\0 ").decode("ascii", "replace").strip()
    if has_preamble and dataset_offset >= len(view):
        raise BadDicom("no data set after the file meta information", offset=dataset_offset)
    inflated = None
    if declared == DEFLATED:
        inflated = _inflate(view[dataset_offset:], dataset_offset)
    body = view if inflated is None else memoryview(inflated)
    body_start = dataset_offset if inflated is None else 0
    encoding = _encoding(body, body_start, declared)
    if declared in _ENCODINGS and encoding != _ENCODINGS[declared]:
        tolerated.append((Breach.WRONG_ENCODING, 0x00020010, body_start))
    elements = _top_level(body, body_start, encoding, tolerated=tolerated)
    pixel_data = None
    for tag in (PIXEL_DATA, FLOAT_PIXEL_DATA, DOUBLE_FLOAT_PIXEL_DATA):
        pixel_data = pixel_data or elements.get(tag)
    return ObjectStructure(
        transfer_syntax_uid=declared or _syntax_of(encoding),
        has_preamble=has_preamble,
        is_part10=has_preamble and bool(file_meta),
        dataset_offset=body_start,
        big_endian=encoding.big_endian,
        explicit_vr=encoding.explicit_vr,
        elements=MappingProxyType(elements),
        pixel_data=pixel_data,
        file_meta=MappingProxyType(file_meta),
        inflated=inflated,
        tolerated=tuple(tolerated),
    )


def _syntax_of(encoding: Encoding) -> str:
    if encoding.big_endian:
        return EXPLICIT_BIG
    return EXPLICIT_LITTLE if encoding.explicit_vr else IMPLICIT_LITTLE


def _refuse_what_is_no_dicom(view: memoryview) -> None:
    """Without a preamble, only a data set that starts in group 0002 or 0008 and reads for three elements is one."""
    head = bytes(view[:2048])
    marker = head.find(b"DICM\x02\x00")
    if marker >= 0:
        raise BadDicom(f"the DICM marker stands at {marker}, not at 128", offset=marker)
    if len(head) < 8:
        raise NotDicom("too short to be a DICOM object")
    little, big = struct.unpack_from("<H", head)[0], struct.unpack_from(">H", head)[0]
    if little not in (0x0002, 0x0008) and big != 0x0008:
        raise NotDicom("neither a DICM marker nor the start of a data set")
    encoding = Encoding(True, False) if little == 0x0002 else _guess(view, 0)
    reader, last = ElementReader(view), -1
    try:
        for count, element in enumerate(reader.elements(0, len(view), encoding)):
            if element.tag <= last or count == 2:
                break
            last = element.tag
    except FastcineError:
        count = 0
    if last < 0 or count < 1:
        raise NotDicom("neither a DICM marker nor the start of a data set")


def _read_file_meta(
    view: memoryview, start: int, *, tolerated: list[tuple[Breach, int, int]]
) -> tuple[dict[int, bytes], int]:
    """File meta elements (group 0002, explicit VR little endian) and where the data set starts.

    The end is where the group changes; Group Length is not believed, since writers get it wrong.
    """
    meta: dict[int, bytes] = {}
    reader, offset, encoding = ElementReader(view), start, Encoding(True, False)
    reader.tolerated = tolerated
    if bytes(view[start : start + 8]) == b"\x02\x00\x00\x00\x04\x00\x00\x00":
        # (0002,0000), 4 bytes, no VR: met in the wild.
        tolerated.append((Breach.META_IMPLICIT, 0x00020000, start))
        encoding = Encoding(False, False)
    while offset + 8 <= len(view) and bytes(view[offset : offset + 2]) == b"\x02\x00":
        tag, _, value, length = reader.header(offset, encoding, end=len(view))
        if length == UNDEFINED:
            raise BadDicom("undefined length in the file meta information", tag=tag_text(tag), offset=offset)
        if length > 1 << 20 and tag == 0x00020010:
            raise BadDicom("Transfer Syntax UID of more than 1 MB", tag=tag_text(tag), offset=offset)
        meta[tag] = bytes(view[value : value + min(length, 1024)])
        offset = value + length
    return meta, offset


def _encoding(view: memoryview, start: int, declared: str) -> Encoding:
    """What the first element shows, over what the transfer syntax says: writers mix up explicit and implicit."""
    if declared == EXPLICIT_BIG:
        return Encoding(True, True)
    if not declared:
        return _guess(view, start)
    vr = bytes(view[start + 4 : start + 6])
    if vr in _VRS:
        return Encoding(True, False)
    if declared == IMPLICIT_LITTLE or not (vr.isalpha() and vr.isupper()):
        return Encoding(False, False)
    return Encoding(True, False)


def _guess(view: memoryview, start: int) -> Encoding:
    group, vr = bytes(view[start : start + 2]), bytes(view[start + 4 : start + 6])
    if vr not in _VRS:
        return Encoding(False, False)
    return Encoding(True, group[0] == 0 and group[1] != 0)


def _top_level(
    view: memoryview, start: int, encoding: Encoding, *, tolerated: list[tuple[Breach, int, int]]
) -> dict[int, ElementSpan]:
    reader = ElementReader(view)
    reader.tolerated = tolerated
    elements: dict[int, ElementSpan] = {}
    end, offset = len(view), start
    while offset < end:
        if not view[offset] and not any(view[offset : offset + 65536]):
            tolerated.append((Breach.ZERO_PADDING, 0, offset))
            break
        try:
            span = _next_element(reader, offset, end, encoding)
        except BadDicom:
            if PIXEL_DATA not in elements:
                raise
            tolerated.append((Breach.TRAILING_GARBAGE, 0, offset))
            break
        if span.tag >> 16 == 0xFFFE:
            tolerated.append((Breach.STRAY_ITEM, span.tag, offset))
        elif span.tag in elements:
            tolerated.append((Breach.DUPLICATE_TAG, span.tag, offset))
        # Of a tag that stands twice the first counts: nothing after the pixel data may change whose picture it is.
        elements.setdefault(span.tag, span)
        if len(elements) > MAX_TOP_LEVEL or len(tolerated) > MAX_TOP_LEVEL:
            raise BadDicom(f"more than {MAX_TOP_LEVEL} top-level elements", tag=tag_text(span.tag), offset=offset)
        offset = span.end_offset
    elements = {tag: span for tag, span in elements.items() if tag >> 16 != 0xFFFE}
    if not elements:
        raise BadDicom("empty data set", offset=start)
    return elements


def _next_element(reader: ElementReader, offset: int, end: int, encoding: Encoding) -> ElementSpan:
    """One top-level element; of a stray item or delimiter the span of its header and value."""
    tag, vr, value, length = reader.header(offset, encoding, end=end)
    if tag >> 16 == 0xFFFE:
        size = 0 if length == UNDEFINED else length
        return ElementSpan(tag, "", value, size, offset, False, value + size)
    if length == UNDEFINED and tag == PIXEL_DATA:
        # The fragments are walked when the frames are asked for; hardly anything may follow them.
        return ElementSpan(tag, vr, value, end - value, offset, True, end)
    if length == UNDEFINED:
        return next(reader.elements(offset, end, encoding))
    return ElementSpan(tag, vr, value, length, offset, False, value + length)


def _inflate(packed: memoryview, offset: int) -> bytes:
    """The data set of the deflated syntax (PS3.5 A.5): a raw deflate stream, met with a zlib header too."""
    error = "the deflated data set is damaged"
    for window in (-zlib.MAX_WBITS, zlib.MAX_WBITS):
        machine = zlib.decompressobj(window)
        try:
            out = machine.decompress(packed, MAX_INFLATED_BYTES)
        except zlib.error:
            continue
        if machine.unconsumed_tail or len(out) >= MAX_INFLATED_BYTES:
            raise BadDicom(f"the deflated data set inflates beyond {MAX_INFLATED_BYTES} bytes", offset=offset)
        if machine.eof and out:
            return out
        error = "the deflated data set is cut off"
    raise BadDicom(error, offset=offset)
