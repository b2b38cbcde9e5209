"""Values for archive tests: records, stored_as, and whole little DICOM objects."""

from __future__ import annotations

import hashlib
import io
import warnings
from datetime import UTC, datetime
from typing import Any

from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset

from fastcine.archive.record import IndexRecord, PatientAndStudy, StoredAs

XA = "1.2.840.10008.5.1.4.1.1.12.1"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
JPEG_LOSSLESS = "1.2.840.10008.1.2.4.70"


def record(sop: str = "1.2.3.4", study: str = "1.2", series: str = "1.2.3", **changes: Any) -> IndexRecord:
    """An XA run of 96 frames; names of PatientAndStudy and of IndexRecord may be given."""
    inner = {name: changes.pop(name) for name in list(changes) if name in PatientAndStudy.__dataclass_fields__}
    values: dict[str, Any] = {
        "patient_id": "PH-1",
        "patient_name": "Phantom^Paula",
        "study_datetime": datetime(2026, 3, 1, 8, 15, tzinfo=UTC),
        "study_date_text": "2026-03-01 09:15",
        "description": "Coronary angiography",
        **inner,
    }
    outer: dict[str, Any] = {"modality": "XA", "kind": "run", "frames": 96, "rows": 512, "columns": 512, **changes}
    return IndexRecord(
        patient_and_study=PatientAndStudy(study_instance_uid=study, **values),
        series_instance_uid=series,
        sop_instance_uid=sop,
        sop_class_uid=XA,
        transfer_syntax_uid=JPEG_LOSSLESS,
        **outer,
    )


def stored_as(content: str = "a", **changes: Any) -> StoredAs:
    """Where an object lies; `content` decides its data set's hash."""
    values: dict[str, Any] = {
        "location": f"objects/{content}.dcm",
        "file_bytes": 1000,
        "data_set_offset": 200,
        "head_sha256": hashlib.sha256(b"head").digest(),
        "data_set_sha256": hashlib.sha256(content.encode()).digest(),
        **changes,
    }
    return StoredAs(**values)


def part10(sop: str = "1.2.3.4", study: str = "1.2", series: str = "1.2.3", **changes: Any) -> bytes:
    """A small native image as a Part 10 file; keywords change or (None) remove elements; `pixels` are its bytes."""
    values: dict[str, Any] = {
        "SOPClassUID": XA,
        "SOPInstanceUID": sop,
        "StudyInstanceUID": study,
        "SeriesInstanceUID": series,
        "Modality": "XA",
        "PatientName": "Phantom^Paula",
        "PatientID": "PH-1",
        "PatientBirthDate": "19610412",
        "PatientSex": "F",
        "StudyDate": "20260301",
        "StudyTime": "091500",
        "StudyDescription": "Coronary angiography",
        "SeriesNumber": 1,
        "InstanceNumber": 1,
        "SeriesDescription": "LCA",
        "Rows": 4,
        "Columns": 4,
        "NumberOfFrames": 2,
        "SamplesPerPixel": 1,
        "BitsAllocated": 8,
        "BitsStored": 8,
        "HighBit": 7,
        "PixelRepresentation": 0,
        "PhotometricInterpretation": "MONOCHROME2",
        **{name: value for name, value in changes.items() if name[0].isupper()},
    }
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what tests ask for is against the rules now and then
        dataset = Dataset()
        for name, value in values.items():
            if value is not None:
                setattr(dataset, name, value)
        pixels = changes.get("pixels", bytes(range(32)))
        if pixels is not None:
            dataset.add_new(0x7FE00010, "OB", pixels)
        meta = FileMetaDataset()
        meta.MediaStorageSOPClassUID = values["SOPClassUID"] or "1.2"
        meta.MediaStorageSOPInstanceUID = changes.get("meta_sop", values["SOPInstanceUID"] or "1.2.9")
        meta.TransferSyntaxUID = EXPLICIT_LITTLE
        meta.ImplementationVersionName = changes.get("sender", "TEST")
        dataset.file_meta = meta
        dcmwrite(out, dataset, enforce_file_format=True)
    return out.getvalue()


def report(sop: str = "1.2.3.9", study: str = "1.2", **values: object) -> bytes:
    """A structured report: an object without pixels."""
    image = ("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "BitsAllocated", "BitsStored", "HighBit")
    gone = dict.fromkeys((*image, "PixelRepresentation", "PhotometricInterpretation"))
    return part10(
        sop, study, "1.2.99", SOPClassUID="1.2.840.10008.5.1.4.1.1.88.33", Modality="SR", pixels=None, **gone, **values
    )
