"""What lies around the images on a hospital's CD: the DICOMDIR, a read-me, an autorun, a web page, a picture."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO

import imagecodecs
import numpy as np
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from fastcine.phantom import dicom_objects as objects
from fastcine.phantom import identity
from fastcine.phantom.lettering import burn_text

_MEDIA_STORAGE_DIRECTORY = "1.2.840.10008.1.3.10"
_ITEM_HEADER_BYTES = 8

OTHER_NAMES = ("README.TXT", "AUTORUN.INF", "INDEX.HTM", "VIEWER/LOGO.PNG")
"""The files that are not DICOM."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One object as the DICOMDIR lists it: its path's components and the data set (pixels are not looked at)."""

    name: str
    dataset: Dataset


@dataclass(slots=True)
class _Record:
    """A directory record and the records below it."""

    dataset: Dataset
    lower: list[_Record]


def _record(kind: str, dataset: Dataset, keywords: Sequence[str]) -> _Record:
    entry = Dataset()
    entry.OffsetOfTheNextDirectoryRecord = 0
    entry.RecordInUseFlag = 0xFFFF
    entry.OffsetOfReferencedLowerLevelDirectoryEntity = 0
    entry.DirectoryRecordType = kind
    entry.SpecificCharacterSet = "ISO_IR 192"
    for keyword in keywords:
        setattr(entry, keyword, dataset.get(keyword, ""))
    return _Record(entry, [])


def _image_record(listed: Listed) -> _Record:
    record = _record("IMAGE", listed.dataset, ("ImageType", "InstanceNumber", "ContentDate", "ContentTime"))
    if "NumberOfFrames" in listed.dataset:
        record.dataset.NumberOfFrames = listed.dataset.NumberOfFrames
    return record


def _presentation_record(listed: Listed) -> _Record:
    """PS3.3 F.5.23."""
    content = ("ContentLabel", "ContentDescription", "ContentCreatorName")
    created = ("PresentationCreationDate", "PresentationCreationTime")
    keywords = ("InstanceNumber", *content, *created, "ReferencedSeriesSequence")
    return _record("PRESENTATION", listed.dataset, keywords)


def _object_record(listed: Listed) -> _Record:
    record = _presentation_record(listed) if listed.dataset.Modality == "PR" else _image_record(listed)
    record.dataset.ReferencedFileID = listed.name.split("/")
    record.dataset.ReferencedSOPClassUIDInFile = listed.dataset.SOPClassUID
    record.dataset.ReferencedSOPInstanceUIDInFile = listed.dataset.SOPInstanceUID
    record.dataset.ReferencedTransferSyntaxUIDInFile = listed.dataset.file_meta.TransferSyntaxUID
    return record


def _tree(objects_listed: Sequence[Listed]) -> _Record:
    """The patient's record over studies (in the order of `objects_listed`), series (by number) and objects."""
    first = objects_listed[0].dataset
    patient = _record("PATIENT", first, ("PatientName", "PatientID", "PatientBirthDate", "PatientSex"))
    study_keywords = ("StudyDate", "StudyTime", "StudyDescription", "StudyInstanceUID", "StudyID", "AccessionNumber")
    studies: dict[str, _Record] = {}
    series: dict[str, _Record] = {}
    for listed in objects_listed:
        uid = str(listed.dataset.StudyInstanceUID)
        if uid not in studies:
            studies[uid] = _record("STUDY", listed.dataset, study_keywords)
            patient.lower.append(studies[uid])
    for listed in sorted(objects_listed, key=lambda o: (int(o.dataset.SeriesNumber), int(o.dataset.InstanceNumber))):
        uid = str(listed.dataset.SeriesInstanceUID)
        if uid not in series:
            keywords = ("Modality", "SeriesInstanceUID", "SeriesNumber", "SeriesDescription")
            series[uid] = _record("SERIES", listed.dataset, keywords)
            studies[str(listed.dataset.StudyInstanceUID)].lower.append(series[uid])
        series[uid].lower.append(_object_record(listed))
    return patient


