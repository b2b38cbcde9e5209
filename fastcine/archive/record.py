"""Values of the index: what goes in for one object, and the rows that come out. No I/O.

Names are DICOM keywords in snake case. Person names keep DICOM's `^` form (PS3.5 6.2.1), one field a component group.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

Kind = Literal["run", "still", "other"]
RunState = Literal["waiting", "making", "ready", "failed"]
Ready = tuple[int, int, int]


class Outcome(StrEnum):
    """What became of an object that came in."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    SKIPPED = "skipped"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientAndStudy:
    """What a study's row says. Empty text where the object is silent; `birth_date` is ISO `YYYY-MM-DD` or empty."""

    study_instance_uid: str
    patient_id: str = ""
    issuer_of_patient_id: str = ""
    patient_name: str = ""
    patient_name_ideographic: str = ""
    patient_name_phonetic: str = ""
    birth_date: str = ""
    sex: str = ""
    study_datetime: datetime | None = None  # aware
    study_date_text: str = ""  # local, "YYYY-MM-DD" or "YYYY-MM-DD HH:MM"; empty where unknown
    description: str = ""
    accession_number: str = ""
    study_id: str = ""
    referring_physician_name: str = ""
    institution_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexRecord:
    """Everything the index keeps of one object: made by describe.py from its bytes, stored by Index.add_instance."""

    patient_and_study: PatientAndStudy
    series_instance_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    modality: str = ""
    series_number: int | None = None
    series_description: str = ""
    series_datetime: datetime | None = None
    instance_number: int | None = None
    acquired: datetime | None = None  # aware; Acquisition DateTime, else Content; orders the film strip
    kind: Kind = "other"
    frames: int = 0
    rows: int = 0
    columns: int = 0
    label: str = ""  # what a tile without pixels says, such as "Report (SR)"
    notes: tuple[str, ...] = ()  # tolerated breaches, in words without identity

    @property
    def study_instance_uid(self) -> str:
        """The study's UID."""
        return self.patient_and_study.study_instance_uid


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAs:
    """Where and how an object's bytes lie: location relative to the data folder, lengths, hashes, provenance."""

    location: str
    file_bytes: int
    data_set_offset: int
    head_sha256: bytes
    data_set_sha256: bytes
    source_name: str = ""
    received: datetime | None = None  # aware; None means now

    @property
    def has_file_meta(self) -> bool:
        """Whether file meta information stands in front of the data set, behind preamble and `DICM` (132 bytes)."""
        return self.data_set_offset > 132


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRow:
    """A study as the worklist shows it; `sort_id` is its place (larger is newer)."""

    sort_id: int
    patient_and_study: PatientAndStudy
    modalities: tuple[str, ...]
    runs: int
    stills: int
    objects: int
    series: int
    received: datetime
    changed: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StudiesPage:
    """One page of studies, newest first. `next` is the key of the page after it, None at the end."""

    studies: tuple[StudyRow, ...]
    next: str | None
    total: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """A run (an instance with pixels) and how far its cine cache has come."""

    run: str  # wire id, 16 hex digits
    sop_instance_uid: str
    series_instance_uid: str
    study_instance_uid: str
    transfer_syntax_uid: str
    location: str
    frames: int
    state: RunState
    message: str
    made: Ready
    description: dict[str, Any] | None = field(repr=False)

    @property
    def complete(self) -> bool:
        """Whether every tier that this run has is made."""
        return self.state == "ready"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceRow:
    """One object of a study; `run` is None where it has no pixels."""

    sop_instance_uid: str
    sop_class_uid: str
    series_instance_uid: str
    study_instance_uid: str
    transfer_syntax_uid: str
    modality: str
    series_number: int | None
    series_description: str
    instance_number: int | None
    acquired: datetime | None
    kind: Kind
    frames: int
    rows: int
    columns: int
    label: str
    notes: tuple[str, ...]
    received: datetime
    stored_as: StoredAs
    run: RunRow | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyDetail:
    """A study with its objects in the order of acquisition."""

    study: StudyRow
    instances: tuple[InstanceRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineRow:
    """A refused object: why (`reason`, `tag` "GGGG,EEEE", `offset_bytes` or -1) and where its bytes are kept."""

    sha256: str
    location: str
    file_bytes: int
    code: str
    reason: str
    tag: str
    offset_bytes: int
    sop_instance_uid: str
    study_instance_uid: str
    source_name: str
    received: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedRow:
    """A rejected object: where its bytes are kept, why, by whom, when (aware). `run`: its wire id, or empty."""

    sop_instance_uid: str
    series_instance_uid: str
    study_instance_uid: str
    location: str
    file_bytes: int
    data_set_sha256: bytes
    run: str
    reason: str
    by_whom: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SeenFile:
    """What became of a file that was taken in (or not) before; `sop_instance_uid` is empty where it was not read."""

    outcome: Outcome
    sop_instance_uid: str = ""
    code: str = ""
    reason: str = ""
    kept_as: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A run taken from the queue to be made; `attempts` counts this one."""

    run: str
    priority: int
    attempts: int
