"""C-STORE as a user (PS3.4 annex B): stored objects to a peer, byte for byte where it takes their transfer syntax.

Where it does not, lossless pixels go uncompressed or in a lossless coding that it takes (codec/transcode.py); what is
lossy and not accepted is not sent.
"""

from __future__ import annotations

import io
import logging
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.presentation import PresentationContext, build_context

from fastcine.archive.folder import DataFolder
from fastcine.archive.frame_bytes import transcoded_chunks
from fastcine.archive.record import InstanceRow
from fastcine.codec.encode import DEPTHS
from fastcine.codec.transcode import NATIVE, TARGETS, is_kept
from fastcine.dicom.parse import DEFLATED
from fastcine.dimse.peers import Peer
from fastcine.errors import FastcineError, PeerError, Unsupported

log = logging.getLogger(__name__)

MOST_CONTEXTS = 128
"""Context IDs are the odd numbers below 256."""
ATTEMPTS = 3
RETRY_S = 0.5
"""Before the second attempt; twice as long before each further one."""


def contexts_for(rows: Iterable[InstanceRow]) -> list[PresentationContext]:
    """One for each class and transfer syntax among the objects; for what can be written instead one for each class of
    the plain ones, and where there is room one for each coding: whoever accepts a context takes one of its syntaxes."""
    pairs = dict.fromkeys((row.sop_class_uid, row.transfer_syntax_uid) for row in rows)
    found = [build_context(sop_class, [syntax]) for sop_class, syntax in pairs]
    kept = dict.fromkeys(sop_class for sop_class, syntax in pairs if is_kept(syntax))
    found += [build_context(sop_class, list(NATIVE)) for sop_class in kept]
    found += [build_context(sop_class, [syntax]) for sop_class in kept for syntax in DEPTHS]
    return found[:MOST_CONTEXTS]


def associate(
    entity: Any, peer: Peer, rows: Sequence[InstanceRow], *, tls: ssl.SSLContext | None = None
) -> Association:
    """An association for these objects, tried a few times. Raises PeerError where the peer does not take part."""
    pause = RETRY_S
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(pause)
            pause *= 2
        association: Association = entity.associate(
            peer.host,
            peer.port,
            contexts_for(rows),
            ae_title=peer.ae_title,
            max_pdu=entity.maximum_pdu_size,
            tls_args=None if tls is None else (tls, peer.host),
        )
        if association.is_established:
            association._reactor_checkpoint = _Checkpoint()
            line = association.dul.socket
            with suppress(OSError, AttributeError):
                line.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # type: ignore[union-attr]
            return association
        if association.is_rejected:
            raise PeerError(f"{peer.ae_title} rejects the association")
    raise PeerError(f"{peer.ae_title} does not answer at its address")


def _contexts(association: Association, sop_class_uid: str, syntaxes: Sequence[str]) -> Iterator[PresentationContext]:
    for syntax in syntaxes:
        for context in association._accepted_cx.values():
            if context.abstract_syntax == sop_class_uid and context.as_scu and context.transfer_syntax[0] == syntax:
                yield context


def send(
    association: Association,
    folder: DataFolder,
    row: InstanceRow,
    *,
    message_id: int,
    originator: tuple[str, int] | None = None,
) -> int:
    """Send one object; the status of the answer. `originator`: who asked for the move, and its message's ID.

    Raises PeerError where no context fits or the peer is gone, FastcineError where the object cannot be read.
    """
    request = C_STORE()
    request.MessageID = message_id
    request.AffectedSOPClassUID = row.sop_class_uid
    request.AffectedSOPInstanceUID = row.sop_instance_uid
    request.Priority = 2
    if originator is not None:
        request.MoveOriginatorApplicationEntityTitle, request.MoveOriginatorMessageID = originator
    context = next(_contexts(association, row.sop_class_uid, [row.transfer_syntax_uid]), None)
    if context is not None:
        path = folder.resolve(row.stored_as.location)
        if not path.is_file():
            raise PeerError("the object's file is missing")
        offset = row.stored_as.data_set_offset
        if row.transfer_syntax_uid == DEFLATED and (path.stat().st_size - offset) % 2:
            # PS3.5 A.5: a deflated stream is padded to even. Files come without, and dcmtk waits for the rest forever.
            request.DataSet = io.BytesIO(path.read_bytes()[offset:] + b"\0")
        else:
            request._dataset_path = (path, offset)
    else:
        context, data_set = _transcoded(association, folder, row)
        request.DataSet = io.BytesIO(data_set)
    return _exchange(association, request, context)


def _transcoded(association: Association, folder: DataFolder, row: InstanceRow) -> tuple[PresentationContext, bytes]:
    """The data set in the first transfer syntax that the peer takes and that holds it."""
    reason = "the peer takes neither the object's transfer syntax nor one that we write"
    for context in _contexts(association, row.sop_class_uid, TARGETS):
        try:
            return context, b"".join(transcoded_chunks(folder, row, context.transfer_syntax[0]))
        except Unsupported as error:
            reason = str(error)
    raise PeerError(reason)


class _Checkpoint(threading.Event):
    """Where an association's own thread waits while another speaks over it.

    pynetdicom's flag for that can be a moment old, and then the two take each other's answers: `blocked` never is.
    """

    def __init__(self) -> None:
        super().__init__()
        self._guard = threading.Lock()
        self.blocked = False
        super().set()

    def wait(self, timeout: float | None = None) -> bool:
        with self._guard:
            if self.is_set():
                return True
            self.blocked = True
        return super().wait(timeout)

    def set(self) -> None:
        with self._guard:
            self.blocked = False
            super().set()


@contextmanager
def _alone(association: Association) -> Iterator[None]:
    """Nobody else takes messages off the association's queue inside the block."""
    checkpoint = association._reactor_checkpoint
    if threading.current_thread() is association:  # C-GET: it is that thread which serves
        yield
        return
    assert isinstance(checkpoint, _Checkpoint)
    checkpoint.clear()
    try:
        while not checkpoint.blocked and association.is_alive():
            time.sleep(0.0001)
        yield
    finally:
        checkpoint.set()


def _exchange(association: Association, request: C_STORE, context: PresentationContext) -> int:
    """As Association.send_c_store does it, but for objects whose file need not be Part 10."""
    with _alone(association):
        if not association.is_established:
            raise PeerError("the peer has ended the association")
        assert context.context_id is not None
        association.dimse.send_msg(request, context.context_id)
        _, answered = association.dimse.get_msg(block=True)
    if not isinstance(answered, C_STORE) or answered.Status is None:
        raise PeerError("the peer does not answer a C-STORE")
    return int(answered.Status)


def outcome_of(
    association: Association,
    folder: DataFolder,
    row: InstanceRow,
    *,
    message_id: int,
    originator: tuple[str, int] | None,
) -> str:
    """`completed`, `warning` or `failed`, as a retrieve counts it (PS3.4 C.4.2.1.6 to C.4.2.1.8)."""
    try:
        status = send(association, folder, row, message_id=message_id, originator=originator)
    except (PeerError, Unsupported) as error:
        log.warning("%s was not sent: %s", row.sop_instance_uid, error)
        return "failed"
    except (FastcineError, OSError) as error:
        log.error("%s cannot be sent: %s", row.sop_instance_uid, error)
        return "failed"
    if status == 0:
        return "completed"
    log.warning("%s was answered with status %04X", row.sop_instance_uid, status)
    return "warning" if status & 0xF000 == 0xB000 or status in (0x0001, 0x0107, 0x0116) else "failed"
