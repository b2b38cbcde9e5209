"""`/ws`: the skin between a socket and the sans-I/O session. Here alone bytes meet the transport.

Messages are written to the transport pre-framed and without a task per viewer; the session's window bounds what
waits there, so nothing is ever awaited in front of a send.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Iterable
from typing import Any

import orjson
from aiohttp import WebSocketError, WSCloseCode, WSMessage, WSMsgType, web

from fastcine import __version__
from fastcine.archive.audit_log import AuditEvent
from fastcine.auth.roles import Identity
from fastcine.cine import messages
from fastcine.cine.pacing import MOST_WINDOW_BYTES
from fastcine.cine.session import (
    Action,
    Close,
    DropRun,
    FindRun,
    Rebuild,
    SendPieces,
    SendText,
    Session,
)
from fastcine.cine.wire import run_name
from fastcine.errors import FastcineError, NotFound, NotReady, PeerError
from fastcine.server import framing
from fastcine.server.access import may_see, who_asks
from fastcine.server.audit_trail import address_of
from fastcine.server.context import CONTEXT, Context
from fastcine.server.round_trip import connection_round_trip_s
from fastcine.server.shelf import OpenRun
from fastcine.server.stream_socket import SUBPROTOCOL, StreamSocket

log = logging.getLogger(__name__)

BUSY_RETRY_MS = 2000
REMAKE_WAIT_S = 5.0
"""A damaged frame that is not made anew by then is asked for again."""
MOST_UNREAD_BYTES = MOST_WINDOW_BYTES + 262_144
"""The window bounds pieces by receipts, this whatever is told: who asks and asks and does not read is cut off."""
MOST_TASKS = 256
"""Look-ups under way for one viewer: one that opens and closes runs faster than we find them is no viewer."""


_ENDED = (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR)


class Viewer:
    """One connection."""

    __slots__ = ("_address", "_asked_at", "_awaited", "_closing", "_context", "_damaged", "_identity", "_loop", "_runs",
                 "_socket", "_tasks", "_transport", "session")  # fmt: skip

    def __init__(
        self, context: Context, socket: StreamSocket, transport: asyncio.Transport, identity: Identity, address: str
    ) -> None:
        self._context, self._socket, self._transport = context, socket, transport
        self._identity, self._address = identity, address
        self._loop = asyncio.get_running_loop()
        self.session = Session(
            self._loop.time(),
            server=f"fastcine {__version__}",
            round_trip_s=None if context.settings.behind_proxy else connection_round_trip_s(transport),
        )
        self._runs: dict[int, OpenRun] = {}
        # None while empty: a dict of one's own is 64 bytes, and there are thousands of viewers.
        self._asked_at: dict[int, float] | None = None
        self._damaged: dict[Rebuild, tuple[int, float]] | None = None
        # Frozen and mostly empty: a set of one's own is 216 bytes.
        self._awaited: frozenset[int] = frozenset()
        self._tasks: frozenset[asyncio.Task[None]] = frozenset()
        self._closing = False

    def begin(self) -> None:
        """The connection stands."""
        self._context.wheel.add(self._wake, self.session.wake_at)

    def take(self, message: WSMessage) -> None:
        """A message came. Raises PeerError."""
        if self._closing:  # only the answer to our close matters now
            return
        if message.type is not WSMsgType.TEXT:
            raise PeerError("only text messages are allowed from a viewer")
        said = messages.parse_client_message(message.data)
        if not isinstance(said, messages.Want):
            self._apply(self.session.receive(said, self._loop.time()))
            return
        before = self.session.frames_dropped
        self._apply(self.session.receive(said, self._loop.time()))
        dropped = self.session.frames_dropped - before
        if dropped > 0:
            self._context.metrics.frames_dropped.inc(dropped)

    def cut_off(self, message: WSMessage) -> None:
        """aiohttp has closed the connection by itself, for what came was no WebSocket: counted and logged too."""
        if not self._closing and message.type is WSMsgType.ERROR and isinstance(message.data, WebSocketError):
            code = 4413 if message.data.code == WSCloseCode.MESSAGE_TOO_BIG else message.data.code
            # In our words: aiohttp's repeat what came.
            self.refuse(PeerError("a message too large" if code == 4413 else "broken frames", close_code=code))

    def refuse(self, error: PeerError) -> None:
        """What the viewer did is counted and told to the log."""
        self._closing = True
        self._context.metrics.peer_errors.labels(str(error.close_code)).inc()
        log.warning("viewer closed with %d: %s", error.close_code, error.reason)

    def leave(self) -> None:
        """The connection has ended."""
        self._closing = True
        for task in self._tasks:
            task.cancel()
        for run in [*self._runs, *self._awaited]:
            self._drop(run)

    def log_defect(self, error: BaseException) -> None:
        """The log hears of a defect of ours."""
        self._closing = True
        log.error("a viewer's stream failed", exc_info=error)

    def fail(self, error: BaseException) -> None:
        """A defect of ours: this viewer's connection ends, nobody else's."""
        self.log_defect(error)
        self._socket.say_close(4500, "the server failed")

    def _wake(self, now: float) -> float | None:
        if self._closing:
            return None
        try:
            self._apply(self.session.tick(now))
        except Exception as error:
            self.fail(error)
        return None if self._closing else self.session.wake_at

    def progress(self, run: int) -> None:
        """News: a run's cache has grown."""
        if self._closing:
            return
        try:
            self._progress(run)
        except Exception as error:
            self.fail(error)

    def _progress(self, run: int) -> None:
        opened = self._runs.get(run)
        if opened is None:
            if run in self._awaited:
                self._find(run)
            return
        if opened.refresh():
            self._apply(self.session.available(run, complete=opened.complete, now=self._loop.time()))
        self._look_for_remade(run, opened)

    def _apply(self, actions: Iterable[Action]) -> None:
        for action in actions:
            # Gone already, though nobody has told us yet: uvloop's transports raise on a write then.
            if self._closing or self._socket.said_close or self._transport.is_closing():
                return
            match action:
                case SendPieces():
                    self._send_pieces(action)
                case SendText():
                    self._send_text(action.body)
                case FindRun():
                    if len(self._tasks) >= MOST_TASKS:
                        raise PeerError("runs are opened and closed faster than they are found")
                    self._asked_at = {**(self._asked_at or {}), action.run: self._loop.time()}
                    self._find(action.run)
                case DropRun():
                    self._drop(action.run)
                case Rebuild():
                    self._rebuild(action)
                case Close():
                    self._closing = True
                    self._socket.say_close(action.code, action.reason)

    def _start(self, work: Any) -> None:
        task = self._loop.create_task(work)
        self._tasks |= {task}
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks -= {task}
        if not task.cancelled() and (error := task.exception()) is not None:
            self.fail(error)

    def _reads(self) -> bool:
        """Whether what was sent is read; who claims receipts and does not read is cut off."""
        if self._transport.get_write_buffer_size() <= MOST_UNREAD_BYTES:
            return True
        self.refuse(PeerError("it asks for more than it reads"))
        self._transport.abort()
        return False

    def _send_text(self, body: Any) -> None:
        if not self._reads():
            return
        text = orjson.dumps(body)
        self._transport.write(framing.header(framing.TEXT, len(text)) + text)

    def _send_pieces(self, action: SendPieces) -> None:
        if not self._reads():
            return
        slices: list[bytes | memoryview] = [framing.header(framing.BINARY, action.wire_bytes)]
        metrics = self._context.metrics
        # All parts of a message are of one run, and almost always of one tier.
        run, tier, counted = action.parts[0].run, action.parts[0].tier, 0
        pieces = self._runs[run].pieces
        for part in action.parts:
            piece = pieces(part.tier, part.frame, part.start_bytes, part.end_bytes)
            slices.append(piece)
            if part.tier != tier:
                metrics.sent(tier, counted)
                tier, counted = part.tier, 0
            counted += len(piece)
        metrics.sent(tier, counted)
        if self._asked_at and (asked := self._asked_at.pop(run, None)) is not None:
            metrics.first_piece.observe(self._loop.time() - asked)
            self._asked_at = self._asked_at or None
        metrics.messages.inc()
        self._transport.writelines(slices)

    def _find(self, run: int) -> None:
        # One who is kept to some patients has each run looked up first.
        opened = self._context.shelf.borrow_open(run) if self._identity.patient_ids is None else None
        self._context.metrics.opened("memory" if opened is not None else "disk")
        if opened is not None:
            self._use(run, opened)
        else:
            self._start(self._find_on_disk(run))

    async def _find_on_disk(self, run: int) -> None:
        context = self._context
        try:
            opened = await self._loop.run_in_executor(context.pool, self._borrow, run)
        except NotReady as error:
            self._context.metrics.opened("not made")
            self._await(run, lost=error.lost)
        except FastcineError as error:
            self._awaited -= {run}
            self._asked_no_more(run)
            self._apply(self.session.failed(run, error.code, str(error)))
        else:
            self._use(run, opened)

    def _borrow(self, run: int) -> OpenRun:
        """Blocking. Raises what RunShelf.borrow does; another's patient's run is not there."""
        if not may_see(self._context, self._identity, None, run_name(run)):
            raise NotFound("no such run")
        return self._context.shelf.borrow(run)

    def _use(self, run: int, opened: OpenRun) -> None:
        context = self._context
        self._awaited -= {run}
        if self._closing or run in self._runs:
            context.shelf.give_back(opened)
            return
        self._runs[run] = opened
        context.audit.looked_at(self._identity, self._address, opened.study_instance_uid, AuditEvent.OPENED)
        context.news.follow(run, self)
        if not opened.complete:
            context.news.ask_first(run)
        now = self._loop.time()
        self._apply(self.session.opened(run, opened, opened.description, complete=opened.complete, now=now))

    def _await(self, run: int, *, lost: bool) -> None:
        """Nothing of it is made yet: have it made first, and look again when there is news of it."""
        if self._closing or run in self._awaited:
            return
        self._awaited |= {run}
        self._context.news.follow(run, self)
        if lost:
            self._context.news.ask_remake(run, 0, 0)
        self._context.news.ask_first(run)

    def _asked_no_more(self, run: int) -> None:
        """A run that is not found or no longer needed has no first piece to be timed."""
        if self._asked_at:
            self._asked_at.pop(run, None)
            self._asked_at = self._asked_at or None

    def _drop(self, run: int) -> None:
        opened = self._runs.pop(run, None)
        self._asked_no_more(run)
        self._awaited -= {run}
        self._context.news.unfollow(run, self)
        if opened is not None:
            self._context.shelf.give_back(opened)

    def _rebuild(self, action: Rebuild) -> None:
        log.warning("run %s tier %d frame %d arrived damaged", run_name(action.run), action.tier, action.frame)
        self._context.metrics.rebuilds.inc()
        opened = self._runs[action.run]
        opened.reread(action.tier, action.frame)
        # Where it lay when it was damaged: it is made anew when it lies elsewhere.
        self._damaged = self._damaged or {}
        self._damaged[action] = (opened.place(action.tier, action.frame), self._loop.time())
        if not self._context.news.ask_remake(action.run, action.tier, action.frame):
            self._apply(self.session.failed(action.run, "overloaded", "a damaged frame cannot be made anew just now"))

    def _look_for_remade(self, run: int, opened: OpenRun) -> None:
        for action, (place, asked_at) in list((self._damaged or {}).items()):
            if action.run == run and opened.place(action.tier, action.frame) != place:
                self._damaged = {other: at for other, at in (self._damaged or {}).items() if other != action} or None
                opened.reread(action.tier, action.frame)
                self._apply(self.session.rebuilt(run, action.tier, action.frame, self._loop.time()))
            elif action.run == run:
                self._ask_again(action, place, asked_at)

    def _ask_again(self, action: Rebuild, place: int, asked_at: float) -> None:
        """The owner may have been away when it was asked, or have died with the request."""
        now = self._loop.time()
        if now - asked_at >= REMAKE_WAIT_S:
            self._damaged = {**(self._damaged or {}), action: (place, now)}
            self._context.news.ask_remake(action.run, action.tier, action.frame)


