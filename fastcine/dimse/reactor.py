"""pynetdicom's two threads of an association, woken by what happens instead of looking a thousand times a second.

With eight associations the looking alone took more than a core. The state machine and its rules are pynetdicom's.
"""

from __future__ import annotations

import os
import queue
import select
import socket
import ssl
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from pynetdicom import evt
from pynetdicom.association import Association
from pynetdicom.transport import AssociationSocket

WAIT_S = 0.05
"""Timers and the end of a thread are looked at this often."""
MOST_PDU_BYTES = 1 << 20
"""No PDU is larger, whatever it claims: an association request is a few dozen kB."""
PDU_HEAD = struct.Struct(">BxI")
"""Type and length (PS3.8 9.3.1)."""
AHEAD_BYTES = 65_536
"""Read in one go where less is asked for: a small object and its command are one system call."""
AWAITING_CLOSE = "Sta13"
CLOSING_S = 1.0
"""After an abort the caller has so long to close."""
QUICK_ACK = getattr(socket, "TCP_QUICKACK", None)
"""Linux only, and not for good: it is set anew before each reading."""


class _WakingQueue(queue.Queue[Any]):
    """Whoever waits is woken after something was put in."""

    def __init__(self, wake: Callable[[], object]) -> None:
        super().__init__()
        self._wake = wake

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        super().put(item, block, timeout)
        self._wake()


class QuickSocket(AssociationSocket):
    """Reads what is asked for in one go (pynetdicom: 4 kB at a time), and waits for it."""

    _wake_out = _wake_in = -1
    _ahead, _at = b"", 0
    """Read from the connection already; what lies behind `_at` has not been asked for yet."""
    _poll: select.poll | None = None
    _line = -1

    def make_waking(self) -> None:
        """Have the thread that reads here woken when there is something to send, too."""
        self._wake_out, self._wake_in = os.pipe()
        os.set_blocking(self._wake_out, False)
        os.set_blocking(self._wake_in, False)

    def wake(self) -> None:
        """There is something to send. Any thread."""
        with suppress(OSError):
            os.write(self._wake_in, b"w")

    def close_waking(self) -> None:
        """Give the descriptors back."""
        ends, self._wake_out, self._wake_in = (self._wake_out, self._wake_in), -1, -1
        for each in ends:
            if each >= 0:
                os.close(each)

    @property
    def ready(self) -> bool:
        """Whether there is something to read; waits a moment for it where nothing else is to be done."""
        if self.socket is None or not self._is_connected:
            return False
        if self.has_more:
            return True
        if isinstance(self.socket, ssl.SSLSocket) and self.socket.pending():
            return True  # decrypted already: the kernel knows nothing of it
        try:
            if self._poll is None:
                self._poll = select.poll()
                self._line = self.socket.fileno()
                for each in (self._line, self._wake_out):
                    if each >= 0:
                        self._poll.register(each, select.POLLIN)
            found = [each for each, _ in self._poll.poll(0 if not self.event_queue.empty() else WAIT_S * 1000)]
        except (OSError, ValueError):
            self.event_queue.put("Evt17")
            return False
        if self._wake_out in found:
            with suppress(OSError):
                os.read(self._wake_out, 4096)
        return self._line in found

    def recv(self, nr_bytes: int) -> bytearray:
        """`nr_bytes`, or fewer where the connection ends. Raises OSError."""
        if nr_bytes > MOST_PDU_BYTES:
            raise ConnectionError("a PDU larger than any there is")
        assert self.socket is not None
        if self.assoc.dul.state_machine.current_state == AWAITING_CLOSE:
            self.socket.settimeout(CLOSING_S)  # pynetdicom waits here for what may never come
        if self.has_more:
            found = bytearray(self._ahead[self._at : self._at + nr_bytes])
            self._at += len(found)
        else:
            found = bytearray()
        read = len(found)
        if read < nr_bytes:
            found.extend(bytes(nr_bytes - read))
            with memoryview(found) as view:
                while read < nr_bytes and (count := self._receive(view[read:])):
                    read += count
            del found[read:]
        return found

    def _receive(self, wanted: memoryview) -> int:
        """What the connection has for `wanted`; 0 where it ends. A little more than asked for is kept for the next."""
        assert self.socket is not None
        self.acknowledge_at_once()
        if len(wanted) >= AHEAD_BYTES:
            return self.socket.recv_into(wanted)
        found = self.socket.recv(AHEAD_BYTES)
        count = min(len(wanted), len(found))
        wanted[:count] = found[:count]
        self._ahead, self._at = found, count
        return count

    def acknowledge_at_once(self) -> None:
        """A sender with Nagle's algorithm waits for this between an object's command and its data: 40 ms each."""
        if QUICK_ACK is not None and self.socket is not None:
            self.socket.setsockopt(socket.IPPROTO_TCP, QUICK_ACK, 1)

    def take_pdu(self) -> tuple[bytes | bytearray, memoryview]:
        """The next PDU: its first six bytes and the rest, not copied where it has been read already.

        Either is short where the connection ends. Raises OSError.
        """
        if not self.has_more:
            assert self.socket is not None
            self._ahead, self._at = self.socket.recv(AHEAD_BYTES), 0
        start = self._at
        head: bytes | bytearray = self._ahead[start : start + 6]
        if len(head) < 6:
            head = self.recv(6)
            return head, memoryview(self.recv(PDU_HEAD.unpack(head)[1]) if len(head) == 6 else b"")
        end = start + 6 + PDU_HEAD.unpack(head)[1]
        if end <= len(self._ahead):
            self._at = end
            return head, memoryview(self._ahead)[start + 6 : end]
        self._at = start + 6
        return head, memoryview(self.recv(end - start - 6))

    @property
    def has_more(self) -> bool:
        """Whether more than was asked for has been read already."""
        return self._at < len(self._ahead)

    def put_back(self, data: bytes | bytearray) -> None:
        """What was read is read again by the next that asks."""
        self._ahead, self._at = bytes(data) + self._ahead[self._at :], 0


