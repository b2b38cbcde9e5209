"""Objects on disk, immutable: temp file, fsync, rename, fsync of the folder, and only then an index row.

A receiver that dies leaves either a temp file (deleted at the next start) or a whole object whose place it has noted
(intents.py), which tells the next start to index it. That it is dead is known by its lock, which the kernel has freed.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType

from fastcine.archive.digest import Digest, Digester
from fastcine.archive.folder import DataFolder, storage_errors, sync_directory
from fastcine.archive.intents import LeftNotes, left_by_the_dead
from fastcine.errors import NotFound, StorageFull

Chunk = bytes | bytearray | memoryview
READ_BYTES = 1 << 20
SPACE_CHECK_BYTES = 64 << 20
"""Free space is asked for once in so many bytes: often enough for any reserve, seldom enough to cost nothing."""
PUT_TRIES = 20
TEMP_SUFFIX = ".part"
HELD_BYTES = 1 << 20
"""Objects of at most this size come in through memory: each is one write, and no file at all where it is refused."""


class Incoming:
    """A received object that is not stored yet. Leaving the `with` block deletes what was not committed.

    `digest` holds the hashes and the length of what was received. Small objects are held in memory until they get
    their place, large ones lie in a temp file.
    """

    def __init__(self, folder: DataFolder) -> None:
        self.digest = Digester().finish()
        self._folder = folder
        self._held: bytearray | None = bytearray()
        self._descriptor = -1
        self._path = ""
        self._intent: int | None = None
        self._target = ""

    @property
    def path(self) -> Path:
        """The temp file, made now where there was none."""
        self.write_out()
        return Path(self._path)

    def take(self, chunk: Chunk) -> bool:
        """The next bytes. Raises OSError."""
        if self._held is not None:
            if len(self._held) + len(chunk) <= HELD_BYTES:
                self._held += chunk
                return True
            self.write_out()
        self._folder.turn.leave()
        _write_all(self._descriptor, chunk)
        return False

    def write_out(self) -> None:
        """From memory into a temp file. Raises OSError."""
        if self._held is None:
            return
        self._path, self._descriptor = _new_temp(self._folder)
        _write_all(self._descriptor, self._held)
        self._held = None

    def map(self) -> mmap.mmap | memoryview:
        """The bytes, read-only; use it in a `with` block. Raises ValueError for an empty object."""
        if self._held is not None:
            return memoryview(self._held).toreadonly()
        return mmap.mmap(self._descriptor, 0, access=mmap.ACCESS_READ)

    def sync(self) -> None:
        """Make the bytes durable."""
        self.write_out()
        self._folder.turn.leave()
        os.fsync(self._descriptor)

    def move(self, target: str, *, intent: str | None = None) -> None:
        """Rename to `target`; `intent`, the target's location, is noted first and dropped by `acknowledged`."""
        self.write_out()
        if intent is not None and self._intent is None:
            self._intent = self._folder.intents.note(intent)
        os.rename(self._path, target)
        self._target = target

    def acknowledged(self) -> None:
        """The index has its row: nothing is left to repair."""
        if self._intent is not None:
            intent, self._intent = self._intent, None
            self._folder.intents.drop(intent)

    def withdraw(self) -> None:
        """Undo `move`: what could not be indexed was never here. Call it while nobody else may take the name."""
        if self._target:
            Path(self._target).unlink(missing_ok=True)
        self.acknowledged()

    def close(self) -> None:
        """Delete the temp file unless it was moved, and let go of it."""
        self._held = None
        if self._descriptor < 0:
            return
        descriptor, self._descriptor = self._descriptor, -1
        try:
            if not self._target:
                with contextlib.suppress(OSError):
                    Path(self._path).unlink(missing_ok=True)
                self.acknowledged()
        finally:
            os.close(descriptor)

    def __enter__(self) -> Incoming:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


