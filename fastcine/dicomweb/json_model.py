"""The DICOM JSON model (PS3.18 annex F): attributes of answers, and data sets with their bulk data by reference."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from typing import Any, BinaryIO

import orjson
import pydicom
from pydicom.datadict import dictionary_VR, tag_for_keyword

Json = dict[str, Any]
BULK_BYTES = 1024
"""Longer binary values are given by reference."""
_NUMBERS = {"IS": int, "US": int, "SS": int, "UL": int, "SL": int, "UV": int, "SV": int, "DS": float, "FD": float,
            "FL": float}  # fmt: skip
_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")


@lru_cache(1024)
def tag_text(keyword: str) -> str:
    """`0020000D` of a keyword. Raises KeyError for what is none."""
    tag = tag_for_keyword(keyword)
    if tag is None:
        raise KeyError(keyword)
    return f"{tag:08X}"


@lru_cache(1024)
def attribute_writer(keyword: str) -> Callable[[tuple[str, ...]], bytes]:
    """What makes an attribute's JSON text, `"00100020":{"vr":"LO","Value":["4711"]}`, of its DICOM texts.

    Text at once and no objects: a page holds a thousand attributes. Raises KeyError for what is no keyword.
    """
    vr = str(dictionary_VR(keyword)).split(" or ")[0]
    empty = f'"{tag_text(keyword)}":{{"vr":"{vr}"'.encode()
    opening, number = empty + b',"Value":', _NUMBERS.get(vr)
    convert = _name if vr == "PN" else None if number is None else partial(_number, number)

    def write(texts: tuple[str, ...]) -> bytes:
        if not texts:
            return empty + b"}"
        return opening + orjson.dumps(texts if convert is None else [convert(text) for text in texts]) + b"}"

    # Names and numbers come again and again.
    return write if convert is None else lru_cache(1024)(write)


def _name(text: str) -> Json:
    return {name: group for name, group in zip(_GROUPS, text.split("="), strict=False) if group}


def _number(number: Callable[[str], float], text: str) -> float | str:
    try:
        return number(text)
    except ValueError:
        return text


def metadata(file: BinaryIO, bulk_uri: Callable[[str], str], *, pixel_bytes: bool) -> Json:
    """A stored object's data set; binary values of more than BULK_BYTES bytes are `bulk_uri(tag path)`.

    `file` is read up to the pixels only. `pixel_bytes`: the object has Pixel Data, which is given by reference too.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # odd values are told as they are
        dataset = pydicom.dcmread(file, stop_before_pixels=True, force=True)
        # What may stand between is told as it is, whatever it is; group 0002 is the file's, not the object's.
        found: Json = dataset.to_json_dict(
            bulk_data_threshold=BULK_BYTES,
            bulk_data_element_handler=lambda element: bulk_uri(f"{element.tag:08X}"),
            suppress_invalid_tags=True,
        )
    found = {tag: value for tag, value in found.items() if not tag.startswith("0002")}
    if pixel_bytes:
        allocated = int(dataset.get("BitsAllocated", 8) or 8)
        found["7FE00010"] = {"vr": "OW" if allocated > 8 else "OB", "BulkDataURI": bulk_uri("7FE00010")}
    return found


def stored_answer(
    retrieve_url: str,
    stored: Iterable[tuple[str, str, str]],
    failed: Iterable[tuple[str, str, int]],
) -> Json:
    """The answer to a store (PS3.18 I.2): `stored` (class, instance, URL), `failed` (class, instance, reason).

    A failure without an instance, whose bytes were no object, stands among the other failures.
    """
    found: Json = {}
    good = [_reference(sop_class, instance) | _element("RetrieveURL", url) for sop_class, instance, url in stored]
    bad: list[Json] = []
    other: list[Json] = []
    for sop_class, instance, reason in failed:
        told = _element("FailureReason", reason)
        if instance:
            bad.append(_reference(sop_class, instance) | told)
        else:
            other.append(told)
    if retrieve_url:
        found |= _element("RetrieveURL", retrieve_url)
    for keyword, items in (
        ("FailedSOPSequence", bad),
        ("ReferencedSOPSequence", good),
        ("OtherFailuresSequence", other),
    ):
        if items:
            found[tag_text(keyword)] = {"vr": "SQ", "Value": [dict(sorted(item.items())) for item in items]}
    return dict(sorted(found.items()))


def _element(keyword: str, value: str | int) -> Json:
    element: Json = {"vr": str(dictionary_VR(keyword))}
    if value != "":
        element["Value"] = [value]
    return {tag_text(keyword): element}


def _reference(sop_class: str, instance: str) -> Json:
    return _element("ReferencedSOPClassUID", sop_class) | _element("ReferencedSOPInstanceUID", instance)
