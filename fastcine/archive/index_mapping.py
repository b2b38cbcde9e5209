"""Between rows of SQLite and the values of record.py. Pure but for the row type."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import fields
from datetime import UTC, datetime

from fastcine.archive.record import InstanceRow, PatientAndStudy, QuarantineRow, RunRow, StoredAs, StudyRow

STUDY_COLUMNS = tuple(field.name for field in fields(PatientAndStudy))
"""The columns of `study` that hold PatientAndStudy, under the same names."""

RUN_QUERY = """
    SELECT run.*, instance.sop_instance_uid, instance.transfer_syntax_uid, instance.location,
           series.series_instance_uid, study.study_instance_uid
    FROM run JOIN instance ON instance.id = run.instance JOIN series ON series.id = instance.series
    JOIN study ON study.serial = series.study
"""
INSTANCE_QUERY = """
    SELECT instance.*, series.series_instance_uid, series.modality, series.series_number, series.series_description,
           study.study_instance_uid, run.run, run.frames AS run_frames, run.description, run.state, run.message,
           run.made_coarse, run.made_fine, run.made_exact
    FROM instance JOIN series ON series.id = instance.series JOIN study ON study.serial = series.study
    LEFT JOIN run ON run.instance = instance.id
"""
_SORT_BITS = 28
_SORT_EPOCH = datetime(1800, 1, 1, tzinfo=UTC)
_SORT_SECONDS = (1 << 34) - 1


def time_text(moment: datetime | None) -> str:
    """UTC text that sorts; empty for None. A naive time is taken as UTC."""
    if moment is None:
        return ""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"


def read_time(text: str) -> datetime | None:
    """The aware time of `time_text` or of an ISO text with offset; None for empty."""
    return datetime.fromisoformat(text) if text else None


def study_sort_id(moment: datetime | None, serial: int) -> int:
    """A study's place: whole seconds since 1800 above the row's serial number (below 2^28); unknown times come last."""
    if moment is None:
        return serial
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    seconds = int((aware - _SORT_EPOCH).total_seconds())
    return min(max(seconds, 1), _SORT_SECONDS) << _SORT_BITS | serial


def study_values(study: PatientAndStudy) -> dict[str, str]:
    """Column name to value. The time keeps its own offset, since people read it."""
    values = {name: getattr(study, name) for name in STUDY_COLUMNS}
    values["study_datetime"] = study.study_datetime.isoformat() if study.study_datetime else ""
    return values


def patient_and_study(row: sqlite3.Row) -> PatientAndStudy:
    """The identifying half of a study's row."""
    values = {name: row[name] for name in STUDY_COLUMNS}
    values["study_datetime"] = read_time(row["study_datetime"])
    return PatientAndStudy(**values)


def study_row(row: sqlite3.Row) -> StudyRow:
    """A row of `study`."""
    return StudyRow(
        sort_id=row["sort_id"],
        patient_and_study=patient_and_study(row),
        modalities=tuple(row["modalities"].split()),
        runs=row["runs"],
        stills=row["stills"],
        objects=row["objects"],
        series=row["series"],
        received=datetime.fromisoformat(row["received"]),
        changed=datetime.fromisoformat(row["changed"]),
    )


def run_row(row: sqlite3.Row, *, frames_column: str = "frames") -> RunRow:
    """A row of RUN_QUERY, or the run's part of a row of INSTANCE_QUERY."""
    return RunRow(
        run=row["run"],
        sop_instance_uid=row["sop_instance_uid"],
        series_instance_uid=row["series_instance_uid"],
        study_instance_uid=row["study_instance_uid"],
        transfer_syntax_uid=row["transfer_syntax_uid"],
        location=row["location"],
        frames=row[frames_column],
        state=row["state"],
        message=row["message"],
        made=(row["made_coarse"], row["made_fine"], row["made_exact"]),
        description=json.loads(row["description"]) if row["description"] else None,
    )


def instance_row(row: sqlite3.Row) -> InstanceRow:
    """A row of INSTANCE_QUERY."""
    stored_as = StoredAs(
        location=row["location"],
        file_bytes=row["file_bytes"],
        data_set_offset=row["data_set_offset"],
        head_sha256=row["head_sha256"],
        data_set_sha256=row["data_set_sha256"],
        source_name=row["source_name"],
        received=read_time(row["received"]),
    )
    return InstanceRow(
        sop_instance_uid=row["sop_instance_uid"],
        sop_class_uid=row["sop_class_uid"],
        series_instance_uid=row["series_instance_uid"],
        study_instance_uid=row["study_instance_uid"],
        transfer_syntax_uid=row["transfer_syntax_uid"],
        modality=row["modality"],
        series_number=row["series_number"],
        series_description=row["series_description"],
        instance_number=row["instance_number"],
        acquired=read_time(row["acquired"]),
        kind=row["kind"],
        frames=row["frames"],
        rows=row["rows"],
        columns=row["columns"],
        label=row["label"],
        notes=tuple(json.loads(row["notes"])),
        received=datetime.fromisoformat(row["received"]),
        stored_as=stored_as,
        run=run_row(row, frames_column="run_frames") if row["run"] else None,
    )


def quarantine_row(row: sqlite3.Row) -> QuarantineRow:
    """A row of `quarantine`."""
    values = {field.name: row[field.name] for field in fields(QuarantineRow)}
    values["received"] = datetime.fromisoformat(row["received"])
    return QuarantineRow(**values)
