"""Objects on disk, immutable: temp file, fsync, rename, fsync of the folder, and only then an index row.

A receiver that dies leaves either a temp file (deleted at the next start) or a whole object whose intent (a symbolic
link in incoming/ that names its place) tells the next start to index it. Both are known to be dead by their lock, which
the kernel has freed.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from fastcine.archive.digest import Digest, Digester
from fastcine.archive.folder import DataFolder, storage_errors, sync_directory
from fastcine.errors import NotFound, StorageFull

Chunk = bytes | bytearray | memoryview
READ_BYTES = 1 << 20
SPACE_CHECK_BYTES = 64 << 20
"""Free space is asked for once in so many bytes: often enough for any reserve, seldom enough to cost nothing."""
TEMP_SUFFIX = ".part"
INTENT_SUFFIX = ".to"


@dataclass(slots=True)
class Incoming:
    """A received object that is not stored yet. Leaving the `with` block deletes what was not committed.

    `digest` holds the hashes and the length of what was received.
    """

    path: Path
    digest: Digest
    _descriptor: int
    _intent: Path | None = None
    _target: Path | None = None

    def map(self) -> mmap.mmap:
        """The bytes, read-only. Raises ValueError for an empty object."""
        return mmap.mmap(self._descriptor, 0, access=mmap.ACCESS_READ)

    def sync(self) -> None:
        """Make the bytes durable."""
        os.fsync(self._descriptor)

    def move(self, target: Path, *, intent: str | None = None) -> None:
        """Rename to `target`; `intent`, the target's location, is noted first and dropped by `acknowledged`."""
        if intent is not None:
            self._intent = self.path.with_suffix(INTENT_SUFFIX)
            os.symlink(intent, self._intent)
        self.path.rename(target)
        self._target = target

    def acknowledged(self) -> None:
        """The index has its row: nothing is left to repair."""
        if self._intent is not None:
            self._intent.unlink(missing_ok=True)
            self._intent = None

    def withdraw(self) -> None:
        """Undo `move`: what could not be indexed was never here. Call it while nobody else may take the name."""
        if self._target is not None:
            self._target.unlink(missing_ok=True)
        self.acknowledged()

    def close(self) -> None:
        """Delete the temp file unless it was moved, and let go of it."""
        if self._descriptor < 0:
            return
        descriptor, self._descriptor = self._descriptor, -1
        try:
            if self._target is None:
                with contextlib.suppress(OSError):
                    self.path.unlink(missing_ok=True)
                    self.acknowledged()
        finally:
            os.close(descriptor)

    def __enter__(self) -> Incoming:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


class Writing:
    """A temp file that grows chunk by chunk. Close it, or what `finish` answers."""

    def __init__(self, store: Store, incoming: Incoming, descriptor: int) -> None:
        self._store, self._incoming, self._descriptor = store, incoming, descriptor
        self._digester, self._checked = Digester(), 0

    @property
    def path(self) -> Path:
        """The temp file."""
        return self._incoming.path

    def write(self, chunk: Chunk) -> None:
        """Take the next bytes. Raises StorageFull or StorageUnavailable."""
        self._digester.update(chunk)
        with storage_errors("storing an object"):
            _write_all(self._descriptor, chunk)
        if self._digester.file_bytes - self._checked >= SPACE_CHECK_BYTES:
            self._checked = self._digester.file_bytes
            self._store.check_space(self._checked)

    def finish(self) -> Incoming:
        """All is there."""
        self._incoming.digest = self._digester.finish()
        return self._incoming

    def close(self) -> None:
        """Delete the temp file, unless it was committed meanwhile."""
        self._incoming.close()


