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
from datetime import datetime

from fastcine.archive.audit_log import AuditEntry, AuditEvent
from fastcine.archive.cine_cache import CineCache
from fastcine.archive.events import notify
from fastcine.archive.folder import DataFolder, storage_errors
from fastcine.archive.interfaces import ArchiveIndex
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
from fastcine.archive.store import Store
from fastcine.errors import BadDicom, Conflict, NotDicom, NotFound, UsageError

logger = logging.getLogger(__name__)

_EVENTS = {Action.DELETE: AuditEvent.DELETED, Action.REJECT: AuditEvent.REJECTED, Action.RESTORE: AuditEvent.RESTORED}


def remove(
    folder: DataFolder,
    index: ArchiveIndex,
    *,
    action: Action,
    study: str,
    series: str = "",
    sop: str = "",
    reason: str,
    by: str,
    now: datetime,
    by_way_of: str = "",
    address: str = "",
    site_timezone: str = "UTC",
) -> Removal:
    """Delete, reject or restore a study, one of its series, or one object; answers what was done, when it is durable.

    DELETE takes what is visible and what was rejected, REJECT what is visible, RESTORE what was rejected. Subscribers
    of the folder's events are told that the studies changed, and the audit record who did it (`by`, `by_way_of`,
    `address`), also where it has to be finished later. Who has a run open sees it until they close it. Raises
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
            objects += index.removable(study, series, sop)
        if action is not Action.REJECT:
            objects += index.restorable(study, series, sop)
        if not objects:
            raise NotFound("there is nothing of that in the archive")
        removal = Removal(
            name=new_name(folder, now),
            action=action,
            reason=reason.strip(),
            by=by.strip(),
            at=now,
            objects=tuple(objects),
            by_way_of=by_way_of,
            address=address,
        )
        decide(folder, removal)
        _finish(folder, index, removal, site_timezone)
    notify(folder, *({"type": "study", "study_instance_uid": each} for each in removal.studies))
    return removal


def finish_removals(folder: DataFolder, index: ArchiveIndex, *, site_timezone: str) -> int:
    """Finish what was begun by somebody who died; answers how many. Raises StorageFull or StorageUnavailable."""
    if not pending(folder):
        return 0
    with alone(folder):
        return _finish_pending(folder, index, site_timezone)


def _finish_pending(folder: DataFolder, index: ArchiveIndex, site_timezone: str) -> int:
    begun = pending(folder)
    for removal in begun:
        logger.warning("finishing the removal %s, which was begun before", removal.name)
        _finish(folder, index, removal, site_timezone)
    return len(begun)


def _finish(folder: DataFolder, index: ArchiveIndex, removal: Removal, site_timezone: str) -> None:
    if removal.action is Action.RESTORE:
        _restore(folder, index, removal, site_timezone)
    else:
        reject = removal.action is Action.REJECT
        index.hide(
            removal, {each.sop_instance_uid: rejected_location(each.location) for each in removal.objects if reject}
        )
        for each in removal.objects:
            _put_away(folder, index, removal, each)
    index.add_audit(_audited(removal))
    is_done(folder, removal)


def _audited(removal: Removal) -> list[AuditEntry]:
    """One entry a study. Where somebody dies right after it, it is written twice rather than never."""
    found = []
    for study in removal.studies:
        objects = [each for each in removal.objects if each.study_instance_uid == study]
        series = {each.series_instance_uid for each in objects}
        detail = {"reason": removal.reason, "objects": str(len(objects))}
        if len(series) == 1:
            detail["series_instance_uid"] = series.pop()
        if len(objects) == 1:
            detail["sop_instance_uid"] = objects[0].sop_instance_uid
        found.append(
            AuditEntry(
                at=removal.at,
                event=_EVENTS[removal.action],
                who=removal.by,
                by_way_of=removal.by_way_of,
                address=removal.address,
                study_instance_uid=study,
                detail=detail,
            )
        )
    return found


def rejected_location(location: str) -> str:
    """Where an object lies while it is rejected."""
    return "rejected/" + location.removeprefix("objects/")


def _put_away(folder: DataFolder, index: ArchiveIndex, removal: Removal, each: RemovedObject) -> None:
    """The file, unless the object has come again meanwhile: then the file in its place is the new one."""
    store = Store(folder)
    with folder.sop_lock(each.sop_instance_uid):
        if not store.holds(each.location):
            pass
        elif removal.action is Action.REJECT:
            store.move(each.location, rejected_location(each.location))
        elif not _came_again(folder, index, removal, each):
            store.delete(each.location)
    if each.run:
        _drop_cache(folder, index, each.run)


def _came_again(folder: DataFolder, index: ArchiveIndex, removal: Removal, each: RemovedObject) -> bool:
    """Whether the file in a deleted object's place came after the deletion was decided."""
    if each.location.startswith("rejected/"):
        return False
    if index.data_set_sha256(each.sop_instance_uid) is not None:
        return True
    # The index itself may have been lost since.
    decided = folder.removals / (removal.name + PENDING)
    with storage_errors("removing objects"):
        return folder.resolve(each.location).stat().st_mtime_ns > decided.stat().st_mtime_ns


def _drop_cache(folder: DataFolder, index: ArchiveIndex, run: str) -> None:
    try:
        index.run(run)
    except NotFound:
        CineCache(folder).remove(run)


def _restore(folder: DataFolder, index: ArchiveIndex, removal: Removal, site_timezone: str) -> None:
    """Files first, rows second, as when an object comes in; each shows as soon as it is back."""
    store = Store(folder)
    for each in removal.objects:
        location = "objects/" + each.location.removeprefix("rejected/")
        with folder.sop_lock(each.sop_instance_uid):
            if store.holds(each.location) and not store.holds(location):
                store.move(each.location, location)
            index.unreject(each.sop_instance_uid)
            try:
                if store.holds(location):
                    adopt(folder, index, location, site_timezone=site_timezone)
            except (NotDicom, BadDicom, Conflict) as error:
                logger.error("%s cannot be restored: %s", location, error)
