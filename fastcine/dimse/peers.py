"""Known peers: who may associate from another machine, and where C-MOVE may send. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass

from fastcine.errors import UsageError

_PEER = re.compile(r"(?P<ae>[^@\\\x00-\x1f]{1,16})@(?P<host>\[[0-9A-Fa-f:.]+\]|[^@:\s]+):(?P<port>\d{1,5})")


@dataclass(frozen=True, slots=True)
class Peer:
    """An application entity on the network."""

    ae_title: str
    host: str
    port: int


def parse_peer(text: str) -> Peer:
    """`CATHLAB@10.0.0.5:104`. Raises UsageError."""
    found = _PEER.fullmatch(text.strip())
    if found is None or not 0 < int(found["port"]) < 65536 or not found["ae"].strip():
        raise UsageError(f"{text!r} is no peer: write AETITLE@host:port, such as CATHLAB@10.0.0.5:104")
    return Peer(found["ae"].strip(), found["host"].strip("[]"), int(found["port"]))


def is_loopback(address: str) -> bool:
    """Whether an address is this machine's own."""
    try:
        parsed = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return address == "localhost"
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback


class Peers:
    """The table of known peers. `addresses`: what each peer's host name resolves to (given by the caller)."""

    def __init__(self, peers: Sequence[Peer], addresses: dict[str, frozenset[str]] | None = None) -> None:
        self._by_title = {peer.ae_title: peer for peer in peers}
        self._addresses = addresses or {}

    def find(self, ae_title: str) -> Peer | None:
        """A peer by its AE title."""
        return self._by_title.get(ae_title.strip())

    def may_call(self, ae_title: str, address: str) -> bool:
        """Whether a caller is known: by AE title and address; on this machine anybody may call."""
        if is_loopback(address):
            return True
        peer = self.find(ae_title)
        return peer is not None and address in self._addresses.get(peer.host, frozenset({peer.host}))
