"""How one object enters the index: statements on a connection inside somebody's transaction."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import fields
from datetime import UTC, datetime

from fastcine.archive.catalog_study import STUDY_ANSWER
from fastcine.archive.index_mapping import patient_and_study, study_sort_id, study_values, time_text
from fastcine.archive.record import IndexRecord, PatientAndStudy, QuarantineRow, StoredAs
from fastcine.archive.search_text import index_text, name_text
from fastcine.cine.wire import run_id, run_name
from fastcine.errors import Conflict, Duplicate

_KEEP_ANSWER = f"UPDATE study SET answer = {STUDY_ANSWER} WHERE serial = ?"


def put_instance(
    connection: sqlite3.Connection, record: IndexRecord, *, stored_as: StoredAs, priority: int | None
) -> None:
    """Add rows for one object, and for its run a queue row of `priority` (None: not queued).

    Raises Duplicate where the same data set is indexed under this SOP Instance UID, Conflict where another is.
    """
    found = known_data_set(connection, record.sop_instance_uid)
    if found is not None:
        if found == stored_as.data_set_sha256:
            raise Duplicate(record.sop_instance_uid)
        raise Conflict(record.sop_instance_uid)
    received = time_text(stored_as.received or datetime.now(UTC))
    study, series = _known_series(connection, record) or (0, 0)
    if not series:
        study = _put_study(connection, record.patient_and_study, received)
        series = _put_series(connection, record, study)
    instance = _insert_instance(connection, record, stored_as, series, received)
    if record.kind != "other":
        run = run_name(run_id(record.sop_instance_uid))
        connection.execute(
            "INSERT INTO run VALUES (?, ?, ?, NULL, 'waiting', '', 0, 0, 0)", (run, instance, record.frames)
        )
        if priority is not None:
            connection.execute("INSERT INTO ingest_queue (run, priority) VALUES (?, ?)", (run, priority))
    _count(connection, record, study, received)


def known_data_set(connection: sqlite3.Connection, sop_instance_uid: str) -> bytes | None:
    """The hash of the data set that is stored under this UID, visible or rejected."""
    row = connection.execute(
        "SELECT data_set_sha256 FROM instance WHERE sop_instance_uid = ?1"
        " UNION ALL SELECT data_set_sha256 FROM rejected WHERE sop_instance_uid = ?1",
        (sop_instance_uid,),
    ).fetchone()
    return None if row is None else bytes(row[0])


def _known_series(connection: sqlite3.Connection, record: IndexRecord) -> tuple[int, int] | None:
    """The serial of the study and the id of the series, where both are there and the record adds nothing to them."""
    row = connection.execute(
        "SELECT study.*, series.id AS series_id FROM study JOIN series ON series.study = study.serial"
        " AND series.series_instance_uid = ? WHERE study.study_instance_uid = ?",
        (record.series_instance_uid, record.study_instance_uid),
    ).fetchone()
    if row is None or any(value and not row[name] for name, value in study_values(record.patient_and_study).items()):
        return None
    return row["serial"], row["series_id"]


def _put_study(connection: sqlite3.Connection, study: PatientAndStudy, received: str) -> int:
    """The study's serial number; its row is made, or its gaps are filled from `study` (what is there stays)."""
    row = connection.execute("SELECT * FROM study WHERE study_instance_uid = ?", (study.study_instance_uid,)).fetchone()
    values = study_values(study)
    if row is None:
        serial: int = connection.execute("SELECT coalesce(max(serial), 0) + 1 FROM study").fetchone()[0]
        names = ", ".join(values)
        marks = ", ".join(f":{name}" for name in values)
        connection.execute(
            f"INSERT INTO study (sort_id, serial, {names}, modalities, runs, stills, objects, series, received,"
            f" changed) VALUES (:sort_id, :serial, {marks}, '', 0, 0, 0, 0, :received, :received)",
            {**values, "serial": serial, "received": received, "sort_id": study_sort_id(study.study_datetime, serial)},
        )
        _index_text(connection, study, study_sort_id(study.study_datetime, serial))
        connection.execute(_KEEP_ANSWER, (serial,))
        return serial
    serial = row["serial"]
    gaps = {name: value for name, value in values.items() if value and not row[name]}
    if gaps:
        _fill_gaps(connection, gaps, serial, row["sort_id"])
    return serial


