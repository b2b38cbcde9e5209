"""TLS, after BCP 195 (RFC 9325): 1.2 and newer, ephemeral keys; a new certificate is taken up by itself."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from collections.abc import Callable

from fastcine.errors import UsageError

log = logging.getLogger(__name__)

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""Of TLS 1.2; those of 1.3 are all good."""
RENEW_S = 5.0


def server_context(certificate: str, key: str) -> ssl.SSLContext:
    """What a server speaks TLS with; both are PEM files. Raises UsageError that says what is wrong with them."""
    context = _context(ssl.PROTOCOL_TLS_SERVER, certificate, key)
    context.set_alpn_protocols(["http/1.1"])
    return context


def calling_context(certificate: str, key: str) -> ssl.SSLContext:
    """What we call somebody with who is known by the certificate, by whatever name it goes. Raises UsageError."""
    context = _context(ssl.PROTOCOL_TLS_CLIENT, certificate, key)
    context.check_hostname = False
    return context


def _context(protocol: int, certificate: str, key: str) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    _load(context, certificate, key)
    return context


def _load(context: ssl.SSLContext, certificate: str, key: str) -> None:
    for path in (certificate, key):
        try:
            with open(path, "rb"):
                pass
        except OSError as error:
            raise UsageError(f"cannot read {path}: {error.strerror}") from None
    try:
        # A password would be asked for at a terminal that nobody sits at.
        context.load_cert_chain(certificate, key, password="")
    except (ssl.SSLError, ValueError) as error:
        reason = getattr(error, "reason", None) or "no PEM, or a key with a password"
        raise UsageError(f"{certificate} and {key} are no certificate with its key: {reason}") from None


class Certificate:
    """A certificate in use, read again when its files have changed. `prepare` sets up each context it is used with."""

    def __init__(self, certificate: str, key: str, prepare: Callable[[ssl.SSLContext], None] | None = None) -> None:
        self._paths, self._prepare = (certificate, key), prepare
        self._read_as = self._stamp()
        self.context = self._newest = self._make()
        # What a server listens with stays; each connection is given the newest, also one that names no server.
        self.context.sni_callback = self._switch

    def _make(self) -> ssl.SSLContext:
        context = server_context(*self._paths)
        if self._prepare is not None:
            self._prepare(context)
        return context

    def _switch(self, connection: ssl.SSLSocket | ssl.SSLObject, name: str, context: ssl.SSLContext) -> None:
        if self._newest is not context:
            connection.context = self._newest

    def _stamp(self) -> tuple[tuple[int, int, int], ...]:
        found = (os.stat(path) for path in self._paths)
        return tuple((status.st_mtime_ns, status.st_size, status.st_ino) for status in found)

    def renew(self) -> bool:
        """Take the files up if they have changed and go together: connections from now on get them. Blocking.

        Raises UsageError or OSError while they do not; the certificate before stays in use.
        """
        stamp = self._stamp()
        if stamp == self._read_as:
            return False
        # A context of its own: loaded into the old one, a key of another kind would only stand beside the old key.
        self._newest = self._make()
        self._read_as = stamp
        return True


async def renew(certificate: Certificate) -> None:
    """Look at the files again and again; runs until it is cancelled."""
    loop = asyncio.get_running_loop()
    complained = False
    while True:
        await asyncio.sleep(RENEW_S)
        try:
            if await loop.run_in_executor(None, certificate.renew):
                log.warning("the certificate was renewed")
            complained = False
        except (UsageError, OSError) as error:
            if not complained:
                log.error("the certificate is not renewed: %s", error)
            complained = True
