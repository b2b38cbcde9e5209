"""After a crash: what killed receivers left is put right; an index that does not open is set aside for a new one."""

from __future__ import annotations

import logging
import mmap
import os
from datetime import UTC, datetime

from fastcine.archive import index_check
from fastcine.archive.describe import describe_object
from fastcine.archive.folder import DataFolder, FolderLock, storage_errors, sync_directory
from fastcine.archive.index import Index
from fastcine.archive.interfaces import ArchiveIndex
from fastcine.archive.queue import Priority
from fastcine.archive.receive import stored_as
from fastcine.archive.record import IndexRecord, StoredAs
from fastcine.archive.salvage import salvage
from fastcine.archive.store import Store, digest_of
from fastcine.errors import BadDicom, Conflict, Duplicate, NotDicom, StorageUnavailable

logger = logging.getLogger(__name__)


def open_index(folder: DataFolder, lock: FolderLock) -> Index:
    """The index, or, where its file is damaged beyond opening, a new one; the damaged file is kept beside it."""
    if not lock.held:
        raise StorageUnavailable("reindexing needs the data folder's lock")
    try:
        index = Index(folder.index_path, durable=folder.durable)
        if not index.read(index_check.damage):
            return index
        index.close()
    except StorageUnavailable:
        pass
    return _renewed(folder)


def _renewed(folder: DataFolder) -> Index:
    """A new index with what could be saved of the damaged one, set aside then. Killed at any point one is there."""
    path, stamp = folder.index_path, datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    aside, fresh = (path.with_name(f"{path.name}.{name}") for name in (f"damaged-{stamp}", "new"))
    with storage_errors("making a new index"):
        for suffix in ("", "-wal", "-shm"):
            fresh.with_name(fresh.name + suffix).unlink(missing_ok=True)
    index = Index(fresh, durable=folder.durable)
    try:
        salvage(path, index)
    finally:
        index.close()  # the last one to close takes the write-ahead log in
    with storage_errors("setting the damaged index aside"):
        if path.exists():
            os.link(path, aside)
        for suffix in ("-wal", "-shm"):
            part = path.with_name(path.name + suffix)
            if part.exists():
                part.rename(aside.with_name(aside.name + suffix))
        os.replace(fresh, path)
        sync_directory(path.parent)
    return Index(path, durable=folder.durable)


def describe_file(folder: DataFolder, location: str, *, site_timezone: str) -> tuple[IndexRecord, StoredAs]:
    """What the index keeps of a stored file. Raises NotDicom, BadDicom, StorageUnavailable."""
    path = folder.resolve(location)
    with storage_errors("reading an object"):
        digest = digest_of(path)
        if digest.file_bytes == 0:
            raise NotDicom("an empty file")
        received = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            record = describe_object(data, site_timezone=site_timezone, digest=digest)
    return record, stored_as(location, digest, received=received)


def adopt(
    folder: DataFolder, index: ArchiveIndex, location: str, *, site_timezone: str, priority: int = Priority.RECEIVED
) -> bool:
    """Index a file that lies below objects/ already. False where it is. Raises NotDicom, BadDicom, Conflict."""
    record, stored = describe_file(folder, location, site_timezone=site_timezone)
    try:
        index.add_instance(record, stored, priority=priority)
    except Duplicate:
        return False
    return True


def recover_incoming(folder: DataFolder, index: ArchiveIndex, *, site_timezone: str) -> int:
    """Put right what killed receivers left: temp files go, whole objects that were not acknowledged yet are indexed.

    Answers how many objects were indexed. Living receivers are not disturbed.
    """
    adopted = 0
    for notes in Store(folder).left_over():
        for location in notes.locations:
            try:
                if folder.resolve(location).exists():
                    adopted += adopt(folder, index, location, site_timezone=site_timezone)
            except (NotDicom, BadDicom, Conflict) as error:
                # Nobody was told that it is stored: `verify` shows it, and the start goes on.
                logger.warning("%s was left by a killed receiver and cannot be indexed: %s", location, error)
        with storage_errors("cleaning up incoming/"):
            notes.forget()
    return adopted
