"""STOW-RS of metadata and bulk data (PS3.18 10.5.1.4): an object put together from its JSON and the parts it refers to.

Pure: bulk data is named by where it lies, so that whoever reads it may do so a piece at a time.
"""

from __future__ import annotations

import re
import struct
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydicom import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from fastcine.dicom.elements import ITEM, LONG_VRS, PIXEL_DATA, SEQUENCE_END
from fastcine.dicom.parse import EXPLICIT_LITTLE
from fastcine.dicom.part10 import part10_head
from fastcine.dicom.syntaxes import find_syntax
from fastcine.dicomweb.json_model import Json
from fastcine.dicomweb.media_types import MEDIA_TYPE_OF, OCTETS, MediaRange, default_syntax
from fastcine.errors import BadDicom, UsageError

INSIDE_BYTES = 64 << 20
"""Bulk data inside sequences, which is read whole: so much for one object at most."""
_TAG = re.compile("[0-9A-Fa-f]{8}")
_UTF_8 = "ISO_IR 192"
_CHARACTER_SET = "00080005"
_MOST_BYTES = 0xFFFFFFFE


@dataclass(frozen=True, slots=True)
class Bulk:
    """One part of bulk data: what it is, and where it lies. A frame or a whole value."""

    transfer_syntax: str
    offset: int
    length: int


Piece = bytes | Bulk


@dataclass(frozen=True, slots=True)
class Assembled:
    """An object as the pieces of a Part 10 file, in order."""

    sop_class_uid: str
    sop_instance_uid: str
    pieces: tuple[Piece, ...]


def bulk_syntax(part: MediaRange) -> str:
    """The transfer syntax of a part of bulk data. Raises UsageError for what is none."""
    stated = part.transfer_syntax
    if part.media_type == OCTETS:
        found = stated or EXPLICIT_LITTLE
    else:
        found = stated or default_syntax(part.media_type)
        if MEDIA_TYPE_OF.get(found) != part.media_type:
            found = ""
    if find_syntax(found) is None:
        raise UsageError("bulk data is application/octet-stream or pixels of a known transfer syntax")
    return found


def assemble(model: object, bulk: Mapping[str, Sequence[Bulk]], read: Callable[[Bulk], bytes]) -> Assembled:
    """The object of one data set in DICOM JSON; `bulk` by the URI that it is referred to, `read` its bytes.

    Compressed pixels are a part for each frame, or for a video's stream. Raises BadDicom for a model that is no data
    set, and for bulk data that did not come.
    """
    if not isinstance(model, dict):
        raise BadDicom("the metadata is no list of data sets")
    model = {tag: each for tag, each in model.items() if not tag.startswith("0002")}
    if not all(_TAG.fullmatch(tag) and isinstance(each, dict) for tag, each in model.items()):
        raise BadDicom("the metadata is no data set")
    outside = {int(tag, 16): each for tag, each in model.items() if _is_outside(each)}
    dataset = _dataset({tag: each for tag, each in model.items() if not _is_outside(each)}, bulk, read)
    pixels = _parts(outside[PIXEL_DATA], bulk) if PIXEL_DATA in outside else ()
    syntax = pixels[0].transfer_syntax if pixels else EXPLICIT_LITTLE
    if any(each.transfer_syntax != syntax for each in pixels):
        raise BadDicom("frames in different transfer syntaxes", tag="7FE0,0010")
    sop_class, instance = str(dataset.get("SOPClassUID", "")), str(dataset.get("SOPInstanceUID", ""))
    if not sop_class or not instance:
        raise BadDicom("SOP Class or Instance UID is missing", tag="0008,0018")
    pieces: list[Piece] = [part10_head(sop_class, instance, syntax)]
    for tag in sorted(outside):
        pieces.append(_encoded(_before(dataset, tag)))
        parts = _parts(outside[tag], bulk)
        known = find_syntax(parts[0].transfer_syntax)
        if tag == PIXEL_DATA and known is not None and known.encapsulated:
            pieces += _encapsulated(parts)
        else:
            pieces += _plain(tag, str(outside[tag].get("vr", "")), parts)
    pieces.append(_encoded(dataset))
    return Assembled(sop_class, instance, tuple(pieces))


