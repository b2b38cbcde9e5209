"""The event socket: who hears what, over restarts, long paths, slow and hostile clients."""

from __future__ import annotations

import asyncio
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fastcine.archive import events
from fastcine.archive.events import AsyncEventClient, EventClient, EventServer, LineBuffer, Message, notify
from fastcine.archive.folder import DataFolder
from fastcine.errors import PeerError


@pytest.fixture
def folder(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path / "d")


@pytest.fixture
def requests() -> queue.Queue[Message]:
    return queue.Queue()


@pytest.fixture
def server(folder: DataFolder, requests: queue.Queue[Message]) -> Iterator[EventServer]:
    made = EventServer(folder, requests.put)
    yield made
    made.close()


def wait_for(true: Callable[[], bool], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.002)


class Listener(threading.Thread):
    """Collects what a subscriber hears."""

    def __init__(self, folder: DataFolder) -> None:
        super().__init__(daemon=True)
        self.heard: list[Message] = []
        self._client = EventClient(folder)
        self.start()
        wait_for(lambda: bool(self.heard))

    def run(self) -> None:
        for message in self._client.events(timeout_s=20):
            self.heard.append(message)
            if message["type"] == "end":
                return


def test_lines_come_whole_however_they_are_cut() -> None:
    line = events.pack({"type": "study", "study_instance_uid": "1.2"}) * 2
    for cut in range(len(line)):
        lines = LineBuffer()
        assert [m["type"] for m in lines.feed(line[:cut]) + lines.feed(line[cut:])] == ["study", "study"]
    for nonsense in (b"hello\n", b"[1]\n", b"{}\n", b'{"type": 1}\n', b"\xff\n", b"x" * 70_000):
        with pytest.raises(PeerError):
            LineBuffer().feed(nonsense)


def test_requests_reach_the_owner_and_events_every_subscriber(
    folder: DataFolder, server: EventServer, requests: queue.Queue[Message]
) -> None:
    first, second = Listener(folder), Listener(folder)
    assert notify(folder, {"type": "wake"}, {"type": "bump", "run": "ab", "frame": 3})
    assert requests.get(timeout=5) == {"type": "wake"}
    assert requests.get(timeout=5) == {"type": "bump", "run": "ab", "frame": 3}
    assert notify(folder, {"type": "study", "study_instance_uid": "1.2"})
    wait_for(lambda: len(first.heard) == 2)
    server.publish({"type": "run", "run": "ab", "ready": [1, 0, 0], "complete": False})
    server.publish({"type": "end"})
    for listener in (first, second):
        listener.join(5)
        assert [m["type"] for m in listener.heard] == ["connected", "study", "run", "end"]


def test_nobody_there_is_no_error(folder: DataFolder) -> None:
    assert notify(folder, {"type": "wake"}) is False
    assert list(EventClient(folder).events(timeout_s=0.1)) == []


def test_subscribers_come_back_after_a_restart(folder: DataFolder) -> None:
    server = EventServer(folder, lambda message: None)
    listener = Listener(folder)
    server.close()
    assert not folder.events_path.exists()
    server = EventServer(folder, lambda message: None)
    try:
        wait_for(lambda: [m["type"] for m in listener.heard] == ["connected", "connected"])
        wait_for(lambda: any(peer.subscribed for peer in list(server._peers.values())))
        server.publish({"type": "end"})
        listener.join(5)
        assert listener.heard[-1] == {"type": "end"}
    finally:
        server.close()


def test_a_socket_left_by_a_killed_owner_is_taken_over(folder: DataFolder) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(folder.events_path))
    left.close()
    assert folder.events_path.exists()
    server = EventServer(folder, lambda message: None)
    try:
        assert notify(folder, {"type": "wake"})
        assert folder.events_path.stat().st_mode & 0o077 == 0
    finally:
        server.close()


@pytest.mark.parametrize("proc", ["/proc/self/fd", "/nonexistent"])
def test_a_long_path_works_too(
    tmp_path: Path, requests: queue.Queue[Message], monkeypatch: pytest.MonkeyPatch, proc: str
) -> None:
    monkeypatch.setattr(events, "_PROC_FD", Path(proc))
    folder = DataFolder(tmp_path / ("long" * 30) / "data")
    server = EventServer(folder, requests.put)
    try:
        assert notify(folder, {"type": "wake"})
        assert requests.get(timeout=5) == {"type": "wake"}
    finally:
        server.close()
    assert notify(folder, {"type": "wake"}) is False


def test_nonsense_ends_its_own_connection_only(folder: DataFolder, server: EventServer) -> None:
    listener = Listener(folder)
    hostile = events._connect(folder)
    hostile.sendall(b"GET / HTTP/1.1\n\n")
    hostile.settimeout(5)
    assert hostile.recv(10) == b""
    hostile.close()
    server.publish({"type": "end"})
    listener.join(5)
    assert listener.heard[-1] == {"type": "end"}


def test_a_subscriber_that_never_reads_is_cut_off_and_nobody_waits(folder: DataFolder, server: EventServer) -> None:
    lazy = events._connect(folder)
    lazy.sendall(events.pack({"type": "subscribe"}))
    wait_for(lambda: any(peer.subscribed for peer in list(server._peers.values())))
    for n in range(60):
        server.publish({"type": "study", "study_instance_uid": "1" * 40_000 + str(n)})
    wait_for(lambda: not server._peers)
    lazy.close()


def test_a_failing_request_stops_nothing(folder: DataFolder) -> None:
    seen: list[Message] = []

    def fail(message: Message) -> None:
        seen.append(message)
        raise RuntimeError("no")

    server = EventServer(folder, fail)
    try:
        assert notify(folder, {"type": "wake"}, {"type": "wake"})
        wait_for(lambda: len(seen) == 2)
    finally:
        server.close()


async def test_the_event_loop_client_hears_sends_and_comes_back(folder: DataFolder) -> None:
    requests: queue.Queue[Message] = queue.Queue()
    server = EventServer(folder, requests.put)
    client = AsyncEventClient(folder)
    assert client.send({"type": "wake"}) is False
    heard: list[Message] = []

    async def listen() -> None:
        async for message in client.events():
            heard.append(message)

    async def until(count: int) -> None:
        while len(heard) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.002)

    task = asyncio.create_task(listen())
    try:
        await asyncio.wait_for(until(1), 5)
        assert client.send({"type": "bump", "run": "ab"})
        assert await asyncio.to_thread(requests.get, True, 5) == {"type": "bump", "run": "ab"}
        server.publish({"type": "queue", "waiting": 3})
        await asyncio.wait_for(until(2), 5)
        server.close()
        server = EventServer(folder, requests.put)
        await asyncio.wait_for(until(3), 5)
        assert [m["type"] for m in heard] == ["connected", "queue", "connected"]
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        server.close()
