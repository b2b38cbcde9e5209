"""C-FIND as a provider (PS3.4 C.4.1): Patient and Study Root, all levels, over the index's catalog."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

from pydicom import Dataset
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.multival import MultiValue
from pynetdicom import evt

from fastcine.archive.audit_log import AuditEvent
from fastcine.archive.catalog import Query, matches_of
from fastcine.archive.catalog_rows import ATTRIBUTES, Level, Values
from fastcine.archive.index import Index
from fastcine.dimse.auditing import Auditor
from fastcine.dimse.negotiation import PATIENT_ROOT
from fastcine.errors import FastcineError, StorageUnavailable, UsageError

log = logging.getLogger(__name__)

PENDING, PENDING_SOME_KEYS = 0xFF00, 0xFF01
CANCELLED = 0xFE00
OUT_OF_RESOURCES, DOES_NOT_MATCH, UNABLE_TO_PROCESS = 0xA700, 0xA900, 0xC000
UNIQUE_KEYS = {
    Level.PATIENT: ("PatientID",),
    Level.STUDY: ("StudyInstanceUID",),
    Level.SERIES: ("StudyInstanceUID", "SeriesInstanceUID"),
    Level.IMAGE: ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"),
}
_NOT_KEYS = frozenset({"QueryRetrieveLevel", "SpecificCharacterSet", "TimezoneOffsetFromUTC", "QueryRetrieveView"})
_CHARACTERS = "ISO_IR 192"

Answer = tuple[int, Dataset | None]


def level_of(identifier: Dataset, sop_class_uid: str) -> Level:
    """The Query/Retrieve Level of an identifier. Raises UsageError where there is none, or not in this model."""
    written = str(identifier.get("QueryRetrieveLevel", "")).strip()
    if written not in Level.__members__:
        raise UsageError("Query/Retrieve Level (0008,0052) must be PATIENT, STUDY, SERIES or IMAGE")
    level = Level[written]
    if level is Level.PATIENT and sop_class_uid not in PATIENT_ROOT:
        raise UsageError("there is no PATIENT level in the Study Root model")
    return level


def keys_of(identifier: Dataset) -> dict[str, str]:
    """Keyword to what is asked for, as DICOM text; sequences and unknown attributes are asked for, never matched."""
    found: dict[str, str] = {}
    for element in identifier:
        keyword = element.keyword
        if not keyword or keyword in _NOT_KEYS:
            continue
        value = element.value
        if element.VR == "SQ" or value is None:
            found[keyword] = ""
        elif isinstance(value, MultiValue | list | tuple):
            found[keyword] = "\\".join(map(str, value))
        else:
            found[keyword] = str(value)
    return found


def find_handler(index: Index, own_title: str, auditor: Auditor) -> Callable[[evt.Event], Iterator[Answer]]:
    """What answers evt.EVT_C_FIND."""

    def find(event: evt.Event) -> Iterator[Answer]:
        try:
            identifier = event.identifier
            level = level_of(identifier, str(event.request.AffectedSOPClassUID))
            keys = keys_of(identifier)
        except UsageError as error:
            log.warning("a query was refused: %s", error)
            yield DOES_NOT_MATCH, None
            return
        except Exception as error:
            log.warning("a query could not be read: %s", type(error).__name__)
            yield UNABLE_TO_PROCESS, None
            return
        words = "; ".join(f"{key} {text}" for key, text in keys.items() if text)
        auditor.record(event.assoc, AuditEvent.SEARCHED, level=level.name.lower(), words=words)
        known = {key: text for key, text in keys.items() if key in ATTRIBUTES and ATTRIBUTES[key].level <= level}
        unmatched = any(text and key not in known for key, text in keys.items())
        told = PENDING_SOME_KEYS if unmatched else PENDING
        try:
            for row in matches_of(index, Query(level=level, keys=known)):
                if event.is_cancelled:
                    yield CANCELLED, None
                    return
                yield told, response(row, level, keys, own_title)
        except StorageUnavailable as error:
            log.error("a query failed: %s", error)
            yield OUT_OF_RESOURCES, None
        except FastcineError as error:
            log.warning("a query was refused: %s", error)
            yield UNABLE_TO_PROCESS, None

    return find


def response(row: Values, level: Level, keys: dict[str, str], own_title: str) -> Dataset:
    """One match: every key that was asked for, empty where it is not known, and the unique keys."""
    found = Dataset()
    for keyword in dict.fromkeys([*keys, *UNIQUE_KEYS[level]]):
        _put(found, keyword, row.get(keyword, ()))
    found.SpecificCharacterSet = _CHARACTERS
    found.QueryRetrieveLevel = level.name
    found.RetrieveAETitle = own_title
    found.InstanceAvailability = "ONLINE"
    return found


def _put(dataset: Dataset, keyword: str, texts: tuple[str, ...]) -> None:
    tag = tag_for_keyword(keyword)
    if tag is None:
        return
    representation = dictionary_VR(tag).split(" or ")[0]
    value: Any = list(texts) if len(texts) > 1 else (texts[0] if texts else None)
    if representation == "SQ":
        value = []
    elif representation in ("US", "SS", "UL", "SL") and texts:
        value = int(texts[0])
    dataset.add(DataElement(tag, representation, value))
