"""Values of an object, without its pixels, as a pydicom Dataset.

pydicom converts the values; the walk over the elements is ours, so that nesting and lengths are bounded and one bad
value costs only itself: a value that does not convert stays in the data set as bytes with VR OB, where whoever asks
for it can name it. Large binary values (pixels, waveforms, bulk private data) are left out.
"""

from __future__ import annotations

import logging
import mmap
import threading
import warnings
from contextlib import suppress
from functools import lru_cache
from operator import attrgetter

from pydicom import Dataset, Sequence
from pydicom.charset import convert_encodings
from pydicom.datadict import DicomDictionary, dictionary_VR, private_dictionary_VR
from pydicom.dataelem import DataElement, RawDataElement, convert_raw_data_element
from pydicom.tag import Tag
from pydicom.valuerep import PersonName

from fastcine.dicom.elements import (
    ITEM,
    MAX_DEPTH,
    PIXEL_DATA,
    SEQUENCE_END,
    UNDEFINED,
    Buffer,
    ElementReader,
    ElementSpan,
    Encoding,
    tag_text,
)
from fastcine.dicom.parse import DOUBLE_FLOAT_PIXEL_DATA, FLOAT_PIXEL_DATA, ObjectStructure
from fastcine.errors import BadDicom

#: Binary values longer than this are left out; LUTs (131 072 bytes a channel at most) and curves stay in.
MAX_BINARY_BYTES = 1 << 18
#: Text values longer than this are left out: no value that anything here shows is a hundredth of it.
MAX_TEXT_BYTES = 4 << 20

#: Pixels and their tables: no values.
PIXELS = frozenset((PIXEL_DATA, FLOAT_PIXEL_DATA, DOUBLE_FLOAT_PIXEL_DATA, 0x7FE00001, 0x7FE00002))
_BINARY_VRS = frozenset(("OB", "OW", "OF", "OD", "OL", "OV", "UN"))
#: pydicom's warnings and log lines quote the value, which may be a name. Its filters are the process's: one at a time.
_QUIET = threading.Lock()
_PYDICOM_LOG = logging.getLogger("pydicom")
_DEFAULT_CHARSET = ["iso8859"]
_SPECIFIC_CHARACTER_SET = 0x00080005


#: pydicom's tag of a number; making one costs as much as converting a short value.
_tag = lru_cache(maxsize=4096)(Tag)


def read_values(data: Buffer | mmap.mmap, structure: ObjectStructure) -> Dataset:
    """The values of the data set (file meta not included), sequences read, text decoded by its character set.

    Top-level values are those that ``parse_object`` found. Raises BadDicom only for sequences nested too deep or
    objects beyond the element limit; a damaged sequence or value becomes an OB element with its bytes.
    """
    with ConversionGuard():
        return convert(structure.buffer(data), list(structure.elements.values()), structure.encoding)


def convert(buffer: memoryview, spans: list[ElementSpan], encoding: Encoding) -> Dataset:
    """The values of these elements. Call it inside a ConversionGuard; raises as `read_values` does."""
    return _Values(buffer, encoding).dataset(spans, encoding)


class ConversionGuard:
    """pydicom kept quiet, one reading at a time: its warnings and log lines quote values."""

    def __enter__(self) -> None:
        _QUIET.acquire()
        self._warnings = warnings.catch_warnings()
        self._warnings.__enter__()
        warnings.simplefilter("ignore")
        self._was_disabled, _PYDICOM_LOG.disabled = _PYDICOM_LOG.disabled, True

    def __exit__(self, *error: object) -> None:
        _PYDICOM_LOG.disabled = self._was_disabled
        self._warnings.__exit__(None, None, None)
        _QUIET.release()