def _is_outside(element: Json) -> bool:
    """Whether an element's value is bulk data that can be copied as it is."""
    return "BulkDataURI" in element and str(element.get("vr", "")).encode() in LONG_VRS


def _dataset(model: Json, bulk: Mapping[str, Sequence[Bulk]], read: Callable[[Bulk], bytes]) -> Dataset:
    left = INSIDE_BYTES

    def fetched(tag: str, vr: str, uri: str) -> bytes:
        nonlocal left
        parts = _parts({"BulkDataURI": uri}, bulk)
        left -= sum(each.length for each in parts)
        if left < 0:
            raise BadDicom(f"more than {INSIDE_BYTES} bytes of bulk data inside sequences")
        return b"".join(read(each) for each in parts)

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd values are stored as they are told
            dataset = Dataset.from_json(model, bulk_data_uri_handler=fetched)
            if _CHARACTER_SET in model or not _is_ascii(model):
                dataset.SpecificCharacterSet = _UTF_8  # JSON is in UTF-8 whatever the object was (PS3.18 F.2)
            return dataset
    except BadDicom:
        raise
    except Exception as error:  # pydicom raises what its converters raise: any of a dozen types
        raise BadDicom("the metadata does not read as a data set") from error


def _is_ascii(value: Any) -> bool:
    if isinstance(value, dict):
        return all(_is_ascii(each) for each in value.values())
    if isinstance(value, list):
        return all(_is_ascii(each) for each in value)
    return not isinstance(value, str) or value.isascii()


def _parts(element: Json, bulk: Mapping[str, Sequence[Bulk]]) -> Sequence[Bulk]:
    parts = bulk.get(str(element["BulkDataURI"]))
    if not parts:
        raise BadDicom("bulk data that the metadata refers to did not come with it")
    return parts


def _before(dataset: Dataset, tag: int) -> Dataset:
    """The elements before a tag, which are taken out."""
    found = Dataset()
    for each in [each for each in dataset.keys() if each < tag]:  # noqa: SIM118
        found[each] = dataset[each]
        del dataset[each]
    return found


def _encoded(dataset: Dataset) -> bytes:
    file = DicomBytesIO()
    file.is_implicit_VR, file.is_little_endian = False, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            write_dataset(file, dataset)
    except Exception as error:
        raise BadDicom("the metadata has values that cannot be written") from error
    return bytes(file.getvalue())


def _plain(tag: int, vr: str, parts: Sequence[Bulk]) -> list[Piece]:
    length = sum(each.length for each in parts)
    if length > _MOST_BYTES:
        raise BadDicom("more than 4 GB in one value")
    head = struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, vr.encode(), 0, length + length % 2)
    return [head, *parts, bytes(length % 2)]


def _encapsulated(parts: Sequence[Bulk]) -> list[Piece]:
    """A fragment for each part, and where they begin (PS3.5 A.4)."""
    starts, place = [], 0
    for each in parts:
        starts.append(place)
        place += 8 + each.length + each.length % 2
    table = struct.pack(f"<{len(starts)}I", *starts) if place <= _MOST_BYTES else b""
    pieces: list[Piece] = [struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OB", 0, 0xFFFFFFFF), _item(len(table)) + table]
    for each in parts:
        if each.length > _MOST_BYTES:
            raise BadDicom("more than 4 GB in one fragment")
        pieces += [_item(each.length + each.length % 2), each, bytes(each.length % 2)]
    return [*pieces, struct.pack("<HHI", SEQUENCE_END >> 16, SEQUENCE_END & 0xFFFF, 0)]


def _item(length: int) -> bytes:
    return struct.pack("<HHI", ITEM >> 16, ITEM & 0xFFFF, length)
