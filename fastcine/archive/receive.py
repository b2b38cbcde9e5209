"""How an object comes in, from anywhere: bytes to a temp file, parsed, checked, stored, indexed, only then answered.

Every receiver (upload, folder) calls this in a thread of its own process; any number at once. Memory is a
megabyte beside the mapped file, whatever the object's size. Who received something tells the owner afterwards
(events.notify with `wake` and `study`).
"""

from __future__ import annotations

import hashlib
import itertools
import json
import logging
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fastcine import __version__
from fastcine.archive.describe import describe_object, refuse_what_is_no_dicom
from fastcine.archive.digest import HEAD_BYTES, Digest, Digester, data_set_offset
from fastcine.archive.folder import DataFolder, storage_errors, sync_directory
from fastcine.archive.interfaces import ArchiveIndex
from fastcine.archive.queue import Priority
from fastcine.archive.record import IndexRecord, InstanceRow, Outcome, QuarantineRow, SeenFile, StoredAs
from fastcine.archive.store import Chunk, Incoming, Store, read_chunks
from fastcine.cine.wire import run_id, run_name
from fastcine.errors import (
    BadDicom,
    Conflict,
    Duplicate,
    FastcineError,
    Mismatch,
    NotDicom,
    NotFound,
    StorageUnavailable,
)

logger = logging.getLogger(__name__)

JUST_NOW = timedelta(days=1)
"""A modality's clock and time zone may be wrong by hours."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of an object. `reason` (no identity in it) says why where it was not stored; UIDs are empty where
    they could not be read; `run` is the wire id where it has pixels; `kept_as` says where a refused object's bytes lie.
    """

    outcome: Outcome
    sop_instance_uid: str = ""
    study_instance_uid: str = ""
    reason: str = ""
    code: str = ""
    run: str = ""
    kept_as: str = ""
    sop_class_uid: str = ""
    series_instance_uid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Origin:
    """Where an object comes from, and how its times are read."""

    source_name: str
    site_timezone: str


@dataclass(frozen=True, slots=True)
class Announced:
    """What a sender said of an object before its bytes came; None where it did not."""

    sop_class_uid: str | None = None
    sop_instance_uid: str | None = None
    study_instance_uid: str | None = None

    def check(self, record: IndexRecord) -> None:
        """Raises Mismatch where the object is another one."""
        if self.study_instance_uid not in (None, record.study_instance_uid):
            raise Mismatch("the object belongs to another study than the one it was sent to", tag="0020,000D")
        differs = self.sop_class_uid not in (None, record.sop_class_uid)
        if differs or self.sop_instance_uid not in (None, record.sop_instance_uid):
            raise Mismatch("the object is not the one that was announced", tag="0008,0018")


def receive_object(
    folder: DataFolder,
    index: ArchiveIndex,
    chunks: Iterable[Chunk],
    *,
    source_name: str,
    site_timezone: str,
    expected_bytes: int | None = None,
    announced: Announced | None = None,
) -> Receipt:
    """Take one object, whose bytes come as `chunks`; when this returns `stored`, it is durable and indexed.

    What is no DICOM is skipped as soon as its first bytes show it, the rest of `chunks` unread. Raises StorageFull or
    StorageUnavailable (nothing is half-stored then), and what `chunks` raises.
    """
    origin = _Origin(source_name=source_name, site_timezone=site_timezone)
    head, rest = _head_of(chunks)
    try:
        refuse_what_is_no_dicom(head)
    except NotDicom as error:
        return _skipped(error)
    with Store(folder).receive(itertools.chain((head,), rest), expected_bytes=expected_bytes) as incoming:
        return _take(folder, index, incoming, origin, announced)


def receive_written(
    folder: DataFolder,
    index: ArchiveIndex,
    incoming: Incoming,
    *,
    source_name: str,
    site_timezone: str,
    announced: Announced | None = None,
) -> Receipt:
    """Take an object that a receiver has written into incoming/ itself. Raises StorageFull or StorageUnavailable.

    Where it is not what was `announced` it is refused, with code `mismatch`, and kept in quarantine.
    """
    return _take(folder, index, incoming, _Origin(source_name=source_name, site_timezone=site_timezone), announced)


