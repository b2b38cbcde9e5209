"""Element headers, one at a time, in any of the three encodings (PS3.5 7.1).

Everything here reads only headers: values, and above all pixels, are stepped over by their length, so a
4 GB object costs as much as a small one. A length is believed only after it was seen to fit.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NamedTuple

from fastcine.errors import BadDicom

#: Anything with the buffer protocol that can be sliced.
Buffer = bytes | bytearray | memoryview

UNDEFINED = 0xFFFFFFFF
ITEM = 0xFFFEE000
ITEM_END = 0xFFFEE00D
SEQUENCE_END = 0xFFFEE0DD
PIXEL_DATA = 0x7FE00010

#: VRs whose header holds 2 reserved bytes and a 32-bit length (PS3.5 table 7.1-1).
LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
SHORT_VRS = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())

#: Deepest nesting of sequences that is followed; real objects stay under 10, the corpus' worst is 50.
MAX_DEPTH = 64
#: Elements looked at in one object, nested ones included. An Enhanced run of 10 000 frames has about 400 000.
MAX_ELEMENTS = 1_000_000

_LITTLE = struct.Struct("<HH2sHI")
_BIG = struct.Struct(">HH2sHI")


class Breach(StrEnum):
    """Breaches of the standard that real archives hold and that are read all the same."""

    UNKNOWN_VR = "value representation that is not in the standard"
    STRAY_ITEM = "item or delimiter outside any sequence"
    TRAILING_GARBAGE = "bytes after the pixel data that are no element"
    ZERO_PADDING = "zeros after the last element"
    META_IMPLICIT = "file meta information in implicit VR"
    WRONG_ENCODING = "data set not in the encoding that the transfer syntax names"
    DUPLICATE_TAG = "element that stands twice"


class ElementSpan(NamedTuple):
    """Where one element lies. Offsets are bytes from the start of the buffer that was scanned.

    ``vr`` is two letters, or ``""`` where the encoding is implicit. ``length`` is the number of value bytes; for a
    value of undefined length it ends before the delimiter (encapsulated pixel data: with the data).
    """

    tag: int
    vr: str
    value_offset: int
    length: int
    header_offset: int
    undefined_length: bool = False
    end_offset: int = 0


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a data set is written: VR explicit or not, byte order."""

    explicit_vr: bool
    big_endian: bool


def tag_text(tag: int) -> str:
    """The tag as ``"GGGG,EEEE"``."""
    return f"{tag >> 16:04X},{tag & 0xFFFF:04X}"


