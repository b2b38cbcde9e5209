"""The DICOM receiver: verification, storage, query and retrieve on one listening socket."""

from __future__ import annotations

import logging
import socket
import threading
from typing import Any

from pynetdicom import _config, evt

from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.dimse import spool
from fastcine.dimse.association import Server, admit, let_go, make_entity
from fastcine.dimse.finding import find_handler
from fastcine.dimse.peers import Peer, Peers
from fastcine.dimse.quick_store import QuickStore
from fastcine.dimse.retrieving import Retriever
from fastcine.dimse.storing import Announcer, Storer

SUCCESS = 0x0000


def resolved(peers: tuple[Peer, ...]) -> Peers:
    """The peers with the addresses that their host names have now; an unknown name has none."""
    addresses: dict[str, frozenset[str]] = {}
    for peer in peers:
        try:
            found = socket.getaddrinfo(peer.host, peer.port, type=socket.SOCK_STREAM)
        except OSError:
            logging.getLogger(__name__).warning("the host name of peer %s is not known", peer.ae_title)
            found = []
        addresses[peer.host] = frozenset({peer.host, *(str(each[4][0]) for each in found)})
    return Peers(peers, addresses)


class Receiver:
    """Serves until `stop`. Blocking: `run` belongs to the main thread of a process of its own."""

    def __init__(
        self,
        folder: DataFolder,
        index: Index,
        listening: socket.socket,
        *,
        ae_title: str,
        peers: tuple[Peer, ...],
        site_timezone: str,
        most_associations: int,
    ) -> None:
        # What it says of itself holds identifiers, and every event costs a thread switch.
        logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)
        _config.LOG_HANDLER_LEVEL = "none"
        _config.LOG_REQUEST_IDENTIFIERS = _config.LOG_RESPONSE_IDENTIFIERS = False
        spool.install(folder)
        self._announcer = Announcer(folder)
        known = resolved(peers)
        entity = make_entity(ae_title, most_associations=most_associations)
        entity.add_supported_context("1.2.840.10008.1.1")
        retriever = Retriever(folder, index, entity, lambda: known)
        storer = Storer(folder, index, self._announcer, site_timezone=site_timezone)
        handlers: list[Any] = [
            (evt.EVT_REQUESTED, lambda event: admit(event, known, ae_title)),
            (evt.EVT_CONN_CLOSE, let_go),
            (evt.EVT_C_ECHO, lambda event: SUCCESS),
            (evt.EVT_C_STORE, storer.handle),
            (evt.EVT_C_FIND, find_handler(index, ae_title)),
        ]
        self._server = Server(
            entity,
            listening,
            handlers,
            retrieve=retriever,
            begin_storing=lambda association, line: QuickStore(association, line, folder, storer.quick),
        )
        entity._servers.append(self._server)
        self._entity = entity

    def run(self) -> None:
        """Accept associations until `stop`."""
        self._server.serve_forever(poll_interval=0.1)

    def stop(self) -> None:
        """Accept no more, from any thread."""
        threading.Thread(target=self._server.shutdown, daemon=True).start()

    def close(self) -> None:
        """End what is open, and tell the last news."""
        for association in self._entity.active_associations:
            association.abort()
        self._announcer.close()
