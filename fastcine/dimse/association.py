"""Associations that others open: the callers that are let in, what they may speak, and quick sockets.

pynetdicom's state machine as it is; ours are the listening socket (handed down by the supervisor, so that it outlives
a receiver), reading PDUs in one go, and who serves a request.
"""

from __future__ import annotations

import logging
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from pynetdicom import ae as pynetdicom_ae
from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_GET, C_MOVE, C_STORE
from pynetdicom.pdu_primitives import A_ASSOCIATE
from pynetdicom.service_class import StorageServiceClass
from pynetdicom.transport import RequestHandler, ThreadedAssociationServer

from fastcine.dicom.part10 import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from fastcine.dimse import negotiation
from fastcine.dimse.peers import Peers
from fastcine.dimse.quick_store import QuickStore
from fastcine.dimse.reactor import QuickSocket, WokenAssociation
from fastcine.dimse.secure import shown_certificate
from fastcine.dimse.spool import Spool

log = logging.getLogger(__name__)

MAX_PDU_BYTES = 131_072
"""Received PDUs at most; twice as quick as the usual 16 kB."""
SOCKET_TIMEOUT_S = 60.0
"""A PDU that has begun must go on within this time."""
NETWORK_TIMEOUT_S = 120.0
"""An association on which nothing happens is ended."""
ACSE_TIMEOUT_S = 5.0
"""A connection must ask for an association within this time, and close within it after an abort."""
YIELD_S, MOST_YIELDS = 0.002, 10
"""How long a receiver waits for each caller it has before it takes another one, and for how many at most."""
REJECTED_PERMANENTLY, BY_USER, CALLING_UNKNOWN, CALLED_UNKNOWN = 0x01, 0x01, 0x03, 0x07
"""PS3.8 9.3.4."""

Retrieve = Callable[["ServedAssociation", C_GET | C_MOVE, Any], None]
BeginStoring = Callable[[Association, QuickSocket], QuickStore]


class ServedAssociation(WokenAssociation):
    """An association that somebody opened to us."""

    retrieve: Retrieve | None = None
    quick_store: QuickStore | None = None

    def run(self) -> None:
        """The association's thread. However it ends, its connection does too."""
        try:
            super().run()
        except Exception as error:
            # What came was no association request, and pynetdicom took it for one.
            log.warning("a DICOM connection was cut off: %s", type(error).__name__)
        finally:
            self.dul.kill_dul()
            line = self.dul.socket
            if line is not None:
                line.close()
            if isinstance(line, QuickSocket):
                line.close_waking()

    def _serve_request(self, msg: Any, context_id: int) -> None:
        """Storage of any class, and retrieving, are served by us; the rest by pynetdicom."""
        context = self._accepted_cx.get(context_id)
        if context is None or not isinstance(msg, C_STORE | C_GET | C_MOVE) or not msg.is_valid_request:
            super()._serve_request(msg, context_id)
            return
        self.dimse.cancel_req = {}
        self._is_paused = True
        try:
            if isinstance(msg, C_STORE):
                StorageServiceClass(self).SCP(msg, context)
            elif self.retrieve is not None:
                self.retrieve(self, msg, context)
        finally:
            self._is_paused = False
            self.dimse.cancel_req = {}


class _Handler(RequestHandler):
    """One connection, in a thread of its own."""

    def handle(self) -> None:
        """With TLS, a caller that does not go through with its handshake is gone before it is an association."""
        secure = getattr(self.server, "tls", None)
        if secure is not None:
            try:
                self.request.settimeout(ACSE_TIMEOUT_S)
                self.request = secure.wrap_socket(self.request, server_side=True)
            except OSError as error:  # ssl.SSLError is one
                reason = getattr(error, "reason", None) or type(error).__name__
                log.warning("a TLS connection from %s was refused: %s", self.client_address[0], reason)
                self.request.close()
                return
        super().handle()

    def _create_association(self) -> Association:
        association = super()._create_association()
        # Both classes add behaviour only.
        association.__class__ = ServedAssociation
        assert isinstance(association, ServedAssociation)
        association.retrieve = getattr(self.server, "retrieve", None)
        association.dul.artim_timer.timeout = ACSE_TIMEOUT_S
        line = association.dul.socket
        assert line is not None and line.socket is not None
        line.__class__ = QuickSocket
        association.make_waking()
        begin = getattr(self.server, "begin_storing", None)
        association.quick_store = begin(association, line) if begin is not None else None
        line.socket.settimeout(SOCKET_TIMEOUT_S)
        # Answers are small: with Nagle's algorithm each waits 40 ms for the acknowledgement of the one before.
        line.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return association


