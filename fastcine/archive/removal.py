"""Deleting and rejecting objects, and taking a rejection back: with a reason, by somebody, and never by halves.

Rejected objects are out of sight (worklist, queries, retrieval) and keep their bytes below rejected/; deleted ones are
gone, but for the record. The order, each step repeatable:

1. the record, durable (removal_records.py): from here on it will be finished, by whoever comes next;
2. one transaction of the index: all of it disappears at once;
3. the files, one by one, each under its object's lock; their cache entries; empty folders;
4. the record says that it is done.

What is sent again: a deleted object may come again and is a new one; a rejected one stays rejected (the same data set
is answered as a duplicate, another one under its UID as a conflict).
"""

from __future__ import annotations

import logging
import os
import sqlite3
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from fastcine.archive import index_remove
from fastcine.archive.cine_cache import CineCache
from fastcine.archive.events import notify
from fastcine.archive.folder import DataFolder, storage_errors, sync_directory
from fastcine.archive.index import Index
from fastcine.archive.recovery import adopt
from fastcine.archive.removal_records import (
    MOST_REASON,
    PENDING,
    Action,
    Removal,
    RemovedObject,
    alone,
    decide,
    is_done,
    new_name,
    pending,
)
from fastcine.errors import BadDicom, Conflict, NotDicom, NotFound, UsageError

logger = logging.getLogger(__name__)


def remove(
    folder: DataFolder,
    index: Index,
    *,
    action: Action,
    study: str,
    series: str = "",
    sop: str = "",
    reason: str,
    by: str,
    now: datetime,
    site_timezone: str = "UTC",
) -> Removal:
    """Delete, reject or restore a study, one of its series, or one object; answers what was done, when it is durable.

    DELETE takes what is visible and what was rejected, REJECT what is visible, RESTORE what was rejected. Subscribers
    of the folder's events are told that the studies changed. Who has a run open sees it until they close it. Raises
    NotFound where there is nothing of that, UsageError without a reason, StorageFull or StorageUnavailable.
    """
    if not reason.strip() or len(reason) > MOST_REASON or not by.strip():
        raise UsageError(f"a removal needs who does it, and a reason of at most {MOST_REASON} characters")
    if not study:
        raise UsageError("a removal names its study")
    with alone(folder):
        _finish_pending(folder, index, site_timezone)
        objects: list[RemovedObject] = []
        if action is not Action.RESTORE:
            objects += index.read(lambda connection: index_remove.visible(connection, study, series, sop))
        if action is not Action.REJECT:
            objects += index.read(lambda connection: index_remove.rejected(connection, study, series, sop))
        if not objects:
            raise NotFound("there is nothing of that in the archive")
        removal = Removal(
            name=new_name(folder, now),
            action=action,
            reason=reason.strip(),
            by=by.strip(),
            at=now,
            objects=tuple(objects),
        )
        decide(folder, removal)
        _finish(folder, index, removal, site_timezone)
    notify(folder, *({"type": "study", "study_instance_uid": each} for each in removal.studies))
    return removal


def finish_removals(folder: DataFolder, index: Index, *, site_timezone: str) -> int:
    """Finish what was begun by somebody who died; answers how many. Raises StorageFull or StorageUnavailable."""
    if not pending(folder):
        return 0
    with alone(folder):
        return _finish_pending(folder, index, site_timezone)


def _finish_pending(folder: DataFolder, index: Index, site_timezone: str) -> int:
    begun = pending(folder)
    for removal in begun:
        logger.warning("finishing the removal %s, which was begun before", removal.name)
        _finish(folder, index, removal, site_timezone)
    return len(begun)


def _finish(folder: DataFolder, index: Index, removal: Removal, site_timezone: str) -> None:
    if removal.action is Action.RESTORE:
        _restore(folder, index, removal, site_timezone)
    else:
        index.write(lambda connection: _hide(connection, removal))
        for each in removal.objects:
            _put_away(folder, index, removal, each)
    is_done(folder, removal)


def rejected_location(location: str) -> str:
    """Where an object lies while it is rejected."""
    return "rejected/" + location.removeprefix("objects/")


def _hide(connection: sqlite3.Connection, removal: Removal) -> None:
    index_remove.take_out(connection, removal.objects)
    for each in removal.objects:
        if removal.action is Action.DELETE:
            index_remove.drop_rejected(connection, each)
        else:
            index_remove.put_rejected(connection, removal, each, rejected_location(each.location))


def _put_away(folder: DataFolder, index: Index, removal: Removal, each: RemovedObject) -> None:
    """The file, unless the object has come again meanwhile: then the file in its place is the new one."""
    path = folder.resolve(each.location)
    with folder.sop_lock(each.sop_instance_uid), storage_errors("removing objects"):
        if removal.action is Action.REJECT:
            if path.exists():
                _move(folder, path, folder.resolve(rejected_location(each.location)))
        elif path.exists() and not _came_again(folder, index, removal, each):
            path.unlink()
            if folder.durable:
                sync_directory(path.parent)
    if each.run:
        _drop_cache(folder, index, each.run)
    _drop_empty(folder, path.parent)


def _came_again(folder: DataFolder, index: Index, removal: Removal, each: RemovedObject) -> bool:
    """Whether the file in a deleted object's place came after the deletion was decided. Raises OSError."""
    if each.location.startswith("rejected/"):
        return False
    if index.data_set_sha256(each.sop_instance_uid) is not None:
        return True
    # The index itself may have been lost since.
    decided = folder.removals / (removal.name + PENDING)
    return folder.resolve(each.location).stat().st_mtime_ns > decided.stat().st_mtime_ns


def _drop_cache(folder: DataFolder, index: Index, run: str) -> None:
    try:
        index.run(run)
    except NotFound:
        CineCache(folder).remove(run)


def _move(folder: DataFolder, source: Path, target: Path) -> None:
    """Rename within the data folder, durably. Raises OSError."""
    missing = []
    parent = target.parent
    while not parent.exists():
        missing.append(parent)
        parent = parent.parent
    for each in reversed(missing):
        each.mkdir(exist_ok=True)
        if folder.durable:
            sync_directory(each.parent)
    os.rename(source, target)
    if folder.durable:
        sync_directory(target.parent)
        sync_directory(source.parent)


def _drop_empty(folder: DataFolder, path: Path) -> None:
    """Folders that hold nothing any more, up to objects/ or rejected/."""
    while path.parent not in (folder.root, path):
        with suppress(OSError):
            path.rmdir()
            path = path.parent
            continue
        return


def _restore(folder: DataFolder, index: Index, removal: Removal, site_timezone: str) -> None:
    """Files first, rows second, as when an object comes in; each shows as soon as it is back."""
    for each in removal.objects:
        location = "objects/" + each.location.removeprefix("rejected/")
        hidden, place = folder.resolve(each.location), folder.resolve(location)
        with folder.sop_lock(each.sop_instance_uid):
            with storage_errors("restoring objects"):
                if hidden.exists() and not place.exists():
                    _move(folder, hidden, place)
            index.write(lambda connection, each=each: index_remove.drop_rejected(connection, each))  # type: ignore[misc]
            try:
                if place.exists():
                    adopt(folder, index, location, site_timezone=site_timezone)
            except (NotDicom, BadDicom, Conflict) as error:
                logger.error("%s cannot be restored: %s", location, error)
        _drop_empty(folder, hidden.parent)