class Store:
    """The objects of one data folder. Stateless: as many as there are receivers may work on a folder at once."""

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder

    def receive(self, chunks: Iterable[Chunk], *, expected_bytes: int | None = None) -> Incoming:
        """Write `chunks` to a temp file, hashing on the way; memory is one chunk.

        Raises StorageFull before the reserve is touched (`expected_bytes`, where known, decides before the first byte:
        the object, and its cine cache, which is about as large again), StorageUnavailable when the disk refuses, and
        whatever `chunks` raises. The temp file is gone then.
        """
        writing = self.begin(expected_bytes=expected_bytes)
        try:
            for chunk in chunks:
                writing.write(chunk)
            return writing.finish()
        except BaseException:
            writing.close()
            raise

    def begin(self, *, expected_bytes: int | None = None) -> Writing:
        """The same for those whose bytes are pushed to them. Raises StorageFull or StorageUnavailable."""
        self.check_space(2 * (expected_bytes or 0))
        path, descriptor = self._new_temp()
        return Writing(self, Incoming(path, Digester().finish(), descriptor), descriptor)

    def check_space(self, needed_bytes: int) -> None:
        """Raises StorageFull where so many bytes more would touch the reserve."""
        free, reserve = self._folder.free_bytes(), self._folder.reserve_bytes
        if free < needed_bytes + reserve:
            raise StorageFull(
                f"the disk of {self._folder.root} has {free >> 20} MB free; {needed_bytes >> 20} MB are needed and"
                f" {reserve >> 20} MB are kept in reserve: free some space or use another --data folder"
            )

    def _new_temp(self) -> tuple[Path, int]:
        """A temp file under a lock. A cleaner may have met it between its making and its locking: then another one."""
        while True:
            path = self._folder.incoming / f"{secrets.token_hex(8)}{TEMP_SUFFIX}"
            with storage_errors("storing an object"):
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if os.fstat(descriptor).st_nlink:
                    return path, descriptor
                os.close(descriptor)

    def commit(self, incoming: Incoming, study: str, series: str, *, sop: str) -> str:
        """Give a received object its place, durably; answers its location. Call it holding the folder's sop_lock.

        What lies there without an index row (a receiver died there) gives way to quarantine, unless it is the same.
        Index the object, then call `incoming.acknowledged()`. Raises StorageFull or StorageUnavailable.
        """
        location = self._folder.object_location(study, series, sop=sop)
        target = self._folder.resolve(location)
        with storage_errors("storing an object"):
            if self._folder.durable:
                incoming.sync()
            self._make_folders(target.parent)
            if target.exists() and digest_of(target) != incoming.digest:
                target.rename(self._folder.quarantine / f"unindexed-{secrets.token_hex(8)}.dcm")
            incoming.move(target, intent=location)
            if self._folder.durable:
                sync_directory(target.parent)
        return location

    def _make_folders(self, folder: Path) -> None:
        """mkdir -p below objects/, each new entry made durable in its parent."""
        missing = []
        while not folder.exists():
            missing.append(folder)
            folder = folder.parent
        for each in reversed(missing):
            each.mkdir(exist_ok=True)
            if self._folder.durable:
                sync_directory(each.parent)

    def open_object(self, location: str) -> mmap.mmap:
        """The bytes of a stored object, read-only; the caller closes them. NotFound where the file is not there."""
        path = self._folder.resolve(location)
        with storage_errors("opening an object"):
            try:
                with open(path, "rb") as file:
                    return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            except (FileNotFoundError, ValueError):  # ValueError: an empty file
                raise NotFound(f"the object at {location} is missing; run fastcine verify") from None

    def locations(self) -> Iterator[str]:
        """Where every file below objects/ lies, sorted, whatever its name."""
        for folder, folders, files in os.walk(self._folder.objects):
            folders.sort()
            for name in sorted(files):
                yield Path(folder, name).relative_to(self._folder.root).as_posix()

    def left_over(self) -> list[tuple[Path, str]]:
        """Delete temp files of dead receivers; answer intents (their path, the object's location) left by them."""
        intents: list[tuple[Path, str]] = []
        with storage_errors("cleaning up incoming/"):
            for path in sorted(self._folder.incoming.iterdir()):
                if path.suffix == TEMP_SUFFIX and _abandoned(path):
                    path.unlink(missing_ok=True)
            for path in sorted(self._folder.incoming.iterdir()):
                if path.suffix != INTENT_SUFFIX or path.with_suffix(TEMP_SUFFIX).exists():
                    continue
                with contextlib.suppress(FileNotFoundError):  # acknowledged this moment
                    location = os.readlink(path)
                    if _abandoned(self._folder.resolve(location)):
                        intents.append((path, location))
        return intents


def _write_all(descriptor: int, chunk: Chunk) -> None:
    view = memoryview(chunk).cast("B")
    while view:
        view = view[os.write(descriptor, view) :]


def _abandoned(path: Path) -> bool:
    """No living receiver holds the file's lock. A file that is gone counts as abandoned."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


def read_chunks(path: Path) -> Iterator[bytes]:
    """A file's bytes, a megabyte at a time. Raises OSError."""
    with open(path, "rb", buffering=0) as file:
        while chunk := file.read(READ_BYTES):
            yield chunk


def digest_of(path: Path) -> Digest:
    """The digest of a file, in bounded memory. Raises OSError."""
    digester = Digester()
    for chunk in read_chunks(path):
        digester.update(chunk)
    return digester.finish()