class ElementReader:
    """Reads headers of one buffer, counting elements against ``MAX_ELEMENTS``."""

    __slots__ = ("_data", "_size", "count", "tolerated")

    def __init__(self, data: Buffer) -> None:
        self._data = data
        self._size = len(data)
        self.count = 0
        self.tolerated: list[tuple[Breach, int, int]] = []

    def header(self, offset: int, encoding: Encoding, *, end: int) -> tuple[int, str, int, int]:
        """Header at ``offset``: (tag, vr, value_offset, length); the length may be ``UNDEFINED``, else it fits ``end``.

        Raises BadDicom for a header cut off, or a value that would reach beyond ``end``.
        """
        self.count += 1
        if self.count > MAX_ELEMENTS:
            raise BadDicom(f"more than {MAX_ELEMENTS} elements", offset=offset)
        if offset + 8 > end:
            tag = self._cut_tag(offset, encoding, end)
            raise BadDicom("data set ends inside an element header", tag=tag, offset=offset)
        if offset + 12 <= self._size:
            group, element, vr, short, long = (_BIG if encoding.big_endian else _LITTLE).unpack_from(self._data, offset)
        else:
            order = ">" if encoding.big_endian else "<"
            group, element, vr, short = struct.unpack_from(order + "HH2sH", self._data, offset)
            long = None
        tag = group << 16 | element
        if not encoding.explicit_vr or group == 0xFFFE:
            return self._implicit(tag, offset, encoding, end)
        if vr in SHORT_VRS:
            length, start = short, offset + 8
        elif vr in LONG_VRS:
            if long is None or offset + 12 > end:
                raise BadDicom("data set ends inside an element header", tag=tag_text(tag), offset=offset)
            length, start = long, offset + 12
        else:
            return self._unknown_vr(tag, vr, short, long, offset=offset, encoding=encoding, end=end)
        if length != UNDEFINED and start + length > end:
            raise _too_long(tag, offset, length, end - start)
        return tag, vr.decode("ascii"), start, length

    def _cut_tag(self, offset: int, encoding: Encoding, end: int) -> str:
        """The tag of a header that is cut off behind it; empty where the tag itself is cut."""
        if offset + 4 > end:
            return ""
        order: Literal["big", "little"] = "big" if encoding.big_endian else "little"
        group, element = (int.from_bytes(self._data[at : at + 2], order) for at in (offset, offset + 2))
        return tag_text(group << 16 | element)

    def _implicit(self, tag: int, offset: int, encoding: Encoding, end: int) -> tuple[int, str, int, int]:
        length = struct.unpack_from(">I" if encoding.big_endian else "<I", self._data, offset + 4)[0]
        if length != UNDEFINED and offset + 8 + length > end:
            raise _too_long(tag, offset, length, end - offset - 8)
        return tag, "", offset + 8, length

    def _unknown_vr(
        self, tag: int, vr: bytes, short: int, long: int | None, *, offset: int, encoding: Encoding, end: int
    ) -> tuple[int, str, int, int]:
        """A VR that is not in the standard, tolerated where one reading of the length leads to a next element.

        Writers put blanks or invented letters there, or slip into implicit VR for a private element; a VR of a later
        edition has the long header (PS3.5 6.2, note). The answer's VR is ``""``: the dictionary has to say.
        """
        implicit = struct.unpack_from(">I" if encoding.big_endian else "<I", self._data, offset + 4)[0]
        readings = [(offset + 8, short), (offset + 8, implicit)]
        if long is not None:
            readings.insert(0 if short == 0 else 2, (offset + 12, long))
        for start, length in readings:
            if start + length <= end and self._leads_on(start + length, tag, encoding, end):
                self.tolerated.append((Breach.UNKNOWN_VR, tag, offset))
                return tag, "", start, length
        raise BadDicom("no value representation where one must be", tag=tag_text(tag), offset=offset)

    def _leads_on(self, offset: int, tag: int, encoding: Encoding, end: int) -> bool:
        if offset == end:
            return True
        if offset + 8 > end:
            return False
        order = ">" if encoding.big_endian else "<"
        group, element, vr = struct.unpack_from(order + "HH2s", self._data, offset)
        if tag >> 16 == 0x0002:
            return group in (0x0002, 0x0004, 0x0008)
        return group == 0xFFFE or ((group << 16 | element) > tag and (vr in SHORT_VRS or vr in LONG_VRS))

    def elements(self, start: int, end: int, encoding: Encoding) -> Iterator[ElementSpan]:
        """Elements of the data set in ``[start, end)``, in file order, values stepped over.

        Stops before the first delimiter (an item's data set may end with one).
        """
        offset = start
        while offset < end:
            tag, vr, value, length = self.header(offset, encoding, end=end)
            if tag >> 16 == 0xFFFE:
                return
            if length == UNDEFINED:
                inner, after = self._undefined(tag, vr, value, encoding=encoding, end=end)
                yield ElementSpan(tag, vr, value, inner - value, offset, True, after)
            else:
                after = value + length
                yield ElementSpan(tag, vr, value, length, offset, False, after)
            offset = after

    def _undefined(self, tag: int, vr: str, start: int, *, encoding: Encoding, end: int) -> tuple[int, int]:
        """(end of the value, start of what follows it) of a value of undefined length."""
        if vr in ("OB", "OW", "OF", "OD", "OL", "OV"):
            return self._skip_fragments(tag, start, encoding, end)
        # A UN of undefined length is a sequence written in implicit VR little endian (PS3.5 6.2.2 note 2).
        inside = Encoding(False, False) if vr == "UN" else encoding
        return self._skip_sequence(tag, start, inside, end)

    def _skip_fragments(self, tag: int, start: int, encoding: Encoding, end: int) -> tuple[int, int]:
        offset = start
        while offset < end:
            item, _, value, length = self.header(offset, encoding, end=end)
            if item == SEQUENCE_END:
                return offset, value
            if item != ITEM or length == UNDEFINED:
                raise BadDicom("no item where a fragment must start", tag=tag_text(tag), offset=offset)
            offset = value + length
        raise BadDicom("sequence delimiter missing", tag=tag_text(tag), offset=start)

    def _skip_sequence(self, tag: int, start: int, encoding: Encoding, end: int) -> tuple[int, int]:
        """Walk nested items without recursion; the stack holds what each open level waits for."""
        stack: list[tuple[int, Encoding]] = [(SEQUENCE_END, encoding)]
        offset = start
        while offset < end:
            waits_for, inside = stack[-1]
            found, vr, value, length = self.header(offset, inside, end=end)
            if found == waits_for or (found == SEQUENCE_END and waits_for == ITEM_END and len(stack) == 2):
                # The second case: an item of undefined length closed by its sequence's delimiter only.
                stack.pop()
                if found != waits_for:
                    stack.pop()
                if not stack:
                    return offset, value
                offset = value
            elif waits_for == SEQUENCE_END:
                if found != ITEM:
                    raise BadDicom("no item where one must start", tag=tag_text(tag), offset=offset)
                if length == UNDEFINED:
                    stack.append((ITEM_END, inside))
                offset = value if length == UNDEFINED else value + length
            elif found >> 16 == 0xFFFE:
                raise BadDicom("delimiter in the wrong place", tag=tag_text(tag), offset=offset)
            elif length != UNDEFINED:
                offset = value + length
            elif vr in ("OB", "OW"):
                offset = self._skip_fragments(found, value, inside, end)[1]
            else:
                stack.append((SEQUENCE_END, Encoding(False, False) if vr == "UN" else inside))
                offset = value
            if len(stack) > 2 * MAX_DEPTH:
                raise BadDicom(f"sequences nested deeper than {MAX_DEPTH}", tag=tag_text(tag), offset=offset)
        raise BadDicom("sequence delimiter missing", tag=tag_text(tag), offset=start)


def _too_long(tag: int, offset: int, length: int, left: int) -> BadDicom:
    return BadDicom(f"value of {length} bytes where {max(left, 0)} are left", tag=tag_text(tag), offset=offset)
