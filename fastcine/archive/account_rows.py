"""Rows of accounts, browser sessions and failed sign-ins: what `auth/` decides, kept in the index.

Nothing here knows a password or a token: only their hashes come in. Times are seconds since 1970 (time.time).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from fastcine.archive.index import Index
from fastcine.archive.index_mapping import time_text
from fastcine.errors import NotFound, UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow:
    """Who may come in. `patient_ids` empty: sees every patient. `token_sha256` None: has no token."""

    name: str
    role: str
    patient_ids: tuple[str, ...] = ()
    password_hash: str = field(default="", repr=False)
    token_sha256: bytes | None = field(default=None, repr=False)
    token_expires: float = 0.0
    created: str = ""


@dataclass(frozen=True, slots=True)
class SessionRow:
    """A browser session: whose, since when, and when it was last used."""

    account: AccountRow
    began: float
    seen: float


def _account(row: sqlite3.Row) -> AccountRow:
    return AccountRow(
        name=row["name"],
        role=row["role"],
        patient_ids=tuple(json.loads(row["patient_ids"])),
        password_hash=row["password_hash"],
        token_sha256=row["token_sha256"],
        token_expires=row["token_expires"],
        created=row["created"],
    )


def add_account(index: Index, account: AccountRow) -> None:
    """Keep a new account. Raises UsageError where the name is taken."""
    values = (
        account.name,
        account.role,
        json.dumps(account.patient_ids),
        account.password_hash,
        account.token_sha256,
        account.token_expires,
        time_text(datetime.now(UTC)),
    )

    def job(connection: sqlite3.Connection) -> None:
        if connection.execute("SELECT 1 FROM account WHERE name = ?", (account.name,)).fetchone() is not None:
            raise UsageError(f"there is a user {account.name!r} already")
        connection.execute(
            "INSERT INTO account (name, role, patient_ids, password_hash, token_sha256, token_expires, created)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            values,
        )

    index.write(job)


def change_account(index: Index, name: str, **values: str | bytes | float | None) -> None:
    """Set columns of an account, and end its sessions. Raises NotFound."""
    sets = ", ".join(f"{column} = ?" for column in values)

    def job(connection: sqlite3.Connection) -> None:
        changed = connection.execute(f"UPDATE account SET {sets} WHERE name = ?", (*values.values(), name)).rowcount
        if changed == 0:
            raise NotFound(f"there is no user {name!r}")
        connection.execute("DELETE FROM web_session WHERE account = (SELECT id FROM account WHERE name = ?)", (name,))

    index.write(job)


def remove_account(index: Index, name: str) -> None:
    """Take an account away, its sessions with it. Raises NotFound."""
    if index.write(lambda c: c.execute("DELETE FROM account WHERE name = ?", (name,)).rowcount) == 0:
        raise NotFound(f"there is no user {name!r}")


def accounts(index: Index) -> list[AccountRow]:
    """All accounts by name."""
    return index.read(lambda c: [_account(row) for row in c.execute("SELECT * FROM account ORDER BY name")])


def _one(index: Index, condition: str, value: str | bytes) -> AccountRow | None:
    row = index.read(lambda c: c.execute(f"SELECT * FROM account WHERE {condition}", (value,)).fetchone())
    return None if row is None else _account(row)


def account_named(index: Index, name: str) -> AccountRow | None:
    """The account of that name, whatever its case."""
    return _one(index, "name = ?", name)


def account_of_token(index: Index, token_sha256: bytes) -> AccountRow | None:
    """The account that has this token."""
    return _one(index, "token_sha256 = ?", token_sha256)


def begin_session(index: Index, name: str, cookie_sha256: bytes, *, now: float, oldest: float) -> None:
    """Keep a session; those that began before `oldest` go. Raises NotFound where the account is gone."""

    def job(connection: sqlite3.Connection) -> int:
        connection.execute("DELETE FROM web_session WHERE began < ?", (oldest,))
        return connection.execute(
            "INSERT INTO web_session SELECT ?, id, ?, ? FROM account WHERE name = ?", (cookie_sha256, now, now, name)
        ).rowcount

    if index.write(job) == 0:
        raise NotFound(f"there is no user {name!r}")


_SESSION = (
    "SELECT account.*, web_session.began, web_session.seen, web_session.cookie_sha256 FROM web_session"
    " JOIN account ON account.id = web_session.account WHERE web_session.cookie_sha256"
)


def sessions(index: Index, cookies_sha256: Iterable[bytes]) -> dict[bytes, SessionRow]:
    """Those of these cookies that there are."""
    wanted = list(cookies_sha256)

    def query(connection: sqlite3.Connection) -> dict[bytes, SessionRow]:
        found = {}
        for cookie in wanted:
            row = connection.execute(_SESSION + " = ?", (cookie,)).fetchone()
            if row is not None:
                found[cookie] = SessionRow(_account(row), row["began"], row["seen"])
        return found

    return index.read(query)


def touch_sessions(index: Index, used: Mapping[bytes, float]) -> None:
    """When sessions were last used, by the hash of their cookie."""
    values = [(at, cookie) for cookie, at in used.items()]
    index.write(
        lambda c: c.executemany("UPDATE web_session SET seen = max(seen, ?) WHERE cookie_sha256 = ?", values).rowcount
    )


def end_session(index: Index, cookie_sha256: bytes) -> None:
    """The session is over, if there was one."""
    index.write(lambda c: c.execute("DELETE FROM web_session WHERE cookie_sha256 = ?", (cookie_sha256,)).rowcount)


@dataclass(frozen=True, slots=True)
class TryRules:
    """How failures under a key hold up the next try: (key, failures, seconds since the latest) to seconds to wait, and
    to what still counts of them; none does after `forgotten_s`."""

    wait_s: Callable[[str, float, float], float]
    left: Callable[[str, float, float], float]
    forgotten_s: float


def count_try(index: Index, keys: Sequence[str], rules: TryRules, *, now: float) -> float:
    """Count one try under each key and answer 0; or not, where a key has to wait, and answer how long.

    Counted as failed before it is tried, in one transaction: tries side by side do not pass together.
    """

    def job(connection: sqlite3.Connection) -> float:
        connection.execute("DELETE FROM sign_in_failure WHERE latest < ?", (now - rules.forgotten_s,))
        wait, counted = 0.0, []
        for key in keys:
            row = connection.execute("SELECT failures, latest FROM sign_in_failure WHERE key = ?", (key,)).fetchone()
            failures, ago = (row["failures"], now - row["latest"]) if row is not None else (0, 0.0)
            wait = max(wait, rules.wait_s(key, failures, ago))
            counted.append((key, rules.left(key, failures, ago) + 1, now))
        if wait <= 0:
            connection.executemany("INSERT OR REPLACE INTO sign_in_failure VALUES (?, ?, ?)", counted)
        return wait

    return index.write(job)


def count_success(index: Index, *, own: str, shared: str, latest: float) -> None:
    """The try did not fail: forget all under `own`, and this one under `shared`, whose latest was by `latest`."""

    def job(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM sign_in_failure WHERE key = ?", (own,))
        connection.execute(
            "UPDATE sign_in_failure SET failures = max(0, failures - 1), latest = min(latest, ?) WHERE key = ?",
            (latest, shared),
        )

    index.write(job)
