"""C-GET and C-MOVE as a provider (PS3.4 C.4.2, C.4.3): objects go out as they lie on disk, one after another.

The loop is ours, not pynetdicom's, which would read every object into memory and write it anew.
"""

from __future__ import annotations

import io
import logging
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pydicom import Dataset
from pynetdicom.association import Association
from pynetdicom.dimse_primitives import C_GET, C_MOVE
from pynetdicom.dsutils import decode, encode

from fastcine.archive.audit_log import AuditEvent
from fastcine.archive.catalog import instances
from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.archive.record import InstanceRow
from fastcine.dimse.association import ServedAssociation
from fastcine.dimse.auditing import Auditor
from fastcine.dimse.finding import UNIQUE_KEYS, keys_of, level_of
from fastcine.dimse.peers import Peer, Peers
from fastcine.dimse.secure import shown_certificate
from fastcine.dimse.sending import associate, outcome_of
from fastcine.errors import FastcineError, PeerError, UsageError

log = logging.getLogger(__name__)

SUCCESS, SOME_FAILED, CANCELLED, PENDING = 0x0000, 0xB000, 0xFE00, 0xFF00
OUT_OF_RESOURCES_SUBOPERATIONS = 0xA702
DESTINATION_UNKNOWN = 0xA801
DOES_NOT_MATCH = 0xA900
UNABLE_TO_PROCESS = 0xC000
MOST_OBJECTS = 65_535
"""The counts of sub-operations have 16 bits."""
Calling = Callable[[Peer], ssl.SSLContext | None]


@dataclass(slots=True)
class _Counts:
    """Sub-operations of one retrieve."""

    remaining: int
    failed_uids: list[str] = field(default_factory=list)
    warning: int = 0
    completed: int = 0

    def count(self, row: InstanceRow, outcome: str) -> None:
        self.remaining -= 1
        if outcome == "completed":
            self.completed += 1
        elif outcome == "warning":
            self.warning += 1
        else:
            self.failed_uids.append(row.sop_instance_uid)


