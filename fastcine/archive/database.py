"""SQLite as the index uses it: WAL, pooled readers, and one writer a process whose transactions many threads share.

Group commit: threads hand in jobs; whoever gets the writer runs all that wait in one transaction, each in a savepoint
of its own, so eight receivers pay for one fsync and a job that fails takes nobody with it.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Generic, TypeVar

from fastcine.archive.schema import MIGRATIONS
from fastcine.errors import FastcineError, StorageFull, StorageUnavailable, UsageError

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], T]

BUSY_TIMEOUT_MS = 30_000
"""How long a writer waits for another process's transaction; receivers' last milliseconds."""
BATCH_JOBS = 256
"""Jobs in one transaction at most, so that the first of them is not kept waiting for long."""
CACHE_KIB = 16_384
CHECKPOINT_PAGES = 4096
"""The journal grows to 16 MB before it is worked into the file: pages that every object changes are copied once."""


def storage_error(error: sqlite3.Error) -> FastcineError:
    """What a failed statement means for the caller."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if code is not None else None
    if primary == sqlite3.SQLITE_FULL:
        return StorageFull("the index cannot grow: the disk is full; free some space")
    if primary in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StorageUnavailable("the index is damaged; stop the server and run fastcine reindex")
    if primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return StorageUnavailable("the index is busy with another process's long work; try again")
    # Texts of other errors may quote values, and values may name a patient: the code's name is enough.
    return StorageUnavailable(f"the index failed: {getattr(error, 'sqlite_errorname', type(error).__name__)}")


class _Entry(Generic[T]):
    """A job that waits for its turn, and then its result."""

    def __init__(self, job: Job[T]) -> None:
        self.job = job
        self.done = False
        self.value: T | None = None
        self.error: BaseException | None = None

    def run(self, connection: sqlite3.Connection, *, alone: bool) -> None:
        """Do the job in a savepoint; what it raises stays its own. `alone`: the transaction is its savepoint."""
        if alone:
            self.value = self.job(connection)
            return
        connection.execute("SAVEPOINT job")
        try:
            self.value = self.job(connection)
        except BaseException as error:
            self.error = error
            if not connection.in_transaction:  # e.g. a full disk rolled everything back
                raise
            connection.execute("ROLLBACK TO job")
        connection.execute("RELEASE job")


class Database:
    """One SQLite file. `durable=False` leaves out fsync: for tests and measurements only.

    Raises UsageError for a file of a newer version, StorageUnavailable or StorageFull for everything the disk refuses.
    """

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        self._path = path
        self._durable = durable
        self._readers: list[sqlite3.Connection] = []
        self._readers_guard = threading.Lock()
        self._pending: list[_Entry[object]] = []
        self._pending_guard = threading.Lock()
        self._writing = threading.Lock()
        self._closed = False
        try:
            self._writer = self._connect()
            self._migrate()
        except sqlite3.Error as error:
            raise storage_error(error) from error

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=BUSY_TIMEOUT_MS / 1000, isolation_level=None, check_same_thread=False
        )
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        # FULL: in WAL mode only this makes a commit survive a power cut, and acknowledged means durable.
        connection.execute(f"PRAGMA synchronous = {'FULL' if self._durable else 'OFF'}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        return connection

    def _migrate(self) -> None:
        self._writer.execute("BEGIN IMMEDIATE")
        try:
            version: int = self._writer.execute("PRAGMA user_version").fetchone()[0]
            if version > len(MIGRATIONS):
                raise UsageError(f"the index has version {version}, made by a newer fastcine: upgrade this one")
            for script in MIGRATIONS[version:]:
                for statement in _statements(script):
                    self._writer.execute(statement)
            self._writer.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
            self._writer.execute("COMMIT")
        except BaseException:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            self._writer.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection for queries, from the pool; its own snapshot a statement."""
        with self._readers_guard:
            if self._closed:
                raise StorageUnavailable("the index is closed")
            connection = self._readers.pop() if self._readers else None
        try:
            connection = connection or self._connect()
            yield connection
        except sqlite3.Error as error:
            raise storage_error(error) from error
        finally:
            if connection is not None:
                with self._readers_guard:
                    if self._closed:
                        connection.close()
                    else:
                        self._readers.append(connection)

    def write(self, job: Job[T]) -> T:
        """Run `job` in a transaction that is durable when this returns; what the job raises is raised here."""
        entry = _Entry(job)
        with self._pending_guard:
            self._pending.append(entry)  # type: ignore[arg-type]
        while not entry.done:  # more than one round where BATCH_JOBS stood before it
            with self._writing:
                if not entry.done:
                    with self._pending_guard:
                        batch, self._pending = self._pending[:BATCH_JOBS], self._pending[BATCH_JOBS:]
                    self._run_batch(batch)
        if entry.error is not None:
            if isinstance(entry.error, sqlite3.Error):
                raise storage_error(entry.error) from entry.error
            raise entry.error
        return entry.value  # type: ignore[return-value]

    def _run_batch(self, batch: list[_Entry[object]]) -> None:
        try:
            if self._closed:
                raise StorageUnavailable("the index is closed")
            self._writer.execute("BEGIN IMMEDIATE")
            for entry in batch:
                entry.run(self._writer, alone=len(batch) == 1)
            self._writer.execute("COMMIT")
        except BaseException as error:
            if not self._closed and self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            for entry in batch:
                entry.error = entry.error or error
        finally:
            for entry in batch:
                entry.done = True

    def close(self) -> None:
        """Close every connection that is not in use; the rest close when they are given back."""
        with self._writing, self._readers_guard:
            self._closed = True
            for connection in (*self._readers, self._writer):
                connection.close()
            self._readers.clear()


def _statements(script: str) -> Iterator[str]:
    """The statements of a script, one at a time: executescript would commit between them."""
    statement = ""
    for line in script.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        raise ValueError(f"a statement without its semicolon: {statement.strip()}")
