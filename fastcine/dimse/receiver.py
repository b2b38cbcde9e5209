"""The DICOM receiver: verification, storage, query and retrieve on one listening socket."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from dataclasses import dataclass
from typing import Any

from pynetdicom import _config, evt

from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.dimse import spool
from fastcine.dimse.association import Server, admit, let_go, make_entity
from fastcine.dimse.auditing import Auditor
from fastcine.dimse.finding import find_handler
from fastcine.dimse.peers import Peer, Peers
from fastcine.dimse.quick_store import QuickStore
from fastcine.dimse.retrieving import Calling, Retriever
from fastcine.dimse.secure import certificates_of
from fastcine.dimse.storing import Announcer, Storer
from fastcine.errors import UsageError

SUCCESS = 0x0000


def resolved(peers: tuple[Peer, ...]) -> Peers:
    """The peers with the addresses that their host names have now (an unknown name has none) and their certificates."""
    addresses: dict[str, frozenset[str]] = {}
    for peer in peers:
        try:
            found = socket.getaddrinfo(peer.host, peer.port, type=socket.SOCK_STREAM)
        except OSError:
            logging.getLogger(__name__).warning("the host name of peer %s is not known", peer.ae_title)
            found = []
        addresses[peer.host] = frozenset({peer.host, *(str(each[4][0]) for each in found)})
    return Peers(peers, addresses, {peer.ae_title: certificates_of(peer) for peer in peers})


@dataclass(frozen=True, slots=True)
class Secure:
    """TLS: a listening socket for callers that speak it (None: there is none), and what we speak it with.

    `calling` makes what a peer is called with; None for one that is called in the clear.
    """

    listening: socket.socket | None
    accepting: ssl.SSLContext
    calling: Calling


def in_the_clear(peer: Peer) -> ssl.SSLContext | None:
    """What a peer is called with where there is no TLS. Raises UsageError for one that has to show its certificate."""
    if peer.certificate:
        raise UsageError(f"{peer.ae_title} is called by TLS only, and there is no certificate of ours")
    return None


class Receiver:
    """Serves until `stop`. Blocking: `run` belongs to the main thread of a process of its own."""

    def __init__(
        self,
        folder: DataFolder,
        index: Index,
        listening: socket.socket | None,
        *,
        ae_title: str,
        peers: tuple[Peer, ...],
        site_timezone: str,
        most_associations: int,
        secure: Secure | None = None,
    ) -> None:
        # What it says of itself holds identifiers, and every event costs a thread switch.
        logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)
        _config.LOG_HANDLER_LEVEL = "none"
        _config.LOG_REQUEST_IDENTIFIERS = _config.LOG_RESPONSE_IDENTIFIERS = False
        spool.install(folder)
        self._announcer = Announcer(folder)
        self._auditor = Auditor(index)
        known = resolved(peers)
        entity = make_entity(ae_title, most_associations=most_associations)
        entity.add_supported_context("1.2.840.10008.1.1")
        calling = in_the_clear if secure is None else secure.calling
        retriever = Retriever(folder, index, entity, known, self._auditor, calling)
        storer = Storer(folder, index, self._announcer, self._auditor, site_timezone=site_timezone)
        handlers: list[Any] = [
            (evt.EVT_REQUESTED, lambda event: admit(event, known, ae_title)),
            (evt.EVT_CONN_CLOSE, let_go),
            (evt.EVT_CONN_CLOSE, lambda event: self._auditor.ended(event.assoc)),
            (evt.EVT_C_ECHO, lambda event: SUCCESS),
            (evt.EVT_C_STORE, storer.handle),
            (evt.EVT_C_FIND, find_handler(index, ae_title, self._auditor)),
        ]
        doors: list[tuple[socket.socket, ssl.SSLContext | None]] = [(listening, None)] if listening is not None else []
        if secure is not None and secure.listening is not None:
            doors.append((secure.listening, secure.accepting))
        self._servers = [
            Server(
                entity,
                door,
                handlers,
                retrieve=retriever,
                begin_storing=lambda association, line: QuickStore(association, line, folder, storer.quick),
                tls=tls,
            )
            for door, tls in doors
        ]
        entity._servers.extend(self._servers)
        self._entity = entity

    def run(self) -> None:
        """Accept associations until `stop`."""
        *others, last = [
            threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True) for server in self._servers
        ]
        for thread in others:
            thread.start()
        last.run()
        for thread in others:
            thread.join()

    def stop(self) -> None:
        """Accept no more, from any thread."""
        for server in self._servers:
            threading.Thread(target=server.shutdown, daemon=True).start()

    def close(self) -> None:
        """End what is open, and tell the last news."""
        for association in self._entity.active_associations:
            association.abort()
        self._announcer.close()
        self._auditor.close()
