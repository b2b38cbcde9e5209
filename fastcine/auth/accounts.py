"""Our own accounts in the index, as an IdentityProvider."""

from __future__ import annotations

import logging
import math
import re
import threading
from collections.abc import Iterable

from fastcine.archive import account_rows
from fastcine.archive.account_rows import AccountRow, SessionRow
from fastcine.archive.index import Index
from fastcine.auth.passwords import (
    TOKEN_MARK,
    check_password,
    hash_password,
    new_secret,
    new_token,
    password_matches,
    secret_sha256,
)
from fastcine.auth.roles import Identity, Role
from fastcine.auth.rules import FORGOTTEN_S, LONGEST_WAIT_S, SessionRules, failures_left, keys_of_try, wait_s
from fastcine.errors import FastcineError, NotSignedIn, TooManyTries, UsageError

log = logging.getLogger(__name__)

TRY_RULES = account_rows.TryRules(wait_s, failures_left, FORGOTTEN_S)
_NAME = re.compile(r"[^\s\x00-\x1f\x7f/\\]{1,64}")


def identity_of(account: AccountRow, by_way_of: str) -> Identity:
    """Who an account is."""
    patients = frozenset(account.patient_ids) or None
    return Identity(name=account.name, role=Role(account.role), by_way_of=by_way_of, patient_ids=patients)


class Accounts:
    """Sign-in by name and password, sessions by cookie, machines by token."""

    def __init__(self, index: Index, rules: SessionRules) -> None:
        self._index, self._rules = index, rules
        # When sessions were last used: looking must not need to write. `still_valid` writes it down.
        self._used: dict[bytes, float] = {}
        self._guard = threading.Lock()

    def sign_in(self, name: str, password: str, address: str, now: float) -> tuple[str, Identity]:
        """A new session's cookie and whose it is. Raises NotSignedIn, TooManyTries. Takes 0.1 s."""
        own, shared = keys_of_try(name, address)
        wait = account_rows.count_try(self._index, (own, shared), TRY_RULES, now=now)
        if wait > 0:
            raise TooManyTries(f"too many tries: wait {math.ceil(wait)} s", retry_after_s=wait)
        account = account_rows.account_named(self._index, name)
        if not password_matches(account.password_hash if account else "", password) or account is None:
            raise NotSignedIn("that name and password do not go together")
        cookie = new_secret()
        oldest = now - self._rules.most_s
        account_rows.begin_session(self._index, account.name, secret_sha256(cookie), now=now, oldest=oldest)
        account_rows.count_success(self._index, own=own, shared=shared, latest=now - LONGEST_WAIT_S)
        return cookie, identity_of(account, "browser")

    def sign_out(self, cookie: str) -> None:
        """The session is over everywhere at once."""
        account_rows.end_session(self._index, secret_sha256(cookie))

    def of_cookie(self, cookie: str, now: float) -> Identity | None:
        """Whose session this is; None where it is none, or over. Reads only."""
        hashed = secret_sha256(cookie)
        found = account_rows.sessions(self._index, [hashed]).get(hashed)
        return identity_of(found.account, "browser") if self._lives(hashed, found, now) and found else None

    def _lives(self, hashed: bytes, found: SessionRow | None, now: float) -> bool:
        with self._guard:
            used = self._used.get(hashed, 0.0)
            lives = found is not None and self._rules.lives(found.began, max(found.seen, used), now)
            if lives:
                self._used[hashed] = max(now, used)
            elif found is None:
                self._used.pop(hashed, None)
        return lives

    def of_token(self, token: str, now: float) -> Identity | None:
        """Whose token this is; None where it is nobody's, or over."""
        if not token.startswith(TOKEN_MARK):
            return None
        account = account_rows.account_of_token(self._index, secret_sha256(token))
        if account is None or (account.token_expires and account.token_expires <= now):
            return None
        return identity_of(account, "token")

    def still_valid(self, secrets: Iterable[str], now: float) -> set[str]:
        """Those of these cookies and tokens that still count; the sessions among them are in use."""
        named = set(secrets)
        tokens = {secret for secret in named if secret.startswith(TOKEN_MARK)}
        hashes = {secret_sha256(secret): secret for secret in named - tokens}
        found = account_rows.sessions(self._index, hashes)
        valid = {secret for hashed, secret in hashes.items() if self._lives(hashed, found.get(hashed), now)}
        self._write_used()
        return valid | {token for token in tokens if self.of_token(token, now) is not None}

    def _write_used(self) -> None:
        """Other processes, and we after a restart, are to know when sessions were last used."""
        with self._guard:
            used, self._used = self._used, {}
        if not used:
            return
        try:
            account_rows.touch_sessions(self._index, used)
        except FastcineError as error:
            log.warning("the last use of sessions could not be written down: %s", error)
            with self._guard:
                self._used = {**used, **self._used}


def add(
    index: Index,
    name: str,
    role: Role,
    *,
    password: str | None,
    patient_ids: Iterable[str] = (),
    token_expires: float = 0.0,
) -> str:
    """A new account. With `password` None it is a machine's: its token, which is told this once, is returned.

    Raises UsageError for a name that cannot be one or is taken, and for a password that is too easy.
    """
    if not _NAME.fullmatch(name) or name.startswith(TOKEN_MARK):
        raise UsageError("a user's name is 1 to 64 characters without spaces, slashes and backslashes")
    patients = tuple(sorted(set(patient_ids)))
    if patients and role is not Role.READER:
        raise UsageError("only a reader can be kept to some patients")
    token = "" if password is not None else new_token()
    if password is not None:
        check_password(password, name)
    account_rows.add_account(
        index,
        AccountRow(
            name=name,
            role=role,
            patient_ids=patients,
            password_hash=hash_password(password) if password is not None else "",
            token_sha256=secret_sha256(token) if token else None,
            token_expires=token_expires if token else 0.0,
        ),
    )
    return token


def set_password(index: Index, name: str, password: str) -> None:
    """Another password; all sessions of the account end. Raises NotFound, UsageError."""
    check_password(password, name)
    account_rows.change_account(index, name, password_hash=hash_password(password))


def set_role(index: Index, name: str, role: Role) -> None:
    """Another role; all sessions of the account end. Raises NotFound, UsageError."""
    account = account_rows.account_named(index, name)
    if account is not None and account.patient_ids and role is not Role.READER:
        raise UsageError("only a reader can be kept to some patients")
    account_rows.change_account(index, name, role=role)


def set_token(index: Index, name: str, *, expires: float = 0.0) -> str:
    """Another token, which is told this once; the one before counts no more. Raises NotFound."""
    token = new_token()
    account_rows.change_account(index, name, token_sha256=secret_sha256(token), token_expires=expires)
    return token