class Writing:
    """An object that grows chunk by chunk. Close it, or what `finish` answers."""

    def __init__(self, store: Store, incoming: Incoming) -> None:
        self._store, self._incoming = store, incoming
        self._digester, self._checked = Digester(), 0

    def write(self, chunk: Chunk) -> None:
        """Take the next bytes. Raises StorageFull or StorageUnavailable."""
        self._digester.update(chunk)
        with storage_errors("storing an object"):
            if self._incoming.take(chunk):
                return
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
        return Writing(self, Incoming(self._folder))

    def check_space(self, needed_bytes: int) -> None:
        """Raises StorageFull where so many bytes more would touch the reserve."""
        free, reserve = self._folder.free_bytes(), self._folder.reserve_bytes
        if free < needed_bytes + reserve:
            raise StorageFull(
                f"the disk of {self._folder.root} has {free >> 20} MB free; {needed_bytes >> 20} MB are needed and"
                f" {reserve >> 20} MB are kept in reserve: free some space or use another --data folder"
            )

    def commit(self, incoming: Incoming, study: str, series: str, *, sop: str) -> str:
        """Give a received object its place, durably; answers its location. Call it holding the folder's sop_lock.

        What lies there without an index row (a receiver died there) gives way to quarantine, unless it is the same.
        Index the object, then call `incoming.acknowledged()`. Raises StorageFull or StorageUnavailable.
        """
        location = self._folder.object_location(study, series, sop=sop)
        target = f"{self._folder.root}/{location}"
        parent = os.path.dirname(target)
        with storage_errors("storing an object"):
            if self._folder.durable:
                incoming.sync()
            if os.path.lexists(target) and digest_of(Path(target)) != incoming.digest:
                os.rename(target, self._folder.quarantine / f"unindexed-{secrets.token_hex(8)}.dcm")
            self._put(parent, lambda: incoming.move(target, intent=location))
            if self._folder.durable:
                sync_directory(Path(parent))
        return location

    def _put(self, parent: str, rename: Callable[[], None]) -> None:
        """Rename into a folder that is made where it is missing. A removal may take it away again while it is empty."""
        for tries_left in reversed(range(PUT_TRIES)):
            try:
                self._make_folders(parent)
                rename()
                return
            except FileNotFoundError:
                if not tries_left:
                    raise

    def _make_folders(self, folder: str) -> None:
        """mkdir -p below objects/, each new entry made durable in its parent."""
        missing = []
        while not os.path.exists(folder):
            missing.append(folder)
            folder = os.path.dirname(folder)
        for each in reversed(missing):
            with contextlib.suppress(FileExistsError):  # another receiver's, or gone again
                os.mkdir(each)
            if self._folder.durable:
                sync_directory(Path(each).parent)

    def open_object(self, location: str) -> mmap.mmap:
        """The bytes of a stored object, read-only; the caller closes them. NotFound where the file is not there."""
        path = self._folder.resolve(location)
        with storage_errors("opening an object"):
            try:
                with open(path, "rb") as file:
                    return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            except (FileNotFoundError, ValueError):  # ValueError: an empty file
                raise NotFound(f"the object at {location} is missing; run fastcine verify") from None

    def holds(self, location: str) -> bool:
        """Whether an object lies there."""
        return self._folder.resolve(location).is_file()

    def move(self, location: str, target: str) -> None:
        """Give a stored object another place, durably; folders left empty go. NotFound where it is not there."""
        source, place = self._folder.resolve(location), self._folder.resolve(target)
        with storage_errors("moving an object"):
            if not source.is_file():
                raise NotFound(f"the object at {location} is missing; run fastcine verify")
            self._put(str(place.parent), lambda: os.rename(source, place))
            if self._folder.durable:
                sync_directory(place.parent)
                sync_directory(source.parent)
        self._drop_empty(source.parent)

    def delete(self, location: str) -> None:
        """Take a stored object away, durably; folders left empty go. Nothing where there is none."""
        path = self._folder.resolve(location)
        with storage_errors("deleting an object"), contextlib.suppress(FileNotFoundError):
            path.unlink()
            if self._folder.durable:
                sync_directory(path.parent)
        self._drop_empty(path.parent)

    def _drop_empty(self, path: Path) -> None:
        """Folders that hold nothing any more, up to objects/ or rejected/."""
        with contextlib.suppress(OSError):
            while self._folder.root not in (path, path.parent):
                path.rmdir()
                path = path.parent

    def locations(self, below: Path | None = None) -> Iterator[str]:
        """Where every file below objects/ (or `below`, another folder of ours) lies, sorted, whatever its name."""
        for folder, folders, files in os.walk(below or self._folder.objects):
            folders.sort()
            for name in sorted(files):
                yield Path(folder, name).relative_to(self._folder.root).as_posix()

    def left_over(self) -> Iterator[LeftNotes]:
        """Delete temp files of dead receivers; the notes that they left, held while they are looked at."""
        with storage_errors("cleaning up incoming/"):
            for path in sorted(self._folder.incoming.glob(f"*{TEMP_SUFFIX}")):
                _delete_abandoned(path)
            yield from left_by_the_dead(self._folder.incoming)


def _new_temp(folder: DataFolder) -> tuple[str, int]:
    """A temp file under a lock. A cleaner may have met it between its making and its locking: then another one."""
    while True:
        path = f"{folder.incoming}/{secrets.token_hex(8)}{TEMP_SUFFIX}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return path, descriptor
        os.close(descriptor)


def _write_all(descriptor: int, chunk: Chunk) -> None:
    view = memoryview(chunk).cast("B")
    while view:
        view = view[os.write(descriptor, view) :]


def _delete_abandoned(path: Path) -> None:
    """Delete a temp file whose lock no living receiver holds: while it is held here, so that none can take it."""
    with contextlib.suppress(FileNotFoundError, BlockingIOError):
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
        finally:
            os.close(descriptor)


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
