"""The index anew from the files alone: what lies below objects/ and quarantine/ is the truth.

One transaction: readers see the old index until the new one is whole, and a crash leaves the old one. Cache entries
stay; their runs are queued, so that descriptions are made anew and what is whole is not made twice.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from fastcine.archive import index_check
from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.archive.index_remove import put_rejected
from fastcine.archive.index_write import insert_quarantine, put_instance
from fastcine.archive.queue import Priority
from fastcine.archive.receive import quarantine_row_of
from fastcine.archive.recovery import describe_file
from fastcine.archive.removal import finish_removals, rejected_location
from fastcine.archive.removal_records import Action, removals
from fastcine.archive.store import Store
from fastcine.errors import BadDicom, Conflict, Duplicate, NotDicom

OBJECT_DEPTH = 4
"""Slashes in objects/<hh>/<StudyUID>/<SeriesUID>/<SOPUID>.dcm."""
Progress = Callable[[int, int | None], None]
"""Called with how much is done and of how much (None: not known yet); files or rows."""


@dataclass(slots=True)
class ReindexReport:
    """What came of it: objects indexed, and files that could not be, with the reason."""

    indexed: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)


def reindex(
    folder: DataFolder, index: Index, *, site_timezone: str, progress: Progress = lambda done, total: None
) -> ReindexReport:
    """Make the index anew. Call it holding the folder's lock; what receives meanwhile waits to add its row.

    Whence and when objects came is kept where the old index knew it; else the file's time counts.
    """
    finish_removals(folder, index, site_timezone=site_timezone)
    return index.write(lambda connection: _rebuild(connection, folder, site_timezone, progress))


def reindex_if_lost(folder: DataFolder, index: Index, *, site_timezone: str) -> ReindexReport | None:
    """At a start: where the index knows nothing and objects lie there, it was lost. None where it was not."""

    def job(connection: sqlite3.Connection) -> ReindexReport | None:
        if connection.execute("SELECT 1 FROM instance LIMIT 1").fetchone() is not None:
            return None
        return _rebuild(connection, folder, site_timezone, lambda done, total: None)

    if index.studies_page(limit=1).studies or index.rejected():
        return None
    if next(Store(folder).locations(), None) is None and not any(folder.rejected.iterdir()):
        return None
    return index.write(job)


def _rebuild(
    connection: sqlite3.Connection, folder: DataFolder, site_timezone: str, progress: Progress
) -> ReindexReport:
    """Inside the writing transaction, so that whoever stored an object before it is listed, and after it waits.

    (A row is added after its file has its place: a row that is deleted here has a file that is found here.)
    """
    report = ReindexReport()
    # Strays go last, so that a copy put there by hand never wins over the object in its place.
    locations = sorted(Store(folder).locations(), key=lambda location: location.count("/") != OBJECT_DEPTH)
    index_check.empty_derived(connection)
    _rejected(connection, folder, report)
    for number, location in enumerate(locations):
        progress(number, len(locations))
        try:
            record, stored = describe_file(folder, location, site_timezone=site_timezone)
            known = index_check.provenance(connection, record.sop_instance_uid, stored.data_set_sha256)
            if known is not None:
                stored = replace(stored, source_name=known[0], received=datetime.fromisoformat(known[1]))
            put_instance(connection, record, stored_as=stored, priority=Priority.REBUILD)
            report.indexed += 1
        except (NotDicom, BadDicom, Conflict, Duplicate) as error:
            report.refused.append((location, str(error)))
    _quarantine(connection, folder, report)
    progress(len(locations), len(locations))
    return report


def _rejected(connection: sqlite3.Connection, folder: DataFolder, report: ReindexReport) -> None:
    """What lies below rejected/, with the reasons that removals/ has kept."""
    found = set(Store(folder).locations(folder.rejected))
    for removal in removals(folder):
        for each in removal.objects if removal.action is Action.REJECT else ():
            location = rejected_location(each.location)
            if location in found or folder.resolve(location).exists():
                put_rejected(connection, removal, each, location)
                found.discard(location)
    report.refused += [(location, "nothing says why this object was rejected") for location in sorted(found)]


def _quarantine(connection: sqlite3.Connection, folder: DataFolder, report: ReindexReport) -> None:
    for sidecar in sorted(folder.quarantine.glob("*.json")):
        try:
            row = quarantine_row_of(sidecar)
        except (ValueError, KeyError, TypeError):
            report.refused.append((_relative(folder, sidecar), "no reason of a refused object can be read from it"))
            continue
        if folder.resolve(row.location).exists():
            insert_quarantine(connection, row)


def _relative(folder: DataFolder, path: Path) -> str:
    return path.relative_to(folder.root).as_posix()