class Server(ThreadedAssociationServer):
    """Accepts at a socket that listens already."""

    listening: socket.socket
    tls: ssl.SSLContext | None = None
    retrieve: Retrieve | None = None
    begin_storing: BeginStoring | None = None

    def __init__(
        self,
        entity: Any,
        listening: socket.socket,
        handlers: list[Any],
        *,
        retrieve: Retrieve | None = None,
        begin_storing: BeginStoring | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.listening, self.tls = listening, tls
        self.retrieve, self.begin_storing = retrieve, begin_storing
        super().__init__(
            entity,
            listening.getsockname()[:2],
            entity.ae_title,
            [],
            evt_handlers=handlers,
            request_handler=_Handler,
        )

    def server_bind(self) -> None:
        """Nothing to bind: the supervisor has."""
        if self.socket is not None:
            self.socket.close()
        # Several receivers wait at it: who comes too late for a connection must not wait for the next one.
        self.socket = self.listening
        self.socket.setblocking(False)
        self.server_address = self.socket.getsockname()

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        """Several receivers wait at the socket: one that has callers already lets the others go first."""
        time.sleep(min(len(self.ae.active_associations), MOST_YIELDS) * YIELD_S)
        return super().get_request()

    def server_activate(self) -> None:
        """It listens already."""


def make_entity(ae_title: str, *, most_associations: int) -> pynetdicom_ae.ApplicationEntity:
    """An application entity of ours, to serve or to send."""
    entity = pynetdicom_ae.ApplicationEntity(ae_title)
    entity.maximum_pdu_size = MAX_PDU_BYTES
    entity.maximum_associations = most_associations
    entity.network_timeout = NETWORK_TIMEOUT_S
    entity.acse_timeout = ACSE_TIMEOUT_S
    entity.implementation_class_uid = IMPLEMENTATION_CLASS_UID
    entity.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    return entity


def admit(event: evt.Event, peers: Peers, own_title: str) -> None:
    """An association is asked for: refuse callers that are not known, else say what is spoken here."""
    association = event.assoc
    proposal = association.requestor.primitive
    if not isinstance(proposal, A_ASSOCIATE):  # an abort, for what came was no PDU
        association.is_aborted = True
        return
    caller, address = proposal.calling_ae_title.strip(), association.requestor.address or ""
    line = association.dul.socket
    shown = shown_certificate(line.socket if line is not None else None)
    if not peers.may_call(caller, address, shown):
        what = "or address" if shown is None else "address or certificate"
        log.warning("refused an association from %s: an unknown calling AE title %s", address, what)
        _reject(association, CALLING_UNKNOWN)
        return
    called = proposal.called_ae_title.strip()
    if called not in (own_title, "ANY-SCP"):
        log.warning("refused an association from %s: it calls another AE title than %s", address, own_title)
        _reject(association, CALLED_UNKNOWN)
        return
    association.acceptor.supported_contexts = negotiation.accepted(association.requestor.requested_contexts)


def _reject(association: Association, reason: int) -> None:
    association.acse.send_reject(REJECTED_PERMANENTLY, BY_USER, reason)
    association.kill()


def let_go(event: evt.Event) -> None:
    """A connection has ended: what was half received on it goes with it."""
    quick = getattr(event.assoc, "quick_store", None)
    if quick is not None:
        quick.let_go()
    message = event.assoc.dimse.message
    half = getattr(message, "_data_set_file", None)
    if isinstance(half, Spool):
        with suppress(OSError):
            half.close()
