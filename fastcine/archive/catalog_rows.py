"""The attributes that queries may ask for and answers hold, and how a row of the index says them. Pure but for rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from functools import lru_cache
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


STUDY_COLUMNS = (
    "sort_id", "serial", "study_instance_uid", "patient_id", "issuer_of_patient_id", "patient_name",
    "patient_name_ideographic", "patient_name_phonetic", "birth_date", "sex", "study_datetime", "study_date_text",
    "description", "accession_number", "study_id", "referring_physician_name", "institution_name", "modalities",
    "series", "objects",
)  # fmt: skip
"""What `study_values` takes, in its order."""
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


KEPT_STUDIES = 1024
"""Worklists ask for the same pages again and again; 4 kB each."""


@lru_cache(KEPT_STUDIES)
def study_values(row: tuple[Any, ...]) -> tuple[Values, Values, str]:
    """The patient's attributes, the patient's with the study's, and the study's time (for `series_values`).

    `row` is of STUDY_COLUMNS. The values are shared: whoever adds to them makes a copy.
    """
    (
        _, _, uid, patient_id, issuer, name, ideographic, phonetic, birth_date, sex, moment_text, date_text,
        description, accession, study_id, referring, institution, modalities, series, objects,
    ) = row  # fmt: skip
    patient: Values = {
        "PatientName": _text("=".join((name, ideographic, phonetic)).rstrip("=")),
        "PatientID": _text(patient_id),
        "IssuerOfPatientID": _text(issuer),
        "PatientBirthDate": _text(birth_date.replace("-", "")),
        "PatientSex": _text(sex),
    }
    date, _, time = date_text.partition(" ")
    moment = read_time(moment_text) if time else None
    study: Values = {
        "StudyInstanceUID": _text(uid),
        "StudyDate": _text(date.replace("-", "")),
        "StudyTime": _text(_time_text(moment) if moment else ""),
        "AccessionNumber": _text(accession),
        "StudyID": _text(study_id),
        "StudyDescription": _text(description),
        "ReferringPhysicianName": _text(referring),
        "InstitutionName": _text(institution),
        "ModalitiesInStudy": tuple(modalities.split()),
        "NumberOfStudyRelatedSeries": _text(series),
        "NumberOfStudyRelatedInstances": _text(objects),
    }
    return patient, patient | study, moment_text


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
