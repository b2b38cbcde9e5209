"""The data folder: where everything lies, its format version, and the lock of the process that owns it.

::

    <root>/
      format                  "fastcine data 1"
      objects/<hh>/<StudyUID>/<SeriesUID>/<SOPUID>.dcm     Part 10 exactly as received; hh fans studies out
      quarantine/             refused objects, named by their SHA-256, each with its reason beside it
      rejected/               objects that were rejected, as they lay below objects/ (removal.py)
      removals/               what was deleted, rejected, restored, with reasons: kept for good (removal_records.py)
      cine/                   derived, disposable (cine_cache.py)
      incoming/               temporary files, same file system as objects/ so that a rename is atomic
      index.sqlite            the index (rebuilt by `fastcine reindex`)
      lock                    held by the ingest owner; the kernel frees it when that process dies
      events.sock             where the owner listens (events.py)
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from fastcine.archive.intents import Intents
from fastcine.archive.turn import Turn
from fastcine.errors import StorageFull, StorageUnavailable, UsageError

FORMAT = "fastcine data 1"
UID_PATTERN = re.compile(r"[0-9]+(\.[0-9]+)*")
MAX_UID_CHARACTERS = 64
"""PS3.5 9.1: a UID has at most 64 characters; anything else never becomes a path."""
RESERVE_BYTES = 256 << 20
"""Left free when objects come in: the index's journal, logs and the cine cache still need to grow a little."""
SOP_LOCKS = 64
"""Lock files that SOP Instance UIDs are spread over: enough that 8 receivers seldom meet by chance."""


def safe_name(uid: str) -> str:
    """`uid` where it is well-formed (PS3.5 9.1, leading zeros tolerated), else the hex SHA-256 of it."""
    if len(uid) <= MAX_UID_CHARACTERS and UID_PATTERN.fullmatch(uid):
        return uid
    return hashlib.sha256(uid.encode("utf-8", "surrogatepass")).hexdigest()


def storage_error(error: OSError, doing: str) -> StorageFull | StorageUnavailable:
    """The error of the tree for a failed system call. `doing` says what was tried; file names stay out of it."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull(f"{doing}: the disk (or the quota) is full; free some space or use another --data folder")
    return StorageUnavailable(f"{doing}: {os.strerror(error.errno or errno.EIO)}")


@contextmanager
def storage_errors(doing: str) -> Iterator[None]:
    """Turn OSError inside the block into StorageFull or StorageUnavailable."""
    try:
        yield
    except OSError as error:
        raise storage_error(error, doing) from error


def sync_directory(path: Path) -> None:
    """Make the entries of a directory durable (fsync of its descriptor)."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(frozen=True, slots=True)
class OwnerInfo:
    """Who holds a data folder's lock: process id, and role in one word ("serve", "ingest")."""

    pid: int
    role: str