def _fill_gaps(connection: sqlite3.Connection, gaps: dict[str, str], serial: int, sort_id: int) -> None:
    sets = ", ".join(f"{name} = :{name}" for name in gaps)
    connection.execute(f"UPDATE study SET {sets} WHERE serial = :serial", {**gaps, "serial": serial})
    whole = patient_and_study(connection.execute("SELECT * FROM study WHERE serial = ?", (serial,)).fetchone())
    place = study_sort_id(whole.study_datetime, serial)
    connection.execute("UPDATE study SET sort_id = ? WHERE serial = ?", (place, serial))
    connection.execute("DELETE FROM study_text WHERE rowid = ?", (sort_id,))
    _index_text(connection, whole, place)
    connection.execute(_KEEP_ANSWER, (serial,))


def _index_text(connection: sqlite3.Connection, study: PatientAndStudy, sort_id: int) -> None:
    """The searched words of a study. Dates are found as 2026-03-01 and as 20260301."""
    dates = [date for date in (study.study_date_text[:10], study.birth_date) if date]
    connection.execute(
        "INSERT INTO study_text (rowid, name, patient_id, accession, description, dates) VALUES (?, ?, ?, ?, ?, ?)",
        (
            sort_id,
            name_text(study.patient_name, study.patient_name_ideographic, study.patient_name_phonetic),
            index_text(study.patient_id),
            index_text(study.accession_number),
            index_text(study.description),
            index_text(*dates, *(date.replace("-", "") for date in dates)),
        ),
    )


def _put_series(connection: sqlite3.Connection, record: IndexRecord, study: int) -> int:
    row = connection.execute(
        "SELECT id FROM series WHERE study = ? AND series_instance_uid = ?", (study, record.series_instance_uid)
    ).fetchone()
    if row is not None:
        known: int = row["id"]
        return known
    series = connection.execute(
        "INSERT INTO series (series_instance_uid, study, modality, series_number, series_description, series_datetime,"
        " objects) VALUES (?, ?, ?, ?, ?, ?, 0) RETURNING id",
        (
            record.series_instance_uid,
            study,
            record.modality,
            record.series_number,
            record.series_description,
            time_text(record.series_datetime),
        ),
    ).fetchone()["id"]
    found = connection.execute("SELECT DISTINCT modality FROM series WHERE study = ? AND modality <> ''", (study,))
    # A code string has no spaces inside (PS3.5 6.2), but files may: the list is kept space-separated.
    modalities = sorted({"".join(row["modality"].split()) for row in found} - {""})
    connection.execute(
        "UPDATE study SET modalities = ?, series = series + 1 WHERE serial = ?", (" ".join(modalities), study)
    )
    new: int = series
    return new


def _insert_instance(
    connection: sqlite3.Connection, record: IndexRecord, stored_as: StoredAs, series: int, received: str
) -> int:
    values = {
        "sop_instance_uid": record.sop_instance_uid,
        "series": series,
        "sop_class_uid": record.sop_class_uid,
        "transfer_syntax_uid": record.transfer_syntax_uid,
        "instance_number": record.instance_number,
        "acquired": time_text(record.acquired),
        "kind": record.kind,
        "frames": record.frames,
        "rows": record.rows,
        "columns": record.columns,
        "label": record.label,
        "notes": json.dumps(record.notes),
        "location": stored_as.location,
        "file_bytes": stored_as.file_bytes,
        "data_set_offset": stored_as.data_set_offset,
        "head_sha256": stored_as.head_sha256,
        "data_set_sha256": stored_as.data_set_sha256,
        "source_name": stored_as.source_name,
        "received": received,
    }
    instance = connection.execute(
        f"INSERT INTO instance ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})", tuple(values.values())
    ).lastrowid
    connection.execute("UPDATE series SET objects = objects + 1 WHERE id = ?", (series,))
    assert instance is not None
    return instance


def _count(connection: sqlite3.Connection, record: IndexRecord, study: int, received: str) -> None:
    connection.execute(
        "UPDATE study SET objects = objects + 1, runs = runs + ?, stills = stills + ?, changed = max(changed, ?)"
        " WHERE serial = ?",
        (record.kind == "run", record.kind == "still", received, study),
    )


def insert_quarantine(connection: sqlite3.Connection, row: QuarantineRow) -> bool:
    """Keep why an object was refused. False where the same bytes were refused before."""
    values = {field.name: getattr(row, field.name) for field in fields(row)}
    values["received"] = time_text(row.received)
    statement = f"INSERT OR IGNORE INTO quarantine ({', '.join(values)}) VALUES ({', '.join('?' * len(values))})"
    return connection.execute(statement, tuple(values.values())).rowcount > 0
