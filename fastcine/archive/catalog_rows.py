"""The attributes that queries may ask for and answers hold, and how a row of the index says them. Pure but for rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any

from fastcine.archive.index_mapping import read_time
from fastcine.dicom.matching import Matching

Values = dict[str, tuple[str, ...]]
"""Keyword to DICOM texts; an attribute that is there but empty has no texts."""


class Level(IntEnum):
    """Query/Retrieve Levels (PS3.4 C.6), from the top."""

    PATIENT = 0
    STUDY = 1
    SERIES = 2
    IMAGE = 3


@dataclass(frozen=True, slots=True)
class Attribute:
    """Where an attribute belongs and how it is matched."""

    level: Level
    matching: Matching
    returned: bool = True
    """Whether an answer holds it unasked, at its level."""


_P, _S, _R, _I = Level.PATIENT, Level.STUDY, Level.SERIES, Level.IMAGE
ATTRIBUTES: dict[str, Attribute] = {
    "PatientName": Attribute(_P, Matching.NAME),
    "PatientID": Attribute(_P, Matching.TEXT),
    "IssuerOfPatientID": Attribute(_P, Matching.TEXT),
    "PatientBirthDate": Attribute(_P, Matching.DATE),
    "PatientSex": Attribute(_P, Matching.TEXT),
    "StudyInstanceUID": Attribute(_S, Matching.UID),
    "StudyDate": Attribute(_S, Matching.DATE),
    "StudyTime": Attribute(_S, Matching.TIME),
    "AccessionNumber": Attribute(_S, Matching.TEXT),
    "StudyID": Attribute(_S, Matching.TEXT),
    "StudyDescription": Attribute(_S, Matching.TEXT),
    "ReferringPhysicianName": Attribute(_S, Matching.NAME),
    "InstitutionName": Attribute(_S, Matching.TEXT, returned=False),
    "ModalitiesInStudy": Attribute(_S, Matching.TEXT),
    "NumberOfStudyRelatedSeries": Attribute(_S, Matching.NUMBER),
    "NumberOfStudyRelatedInstances": Attribute(_S, Matching.NUMBER),
    "SeriesInstanceUID": Attribute(_R, Matching.UID),
    "Modality": Attribute(_R, Matching.TEXT),
    "SeriesNumber": Attribute(_R, Matching.NUMBER),
    "SeriesDescription": Attribute(_R, Matching.TEXT),
    "SeriesDate": Attribute(_R, Matching.DATE),
    "SeriesTime": Attribute(_R, Matching.TIME),
    "NumberOfSeriesRelatedInstances": Attribute(_R, Matching.NUMBER),
    "SOPInstanceUID": Attribute(_I, Matching.UID),
    "SOPClassUID": Attribute(_I, Matching.UID),
    "InstanceNumber": Attribute(_I, Matching.NUMBER),
    "Rows": Attribute(_I, Matching.NUMBER),
    "Columns": Attribute(_I, Matching.NUMBER),
    "NumberOfFrames": Attribute(_I, Matching.NUMBER),
    "AvailableTransferSyntaxUID": Attribute(_I, Matching.UID),
}


SERIES_COLUMNS = (
    "series_instance_uid", "modality", "series_number", "series_description", "series_datetime", "objects",
)  # fmt: skip
IMAGE_COLUMNS = (
    "sop_instance_uid", "sop_class_uid", "transfer_syntax_uid", "instance_number", "rows", "columns", "frames",
    "kind",
)  # fmt: skip

Row = Sequence[Any]


def _text(value: object) -> tuple[str, ...]:
    return (str(value),) if value not in (None, "") else ()


def series_values(row: Row, study_time: str) -> Values:
    """A series' attributes of SERIES_COLUMNS."""
    uid, modality, number, description, moment_text, objects = row
    moment, study = read_time(moment_text), read_time(study_time)
    if moment is not None and study is not None:
        moment = moment.astimezone(study.tzinfo)  # kept in UTC; the study's row knows the place's offset
    return {
        "SeriesInstanceUID": _text(uid),
        "Modality": _text(modality),
        "SeriesNumber": _text(number),
        "SeriesDescription": _text(description),
        "SeriesDate": _text(moment.strftime("%Y%m%d") if moment else ""),
        "SeriesTime": _text(_time_text(moment) if moment else ""),
        "NumberOfSeriesRelatedInstances": _text(objects),
    }


def image_values(row: Row) -> Values:
    """An instance's attributes of IMAGE_COLUMNS."""
    uid, sop_class, syntax, number, rows, columns, frames, kind = row
    pictured = kind != "other"
    return {
        "SOPInstanceUID": _text(uid),
        "SOPClassUID": _text(sop_class),
        "InstanceNumber": _text(number),
        "Rows": _text(rows if pictured else ""),
        "Columns": _text(columns if pictured else ""),
        "NumberOfFrames": _text(frames if pictured else ""),
        "AvailableTransferSyntaxUID": _text(syntax),
    }


def _time_text(moment: datetime) -> str:
    text = f"{moment.hour:02}{moment.minute:02}{moment.second:02}"
    return f"{text}.{moment.microsecond:06}" if moment.microsecond else text
