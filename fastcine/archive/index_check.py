"""Is the index sound in itself, and how are its sums put right: statements for `verify` and `reindex`."""

from __future__ import annotations

import sqlite3

from fastcine.archive.queue import Priority
from fastcine.archive.schema import DERIVED_TABLES

_COUNTS = """
    SELECT * FROM
        (SELECT study.serial, study.study_instance_uid,
                count(instance.id) AS objects, count(DISTINCT series.id) AS series,
                coalesce(sum(instance.kind = 'run'), 0) AS runs, coalesce(sum(instance.kind = 'still'), 0) AS stills,
                study.objects AS told_objects, study.series AS told_series,
                study.runs AS told_runs, study.stills AS told_stills
         FROM study LEFT JOIN series ON series.study = study.serial LEFT JOIN instance ON instance.series = series.id
         GROUP BY study.serial)
    WHERE objects <> told_objects OR series <> told_series OR runs <> told_runs OR stills <> told_stills
"""
_UNQUEUED = """
    SELECT run FROM run WHERE state IN ('waiting', 'making') AND run NOT IN (SELECT run FROM ingest_queue)
"""


def damage(connection: sqlite3.Connection) -> list[str]:
    """What SQLite itself finds wrong with the file; empty where it is sound."""
    found = [str(row[0]) for row in connection.execute("PRAGMA quick_check(10)")]
    return [] if found == ["ok"] else found


def studies_with_wrong_counts(connection: sqlite3.Connection) -> list[str]:
    """Study Instance UIDs whose row counts what is not there, or misses what is."""
    return [str(row["study_instance_uid"]) for row in connection.execute(_COUNTS)]


def put_counts_right(connection: sqlite3.Connection) -> None:
    """Count again."""
    for row in connection.execute(_COUNTS).fetchall():
        connection.execute(
            "UPDATE study SET objects = ?, series = ?, runs = ?, stills = ? WHERE serial = ?",
            (row["objects"], row["series"], row["runs"], row["stills"], row["serial"]),
        )


def unqueued_runs(connection: sqlite3.Connection) -> list[str]:
    """Runs that wait to be made and that nobody will ever make."""
    return [str(row["run"]) for row in connection.execute(_UNQUEUED)]


def studies_without_text(connection: sqlite3.Connection) -> list[str]:
    """Studies that no search finds."""
    query = "SELECT study_instance_uid FROM study WHERE sort_id NOT IN (SELECT rowid FROM study_text)"
    return [str(row["study_instance_uid"]) for row in connection.execute(query)]


def is_indexed(connection: sqlite3.Connection, location: str) -> bool:
    """Whether a row points at this file (a walk through all rows: for suspects only)."""
    return connection.execute("SELECT 1 FROM instance WHERE location = ?", (location,)).fetchone() is not None


def make_again(connection: sqlite3.Connection, run: str) -> None:
    """Queue a run whose cache entry is not sound."""
    connection.execute("UPDATE run SET state = 'waiting', message = '' WHERE run = ?", (run,))
    connection.execute(
        "INSERT INTO ingest_queue (run, priority) VALUES (?, ?) ON CONFLICT (run) DO NOTHING", (run, Priority.REBUILD)
    )


def empty_derived(connection: sqlite3.Connection) -> None:
    """Empty what `reindex` makes anew, after keeping aside whence and when each object came."""
    connection.execute("DROP TABLE IF EXISTS temp.provenance")
    connection.execute(
        "CREATE TEMP TABLE provenance AS SELECT sop_instance_uid, data_set_sha256, source_name, received FROM instance"
    )
    connection.execute("CREATE INDEX temp.provenance_uid ON provenance (sop_instance_uid)")
    for table in DERIVED_TABLES:
        connection.execute(f"DELETE FROM {table}")


def provenance(connection: sqlite3.Connection, sop_instance_uid: str, data_set_sha256: bytes) -> tuple[str, str] | None:
    """Source name and time of arrival that the index had before `empty_derived`."""
    row = connection.execute(
        "SELECT source_name, received FROM temp.provenance WHERE sop_instance_uid = ? AND data_set_sha256 = ?",
        (sop_instance_uid, data_set_sha256),
    ).fetchone()
    return None if row is None else (row["source_name"], row["received"])