def receive_path(
    folder: DataFolder, index: ArchiveIndex, path: Path, *, site_timezone: str, source_name: str = "folder"
) -> Receipt:
    """Take one file. One that was met before and has not changed is not even read; a duplicate is read but not copied.

    A file that cannot be read is refused, with the reason. Raises StorageFull or StorageUnavailable.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return Receipt(Outcome.SKIPPED, reason="not a regular file", code="not_dicom")
        key = _file_key(path, status)
        seen = index.seen_file(key)
        if seen is not None and (not seen.kept_as or folder.resolve(seen.kept_as).exists()):
            return _known(index, seen)
        origin = _Origin(source_name=source_name, site_timezone=site_timezone)
        receipt = _receive_file(folder, index, path, status.st_size, origin)
    except OSError as error:
        return Receipt(Outcome.REFUSED, reason=f"cannot be read: {os.strerror(error.errno or 0)}", code="unreadable")
    known = SeenFile(
        receipt.outcome, receipt.sop_instance_uid, code=receipt.code, reason=receipt.reason, kept_as=receipt.kept_as
    )
    index.remember_file(key, known)
    return receipt


def _receive_file(folder: DataFolder, index: ArchiveIndex, path: Path, size: int, origin: _Origin) -> Receipt:
    with open(path, "rb", buffering=0) as file:
        head = file.read(HEAD_BYTES)
    try:
        refuse_what_is_no_dicom(head)
    except NotDicom as error:
        return _skipped(error)
    duplicate = _duplicate_by_head(index, path, head, size)
    if duplicate is not None:
        return duplicate
    with Store(folder).receive(_source_chunks(path), expected_bytes=size) as incoming:
        return _take(folder, index, incoming, origin)


class _SourceError(OSError):
    """The source could not be read: not the data folder's fault."""


def _source_chunks(path: Path) -> Iterator[bytes]:
    try:
        yield from read_chunks(path)
    except OSError as error:
        raise _SourceError(error.errno, os.strerror(error.errno or 0)) from error


def _duplicate_by_head(index: ArchiveIndex, path: Path, head: bytes, size: int) -> Receipt | None:
    """A receipt where file meta and length make it likely, and the data set's hash certain, that this is stored."""
    offset = data_set_offset(head)
    sop = _media_storage_sop_instance_uid(head[:offset])
    if not sop:
        return None
    try:
        row = index.instance(sop)
    except NotFound:
        return None
    if row.stored_as.file_bytes - row.stored_as.data_set_offset != size - offset:
        return None
    digester = Digester()
    for chunk in read_chunks(path):
        digester.update(chunk)
    if digester.finish().data_set_sha256 != row.stored_as.data_set_sha256:
        return None
    return _duplicate(row)


def _media_storage_sop_instance_uid(meta: bytes) -> str:
    """(0002,0003) of explicit-VR file meta, as a hint only: the data set decides."""
    place = meta.find(b"\x02\x00\x03\x00UI", 132)
    if place < 0:
        return ""
    length = int.from_bytes(meta[place + 6 : place + 8], "little")
    return meta[place + 8 : place + 8 + length].rstrip(b"\0 ").decode("ascii", "replace")


def _head_of(chunks: Iterable[Chunk]) -> tuple[bytes, Iterator[Chunk]]:
    """The first bytes (HEAD_BYTES or all there are, or more), and the chunks after them."""
    iterator = iter(chunks)
    head = bytearray()
    for chunk in iterator:
        head += chunk
        if len(head) >= HEAD_BYTES:
            break
    return bytes(head), iterator


def _skipped(error: FastcineError) -> Receipt:
    return Receipt(Outcome.SKIPPED, reason=str(error), code=error.code)


def _known(index: ArchiveIndex, seen: SeenFile) -> Receipt:
    if seen.outcome in (Outcome.SKIPPED, Outcome.REFUSED):
        return Receipt(seen.outcome, seen.sop_instance_uid, reason=seen.reason, code=seen.code, kept_as=seen.kept_as)
    return _duplicate(index.instance(seen.sop_instance_uid))


def _duplicate(row: InstanceRow) -> Receipt:
    return Receipt(Outcome.DUPLICATE, row.sop_instance_uid, row.study_instance_uid, run=row.run.run if row.run else "")


