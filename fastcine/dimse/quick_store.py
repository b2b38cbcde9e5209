"""C-STORE straight from the socket: an association's reading thread takes the object, stores it and answers.

pynetdicom makes a PDU, values, a message, a data set and a primitive of every request, and passes it to a second
thread, which passes the answer back: four times what storing a small object takes. What is not plainly a C-STORE goes
back to the socket, and pynetdicom reads it there.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from pynetdicom.association import Association

from fastcine.archive.folder import DataFolder
from fastcine.dicom.part10 import part10_head
from fastcine.dimse.reactor import PDU_HEAD, QuickSocket
from fastcine.dimse.spool import Spool
from fastcine.dimse.store_messages import COMMAND, LAST, P_DATA, StoreRequest, Value, read_request, response, values_of

DATA_TRANSFER = "Sta6"
INVALID_PDU = "Evt19"
LEAST_ANSWER_BYTES = 1024
"""Callers that take no PDUs of this size are answered by pynetdicom, which cuts."""

Storing = Callable[[Spool, StoreRequest, Association], tuple[int, str]]
"""What stores a received object and says the status and comment that answer it."""


class QuickStore:
    """The storage requests of one association. Only its reading thread calls in here."""

    def __init__(self, association: Association, line: QuickSocket, folder: DataFolder, storing: Storing) -> None:
        self._association, self._line, self._folder, self._storing = association, line, folder, storing
        self._slow_read = association.dul._read_pdu_data
        self._request: StoreRequest | None = None
        self._spool: Spool | None = None
        self._small_pdus: bool | None = None
        association.dul._read_pdu_data = self.read  # type: ignore[method-assign]

    def read(self) -> None:
        """Instead of pynetdicom's: there is a PDU to read."""
        dul = self._association.dul
        while True:
            taken = self._take()
            while taken and self._line.has_more:
                taken = self._take()
            if not taken:
                self._slow_read()
                return
            if self._request is not None:
                self._line.acknowledge_at_once()
            if dul._kill_thread or dul.event_queue.queue or dul.to_provider_queue.queue or not self._line.ready:
                return
            dul._idle_timer.restart()

    def _take(self) -> bool:
        """False where pynetdicom has to read, what was read being back in the socket."""
        association, line = self._association, self._line
        if association.dul.state_machine.current_state != DATA_TRANSFER or association.dimse.message is not None:
            return False
        if self._cuts_answers():
            return False
        try:
            head, body = line.take_pdu()
        except OSError:
            association.dul.event_queue.put("Evt17")
            return True
        whole = len(head) == 6 and head[0] == P_DATA and len(body) == PDU_HEAD.unpack(head)[1]
        values = values_of(body) if whole else None
        if values is None:
            line.put_back(head + bytes(body))
            return False
        # Not while reading: a sender that stops half way must not keep the others waiting.
        with self._folder.turn:
            return self._values(values, body)

    def _cuts_answers(self) -> bool:
        """Whether the caller takes small PDUs only. It is asked once, when the association stands."""
        if self._small_pdus is None:
            self._small_pdus = 0 < (self._association.requestor.maximum_length or 0) < LEAST_ANSWER_BYTES
        return self._small_pdus

    def _values(self, values: list[Value], body: memoryview) -> bool:
        for value in values:
            if self._request is None:
                if not self._begin(value):
                    rest = bytes(body[value.offset :])
                    self._line.put_back(PDU_HEAD.pack(P_DATA, len(rest)) + rest)
                    return False
            elif value.control & COMMAND or value.context_id != self._request.context_id:
                self._association.dul.event_queue.put(INVALID_PDU)
                return True
            else:
                assert self._spool is not None
                self._spool.write(value.fragment)
                if value.control & LAST:
                    self._serve(self._request, self._spool)
        return True

    def _begin(self, value: Value) -> bool:
        request = read_request(value)
        context = self._association._accepted_cx.get(value.context_id)
        if request is None or context is None:
            return False
        self._request, self._spool = request, Spool(self._folder)
        self._spool.write(part10_head(request.sop_class_uid, request.sop_instance_uid, context.transfer_syntax[0]))
        return True

    def _serve(self, request: StoreRequest, spool: Spool) -> None:
        try:
            status, comment = self._storing(spool, request, self._association)
        finally:
            self.let_go()
        self._folder.turn.leave()
        self._line.send(response(request, status, comment))

    def let_go(self) -> None:
        """The connection has ended, or the object is stored: what is left of it goes."""
        spool, self._spool, self._request = self._spool, None, None
        if spool is not None:
            with suppress(OSError):
                spool.close()
