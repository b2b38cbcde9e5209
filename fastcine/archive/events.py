"""What happens in a data folder, told to whoever listens: a local socket, one line of JSON a message.

The ingest owner serves `events.sock`; web workers, receivers and commands connect. A message is an event, passed on to
every subscriber, or a request to the owner:

| type | fields | |
|---|---|---|
| `study` | `study_instance_uid` | event: a study is new or changed |
| `run` | `run`, `ready` `[n0, n1, n2]`, `complete`, `state` | event: a cache entry has grown |
| `run` | … and `remade` `[tier, frame]` | event: that frame was damaged and is made anew |
| `queue` | `waiting` | event: how many runs wait to be made |
| `wake` | | request: there is something new in the ingest queue |
| `bump` | `run`, optional `frame` | request: somebody looks at this run now (at this frame) |
| `remake` | `run`, `tier`, `frame` | request: that frame is damaged |
| `subscribe` | | to the server: send me the events from now on |
| `connected` | | made by the client itself, each time it (re)connects: events may have been missed |

Losing a message loses nothing but time: the index and the cache are the truth.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import os
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastcine.archive.folder import DataFolder, storage_errors
from fastcine.errors import PeerError, StorageUnavailable

Message = dict[str, Any]
REQUESTS = frozenset({"wake", "bump", "remake"})
MAX_LINE_BYTES = 65_536
"""Messages are a few hundred bytes; who sends more is not one of us."""
MAX_WAITING_BYTES = 1 << 20
"""A subscriber that does not read is cut off here; it connects again and looks for itself."""
MAX_ADDRESS_BYTES = 100
"""sun_path holds 104 bytes on macOS, 108 on Linux, the final zero included."""
RETRY_S = (0.05, 1.0)
_PROC_FD = Path("/proc/self/fd")

logger = logging.getLogger(__name__)


class LineBuffer:
    """Bytes in, messages out. Raises PeerError for a line that is too long or no JSON object with a `type`."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Message]:
        """The messages that `data` completes."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_LINE_BYTES:
            raise PeerError("a line of more than 64 KiB on the event socket")
        return [_parse(line) for line in lines if line]


def _parse(line: bytes) -> Message:
    try:
        message = json.loads(line)
    except ValueError:
        message = None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        raise PeerError("no message on the event socket")
    return message


def pack(message: Message) -> bytes:
    """One line."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