def _encoded_bytes(dataset: Dataset) -> int:
    stream = DicomBytesIO()
    stream.is_little_endian, stream.is_implicit_VR = True, False
    write_dataset(stream, dataset)
    return len(stream.getvalue())


def _depth_first(record: _Record) -> list[_Record]:
    result = [record]
    for lower in record.lower:
        result += _depth_first(lower)
    return result


def _link(records: Sequence[_Record], first_offset: int) -> None:
    """Fill in the offsets of next and lower records; they do not change the records' lengths."""
    offsets: dict[int, int] = {}
    at = first_offset
    for record in records:
        offsets[id(record)] = at
        at += _ITEM_HEADER_BYTES + _encoded_bytes(record.dataset)
    for record in records:
        if record.lower:
            record.dataset.OffsetOfReferencedLowerLevelDirectoryEntity = offsets[id(record.lower[0])]
        for this, following in zip(record.lower, record.lower[1:], strict=False):
            this.dataset.OffsetOfTheNextDirectoryRecord = offsets[id(following)]


def dicomdir(seed: int, listed: Sequence[Listed]) -> bytes:
    """The DICOMDIR (PS3.3 F.3) of ``listed``, which must be of one patient, as Part 10 bytes."""
    records = _depth_first(_tree(listed))
    ds = Dataset()
    ds.FileSetID = "PHANTOM"
    ds.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity = 0
    ds.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity = 0
    ds.FileSetConsistencyFlag = 0
    ds.DirectoryRecordSequence = objects.sequence(*(record.dataset for record in records))
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = _MEDIA_STORAGE_DIRECTORY
    meta.MediaStorageSOPInstanceUID = identity.uid_for(seed, "dicomdir")
    meta.TransferSyntaxUID = objects.EXPLICIT_LITTLE
    meta.ImplementationClassUID = identity.IMPLEMENTATION_UID
    meta.ImplementationVersionName = identity.IMPLEMENTATION_VERSION
    ds.file_meta = meta
    stream = BytesIO()
    dcmwrite(stream, ds, enforce_file_format=True)
    # The sequence is the last element: its first item follows its 12-byte header, wherever that came to lie.
    items_bytes = sum(_ITEM_HEADER_BYTES + _encoded_bytes(record.dataset) for record in records)
    first_offset = len(stream.getvalue()) - items_bytes
    _link(records, first_offset)
    ds.OffsetOfTheFirstDirectoryRecordOfTheRootDirectoryEntity = first_offset
    ds.OffsetOfTheLastDirectoryRecordOfTheRootDirectoryEntity = first_offset
    stream = BytesIO()
    dcmwrite(stream, ds, enforce_file_format=True)
    data = stream.getvalue()
    assert struct.unpack_from("<HH", data, first_offset) == (0xFFFE, 0xE000)
    return data


def other_files() -> list[tuple[str, bytes]]:
    """``(name, bytes)`` of the files that are not DICOM."""
    readme = (
        "This disc holds a PHANTOM: synthetic images made by fastcine, of no real patient.\r\n"
        "Open the file DICOMDIR with any DICOM viewer. Not for clinical use.\r\n"
    )
    page = (
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>PHANTOM</title></head>\n"
        "<body><h1>PHANTOM</h1><p>Synthetic images of no real patient.</p>"
        "<img src=\"VIEWER/LOGO.PNG\" alt=\"PHANTOM\"></body></html>\n"
    )  # fmt: skip
    logo = np.full((32, 120), 24, dtype=np.uint8)
    burn_text(logo, "PHANTOM", top=9, left=18, value=230, scale=2)
    return [
        ("README.TXT", readme.encode("ascii")),
        ("AUTORUN.INF", b"[autorun]\r\nlabel=PHANTOM\r\nopen=INDEX.HTM\r\n"),
        ("INDEX.HTM", page.encode("ascii")),
        ("VIEWER/LOGO.PNG", bytes(imagecodecs.png_encode(logo))),
    ]
