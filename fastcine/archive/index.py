"""The index: what lies in the archive, found fast. SQLite by default; everything in it but the queue can be rebuilt.

Reads never wait for writes (WAL). Writes of many threads share a transaction (database.py). Methods may be called from
any thread; each is a few milliseconds at most. They raise StorageUnavailable or StorageFull when the disk refuses.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from fastcine.archive import index_remove
from fastcine.archive.audit_log import AuditEntry, append_in
from fastcine.archive.database import Database
from fastcine.archive.index_mapping import (
    INSTANCE_QUERY,
    RUN_QUERY,
    instance_row,
    quarantine_row,
    run_row,
    study_row,
)
from fastcine.archive.index_write import insert_quarantine, known_data_set, put_instance
from fastcine.archive.queue import IngestQueue, Priority
from fastcine.archive.record import (
    IndexRecord,
    InstanceRow,
    Outcome,
    QuarantineRow,
    Ready,
    RejectedRow,
    RunRow,
    RunState,
    SeenFile,
    StoredAs,
    StudiesPage,
    StudyDetail,
    StudyRow,
)
from fastcine.archive.removal_records import Removal, RemovedObject
from fastcine.archive.search_text import match_expression
from fastcine.cine.wire import run_id, run_name
from fastcine.errors import NotFound, UsageError

T = TypeVar("T")

MAX_PAGE = 500
"""Rows of one page at most; a browser shows about fifty."""
COUNT_LIMIT = 1_000
"""Matches counted for a page's total at most; beyond it the total is None: counting would cost more than the page."""


