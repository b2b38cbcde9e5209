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


def trust(context: ssl.SSLContext, peers: Iterable[Peer]) -> None:
    """Have the other side show a certificate that one of these peers' files holds. Raises UsageError."""
    context.verify_mode = ssl.CERT_REQUIRED
    # A certificate that somebody signed ends the chain by itself: it is the one we know.
    context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    for peer in peers:
        for certificate in certificates_of(peer):
            try:
                context.load_verify_locations(cadata=certificate)
            except ssl.SSLError as error:
                raise UsageError(f"the certificate of {peer.ae_title} cannot be used: {error.reason}") from None


def shown_certificate(line: object) -> bytes | None:
    """The certificate that the other side has shown, DER; None in the clear."""
    return line.getpeercert(binary_form=True) if isinstance(line, ssl.SSLSocket) else None
