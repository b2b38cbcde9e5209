"""The audit record: who did what when, only ever added to, each row's hash taken over the row before it.

Whoever changes or takes out a row behind our back breaks the chain from there on. Rows taken off the end leave a whole
chain: against that stands its last hash, written down elsewhere (`fastcine audit --head`, and the log of each start).
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from fastcine.archive.index_mapping import read_time, time_text

if TYPE_CHECKING:
    from fastcine.archive.index import Index

BEGINNING = bytes(32)
"""What stands before the first row."""
BATCH_ROWS = 500


class AuditEvent(StrEnum):
    """What is recorded; in docs/howto/sign-in.md with the Event ID of PS3.15 A.5 that each answers to."""

    SIGNED_IN = "signed in"
    SIGN_IN_REFUSED = "sign-in refused"
    SIGNED_OUT = "signed out"
    REFUSED = "refused"
    SEARCHED = "searched"
    OPENED = "opened"
    EXPORTED = "exported"
    STORED = "stored"
    REJECTED = "rejected"
    RESTORED = "restored"
    DELETED = "deleted"
    ACCOUNT_CHANGED = "account changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One row. `who`: account or AE title, empty where nobody signed in; `by_way_of`: browser, token, DICOM, command.

    `detail` holds what else is known, such as the words of a search: it may name a patient, as the index does.
    """

    at: datetime
    event: AuditEvent | str
    who: str
    by_way_of: str
    address: str = ""
    study_instance_uid: str = ""
    outcome: str = "done"
    detail: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuditRow:
    """A kept entry: its place from 1 on, and the hash over it and all before it."""

    sequence: int
    entry: AuditEntry
    hash: bytes


def chained(previous: bytes, sequence: int, texts: Sequence[str]) -> bytes:
    """The SHA-256 of a row: over the hash before it, its place and its texts. JSON keeps the texts apart."""
    row = json.dumps([sequence, *texts], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(previous + row.encode("utf-8", "surrogatepass")).digest()


def _texts(entry: AuditEntry) -> tuple[str, ...]:
    """In the order of the table's columns."""
    detail = json.dumps(dict(entry.detail), ensure_ascii=False, sort_keys=True) if entry.detail else ""
    rest = (entry.outcome, entry.who, entry.by_way_of, entry.address, entry.study_instance_uid, detail)
    # Half a character cannot be kept, and must not keep an entry out.
    return (time_text(entry.at), str(entry.event), *(text.encode("utf-8", "replace").decode() for text in rest))


def append(index: Index, entries: Iterable[AuditEntry]) -> None:
    """Add rows, durable on return. Raises StorageFull, StorageUnavailable."""
    index.add_audit(list(entries))


def append_in(connection: sqlite3.Connection, entries: Iterable[AuditEntry]) -> None:
    """Add rows inside somebody's transaction: what it does and its record are one."""
    last = connection.execute("SELECT sequence, hash FROM audit ORDER BY sequence DESC LIMIT 1").fetchone()
    sequence, previous = (last["sequence"], last["hash"]) if last is not None else (0, BEGINNING)
    for entry in entries:
        sequence, row = sequence + 1, _texts(entry)
        previous = chained(previous, sequence, row)
        connection.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (sequence, *row, previous))


def _row(row: sqlite3.Row) -> AuditRow:
    """What somebody wrote there behind our back is shown as well as it can be: the chain says where that is."""
    try:
        at = read_time(str(row["at"]))
    except ValueError:
        at = None
    try:
        detail = {str(name): str(value) for name, value in json.loads(row["detail"]).items()} if row["detail"] else {}
    except (ValueError, AttributeError, TypeError):
        detail = {"unreadable": str(row["detail"])}
    event = str(row["event"])
    names = ("who", "by_way_of", "address", "study_instance_uid", "outcome")
    entry = AuditEntry(
        at=at or datetime.fromtimestamp(0, UTC),
        event=AuditEvent(event) if event in set(AuditEvent) else event,
        detail=detail,
        **{name: str(row[name]) for name in names},
    )
    return AuditRow(row["sequence"], entry, bytes(row["hash"]) if isinstance(row["hash"], bytes) else b"")


_COLUMNS = ("at", "event", "outcome", "who", "by_way_of", "address", "study_instance_uid", "detail")


def _batches(index: Index) -> Iterator[list[sqlite3.Row]]:
    after = 0

    def batch(connection: sqlite3.Connection) -> list[sqlite3.Row]:
        statement = "SELECT * FROM audit WHERE sequence > ? ORDER BY sequence LIMIT ?"
        return connection.execute(statement, (after, BATCH_ROWS)).fetchall()

    while rows := index.read(batch):
        yield rows
        after = rows[-1]["sequence"]


def rows(index: Index) -> Iterator[AuditRow]:
    """Every row, oldest first."""
    for batch in _batches(index):
        yield from map(_row, batch)


@dataclass(frozen=True, slots=True)
class ChainCheck:
    """Rows looked at, the last hash, and the first row (from 1) whose hash is not right; 0: the chain is whole."""

    rows: int
    head: bytes
    broken_at: int


def check_chain(index: Index) -> ChainCheck:
    """Go through the whole record. A row that is missing shows at its successor."""
    previous, number = BEGINNING, 0
    for batch in _batches(index):
        for row in batch:
            number += 1
            texts = [str(row[name]) for name in _COLUMNS]
            if row["sequence"] != number or chained(previous, number, texts) != row["hash"]:
                return ChainCheck(number, previous, number)
            previous = row["hash"]
    return ChainCheck(number, previous, 0)