class Index:
    """The index in one SQLite file. `durable=False` is for tests and measurements only."""

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        self._database = Database(path, durable=durable)
        self.queue = IngestQueue(self._database)

    def close(self) -> None:
        """Close the file; later calls raise StorageUnavailable."""
        self._database.close()

    def write(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run `job` in a durable transaction shared with other threads' jobs: for callers inside archive/."""
        return self._database.write(job)

    def read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Run a query on a pooled connection: for callers inside archive/."""
        with self._database.reading() as connection:
            return query(connection)

    def add_instance(
        self, record: IndexRecord, stored_as: StoredAs, *, priority: int | None = Priority.RECEIVED
    ) -> None:
        """Index one object and, where it has pixels, queue its run, in one transaction, durable on return.

        Raises Duplicate (the same data set is there) or Conflict (another data set is there); nothing changes then.
        """
        self._database.write(
            lambda connection: put_instance(connection, record, stored_as=stored_as, priority=priority)
        )

    def data_set_sha256(self, sop_instance_uid: str) -> bytes | None:
        """The hash of the data set that is stored under this UID, rejected ones too; None where none is."""
        with self._database.reading() as connection:
            return known_data_set(connection, sop_instance_uid)

    def removable(self, study: str, series: str = "", sop: str = "") -> list[RemovedObject]:
        """The visible objects of a study, of one of its series, or one object."""
        return self.read(lambda connection: index_remove.visible(connection, study, series, sop))

    def restorable(self, study: str, series: str = "", sop: str = "") -> list[RemovedObject]:
        """The rejected objects of the same."""
        return self.read(lambda connection: index_remove.rejected(connection, study, series, sop))

    def hide(self, removal: Removal, places: dict[str, str]) -> None:
        """A removal's objects disappear, in one transaction; those with a place (by UID) count as rejected then."""
        self.write(lambda connection: index_remove.hide(connection, removal, places))

    def unreject(self, sop_instance_uid: str) -> None:
        """An object counts as rejected no more."""
        self.write(lambda connection: index_remove.drop_rejected(connection, sop_instance_uid))

    def rejected(self) -> list[RejectedRow]:
        """Every rejected object, newest first."""
        return self.read(index_remove.rejected_rows)

    def add_audit(self, entries: Sequence[AuditEntry]) -> None:
        """Add rows to the audit record."""
        self.write(lambda connection: append_in(connection, entries))

    def studies_page(
        self, search: str = "", *, after: str | None = None, limit: int = 50, patient_ids: Collection[str] | None = None
    ) -> StudiesPage:
        """One page of studies, newest first; `after` is the `next` of the page before. UsageError for a foreign key.

        `patient_ids`: only studies of these patients.
        """
        before, limit = _page_key(after), max(1, min(limit, MAX_PAGE))
        if patient_ids is not None:
            return self._page_of_patients(search, before, limit, sorted(patient_ids))
        match = match_expression(search)
        with self._database.reading() as connection:
            if match is None:
                rows = connection.execute(STUDIES_QUERY, (before, limit + 1)).fetchall()
                total: int | None = connection.execute("SELECT count(*) FROM study").fetchone()[0]
            else:
                rows = connection.execute(SEARCH_QUERY, (match, before, limit + 1)).fetchall()
                total = _count_matches(connection, match)
        return _page(rows, limit, total)

    def _page_of_patients(self, search: str, before: int, limit: int, patient_ids: list[str]) -> StudiesPage:
        where = f"patient_id IN ({', '.join('?' * len(patient_ids))})"
        values: list[Any] = [*patient_ids]
        if (match := match_expression(search)) is not None:
            where += " AND sort_id IN (SELECT rowid FROM study_text WHERE study_text MATCH ?)"
            values.append(match)
        with self._database.reading() as connection:
            total = connection.execute(f"SELECT count(*) FROM study WHERE {where}", values).fetchone()[0]
            query = f"SELECT * FROM study WHERE {where} AND sort_id < ? ORDER BY sort_id DESC LIMIT ?"
            rows = connection.execute(query, (*values, before, limit + 1)).fetchall()
        return _page(rows, limit, total)

    def study_row(self, study_instance_uid: str) -> StudyRow:
        """A study's own row. Raises NotFound."""
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT * FROM study WHERE study_instance_uid = ?", (study_instance_uid,)
            ).fetchone()
        if row is None:
            raise NotFound("no such study")
        return study_row(row)

    def studies_of_patient(self, patient_id: str, issuer_of_patient_id: str, *, limit: int) -> list[StudyRow]:
        """A patient's studies, newest first; nobody has an empty ID."""
        query = "SELECT * FROM study WHERE patient_id = ? AND patient_id <> '' AND issuer_of_patient_id = ?"
        with self._database.reading() as connection:
            rows = connection.execute(
                query + " ORDER BY sort_id DESC LIMIT ?", (patient_id, issuer_of_patient_id, limit)
            ).fetchall()
        return list(map(study_row, rows))

    def study(self, study_instance_uid: str) -> StudyDetail:
        """A study and its objects in the order of acquisition. Raises NotFound."""
        study = self.study_row(study_instance_uid)
        with self._database.reading() as connection:
            rows = connection.execute(
                INSTANCE_QUERY + " WHERE study.study_instance_uid = ?", (study_instance_uid,)
            ).fetchall()
        return StudyDetail(study=study, instances=tuple(sorted(map(instance_row, rows), key=_acquisition_order)))

    def instance(self, sop_instance_uid: str) -> InstanceRow:
        """One object. Raises NotFound."""
        with self._database.reading() as connection:
            row = connection.execute(
                INSTANCE_QUERY + " WHERE instance.sop_instance_uid = ?", (sop_instance_uid,)
            ).fetchone()
        if row is None:
            raise NotFound("no such object")
        return instance_row(row)

    def instances_of(
        self, study_instance_uid: str, series_instance_uid: str = "", sop_instance_uid: str = ""
    ) -> list[InstanceRow]:
        """The objects of a study, of one of its series, or one of them, by series and instance number. May be empty."""
        where = " WHERE study.study_instance_uid = ?"
        values = [study_instance_uid]
        for column, uid in (
            ("series.series_instance_uid", series_instance_uid),
            ("instance.sop_instance_uid", sop_instance_uid),
        ):
            if uid:
                where += f" AND {column} = ?"
                values.append(uid)
        order = " ORDER BY series.series_number, series.id, instance.instance_number, instance.id"
        with self._database.reading() as connection:
            return [instance_row(row) for row in connection.execute(INSTANCE_QUERY + where + order, values)]

    def instances(self, *, batch: int = 500) -> Iterator[InstanceRow]:
        """Every object, in the order of arrival, read in batches: for `verify`, which takes its time."""
        last = 0
        while True:
            with self._database.reading() as connection:
                rows = connection.execute(
                    INSTANCE_QUERY + " WHERE instance.id > ? ORDER BY instance.id LIMIT ?", (last, batch)
                ).fetchall()
            if not rows:
                return
            last = rows[-1]["id"]
            yield from map(instance_row, rows)

    def run(self, run: str) -> RunRow:
        """A run by its wire id (16 hex digits) or its SOP Instance UID. Raises NotFound."""
        names = [run_name(run_id(run))]
        if re.fullmatch("[0-9a-f]{16}", run):
            names.insert(0, run)
        with self._database.reading() as connection:
            for name in names:
                row = connection.execute(RUN_QUERY + " WHERE run.run = ?", (name,)).fetchone()
                if row is not None:
                    return run_row(row)
        raise NotFound("no such run")

    def set_description(self, run: str, description: dict[str, Any]) -> None:
        """Keep a run's description (docs/api.md). Raises NotFound."""
        text = json.dumps(description, ensure_ascii=False, separators=(",", ":"))
        self._update_run("UPDATE run SET description = ? WHERE run = ?", (text, run))

    def set_run_state(self, run: str, state: RunState, *, message: str = "", made: Ready | None = None) -> None:
        """Set how far a run's cache has come; `made` counts the frames of each tier. Raises NotFound."""
        counts: tuple[int | None, ...] = made or (None, None, None)
        self._update_run(
            "UPDATE run SET state = ?, message = ?, made_coarse = coalesce(?, made_coarse),"
            " made_fine = coalesce(?, made_fine), made_exact = coalesce(?, made_exact) WHERE run = ?",
            (state, message, *counts, run),
        )

    def set_frames(self, run: str, frames: int) -> None:
        """An object (a video) holds another number of frames than its header says. Raises NotFound."""

        def job(connection: sqlite3.Connection) -> int:
            connection.execute(
                "UPDATE instance SET frames = ? WHERE id = (SELECT instance FROM run WHERE run = ?)", (frames, run)
            )
            return connection.execute("UPDATE run SET frames = ? WHERE run = ?", (frames, run)).rowcount

        if self._database.write(job) == 0:
            raise NotFound("no such run")

    def _update_run(self, statement: str, values: tuple[Any, ...]) -> None:
        if self._database.write(lambda connection: connection.execute(statement, values).rowcount) == 0:
            raise NotFound("no such run")

    def add_quarantine(self, row: QuarantineRow) -> bool:
        """Keep why an object was refused. False where the same bytes were refused before."""
        return self._database.write(lambda connection: insert_quarantine(connection, row))

    def quarantine(self) -> list[QuarantineRow]:
        """Every refused object, newest first."""
        with self._database.reading() as connection:
            rows = connection.execute("SELECT * FROM quarantine ORDER BY received DESC, sha256").fetchall()
        return list(map(quarantine_row, rows))

    def seen_file(self, key: bytes) -> SeenFile | None:
        """What became of a file met before; None where it is new, or its object is not here any more."""
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT * FROM seen_file WHERE key = ? AND (sop_instance_uid = '' OR EXISTS"
                " (SELECT 1 FROM instance WHERE instance.sop_instance_uid = seen_file.sop_instance_uid))",
                (key,),
            ).fetchone()
        if row is None:
            return None
        outcome = Outcome(row["outcome"])
        return SeenFile(
            outcome, row["sop_instance_uid"], code=row["code"], reason=row["reason"], kept_as=row["kept_as"]
        )

    def remember_file(self, key: bytes, seen: SeenFile) -> None:
        """Keep what became of a file, so that it need not be read again."""
        values = (key, str(seen.outcome), seen.sop_instance_uid, seen.code, seen.reason, seen.kept_as)
        self._database.write(lambda c: c.execute("INSERT OR REPLACE INTO seen_file VALUES (?, ?, ?, ?, ?, ?)", values))

    def meta(self, key: str) -> str | None:
        """A value of the `meta` table."""
        with self._database.reading() as connection:
            row = connection.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row["value"])

    def set_meta(self, key: str, value: str) -> None:
        """Set a value of the `meta` table."""
        self._database.write(lambda c: c.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value)))


