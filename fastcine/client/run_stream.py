"""One run over `fastcine.v1`, connected again when the connection is lost: nothing that is held comes twice."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import orjson

from fastcine.cine.wire import Piece, parse_message, run_name
from fastcine.client.receiving import Assembler, WholeFrame
from fastcine.errors import FastcineError, NotFound, Overloaded, PeerError, UsageError

SUBPROTOCOL = "fastcine.v1"
AHEAD_BYTES = 8 << 20
"""Credit kept ahead of what was received."""
MOST_REBUILDS = 3
CONNECT_S = 15.0
PING_S = 20.0
"""The server and proxies close what is silent for a minute; two pings without an answer are a dead line."""
RETRY_FIRST_S, RETRY_MOST_S = 0.1, 5.0
MOST_RETRIES = 10
"""In a row without a single piece: half a minute, in which a server has started again."""
FINAL_CODES = frozenset({4400, 4403, 4406, 4413})
"""Close codes after which the same words would be refused again."""


class Receiver(Protocol):
    """Whose run it is."""

    async def begin(self, description: dict[str, Any]) -> None:
        """The run's description is here, before its first piece; once."""

    def received(self, piece: Piece) -> None:
        """A piece came."""

    async def keep(self, whole: WholeFrame) -> bool:
        """A frame is whole; False when it is damaged."""

    @property
    def complete(self) -> bool:
        """Nothing more is wanted."""


class _Lost(Exception):
    """The connection is gone, and another one may do better."""

    def __init__(self, reason: FastcineError, *, wait_s: float = 0.0) -> None:
        self.reason, self.wait_s = reason, wait_s
        super().__init__(str(reason))


