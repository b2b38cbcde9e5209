"""How objects leave the index, and the table of rejected ones: statements inside somebody's transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import UTC, datetime

from fastcine.archive.index_mapping import time_text
from fastcine.archive.record import RejectedRow
from fastcine.archive.removal_records import Removal, RemovedObject

_FOUND = """
    SELECT instance.sop_instance_uid, series.series_instance_uid, study.study_instance_uid, instance.location,
           instance.file_bytes, instance.data_set_sha256, coalesce(run.run, '') AS run
    FROM instance JOIN series ON series.id = instance.series JOIN study ON study.serial = series.study
    LEFT JOIN run ON run.instance = instance.id
"""
_REJECTED = """
    SELECT sop_instance_uid, series_instance_uid, study_instance_uid, location, file_bytes, data_set_sha256, run
    FROM rejected
"""


def visible(connection: sqlite3.Connection, study: str, series: str = "", sop: str = "") -> list[RemovedObject]:
    """The indexed objects of a study, of one of its series, or one object."""
    return _objects(connection, _FOUND, ("study.", "series.", "instance."), (study, series, sop))


def rejected(connection: sqlite3.Connection, study: str, series: str = "", sop: str = "") -> list[RemovedObject]:
    """The rejected objects of the same."""
    return _objects(connection, _REJECTED, ("", "", ""), (study, series, sop))


def _objects(
    connection: sqlite3.Connection, query: str, tables: tuple[str, str, str], uids: tuple[str, str, str]
) -> list[RemovedObject]:
    names = ("study_instance_uid", "series_instance_uid", "sop_instance_uid")
    asked = [(f"{table}{name} = ?", uid) for table, name, uid in zip(tables, names, uids, strict=True) if uid]
    where = " WHERE " + " AND ".join(condition for condition, _ in asked)
    rows = connection.execute(query + where + " ORDER BY 1", [uid for _, uid in asked])
    return [RemovedObject(**{**dict(row), "data_set_sha256": row["data_set_sha256"].hex()}) for row in rows]


def take_out(connection: sqlite3.Connection, objects: Iterable[RemovedObject]) -> None:
    """Rows of these objects go, with what hangs on them; series and studies without objects go too.

    Only rows that point at the same file: an object that was removed and has come again is another one.
    """
    studies = set()
    for each in objects:
        row = connection.execute(
            "SELECT instance.id, series, study FROM instance JOIN series ON series.id = series"
            " WHERE sop_instance_uid = ? AND location = ? AND data_set_sha256 = ?",
            (each.sop_instance_uid, each.location, bytes.fromhex(each.data_set_sha256)),
        ).fetchone()
        if row is None:
            continue
        connection.execute("DELETE FROM ingest_queue WHERE run = ?", (each.run,))
        connection.execute("DELETE FROM run WHERE instance = ?", (row["id"],))
        connection.execute("DELETE FROM instance WHERE id = ?", (row["id"],))
        connection.execute("UPDATE series SET objects = objects - 1 WHERE id = ?", (row["series"],))
        studies.add(row["study"])
    for study in studies:
        _recount(connection, study)


def _recount(connection: sqlite3.Connection, study: int) -> None:
    connection.execute(
        "DELETE FROM series WHERE study = ? AND id NOT IN (SELECT series FROM instance WHERE series = series.id)",
        (study,),
    )
    row = connection.execute(
        "SELECT count(instance.id) AS objects, count(DISTINCT series.id) AS series,"
        " coalesce(sum(kind = 'run'), 0) AS runs, coalesce(sum(kind = 'still'), 0) AS stills"
        " FROM series JOIN instance ON instance.series = series.id WHERE study = ?",
        (study,),
    ).fetchone()
    if not row["objects"]:
        connection.execute(
            "DELETE FROM study_text WHERE rowid = (SELECT sort_id FROM study WHERE serial = ?)", (study,)
        )
        connection.execute("DELETE FROM study WHERE serial = ?", (study,))
        return
    modalities = connection.execute("SELECT DISTINCT modality FROM series WHERE study = ?", (study,))
    words = sorted({"".join(each["modality"].split()) for each in modalities} - {""})
    connection.execute(
        "UPDATE study SET objects = ?, series = ?, runs = ?, stills = ?, modalities = ?, changed = ? WHERE serial = ?",
        (*row, " ".join(words), time_text(datetime.now(UTC)), study),
    )


def put_rejected(connection: sqlite3.Connection, removal: Removal, each: RemovedObject, location: str) -> None:
    """An object counts as rejected, and lies at `location` now."""
    connection.execute(
        "INSERT OR REPLACE INTO rejected VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            each.sop_instance_uid,
            each.series_instance_uid,
            each.study_instance_uid,
            location,
            each.file_bytes,
            bytes.fromhex(each.data_set_sha256),
            each.run,
            removal.reason,
            removal.by,
            time_text(removal.at),
        ),
    )


def drop_rejected(connection: sqlite3.Connection, sop_instance_uid: str) -> None:
    """It is rejected no longer: restored, or deleted."""
    connection.execute("DELETE FROM rejected WHERE sop_instance_uid = ?", (sop_instance_uid,))


def hide(connection: sqlite3.Connection, removal: Removal, places: dict[str, str]) -> None:
    """All of a removal at once; those with a place (by UID) are rejected, the others deleted."""
    take_out(connection, removal.objects)
    for each in removal.objects:
        if each.sop_instance_uid in places:
            put_rejected(connection, removal, each, places[each.sop_instance_uid])
        else:
            drop_rejected(connection, each.sop_instance_uid)


def rejected_rows(connection: sqlite3.Connection) -> list[RejectedRow]:
    """Every rejected object, newest first."""
    rows = connection.execute("SELECT * FROM rejected ORDER BY at DESC, sop_instance_uid")
    return [RejectedRow(**{**dict(row), "at": datetime.fromisoformat(row["at"])}) for row in rows]
