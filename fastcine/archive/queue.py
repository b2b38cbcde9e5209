"""The ingest queue: runs whose cine cache is to be made. A table, so it survives whoever works on it.

Many enqueue; one, the holder of the folder's lock, claims. A claim of a dead owner goes back when the next one starts.
"""

from __future__ import annotations

import sqlite3
import time
from enum import IntEnum

from fastcine.archive.database import Database
from fastcine.archive.record import Claim, Ready

MAX_ATTEMPTS = 3
"""A run that killed its maker this often is broken in a way no error showed: it fails instead of killing once more."""


class Priority(IntEnum):
    """What goes first; within one priority, what came first. Asked-for runs go above ASKED, the newest wish highest."""

    REBUILD = 0
    RECEIVED = 10
    ACQUIRED_NOW = 50
    ASKED = 100


class IngestQueue:
    """Queue operations on the index's database; each is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def enqueue(self, run: str, *, priority: int = Priority.RECEIVED) -> None:
        """Ask for a run to be made (again, if it is being made at the moment)."""

        def job(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT INTO ingest_queue (run, priority) VALUES (?, ?) ON CONFLICT (run) DO UPDATE SET"
                " priority = max(priority, excluded.priority), again = claimed, not_before = 0, attempts = 0",
                (run, priority),
            )
            connection.execute(
                "UPDATE run SET state = 'waiting', message = '' WHERE run = ? AND state <> 'making'", (run,)
            )

        self._database.write(job)

    def bump(self, run: str) -> bool:
        """Somebody waits for this run: it goes before all others. False where it is not in the queue."""

        def job(connection: sqlite3.Connection) -> bool:
            changed = connection.execute(
                "UPDATE ingest_queue SET not_before = 0, priority ="
                " (SELECT max(?, max(priority) + 1) FROM ingest_queue) WHERE run = ?",
                (int(Priority.ASKED), run),
            )
            return changed.rowcount > 0

        return self._database.write(job)

    def claim(self, *, above: int | None = None, now: float | None = None) -> Claim | None:
        """Take the first waiting run (of a priority over `above`, where given); its state becomes `making`."""
        moment = time.time() if now is None else now
        if self.waiting_priority(above=above, now=moment) is None:
            return None  # no write transaction when there is nothing to do

        def job(connection: sqlite3.Connection) -> Claim | None:
            row = connection.execute(
                "UPDATE ingest_queue SET claimed = 1, attempts = attempts + 1 WHERE id = (SELECT id FROM ingest_queue"
                " WHERE claimed = 0 AND not_before <= ? AND priority > ? ORDER BY priority DESC, id LIMIT 1)"
                " RETURNING run, priority, attempts",
                (moment, _floor(above)),
            ).fetchone()
            if row is None:
                return None
            connection.execute("UPDATE run SET state = 'making' WHERE run = ?", (row["run"],))
            return Claim(run=row["run"], priority=row["priority"], attempts=row["attempts"])

        return self._database.write(job)

    def waiting_priority(self, *, above: int | None = None, now: float | None = None) -> int | None:
        """The highest priority that waits (over `above`, where given), or None. A cheap look-up."""
        with self._database.reading() as connection:
            row = connection.execute(
                "SELECT priority FROM ingest_queue WHERE claimed = 0 AND not_before <= ? AND priority > ?"
                " ORDER BY priority DESC, id LIMIT 1",
                (time.time() if now is None else now, _floor(above)),
            ).fetchone()
        return None if row is None else int(row["priority"])

    def next_wake(self) -> float | None:
        """When (time.time) the earliest unclaimed row may be claimed; None where there is none."""
        with self._database.reading() as connection:
            row = connection.execute("SELECT min(not_before) AS t FROM ingest_queue WHERE claimed = 0").fetchone()
        return None if row["t"] is None else float(row["t"])

    def done(self, run: str, *, made: Ready) -> None:
        """The run is made: state `ready`, out of the queue unless it was asked for again meanwhile."""
        self._finish(run, "ready", "", made)

    def failed(self, run: str, message: str) -> None:
        """The run cannot be made; `message` says why, in words for the viewer, without identity."""
        self._finish(run, "failed", message, None)

    def _finish(self, run: str, state: str, message: str, made: Ready | None) -> None:
        def job(connection: sqlite3.Connection) -> None:
            connection.execute("UPDATE run SET state = ?, message = ? WHERE run = ?", (state, message, run))
            if made is not None:
                connection.execute(
                    "UPDATE run SET made_coarse = ?, made_fine = ?, made_exact = ? WHERE run = ?", (*made, run)
                )
            connection.execute("DELETE FROM ingest_queue WHERE run = ? AND again = 0", (run,))
            connection.execute("UPDATE ingest_queue SET claimed = 0, again = 0, attempts = 0 WHERE run = ?", (run,))

        self._database.write(job)

    def put_back(self, run: str, *, message: str = "", delay_s: float = 0.0) -> None:
        """Not now: the claim goes back, to be taken in `delay_s` at the earliest; it does not count as an attempt."""

        def job(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE ingest_queue SET claimed = 0, again = 0, attempts = max(attempts - 1, 0), not_before = ?"
                " WHERE run = ?",
                (time.time() + delay_s if delay_s else 0.0, run),
            )
            connection.execute("UPDATE run SET state = 'waiting', message = ? WHERE run = ?", (message, run))

        self._database.write(job)

    def recover(self) -> int:
        """A new owner starts: the claims of the dead one go back. Answers how many; call it holding the lock only."""

        def job(connection: sqlite3.Connection) -> int:
            hopeless = connection.execute(
                "DELETE FROM ingest_queue WHERE claimed = 1 AND attempts >= ? RETURNING run", (MAX_ATTEMPTS,)
            ).fetchall()
            for row in hopeless:
                message = f"making this run ended the server {MAX_ATTEMPTS} times; it is left alone"
                connection.execute("UPDATE run SET state = 'failed', message = ? WHERE run = ?", (message, row["run"]))
            back = connection.execute("UPDATE ingest_queue SET claimed = 0, again = 0 WHERE claimed = 1").rowcount
            connection.execute(
                "UPDATE run SET state = 'waiting' WHERE state = 'making' AND run IN (SELECT run FROM ingest_queue)"
            )
            return back

        return self._database.write(job)

    def length(self) -> int:
        """Rows in the queue, claimed ones included."""
        with self._database.reading() as connection:
            return int(connection.execute("SELECT count(*) FROM ingest_queue").fetchone()[0])


def _floor(above: int | None) -> int:
    return -(1 << 62) if above is None else above
