"""TLS of the DICOM network (PS3.15 B.12, after BCP 195): both sides show a certificate, and each peer's is known.

A peer's certificate is pinned: what counts is that it is the one in the peer's file, whoever signed it.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterable
from pathlib import Path

from fastcine.dimse.peers import Peer
from fastcine.errors import UsageError

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
_PEM = re.compile("-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def certificates_of(peer: Peer) -> frozenset[bytes]:
    """The certificates in a peer's file, DER; none where it speaks in the clear. Raises UsageError."""
    if not peer.certificate:
        return frozenset()
    try:
        text = Path(peer.certificate).read_text("ascii")
        found = frozenset(ssl.PEM_cert_to_DER_cert(each) for each in _PEM.findall(text))
    except OSError as error:
        raise UsageError(
            f"cannot read the certificate of {peer.ae_title}, {peer.certificate}: {error.strerror}"
        ) from None
    except ValueError:
        found = frozenset()
    if not found:
        raise UsageError(f"there is no PEM certificate of {peer.ae_title} in {peer.certificate}")
    return found


def _trust(context: ssl.SSLContext, peers: Iterable[Peer]) -> None:
    context.verify_mode = ssl.CERT_REQUIRED
    # A certificate that somebody signed ends the chain by itself: it is the one we know.
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    for peer in peers:
        for certificate in certificates_of(peer):
            try:
                context.load_verify_locations(cadata=certificate)
            except ssl.SSLError as error:
                raise UsageError(f"the certificate of {peer.ae_title} cannot be used: {error.reason}") from None


def ask_for_certificates(context: ssl.SSLContext, peers: Iterable[Peer]) -> None:
    """Have callers show one that a peer's file holds. Raises UsageError."""
    _trust(context, peers)


def calling_context(peer: Peer, certificate: str, key: str) -> ssl.SSLContext:
    """What a peer is called with; ours are PEM files. Raises UsageError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.check_hostname = False  # its certificate is known, by whatever name it goes
    _trust(context, [peer])
    context.load_cert_chain(certificate, key)
    return context


def shown_certificate(line: object) -> bytes | None:
    """The certificate that the other side has shown, DER; None in the clear."""
    return line.getpeercert(binary_form=True) if isinstance(line, ssl.SSLSocket) else None
