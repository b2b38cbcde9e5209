"""Passwords by argon2id (RFC 9106), tokens by chance. Pure, but slow on purpose: about 0.1 s and 64 MB a password."""

from __future__ import annotations

import hashlib
import secrets
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from fastcine.errors import UsageError

SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 1000
"""Longer ones are refused before they are hashed."""
TOKEN_MARK = "fct_"
"""Tokens begin so, that people and leak scanners know them."""

_hasher = PasswordHasher()


def check_password(password: str, name: str) -> None:
    """Raises UsageError for one that is too easy to guess (NIST SP 800-63B: length, and not the name)."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise UsageError(f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
    if (
        password.casefold().strip("0123456789!.") in (name.casefold(), "password", "fastcine", "")
        or len(set(password)) < 4
    ):
        raise UsageError("that password is too easy to guess")


def hash_password(password: str) -> str:
    """The text to keep."""
    return _hasher.hash(password)


@cache
def _nobodys_hash() -> str:
    return _hasher.hash(secrets.token_urlsafe(16))


def password_matches(password_hash: str, password: str) -> bool:
    """Whether it is the one that was hashed. An empty hash (nobody's) takes as long, and is False."""
    try:
        return _hasher.verify(password_hash or _nobodys_hash(), password[:LONGEST_PASSWORD]) and bool(password_hash)
    except (VerificationError, InvalidHashError):
        return False


def new_secret() -> str:
    """A session's cookie value: 256 bits of chance."""
    return secrets.token_urlsafe(32)


def new_token() -> str:
    """A machine's token."""
    return TOKEN_MARK + secrets.token_urlsafe(32)


def secret_sha256(secret: str) -> bytes:
    """What is kept of a cookie or token: whoever reads the index cannot use it. Chance needs no salt."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