@contextmanager
def socket_address(folder: DataFolder) -> Iterator[str]:
    """A name of the folder's socket that is short enough for the kernel, good inside the block.

    A long path is entered through an open descriptor of its folder (Linux), else replaced by a name in /tmp in a folder
    that only this user can enter.
    """
    path = folder.events_path
    if len(os.fsencode(path)) <= MAX_ADDRESS_BYTES:
        yield str(path)
    elif _PROC_FD.is_dir():
        descriptor = os.open(folder.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield f"{_PROC_FD}/{descriptor}/{path.name}"
        finally:
            os.close(descriptor)
    else:
        private = Path(f"/tmp/fastcine-{os.getuid()}")
        private.mkdir(mode=0o700, exist_ok=True)
        status = private.lstat()
        if status.st_uid != os.getuid() or status.st_mode & 0o077:
            raise StorageUnavailable(f"{private} belongs to somebody else")
        yield str(private / hashlib.sha256(os.fsencode(folder.root)).hexdigest()[:16])


def _connect(folder: DataFolder) -> socket.socket:
    """A connected socket. Raises OSError where nobody listens."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with socket_address(folder) as address:
            connection.connect(address)
    except BaseException:
        connection.close()
        raise
    return connection


def notify(folder: DataFolder, *messages: Message) -> bool:
    """Send messages to the owner, now. False where none runs, which is no error: a new one reads the queue."""
    try:
        with _connect(folder) as connection:
            connection.settimeout(2.0)
            connection.sendall(b"".join(map(pack, messages)))
    except (OSError, StorageUnavailable):
        return False
    return True


class _Peer:
    """One connection of the server."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.lines = LineBuffer()
        self.subscribed = False
        self.waiting = bytearray()


class EventServer:
    """The owner's end. `on_request` is called in the server's thread with each request; keep it short.

    Make it holding the folder's lock: it takes the socket's name over from a dead owner.
    """

    def __init__(self, folder: DataFolder, on_request: Callable[[Message], None]) -> None:
        self._folder, self._on_request = folder, on_request
        self._outbox: deque[Message | None] = deque()
        self._peers: dict[socket.socket, _Peer] = {}
        self._selector = selectors.DefaultSelector()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with storage_errors("opening the event socket"), socket_address(folder) as address:
            Path(address).unlink(missing_ok=True)
            self._listener.bind(address)
            os.chmod(address, 0o600)
        self._listener.listen(64)
        self._wake_out, self._wake_in = socket.socketpair()
        for each in (self._listener, self._wake_in, self._wake_out):
            each.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._wake_in, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._run, name="events", daemon=True)
        self._thread.start()

    def publish(self, message: Message) -> None:
        """Send an event to every subscriber. Never waits; any thread."""
        self._post(message)

    def _post(self, message: Message | None) -> None:
        self._outbox.append(message)
        with contextlib.suppress(BlockingIOError, OSError):
            self._wake_out.send(b"w")

    def close(self) -> None:
        """Stop listening and take the socket away."""
        self._post(None)
        self._thread.join()
        for each in (*self._peers, self._listener, self._wake_in, self._wake_out):
            each.close()
        self._selector.close()
        with contextlib.suppress(OSError), socket_address(self._folder) as address:
            Path(address).unlink(missing_ok=True)

    def _run(self) -> None:
        while True:
            for key, mask in self._selector.select():
                if key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj is self._wake_in:
                    with contextlib.suppress(BlockingIOError):
                        self._wake_in.recv(4096)
                else:
                    self._serve(self._peers[key.data], mask)
            while self._outbox:
                message = self._outbox.popleft()
                if message is None:
                    return
                self._pass_on(message)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            connection, _ = self._listener.accept()
            connection.setblocking(False)
            self._peers[connection] = _Peer(connection)
            self._selector.register(connection, selectors.EVENT_READ, connection)

    def _serve(self, peer: _Peer, mask: int) -> None:
        try:
            if mask & selectors.EVENT_WRITE:
                self._flush(peer)
            if mask & selectors.EVENT_READ:
                data = peer.connection.recv(65_536)
                if not data:
                    raise ConnectionError
                for message in peer.lines.feed(data):
                    self._take(peer, message)
        except BlockingIOError:
            return
        except (OSError, PeerError):
            self._drop(peer)

    def _take(self, peer: _Peer, message: Message) -> None:
        if message["type"] == "subscribe":
            peer.subscribed = True
        elif message["type"] in REQUESTS:
            try:
                self._on_request(message)
            except Exception:
                logger.exception("a request on the event socket failed")
        else:
            self._outbox.append(message)

    def _pass_on(self, message: Message) -> None:
        line = pack(message)
        for peer in list(self._peers.values()):
            if not peer.subscribed:
                continue
            peer.waiting += line
            try:
                self._flush(peer)
            except OSError:
                self._drop(peer)
            if len(peer.waiting) > MAX_WAITING_BYTES:
                self._drop(peer)

    def _flush(self, peer: _Peer) -> None:
        with contextlib.suppress(BlockingIOError):
            while peer.waiting:
                del peer.waiting[: peer.connection.send(peer.waiting)]
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if peer.waiting else 0)
        self._selector.modify(peer.connection, wanted, peer.connection)

    def _drop(self, peer: _Peer) -> None:
        if self._peers.pop(peer.connection, None) is not None:
            self._selector.unregister(peer.connection)
            peer.connection.close()


class EventClient:
    """A subscriber that blocks: for commands and threads. Connects again by itself."""

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder

    def events(self, *, timeout_s: float) -> Iterator[Message]:
        """Events for `timeout_s` seconds, `connected` first; waits for an owner to appear."""
        deadline, pause = time.monotonic() + timeout_s, RETRY_S[0]
        while (left := deadline - time.monotonic()) > 0:
            try:
                with _connect(self._folder) as connection:
                    connection.sendall(pack({"type": "subscribe"}))
                    pause, lines = RETRY_S[0], LineBuffer()
                    yield {"type": "connected"}
                    while (left := deadline - time.monotonic()) > 0:
                        connection.settimeout(left)
                        data = connection.recv(65_536)
                        if not data:
                            break
                        yield from lines.feed(data)
            except (OSError, PeerError):
                time.sleep(max(0.0, min(pause, left)))
                pause = min(2 * pause, RETRY_S[1])


class AsyncEventClient:
    """A subscriber for an event loop. Connects again by itself."""

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder
        self._writer: asyncio.StreamWriter | None = None

    async def events(self) -> AsyncIterator[Message]:
        """Events without end, `connected` before the first and after every reconnection; stop it by cancelling."""
        pause = RETRY_S[0]
        while True:
            try:
                # Connecting to a local socket does not wait for the other side.
                reader, self._writer = await asyncio.open_unix_connection(sock=_connect(self._folder))
                self._writer.write(pack({"type": "subscribe"}))
                pause, lines = RETRY_S[0], LineBuffer()
                yield {"type": "connected"}
                while data := await reader.read(65_536):
                    for message in lines.feed(data):
                        yield message
            except (OSError, PeerError, StorageUnavailable):
                pass
            finally:
                self.close()
            await asyncio.sleep(pause)
            pause = min(2 * pause, RETRY_S[1])

    def send(self, message: Message) -> bool:
        """Send over the open connection, without waiting. False where there is none just now."""
        if self._writer is None or self._writer.is_closing():
            return False
        self._writer.write(pack(message))
        return True

    def close(self) -> None:
        """Let go of the connection; a running `events` connects again."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
