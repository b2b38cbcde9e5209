"""The seam where identities come from: our own accounts today, an identity provider (OpenID Connect, LDAP) later."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from fastcine.auth.roles import Identity


class IdentityProvider(Protocol):
    """What the server asks. All calls block and may be made from any thread; `now` is seconds since 1970."""

    def sign_in(self, name: str, password: str, address: str, now: float) -> tuple[str, Identity]:
        """A new session's cookie and whose it is. Raises NotSignedIn, TooManyTries."""

    def sign_out(self, cookie: str) -> None:
        """The session is over everywhere at once."""

    def of_cookie(self, cookie: str, now: float) -> Identity | None:
        """Whose session this is; None where it is none, or over."""

    def of_token(self, token: str, now: float) -> Identity | None:
        """Whose token this is; None where it is nobody's, or over."""

    def still_valid(self, secrets: Iterable[str], now: float) -> set[str]:
        """Those of these cookies and tokens that still count; the sessions among them are in use."""