class FolderLock:
    """The held lock. Released by `release`, by leaving the `with` block, or by the kernel when the process dies."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        # A forked child would share the lock and keep it beyond our death: it closes its copy.
        os.register_at_fork(after_in_child=self._close)

    @property
    def held(self) -> bool:
        """Whether it is still ours."""
        return self._descriptor >= 0

    def release(self) -> None:
        """Let go; a second call does nothing."""
        if self._descriptor >= 0:
            with suppress(OSError):
                os.ftruncate(self._descriptor, 0)
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            self._close()

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __enter__(self) -> FolderLock:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.release()


class DataFolder:
    """Paths, limits and locks of one data folder.

    `reserve_bytes` is the space that receiving leaves free. `durable=False` leaves out every fsync: for tests and
    measurements only. Making one creates what is missing. Raises UsageError where `root` is no data folder of a format
    known here, StorageFull or StorageUnavailable where it cannot be created, read or written.
    """

    def __init__(
        self, root: str | os.PathLike[str], *, reserve_bytes: int = RESERVE_BYTES, durable: bool = True
    ) -> None:
        self.root = Path(root).absolute()
        self.reserve_bytes = reserve_bytes
        self.durable = durable
        self.objects = self.root / "objects"
        self.quarantine = self.root / "quarantine"
        self.cine = self.root / "cine"
        self.rejected = self.root / "rejected"
        self.removals = self.root / "removals"
        self.incoming = self.root / "incoming"
        self.intents = Intents(self.incoming)
        self.turn = Turn()
        self.index_path = self.root / "index.sqlite"
        self.lock_path = self.root / "lock"
        self.events_path = self.root / "events.sock"
        self._prepare()

    @classmethod
    def existing(
        cls, root: str | os.PathLike[str], *, reserve_bytes: int = RESERVE_BYTES, durable: bool = True
    ) -> DataFolder:
        """A folder that is there already: nothing is created by mistake. Raises UsageError where it is not."""
        if not Path(root, "format").is_file():
            raise UsageError(f"there is no fastcine data folder at {Path(root).absolute()}; name it with --data")
        return cls(root, reserve_bytes=reserve_bytes, durable=durable)

    def _prepare(self) -> None:
        if self.root.exists() and not self.root.is_dir():
            raise UsageError(f"{self.root} is a file; --data wants a folder")
        with storage_errors(f"preparing the data folder {self.root}"):
            # 0700: the folder holds patients' data.
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._check_format()
            for folder in (self.objects, self.quarantine, self.cine, self.rejected, self.removals, self.incoming):
                folder.mkdir(exist_ok=True)
            if not os.access(self.incoming, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    def _check_format(self) -> None:
        path = self.root / "format"
        try:
            found = path.read_text("ascii", "replace").strip()
        except FileNotFoundError:
            foreign = [entry.name for entry in self.root.iterdir() if not entry.name.startswith(".")]
            if foreign and not self.objects.is_dir():
                raise UsageError(
                    f"{self.root} has other files in it and is no fastcine data folder; name an empty or new folder"
                ) from None
            scratch = self.root / f".format-{os.getpid()}"
            scratch.write_text(FORMAT + "\n", "ascii")
            scratch.replace(path)
            return
        if found != FORMAT:
            raise UsageError(f"{self.root} has the format {found[:40]!r}, this fastcine knows {FORMAT!r}: upgrade it")

    def object_location(self, study: str, series: str, *, sop: str) -> str:
        """Path of an object relative to the root, with forward slashes: what the index keeps.

        Three UIDs of any content in, always a path below objects/ out (safe_name).
        """
        fan = hashlib.sha256(study.encode("utf-8", "surrogatepass")).hexdigest()[:2]
        return f"objects/{fan}/{safe_name(study)}/{safe_name(series)}/{safe_name(sop)}.dcm"

    def resolve(self, location: str) -> Path:
        """The absolute path of a location kept in the index. Raises StorageUnavailable where it points outside."""
        path = self.root / location
        if ".." in path.parts or not path.is_relative_to(self.root):
            raise StorageUnavailable("a location in the index points outside the data folder; run fastcine reindex")
        return path

    def free_bytes(self) -> int:
        """Bytes that may still be written here."""
        with storage_errors("asking for free space"):
            status = os.statvfs(self.root)
        return status.f_bavail * status.f_frsize

    def acquire(self, role: str) -> FolderLock:
        """Become the folder's ingest owner; `role` is one word. Raises UsageError that names the present owner."""
        with storage_errors("locking the data folder"):
            descriptor = os.open(self.lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            owner = self.owner()
            who = f"fastcine {owner.role}, process {owner.pid}" if owner else "another process"
            raise UsageError(f"the data folder {self.root} is in use by {who}") from None
        except OSError as error:
            os.close(descriptor)
            raise storage_error(error, "locking the data folder") from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()} {role}\n".encode(), 0)
        return FolderLock(descriptor)

    def owner(self) -> OwnerInfo | None:
        """Who holds the lock now, or None."""
        try:
            descriptor = os.open(self.lock_path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise storage_error(error, "reading the lock") from error
        try:
            try:
                # Shared, so that two askers at once do not take each other for the owner.
                fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                words = os.pread(descriptor, 200, 0).decode("ascii", "replace").split()
                return OwnerInfo(int(words[0]) if words and words[0].isdigit() else 0, words[1] if words[1:] else "?")
            return None
        finally:
            os.close(descriptor)

    @contextmanager
    def sop_lock(self, sop_instance_uid: str) -> Iterator[None]:
        """Hold one SOP Instance UID against all other receivers, threads and processes alike.

        Two receivers of the same UID must not both see "not there yet". flock belongs to the open file, so each
        holder opens its own; the kernel frees it with the process.
        """
        stripe = hashlib.sha256(sop_instance_uid.encode("utf-8", "surrogatepass")).digest()[0] % SOP_LOCKS
        with storage_errors("locking an object"):
            descriptor = os.open(f"{self.incoming}/.lock-{stripe:02d}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            with storage_errors("locking an object"):
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    self.turn.leave()
                    fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)