class WokenAssociation(Association):
    """An association whose thread waits for messages; use with `make_waking`."""

    def make_waking(self) -> None:
        """Before its threads start."""
        line = self.dul.socket
        assert isinstance(line, QuickSocket)
        line.make_waking()
        self.dul.to_provider_queue = _WakingQueue(line.wake)
        # A release or an abort is no message: one that says nothing has the association look.
        self.dul.to_user_queue = _WakingQueue(lambda: self.dimse.msg_queue.put((None, None)))
        self.dul._run_loop_delay = 0.0

    def _run_reactor(self) -> None:
        """As pynetdicom's, but it waits."""
        self._is_paused = False
        while not self._kill:
            self._is_paused = True
            self._reactor_checkpoint.wait()
            self._is_paused = False
            try:
                context_id, message = self.dimse.msg_queue.get(timeout=WAIT_S)
            except queue.Empty:
                context_id, message = None, None
            if message is not None and context_id is not None:
                self._serve_request(message, context_id)
            if self._has_ended():
                self.kill()
                return

    def _has_ended(self) -> bool:
        """The peer releases or aborts, the connection is gone, or nothing has happened for too long."""
        if self.is_established and self.acse.is_release_requested():
            self.acse.send_release(is_response=True)
            self.is_released, self.is_established = True, False
            evt.trigger(self, evt.EVT_RELEASED, {})
            return True
        if self.acse.is_aborted():
            self.dul.receive_pdu(wait=False)
            self.is_aborted, self.is_established = True, False
            evt.trigger(self, evt.EVT_ABORTED, {})
            return True
        if not self.dul.is_alive():
            return True
        if self.dul.idle_timer_expired():
            self.abort()
            return True
        return False
