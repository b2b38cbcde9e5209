"""What of a damaged index the files do not hold: accounts and the audit record, as far as they can be read."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from pathlib import Path

from fastcine.archive.index import Index

logger = logging.getLogger(__name__)

TABLES = {"account": "id", "audit": "sequence"}
"""With the key that they are read by."""


def _readable(damaged: sqlite3.Connection, table: str, key: str) -> tuple[list[str], list[tuple[object, ...]]]:
    """Columns and rows, in order, up to the first that cannot be read."""
    rows: list[tuple[object, ...]] = []
    columns: list[str] = []
    with contextlib.suppress(sqlite3.Error):
        cursor = damaged.execute(f"SELECT * FROM {table} ORDER BY {key}")
        columns = [each[0] for each in cursor.description]
        for row in cursor:
            rows.append(tuple(row))
    return columns, rows


def salvage(damaged: Path, index: Index) -> dict[str, int]:
    """Copy them into a new index; how many rows of each. The rows of the audit record keep their hashes."""
    saved = dict.fromkeys(TABLES, 0)
    try:
        old = sqlite3.connect(f"file:{damaged}?mode=ro", uri=True)
    except sqlite3.Error:
        return saved
    with contextlib.closing(old):
        for table, key in TABLES.items():
            columns, rows = _readable(old, table, key)
            if rows:
                _insert(index, table, columns, rows)
                saved[table] = len(rows)
    logger.warning(
        "of the damaged index %d users and %d rows of the audit record were saved", saved["account"], saved["audit"]
    )
    return saved


def _insert(index: Index, table: str, columns: list[str], rows: list[tuple[object, ...]]) -> None:
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    statement = f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})"
    index.write(lambda connection: connection.executemany(statement, rows).rowcount)
