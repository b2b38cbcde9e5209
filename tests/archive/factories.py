"""Values for archive tests: records, stored_as, and whole little DICOM objects."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from fastcine.archive.record import IndexRecord, PatientAndStudy, StoredAs

XA = "1.2.840.10008.5.1.4.1.1.12.1"
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
