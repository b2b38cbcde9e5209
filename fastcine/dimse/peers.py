"""Known peers: who may associate from another machine, and where C-MOVE may send. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass

from fastcine.errors import UsageError

_PEER = re.compile(
    r"(?P<ae>[^@\\\x00-\x1f]{1,16})@(?P<host>\[[0-9A-Fa-f:.]+\]|[^@:\s]+):(?P<port>\d{1,5})(?:;tls=(?P<tls>.+))?"
)


@dataclass(frozen=True, slots=True)
class Peer:
    """An application entity on the network. `certificate`: the PEM file with its own one; empty: it speaks no TLS."""

    ae_title: str
    host: str
    port: int
    certificate: str = ""


def parse_peer(text: str) -> Peer:
    """`CATHLAB@10.0.0.5:104`, or `CATHLAB@10.0.0.5:2762;tls=cathlab.pem`. Raises UsageError."""
    found = _PEER.fullmatch(text.strip())
    if found is None or not 0 < int(found["port"]) < 65536 or not found["ae"].strip():
        raise UsageError(
            f"{text!r} is no peer: write AETITLE@host:port, such as CATHLAB@10.0.0.5:104 or, with TLS, "
            "CATHLAB@10.0.0.5:2762;tls=cathlab.pem"
        )
    return Peer(found["ae"].strip(), found["host"].strip("[]"), int(found["port"]), found["tls"] or "")


def is_loopback(address: str) -> bool:
    """Whether an address is this machine's own."""
    try:
        parsed = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return address == "localhost"
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback


class Peers:
    """The table of known peers. Given by the caller: what each peer's host name resolves to, and the certificates (DER)
    of those that speak TLS, by AE title."""

    def __init__(
        self,
        peers: Sequence[Peer],
        addresses: dict[str, frozenset[str]] | None = None,
        certificates: dict[str, frozenset[bytes]] | None = None,
    ) -> None:
        self._by_title = {peer.ae_title: peer for peer in peers}
        self._addresses, self._certificates = addresses or {}, certificates or {}

    def find(self, ae_title: str) -> Peer | None:
        """A peer by its AE title."""
        return self._by_title.get(ae_title.strip())

    def may_call(self, ae_title: str, address: str, shown: bytes | None = None) -> bool:
        """Whether a caller is known: by AE title, address and, with TLS, the certificate that it has `shown`.

        On this machine anybody may call in the clear.
        """
        peer = self.find(ae_title)
        if shown is not None:
            known = peer is not None and shown in self._certificates.get(peer.ae_title, frozenset())
            return known and (is_loopback(address) or self._is_at(peer, address))
        return is_loopback(address) or (peer is not None and not peer.certificate and self._is_at(peer, address))

    def _is_at(self, peer: Peer | None, address: str) -> bool:
        return peer is not None and address in self._addresses.get(peer.host, frozenset({peer.host}))

    def is_itself(self, peer: Peer, shown: bytes | None) -> bool:
        """Whether whom we called is the peer: it has shown its certificate, or has none to show."""
        return not peer.certificate or shown in self._certificates.get(peer.ae_title, frozenset())