class _Values:
    """One reading of one buffer."""

    def __init__(self, buffer: memoryview, encoding: Encoding) -> None:
        self._buffer = buffer
        self._reader = ElementReader(buffer)
        self._file_is_implicit = not encoding.explicit_vr

    def dataset(
        self, spans: list[ElementSpan], encoding: Encoding, *, charset: list[str] | None = None, depth: int = 0
    ) -> Dataset:
        charset = self._charset(spans, charset or _DEFAULT_CHARSET)
        found: dict[int, DataElement] = {}
        creators: dict[int, str] = {}
        for span in sorted(spans, key=attrgetter("tag")):
            tag = span.tag
            if tag in PIXELS or tag >> 16 == 0xFFFE:
                continue
            vr = vr_of(span, found, creators)
            element = self._element(span, vr, encoding, charset=charset, depth=depth)
            if element is not None:
                found[tag] = element
                if tag >> 16 & 1 and 0x10 <= tag & 0xFFFF <= 0xFF:
                    creators[tag] = str(element.value)
        return _dataset(found)

    def _element(
        self, span: ElementSpan, vr: str, encoding: Encoding, *, charset: list[str], depth: int
    ) -> DataElement | None:
        is_sequence = vr == "SQ" or span.undefined_length
        if is_sequence:
            if depth >= MAX_DEPTH:
                raise BadDicom(
                    f"sequences nested deeper than {MAX_DEPTH}", tag=tag_text(span.tag), offset=span.header_offset
                )
            items = self._items(span, encoding, charset=charset, depth=depth)
            if items is not None:
                return DataElement(_tag(span.tag), "SQ", items)
        if span.length > (MAX_BINARY_BYTES if vr in _BINARY_VRS else MAX_TEXT_BYTES):
            return None
        value = bytes(self._buffer[span.value_offset : span.value_offset + span.length])
        if not is_sequence:
            raw = RawDataElement(_tag(span.tag), vr, len(value), value, 0, False, not encoding.big_endian)
            with suppress(Exception):  # pydicom raises what its converters raise: any of a dozen types
                element = convert_raw_data_element(raw, encoding=charset)
                _decode_names(element)
                return element
        # VR OB, since pydicom converts the value of a UN of a known tag once more.
        return DataElement(_tag(span.tag), "OB", value)

    def _items(self, span: ElementSpan, encoding: Encoding, *, charset: list[str], depth: int) -> Sequence | None:
        """The items of a sequence, or None when the value holds no items (then it is kept as bytes)."""
        inside = Encoding(False, False) if span.vr == "UN" else encoding
        offset, end, items = span.value_offset, span.value_offset + span.length, []
        try:
            while offset < end:
                tag, _, value, length = self._reader.header(offset, inside, end=end)
                if tag == SEQUENCE_END:
                    break
                if tag != ITEM:
                    return None
                spans, offset = self._item(value, end if length == UNDEFINED else value + length, length, inside)
                items.append(self.dataset(spans, inside, charset=charset, depth=depth + 1))
        except BadDicom as error:
            if "nested" in error.reason or "more than" in error.reason:
                raise
            return None
        return Sequence(items)

    def _item(self, start: int, end: int, length: int, encoding: Encoding) -> tuple[list[ElementSpan], int]:
        spans = list(self._reader.elements(start, end, encoding))
        if length != UNDEFINED:
            return spans, end
        after = spans[-1].end_offset if spans else start
        if after >= end:
            return spans, end
        delimiter, _, value, _ = self._reader.header(after, encoding, end=end)
        # An item may be closed by its sequence's delimiter alone: then stay, the caller reads it.
        return spans, after if delimiter == SEQUENCE_END else value

    def _charset(self, spans: list[ElementSpan], inherited: list[str]) -> list[str]:
        for span in spans:
            if span.tag == _SPECIFIC_CHARACTER_SET and span.length <= 1024:
                raw = bytes(self._buffer[span.value_offset : span.value_offset + span.length])
                names = [name.strip(" \0") for name in raw.decode("ascii", "replace").split("\\")]
                try:
                    return list(convert_encodings(names if len(names) > 1 else names[0]))
                except (LookupError, ValueError):
                    return inherited
        return inherited


def _dataset(found: dict[int, DataElement]) -> Dataset:
    """Plain elements in one go; pydicom looks closer at private ones, for their creator, and at sequences."""
    plain = {tag: element for tag, element in found.items() if not tag >> 16 & 1 and element.VR != "SQ"}
    dataset = Dataset({element.tag: element for element in plain.values()})
    for tag, element in found.items():
        if tag not in plain:
            dataset[element.tag] = element
    return dataset


def vr_of(span: ElementSpan, found: dict[int, DataElement], creators: dict[int, str]) -> str:
    """The VR to convert by: what is written, else the dictionary (also for UN of a known tag, PS3.5 6.2.2)."""
    if span.vr and span.vr != "UN":
        return span.vr
    group, element = span.tag >> 16, span.tag & 0xFFFF
    if element == 0:
        return "UL"
    try:
        if not group & 1:
            vr = str(dictionary_VR(_tag(span.tag)))
        elif element <= 0xFF:
            vr = "LO"
        else:
            creator = creators.get(group << 16 | element >> 8, "")
            vr = str(private_dictionary_VR(Tag(span.tag), creator))
    except KeyError:
        return "UN"
    if " or " not in vr:
        return vr
    if "OW" in vr:
        return "OW"
    return "SS" if span.tag in SIGN_DEPENDS and found.get(0x00280103) == _SIGNED else "US"


_SIGNED = DataElement(0x00280103, "US", 1)
#: Tags of VR "US or SS": signed when Pixel Representation is 1 (PS3.5 6.2, table 6.2-1).
SIGN_DEPENDS = frozenset(
    tag for tag, entry in DicomDictionary.items() if entry[0] == "US or SS" and tag >> 16 == 0x0028
)


def _decode_names(element: DataElement) -> None:
    """Decode person names now, inside the caller's warning filter; pydicom would do it at first use."""
    if element.VR == "PN":
        for name in element.value if element.VM > 1 else [element.value]:
            if isinstance(name, PersonName):
                _ = name.components
