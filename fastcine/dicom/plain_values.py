"""A few values of an object, read without pydicom's data elements where they are plain: what an index record needs.

Plain is text of printable ASCII, one value, and one unsigned integer: nearly all there is, at a twentieth of the time.
Everything else is converted as `read_values` converts it, element by element, so that the two never differ.
"""

from __future__ import annotations

import mmap
import re
import struct
from dataclasses import dataclass

from pydicom.dataelem import DataElement

from fastcine.dicom.elements import (
    ITEM,
    MAX_DEPTH,
    SEQUENCE_END,
    UNDEFINED,
    Buffer,
    ElementReader,
    ElementSpan,
    Encoding,
    tag_text,
)
from fastcine.dicom.parse import ObjectStructure
from fastcine.dicom.parse_values import PIXELS, SIGN_DEPENDS, ConversionGuard, convert, vr_of
from fastcine.errors import BadDicom

_TEXT = frozenset(("AE", "CS", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UI"))
_PRINTABLE = re.compile(rb"[ -\[\]-~]{0,512}\0?")
"""No backslash, which separates values, and no escape, which changes the character set."""
_WHOLE = re.compile(rb" {0,4}[+-]?[0-9]{1,9} {0,4}\0?")
_UNSIGNED = {("US", 2): ("<H", ">H"), ("UL", 4): ("<I", ">I")}
_CHARACTER_SET, _REPRESENTATION = 0x00080005, 0x00280103
_MAY_HOLD_ITEMS = frozenset(("SQ", "UN", ""))


@dataclass(slots=True)
class PlainElement:
    """One value, as far as fastcine.dicom.values asks: the stand-in for a pydicom DataElement."""

    VR: str
    value: str | int
    VM: int = 1


class PlainValues:
    """The top-level values of one object, converted when they are asked for. Use it while `data` lives.

    Raises BadDicom, when it is made, where `read_values` would: for sequences nested too deep.
    """

    def __init__(self, data: Buffer | mmap.mmap, structure: ObjectStructure) -> None:
        self._buffer = structure.buffer(data)
        self._structure = structure
        self._known: dict[int, PlainElement | DataElement | None] = {}
        try:
            _check_nesting(self._buffer, structure)
        except BaseException:
            self._buffer.release()
            raise

    def __enter__(self) -> PlainValues:
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of `data`: who mapped a file can close it, whatever error is on its way with our frames in it."""
        self._buffer.release()

    def get(self, key: int, /) -> PlainElement | DataElement | None:
        """The element of a standard attribute, None where there is none."""
        if key not in self._known:
            span = self._structure.elements.get(key)
            self._known[key] = None if span is None or key in PIXELS else self._plain(span) or self._converted(span)
        return self._known[key]

    def _plain(self, span: ElementSpan) -> PlainElement | None:
        if span.undefined_length or span.length > 512 or span.tag in SIGN_DEPENDS:
            return None
        vr = span.vr if span.vr and span.vr != "UN" else vr_of(span, {}, {})
        raw = bytes(self._buffer[span.value_offset : span.value_offset + span.length])
        if vr in _TEXT:
            if not _PRINTABLE.fullmatch(raw) or (vr == "PN" and b"=" in raw):
                return None
            return PlainElement(vr, raw.decode("ascii").strip("\0 "))
        if vr == "IS":
            return PlainElement(vr, raw.decode("ascii").strip("\0 ")) if _WHOLE.fullmatch(raw) else None
        if (vr, span.length) in _UNSIGNED:
            form = _UNSIGNED[vr, span.length][self._structure.big_endian]
            return PlainElement(vr, struct.unpack(form, raw)[0])
        return None

    def _converted(self, span: ElementSpan) -> DataElement | None:
        elements = self._structure.elements
        beside = [elements[tag] for tag in (_CHARACTER_SET, _REPRESENTATION) if tag in elements and tag != span.tag]
        with ConversionGuard():
            return convert(self._buffer, [*beside, span], self._structure.encoding).get(span.tag)


def _check_nesting(buffer: memoryview, structure: ObjectStructure) -> None:
    """Walk the sequences of known length, of which `parse_object` has seen the outside only."""
    reader = ElementReader(buffer)
    mark = struct.pack(">HH" if structure.big_endian else "<HH", ITEM >> 16, ITEM & 0xFFFF)
    for span in structure.elements.values():
        if span.vr in _MAY_HOLD_ITEMS and span.length >= 8 and span.tag not in PIXELS:
            start = span.value_offset
            if buffer[start : start + 4] == (b"\xfe\xff\x00\xe0" if span.vr == "UN" else mark):
                _walk(reader, span, structure.encoding, depth=0)


def _walk(reader: ElementReader, sequence: ElementSpan, encoding: Encoding, *, depth: int) -> None:
    if depth >= MAX_DEPTH:
        place = {"tag": tag_text(sequence.tag), "offset": sequence.header_offset}
        raise BadDicom(f"sequences nested deeper than {MAX_DEPTH}", **place)  # type: ignore[arg-type]
    inside = Encoding(False, False) if sequence.vr == "UN" else encoding
    offset, end = sequence.value_offset, sequence.value_offset + sequence.length
    try:
        while offset < end:
            tag, _, value, length = reader.header(offset, inside, end=end)
            if tag == SEQUENCE_END or tag != ITEM:
                return
            offset = _walk_item(reader, value, end if length == UNDEFINED else value + length, inside, depth)
            if length != UNDEFINED:
                offset = value + length
    except BadDicom as error:
        # A damaged sequence costs only itself: its value is bytes then (parse_values).
        if "nested" in error.reason or "more than" in error.reason:
            raise


def _walk_item(reader: ElementReader, start: int, end: int, encoding: Encoding, depth: int) -> int:
    """Where the item's elements end, behind its delimiter where it has one."""
    after = start
    for span in reader.elements(start, end, encoding):
        after = span.end_offset
        if span.vr in _MAY_HOLD_ITEMS and span.length >= 8:
            _walk(reader, span, encoding, depth=depth + 1)
    if after >= end:
        return after
    delimiter, _, value, _ = reader.header(after, encoding, end=end)
    return after if delimiter == SEQUENCE_END else value
