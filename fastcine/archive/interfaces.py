"""What a place for objects and an index of them must do: the seams at which object storage and PostgreSQL come later.

The present ones are Store (store.py) and Index (index.py); tests/archive/test_store_conformance.py and
test_index_conformance.py hold every implementation to the words here. Not behind them yet: who sends a whole file takes
its path from the data folder (dimse/sending.py, server/routes/dicomweb_retrieve.py), and queries by DICOM keys
(catalog.py), `verify` and `reindex` speak SQL with the SQLite index.
"""

from __future__ import annotations

import mmap
from collections.abc import Collection, Iterable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from fastcine.archive.audit_log import AuditEntry
from fastcine.archive.digest import Digest
from fastcine.archive.record import (
    Claim,
    IndexRecord,
    InstanceRow,
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

Bytes = bytes | bytearray | memoryview


class ReceivedObject(Protocol):
    """A whole object that has no place yet. Leaving the `with` block forgets what was not committed."""

    digest: Digest

    def map(self) -> mmap.mmap | memoryview:
        """The bytes, read-only; use it in a `with` block. Raises ValueError for an empty object (or is empty)."""
        ...

    def acknowledged(self) -> None:
        """The index has its row. Until then a crash leaves a note, by which the next start indexes the object."""
        ...

    def withdraw(self) -> None:
        """Undo the commit: it was never here."""
        ...

    def close(self) -> None:
        """Forget it, where it was not committed."""
        ...

    def __enter__(self) -> ReceivedObject: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None: ...


class ObjectWriting(Protocol):
    """An object that comes in pieces."""

    def write(self, chunk: Bytes) -> None:
        """The next bytes. Raises StorageFull or StorageUnavailable; then nothing of it is kept."""
        ...

    def finish(self) -> ReceivedObject:
        """That was all."""
        ...

    def close(self) -> None:
        """Forget it."""
        ...


class ObjectStore(Protocol):
    """Objects under locations, immutable, each visible whole or not at all; any number of receivers at once.

    Every method may raise StorageFull or StorageUnavailable.
    """

    def begin(self, *, expected_bytes: int | None = None) -> ObjectWriting:
        """An object comes. Raises StorageFull where there is no room for it (and its cine cache)."""
        ...

    def receive(self, chunks: Iterable[Bytes], *, expected_bytes: int | None = None) -> ReceivedObject:
        """The same for who has all chunks; raises what they raise."""
        ...

    def commit(self, incoming: Any, study: str, series: str, *, sop: str) -> str:
        """Give a received object its place, durably, over nothing; answers its location, the same for the same UIDs.

        UIDs of any content are safe. Another object that lies there and is not indexed gives way to quarantine.
        """
        ...

    def open_object(self, location: str) -> mmap.mmap:
        """Its bytes, read-only. Raises NotFound."""
        ...

    def holds(self, location: str) -> bool:
        """Whether an object lies there."""
        ...

    def move(self, location: str, target: str) -> None:
        """Give it another place, durably. Raises NotFound."""
        ...

    def delete(self, location: str) -> None:
        """Take it away, durably; nothing where there is none."""
        ...

    def locations(self) -> Iterator[str]:
        """All locations, sorted."""
        ...


class RunQueue(Protocol):
    """Runs whose cine cache is to be made. Many enqueue, one claims."""

    def enqueue(self, run: str, *, priority: int = ...) -> None:
        """Ask for it (again, where it is being made). A higher priority wins."""
        ...

    def bump(self, run: str) -> bool:
        """Before all others; False where it is not queued."""
        ...

    def claim(self, *, above: int | None = None, now: float | None = None) -> Claim | None:
        """The first by priority, then by arrival (of a priority over `above`); None where nothing waits."""
        ...

    def next_wake(self) -> float | None:
        """When (time.time) the earliest unclaimed one may be claimed."""
        ...

    def done(self, run: str, *, made: Ready) -> None:
        """Made: `ready`, and out of the queue unless it was asked for again meanwhile."""
        ...

    def failed(self, run: str, message: str) -> None:
        """It cannot be made."""
        ...

    def put_back(self, run: str, *, message: str = "", delay_s: float = 0.0) -> None:
        """Not now."""
        ...

    def recover(self) -> int:
        """A new owner: claims of the dead one go back; answers how many."""
        ...

    def length(self) -> int:
        """How many are queued, claimed ones too."""
        ...


class ArchiveIndex(Protocol):
    """What lies in the archive, found fast. Methods are atomic, durable on return, and may be called from any thread.

    Every method may raise StorageFull or StorageUnavailable.
    """

    @property
    def queue(self) -> RunQueue:
        """The ingest queue."""
        ...

    def add_instance(self, record: IndexRecord, stored_as: StoredAs, *, priority: int | None = ...) -> None:
        """One object, and its run queued. Raises Duplicate or Conflict where the UID is known, also as rejected."""
        ...

    def data_set_sha256(self, sop_instance_uid: str) -> bytes | None:
        """The hash of what is stored under a UID, rejected ones too."""
        ...

    def instance(self, sop_instance_uid: str) -> InstanceRow:
        """Raises NotFound."""
        ...

    def instances(self, *, batch: int = ...) -> Iterator[InstanceRow]:
        """Every object, in the order of arrival."""
        ...

    def add_audit(self, entries: Sequence[AuditEntry]) -> None:
        """Add rows to the audit record, durable on return, each chained to the one before (audit_log.py)."""
        ...

    def studies_page(
        self,
        search: str = "",
        *,
        after: str | None = None,
        limit: int = ...,
        patient_ids: Collection[str] | None = None,
    ) -> StudiesPage:
        """Newest first, of these patients only where they are given; UsageError for a key of another page."""
        ...

    def study(self, study_instance_uid: str) -> StudyDetail:
        """With its objects, in the order of acquisition. Raises NotFound."""
        ...

    def study_row(self, study_instance_uid: str) -> StudyRow:
        """Raises NotFound."""
        ...

    def studies_of_patient(self, patient_id: str, issuer_of_patient_id: str, *, limit: int) -> list[StudyRow]:
        """Newest first; ID and issuer both equal, and nobody has an empty ID."""
        ...

    def run(self, run: str) -> RunRow:
        """By wire id or SOP Instance UID. Raises NotFound."""
        ...

    def set_description(self, run: str, description: dict[str, Any]) -> None:
        """Raises NotFound."""
        ...

    def set_run_state(self, run: str, state: RunState, *, message: str = "", made: Ready | None = None) -> None:
        """Raises NotFound."""
        ...

    def set_frames(self, run: str, frames: int) -> None:
        """Raises NotFound."""
        ...

    def add_quarantine(self, row: QuarantineRow) -> bool:
        """False where the same bytes were refused before."""
        ...

    def quarantine(self) -> list[QuarantineRow]:
        """Newest first."""
        ...

    def seen_file(self, key: bytes) -> SeenFile | None:
        """What became of a file, unless its object is here no more."""
        ...

    def remember_file(self, key: bytes, seen: SeenFile) -> None:
        """Keep that."""
        ...

    def removable(self, study: str, series: str = "", sop: str = "") -> list[RemovedObject]:
        """The visible objects of a study, a series, or one object."""
        ...

    def restorable(self, study: str, series: str = "", sop: str = "") -> list[RemovedObject]:
        """The rejected ones."""
        ...

    def hide(self, removal: Removal, places: dict[str, str]) -> None:
        """All of a removal's objects disappear at once; those with a place (by UID) count as rejected from now on."""
        ...

    def unreject(self, sop_instance_uid: str) -> None:
        """It counts as rejected no more."""
        ...

    def rejected(self) -> list[RejectedRow]:
        """Every rejected object, newest first."""
        ...

    def close(self) -> None:
        """Later calls raise StorageUnavailable."""
        ...


if TYPE_CHECKING:  # the present ones, held to it by the type checker
    from fastcine.archive.index import Index
    from fastcine.archive.store import Store

    _STORE: type[ObjectStore] = Store
    _INDEX: type[ArchiveIndex] = Index