def socket_url(url: str) -> str:
    """The stream's address at a server's base URL. Raises UsageError for anything but http and https."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise UsageError(f"{url!r} is no server address such as http://127.0.0.1:8080")
    scheme = "wss" if parts.scheme == "https" else "ws"
    return urlunsplit((scheme, parts.netloc, "/ws", "", ""))


class RunStream:
    """Plays one run to a receiver. `fps` of 0 takes the run's own rate."""

    def __init__(
        self, url: str, run: int, receiver: Receiver, *, fps: float = 0.0, ahead_bytes: int = AHEAD_BYTES
    ) -> None:
        self.run, self.receiver, self.fps, self.ahead_bytes = run, receiver, fps, ahead_bytes
        self.connections = 0
        """That the server has welcomed."""
        self.pieces = 0
        self._url, self._address = url, socket_url(url)
        self._assembler: Assembler | None = None
        self._rebuilds: dict[int, int] = {}
        self._received_bytes = 0
        self._answered = False

    async def play(self) -> None:
        """Until the receiver has all it wants.

        Raises NotFound, Overloaded, PeerError or FastcineError: at once where another try cannot help, else when
        `MOST_RETRIES` connections in a row brought nothing.
        """
        failures, pieces = 0, 0
        async with aiohttp.ClientSession() as client:
            while True:
                try:
                    return await self._connection(client)
                except _Lost as lost:
                    failures = 0 if self.pieces > pieces else failures + 1
                    pieces = self.pieces
                    if failures > MOST_RETRIES:
                        raise lost.reason from None
                    wait_s = min(RETRY_MOST_S, RETRY_FIRST_S * 2**failures) * random.uniform(0.75, 1.25)
                    wait_s = max(wait_s, lost.wait_s)
                await asyncio.sleep(wait_s)

    async def _connection(self, client: aiohttp.ClientSession) -> None:
        socket = await self._connect(client)
        async with socket:
            self._answered = True
            self._received_bytes = 0
            await self._ask(socket)
            while not self.receiver.complete:
                message = await self._next(socket)
                if message.type is aiohttp.WSMsgType.TEXT:
                    await self._control(socket, orjson.loads(message.data))
                elif message.type is aiohttp.WSMsgType.BINARY:
                    await self._pieces(socket, message.data)
                elif message.type is not aiohttp.WSMsgType.ERROR:  # after which the closed follows
                    raise self._ended(socket)

    async def _connect(self, client: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse:
        try:
            async with asyncio.timeout(CONNECT_S):
                return await client.ws_connect(
                    self._address,
                    protocols=(SUBPROTOCOL,),
                    compress=0,
                    max_msg_size=0,
                    timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
                )
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            reason = NotFound(f"no fastcine server answers at {self._url}: {error or type(error).__name__}")
            refused = isinstance(error, aiohttp.ClientResponseError) and error.status < 500
            # A wrong address is told at once; a server that answered before may be on its way back.
            if refused or (isinstance(error, aiohttp.ClientConnectorError) and not self._answered):
                raise reason from None
            raise _Lost(reason) from None

    def _ended(self, socket: aiohttp.ClientWebSocketResponse) -> Exception:
        code = socket.close_code
        reason = PeerError(f"the server closed the connection with code {code} before all was exact")
        return reason if code in FINAL_CODES else _Lost(reason)

    async def _send(self, socket: aiohttp.ClientWebSocketResponse, kind: str, **fields: Any) -> None:
        # What had come before the connection was lost is still to be read: the loss is noticed there.
        with suppress(ConnectionError, aiohttp.ClientError):
            await socket.send_str(orjson.dumps({"type": kind, **fields}).decode())

    async def _ask(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        held: dict[str, Any] = {}
        if self._assembler is not None:
            held["have"], held["partial"] = self._assembler.held()
        await self._send(socket, "hello", version=1, granted_bytes=self.ahead_bytes)
        await self._send(socket, "open", run=run_name(self.run), **held)
        await self._want(socket, self.fps or 15.0)

    async def _want(self, socket: aiohttp.ClientWebSocketResponse, rate_fps: float) -> None:
        await self._send(socket, "want", run=run_name(self.run), state="play", frame=0, rate_fps=rate_fps)

    async def _next(self, socket: aiohttp.ClientWebSocketResponse) -> aiohttp.WSMessage:
        for number in range(2):
            with suppress(TimeoutError):
                return await socket.receive(timeout=PING_S)
            await self._send(socket, "ping", t=number)
        raise _Lost(PeerError("the server has fallen silent"))

    async def _control(self, socket: aiohttp.ClientWebSocketResponse, body: dict[str, Any]) -> None:
        if body["type"] == "error":
            raise NotFound(body["message"]) if body["code"] == "not_found" else FastcineError(body["message"])
        if body["type"] == "goaway":
            # Spread out, so that a restarted server does not meet all of them in one moment.
            wait_s = body["retry_ms"] / 1000 * (1 + random.random())
            raise _Lost(Overloaded(body["reason"], retry_after_s=wait_s), wait_s=wait_s)
        if body["type"] == "welcome":
            self.connections += 1
        if body["type"] != "run":
            return
        description = body["description"]
        if self._assembler is None:
            await self.receiver.begin(description)
            self._assembler = Assembler(self.run, description["frames"])
        elif self._assembler.frames != description["frames"]:
            raise PeerError("the run is another one than before the connection was lost")
        if not self.fps:
            await self._want(socket, description["timing"]["fps"])

    async def _pieces(self, socket: aiohttp.ClientWebSocketResponse, message: bytes) -> None:
        if self._assembler is None:
            raise PeerError("pieces before the run's description")
        self._received_bytes += len(message)
        wholes = []
        for piece in parse_message(message):
            self.pieces += 1
            self.receiver.received(piece)
            whole = self._assembler.add(piece)
            if whole is not None:
                wholes.append(whole)
        granted_bytes = self._received_bytes + self.ahead_bytes
        await self._send(socket, "credit", granted_bytes=granted_bytes, received_bytes=self._received_bytes)
        for whole in wholes:
            if not await self.receiver.keep(whole):
                self._assembler.forget(whole.tier, whole.frame)
                await self._damaged(socket, whole)

    async def _damaged(self, socket: aiohttp.ClientWebSocketResponse, whole: WholeFrame) -> None:
        count = self._rebuilds[whole.frame] = self._rebuilds.get(whole.frame, 0) + 1
        if count > MOST_REBUILDS:
            raise PeerError(f"frame {whole.frame + 1} stays damaged after {MOST_REBUILDS} rebuilds")
        await self._send(socket, "damaged", run=run_name(self.run), tier=whole.tier, frame=whole.frame)