class Retriever:
    """Serves C-GET and C-MOVE. `entity` opens associations to a move's destination; `calling` makes TLS for it."""

    def __init__(
        self, folder: DataFolder, index: Index, entity: Any, peers: Peers, auditor: Auditor, calling: Calling
    ) -> None:
        self._folder, self._index, self._entity, self._peers = folder, index, entity, peers
        self._auditor, self._calling = auditor, calling

    def __call__(self, association: ServedAssociation, request: C_GET | C_MOVE, context: Any) -> None:
        """Answer one request, on its own association's thread."""
        syntax = context.transfer_syntax[0]
        answering = _Answering(association, request, context)
        try:
            asked = request.Identifier or io.BytesIO()
            identifier = decode(asked, syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated)
            rows = self._rows(identifier, str(request.AffectedSOPClassUID))
        except UsageError as error:
            log.warning("a retrieve was refused: %s", error)
            answering.say(DOES_NOT_MATCH)
            return
        except Exception as error:
            log.warning("a retrieve could not be read: %s", error if isinstance(error, FastcineError) else type(error))
            answering.say(UNABLE_TO_PROCESS)
            return
        if isinstance(request, C_GET):
            self._record(association, rows, "")
            self._send(association, rows, answering, originator=None)
        else:
            self._move(request, rows, answering)

    def _rows(self, identifier: Dataset, sop_class_uid: str) -> list[InstanceRow]:
        level = level_of(identifier, sop_class_uid)
        unique = {key for keys in UNIQUE_KEYS.values() for key in keys}
        keys = {key: text for key, text in keys_of(identifier).items() if key in unique and text.strip()}
        # Without the key of its own level a retrieve would be of everything there is.
        own = UNIQUE_KEYS[level][-1]
        if own not in keys or "*" in keys[own] or "?" in keys[own]:
            raise UsageError(f"a retrieve at {level.name} level needs {own}")
        found = instances(self._index, keys, most=MOST_OBJECTS)
        if len(found) > MOST_OBJECTS:
            raise UsageError(f"more than {MOST_OBJECTS} objects in one retrieve")
        return found

    def _move(self, request: C_MOVE, rows: list[InstanceRow], answering: _Answering) -> None:
        peer = self._peers.find(str(request.MoveDestination or ""))
        if peer is None:
            log.warning("a move to an AE title that is not known was refused")
            answering.say(DESTINATION_UNKNOWN)
            return
        if not rows:
            answering.end(_Counts(0), SUCCESS)
            return
        try:
            towards = self._associate(peer, rows)
        except (PeerError, UsageError) as error:
            log.warning("a move failed: %s", error)
            answering.end(_Counts(0, [row.sop_instance_uid for row in rows]), OUT_OF_RESOURCES_SUBOPERATIONS)
            return
        self._record(answering.association, rows, peer.ae_title)
        try:
            originator = (answering.association.requestor.ae_title.strip(), int(request.MessageID or 0))
            self._send(towards, rows, answering, originator=originator)
        finally:
            if towards.is_established:
                towards.release()

    def _associate(self, peer: Peer, rows: list[InstanceRow]) -> Association:
        towards = associate(self._entity, peer, rows, tls=self._calling(peer))
        line = towards.dul.socket
        if not self._peers.is_itself(peer, shown_certificate(line.socket if line is not None else None)):
            towards.abort()
            raise PeerError(f"{peer.ae_title} shows another certificate than it should")
        return towards

    def _record(self, association: Association, rows: list[InstanceRow], to: str) -> None:
        """The audit record hears what goes out, and to whom where that is not the caller."""
        for study, objects in Counter(row.study_instance_uid for row in rows).items():
            more = {"to": to} if to else {}
            self._auditor.record(association, AuditEvent.EXPORTED, study, objects=str(objects), **more)

    def _send(
        self,
        towards: Association,
        rows: list[InstanceRow],
        answering: _Answering,
        *,
        originator: tuple[str, int] | None,
    ) -> None:
        counts = _Counts(len(rows))
        for number, row in enumerate(rows):
            if answering.cancelled:
                answering.end(counts, CANCELLED)
                return
            if not answering.association.is_established:
                return
            message_id = (int(answering.request.MessageID or 0) + number) % 65_535 + 1
            alive = towards.is_established
            outcome = (
                outcome_of(towards, self._folder, row, message_id=message_id, originator=originator)
                if alive
                else "failed"
            )
            counts.count(row, outcome)
            if counts.remaining:
                answering.say(PENDING, counts)
        some = counts.failed_uids or counts.warning
        nothing = counts.failed_uids and not counts.completed and not counts.warning
        answering.end(counts, OUT_OF_RESOURCES_SUBOPERATIONS if nothing else SOME_FAILED if some else SUCCESS)


class _Answering:
    """The responses to one retrieve."""

    def __init__(self, association: ServedAssociation, request: C_GET | C_MOVE, context: Any) -> None:
        self.association, self.request, self._context = association, request, context

    @property
    def cancelled(self) -> bool:
        """A C-CANCEL has come."""
        return self.request.MessageID in self.association.dimse.cancel_req

    def say(self, status: int, counts: _Counts | None = None) -> None:
        """One response; counts where there are sub-operations."""
        self._send(status, counts, None)

    def end(self, counts: _Counts, status: int) -> None:
        """The last response, with the UIDs of what failed."""
        failed = None
        if counts.failed_uids:
            failed = Dataset()
            failed.FailedSOPInstanceUIDList = counts.failed_uids
        self._send(status, counts, failed)

    def _send(self, status: int, counts: _Counts | None, failed: Dataset | None) -> None:
        said = type(self.request)()
        said.MessageIDBeingRespondedTo = self.request.MessageID
        said.AffectedSOPClassUID = self.request.AffectedSOPClassUID
        said.Status = status
        if counts is not None:
            if status in (PENDING, CANCELLED):
                said.NumberOfRemainingSuboperations = counts.remaining
            said.NumberOfFailedSuboperations = len(counts.failed_uids)
            said.NumberOfWarningSuboperations = counts.warning
            said.NumberOfCompletedSuboperations = counts.completed
        if failed is not None:
            syntax = self._context.transfer_syntax[0]
            coded = encode(failed, syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated)
            said.Identifier = io.BytesIO(coded or b"")
        self.association.dimse.send_msg(said, self._context.context_id)