STUDIES_QUERY = "SELECT * FROM study WHERE sort_id < ? ORDER BY sort_id DESC LIMIT ?"
# The subquery walks the matches newest first and stops at the limit; only those rows are fetched.
SEARCH_QUERY = """
    SELECT study.* FROM
        (SELECT rowid AS hit FROM study_text WHERE study_text MATCH ? AND rowid < ? ORDER BY rowid DESC LIMIT ?)
    JOIN study ON study.sort_id = hit ORDER BY hit DESC
"""


def _page(rows: list[sqlite3.Row], limit: int, total: int | None) -> StudiesPage:
    """`rows` holds one more than `limit` where there is a page after this one."""
    studies = tuple(study_row(row) for row in rows[:limit])
    return StudiesPage(studies=studies, next=f"{studies[-1].sort_id:x}" if len(rows) > limit else None, total=total)


def _page_key(after: str | None) -> int:
    if after is None:
        return (1 << 63) - 1
    if not re.fullmatch("[0-7]?[0-9a-f]{1,15}", after):
        raise UsageError("the page key is none of ours; start again at the first page")
    return int(after, 16)


def _count_matches(connection: sqlite3.Connection, match: str) -> int | None:
    row = connection.execute(
        "SELECT count(*) FROM (SELECT 1 FROM study_text WHERE study_text MATCH ? LIMIT ?)", (match, COUNT_LIMIT + 1)
    ).fetchone()
    return int(row[0]) if row[0] <= COUNT_LIMIT else None


def _acquisition_order(row: InstanceRow) -> tuple[bool, datetime | int, int, int, str]:
    """Acquisition or Content time, else Series and Instance Number (docs/api.md); objects without a time come last."""
    number = row.instance_number if row.instance_number is not None else 1 << 40
    series = row.series_number if row.series_number is not None else 1 << 40
    return (row.acquired is None, row.acquired or 0, series, number, row.sop_instance_uid)