def _file_key(path: Path, status: os.stat_result) -> bytes:
    """16 bytes that change when the file, or this software, does. A hash, since paths may hold patients' names."""
    facts = (__version__, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return hashlib.sha256(os.fsencode(path.absolute()) + repr(facts).encode()).digest()[:16]


def _take(
    folder: DataFolder, index: ArchiveIndex, incoming: Incoming, origin: _Origin, announced: Announced | None = None
) -> Receipt:
    """Parse what was received and put it where it belongs."""
    record = None
    try:
        record = _describe(incoming, origin.site_timezone)
        if announced is not None:
            announced.check(record)
    except NotDicom as error:
        return _skipped(error)
    except BadDicom as error:
        return _refuse(folder, index, incoming, error, origin, record=record)
    with folder.sop_lock(record.sop_instance_uid):
        try:
            _refuse_what_is_there(index, record, incoming.digest)
        except Duplicate:
            return _receipt(Outcome.DUPLICATE, record)
        except Conflict as error:
            return _refuse(folder, index, incoming, error, origin, record=record)
        _store(folder, index, incoming, record, origin)
    logger.debug("stored %s", record.sop_instance_uid)
    return _receipt(Outcome.STORED, record)


def _store(folder: DataFolder, index: ArchiveIndex, incoming: Incoming, record: IndexRecord, origin: _Origin) -> None:
    """File first, index row second; where either fails, neither is there."""
    study, series, sop = record.study_instance_uid, record.series_instance_uid, record.sop_instance_uid
    try:
        location = Store(folder).commit(incoming, study, series, sop=sop)
        folder.turn.leave()
        with suppress(Duplicate):  # a reindex met the file between these two lines
            row = stored_as(location, incoming.digest, source_name=origin.source_name)
            index.add_instance(record, row, priority=priority_of(record, datetime.now(UTC)))
    except BaseException:
        # Did the row get in after all? Where even that cannot be asked, the next start looks at the intent left behind.
        with suppress(StorageUnavailable, OSError):
            try:
                index.instance(sop)
            except NotFound:
                incoming.withdraw()
        raise
    incoming.acknowledged()


def priority_of(record: IndexRecord, now: datetime) -> Priority:
    """A patient on the table goes before what is years old: runs taken within a day of `now` are made first."""
    taken = record.acquired or record.patient_and_study.study_datetime
    if taken is None:
        return Priority.RECEIVED
    aware = taken if taken.tzinfo else taken.replace(tzinfo=UTC)
    return Priority.ACQUIRED_NOW if abs(now - aware) < JUST_NOW else Priority.RECEIVED


def _describe(incoming: Incoming, site_timezone: str) -> IndexRecord:
    if incoming.digest.file_bytes == 0:
        raise NotDicom("an empty file")
    with incoming.map() as data:
        return describe_object(data, site_timezone=site_timezone, digest=incoming.digest)


def _refuse_what_is_there(index: ArchiveIndex, record: IndexRecord, digest: Digest) -> None:
    known = index.data_set_sha256(record.sop_instance_uid)
    if known is None:
        return
    if known == digest.data_set_sha256:
        raise Duplicate(record.sop_instance_uid)
    raise Conflict(record.sop_instance_uid)


def stored_as(location: str, digest: Digest, *, source_name: str = "", received: datetime | None = None) -> StoredAs:
    """The index's half about an object's bytes."""
    return StoredAs(
        location=location,
        file_bytes=digest.file_bytes,
        data_set_offset=digest.data_set_offset,
        head_sha256=digest.head_sha256,
        data_set_sha256=digest.data_set_sha256,
        source_name=source_name,
        received=received,
    )


def _receipt(outcome: Outcome, record: IndexRecord) -> Receipt:
    run = run_name(run_id(record.sop_instance_uid)) if record.kind != "other" else ""
    return Receipt(
        outcome,
        record.sop_instance_uid,
        record.study_instance_uid,
        run=run,
        sop_class_uid=record.sop_class_uid,
        series_instance_uid=record.series_instance_uid,
    )


def _refuse(
    folder: DataFolder,
    index: ArchiveIndex,
    incoming: Incoming,
    error: BadDicom | Conflict,
    origin: _Origin,
    *,
    record: IndexRecord | None = None,
) -> Receipt:
    """Keep a refused object's bytes in quarantine, with the reason beside them, and in the index."""
    with storage_errors("keeping an object in quarantine"):
        sha256 = hashlib.sha256()
        for chunk in read_chunks(incoming.path):
            sha256.update(chunk)
        name = sha256.hexdigest()
        row = QuarantineRow(
            sha256=name,
            location=f"quarantine/{name}.dcm",
            file_bytes=incoming.digest.file_bytes,
            code=error.code,
            reason=error.reason if isinstance(error, BadDicom) else str(error),
            tag=error.tag if isinstance(error, BadDicom) else "",
            offset_bytes=error.offset if isinstance(error, BadDicom) else -1,
            sop_instance_uid=record.sop_instance_uid if record else "",
            study_instance_uid=record.study_instance_uid if record else "",
            source_name=origin.source_name,
            received=datetime.now(UTC),
        )
        _keep(folder, incoming, row)
    index.add_quarantine(row)
    logger.warning("refused an object, kept as %s: %s", row.location, error)
    return Receipt(
        Outcome.REFUSED,
        row.sop_instance_uid,
        row.study_instance_uid,
        reason=str(error),
        code=error.code,
        kept_as=row.location,
        sop_class_uid=record.sop_class_uid if record else "",
    )


def _keep(folder: DataFolder, incoming: Incoming, row: QuarantineRow) -> None:
    """Reason first, bytes second: what lies in quarantine always has its reason. Same bytes again change nothing."""
    target = folder.resolve(row.location)
    if target.exists():
        return
    scratch = folder.incoming / f"{row.sha256}.{os.getpid()}.json"
    scratch.write_text(json.dumps({**asdict(row), "received": row.received.isoformat()}, indent=1), "utf-8")
    scratch.replace(target.with_suffix(".json"))
    if folder.durable:
        incoming.sync()
    incoming.move(str(target))
    if folder.durable:
        sync_directory(target.parent)


def quarantine_row_of(sidecar: Path) -> QuarantineRow:
    """The row as it was kept beside the bytes. Raises ValueError, KeyError or TypeError for what is none."""
    values = json.loads(sidecar.read_text("utf-8"))
    return replace(QuarantineRow(**values), received=datetime.fromisoformat(values["received"]))
