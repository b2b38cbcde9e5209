"""The attributes that queries may ask for and answers hold, and how a row of the index says them. Pure but for rows."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

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


def values_of(row: sqlite3.Row, level: Level) -> Values:
    """A row's attributes at `level` and above it; at the patient's level those of the newest study."""
    found = _patient(row)
    if level >= Level.STUDY:
        found.update(_study(row))
    if level >= Level.SERIES:
        found.update(_series(row))
    if level >= Level.IMAGE:
        found.update(_image(row))
    return found


def _text(value: object) -> tuple[str, ...]:
    return (str(value),) if value not in (None, "") else ()


def _patient(row: sqlite3.Row) -> Values:
    groups = [row["patient_name"], row["patient_name_ideographic"], row["patient_name_phonetic"]]
    return {
        "PatientName": _text("=".join(groups).rstrip("=")),
        "PatientID": _text(row["patient_id"]),
        "IssuerOfPatientID": _text(row["issuer_of_patient_id"]),
        "PatientBirthDate": _text(row["birth_date"].replace("-", "")),
        "PatientSex": _text(row["sex"]),
    }


def _study(row: sqlite3.Row) -> Values:
    date, _, time = row["study_date_text"].partition(" ")
    moment = read_time(row["study_datetime"])
    return {
        "StudyInstanceUID": _text(row["study_instance_uid"]),
        "StudyDate": _text(date.replace("-", "")),
        "StudyTime": _text(_time_text(moment) if time and moment else ""),
        "AccessionNumber": _text(row["accession_number"]),
        "StudyID": _text(row["study_id"]),
        "StudyDescription": _text(row["description"]),
        "ReferringPhysicianName": _text(row["referring_physician_name"]),
        "InstitutionName": _text(row["institution_name"]),
        "ModalitiesInStudy": tuple(row["modalities"].split()),
        "NumberOfStudyRelatedSeries": _text(row["series"]),
        "NumberOfStudyRelatedInstances": _text(row["objects"]),
    }


def _series(row: sqlite3.Row) -> Values:
    moment, study = read_time(row["series_datetime"]), read_time(row["study_datetime"])
    if moment is not None and study is not None:
        moment = moment.astimezone(study.tzinfo)  # kept in UTC; the study's row knows the place's offset
    return {
        "SeriesInstanceUID": _text(row["series_instance_uid"]),
        "Modality": _text(row["modality"]),
        "SeriesNumber": _text(row["series_number"]),
        "SeriesDescription": _text(row["series_description"]),
        "SeriesDate": _text(moment.strftime("%Y%m%d") if moment else ""),
        "SeriesTime": _text(_time_text(moment) if moment else ""),
        "NumberOfSeriesRelatedInstances": _text(row["series_objects"]),
    }


def _image(row: sqlite3.Row) -> Values:
    pictured = row["kind"] != "other"
    return {
        "SOPInstanceUID": _text(row["sop_instance_uid"]),
        "SOPClassUID": _text(row["sop_class_uid"]),
        "InstanceNumber": _text(row["instance_number"]),
        "Rows": _text(row["rows"] if pictured else ""),
        "Columns": _text(row["columns"] if pictured else ""),
        "NumberOfFrames": _text(row["frames"] if pictured else ""),
        "AvailableTransferSyntaxUID": _text(row["transfer_syntax_uid"]),
    }


def _time_text(moment: datetime) -> str:
    text = moment.strftime("%H%M%S.%f")
    return text[:6] if text.endswith(".000000") else text