async def _identity(request: web.Request, socket: StreamSocket) -> Identity | None:
    """Whose stream this is; None where the socket was closed, being nobody's."""
    try:
        identity, secret = await who_asks(request)
    except FastcineError as error:  # the index is busy: it is a WebSocket by now, and no place for an HTTP answer
        log.warning("who opens a stream could not be looked up: %s", error)
        await socket.close(code=1013, message=b"try again")
        return None
    if identity is None:
        await socket.close(code=4403, message=b"signed out")
    elif secret:
        socket.secret = secret
    return identity


async def stream(request: web.Request) -> web.StreamResponse:
    """The WebSocket handler. Proxies cut what is silent for a minute: viewers ping (docs/protocol.md section 2)."""
    context = request.app[CONTEXT]
    transport, task = request.transport, asyncio.current_task()
    if transport is None or task is None:
        raise ConnectionResetError("gone before the upgrade")
    socket = StreamSocket(transport)
    try:
        await socket.prepare(request)
    except ValueError:  # aiohttp trips over headers that are no text when it refuses them
        raise web.HTTPBadRequest(reason="Bad upgrade") from None
    if socket.ws_protocol != SUBPROTOCOL:
        await socket.close(code=4406, message=b"speak fastcine.v1")
        return socket
    identity = await _identity(request, socket)
    if identity is None:
        return socket
    if len(context.sockets) >= context.settings.max_viewers:
        context.metrics.refused.inc()
        await socket.send_str(orjson.dumps(messages.goaway("too many viewers", BUSY_RETRY_MS)).decode())
        await socket.close(code=4429, message=b"too many viewers")
        return socket
    socket.headers.clear()  # sent, and of no use to thousands
    context.sockets[socket] = task
    context.metrics.viewers.set(len(context.sockets))
    # One and the same text for all viewers of an address: there are thousands.
    address = sys.intern(address_of(request, behind_proxy=context.settings.behind_proxy))
    viewer = Viewer(context, socket, transport, identity, address)
    viewer.begin()
    try:
        # Here, and not `async for` in a method: each coroutine more is one more for each of thousands.
        while (message := await socket.receive()).type not in _ENDED:
            viewer.take(message)
        viewer.cut_off(message)
    except PeerError as error:
        viewer.refuse(error)
        await socket.close(code=error.close_code, message=error.reason.encode())
    except ConnectionError:
        log.debug("a viewer was gone before it was answered")
    except Exception as error:
        viewer.log_defect(error)
        await socket.close(code=4500, message=b"the server failed")
    finally:
        viewer.leave()
        del context.sockets[socket]
        context.metrics.viewers.set(len(context.sockets))
    return socket
