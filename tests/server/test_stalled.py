"""A viewer that reads nothing: the others play on, it costs little memory, and it cannot hold anything up."""

import asyncio
import signal
import socket
import time
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientSession, WSMsgType
from aiohttp.test_utils import TestClient, TestServer

from fastcine.cine import session
from fastcine.cine.wire import run_id, run_name
from fastcine.config import Settings
from fastcine.load.arrivals import Arrivals
from fastcine.load.crowd import Crowd, Gathering, server_metrics, watched_run
from fastcine.load.emulator import Emulated
from fastcine.load.viewer import Viewer, text
from fastcine.phantom.bench_runs import bench_run
from fastcine.server import stream_socket, ws
from fastcine.server.app import make_app
from fastcine.server.context import CONTEXT
from tests.archives import fill
from tests.hostile import upgrade
from tests.serving import serving

FRAMES = 24
SETTLE_S = 2.0
MOST_BYTES = 2 << 20
"""What a viewer that does not read may cost the worker."""


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stalled")
    name, data = bench_run("xa512x60", frames=FRAMES)
    (folder / name).write_bytes(data)
    (receipt,) = fill(folder / "data", [folder / name])
    return folder / "data", run_name(run_id(receipt.sop_instance_uid))


async def until(condition, timeout_s=10.0):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        await asyncio.sleep(0.01)


async def stalled_viewer(watched, host, port):
    """Plays the run once, so that the server thinks it fast, asks for it again, and reads nothing more."""
    arrivals, ended = Arrivals(), []
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)  # what the kernel takes in costs the worker nothing
    line.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(line, (host, port))
    viewer = Viewer(watched, arrivals, f"{host}:{port}", ended.append)
    await loop.create_connection(lambda: viewer, sock=line)
    await viewer.greeted
    viewer.open_run(time.monotonic(), again=False)
    await until(lambda: arrivals.finished)
    viewer.pause_reading()
    viewer.open_run(time.monotonic(), again=True)
    return viewer


async def connected(server):
    """Viewers that the worker counts."""
    async with ClientSession() as session, session.get(f"{server.url}/metrics") as answer:
        (line,) = [line for line in (await answer.text()).splitlines() if line.startswith("fastcine_viewers ")]
        return float(line.split()[1])


async def play_beside_stalled(data, run, seconds, *, players=5, stalled=6):
    """(figures of the players, bytes that one stalled viewer cost the worker, a frame's time, ms)."""
    with serving(data) as server:
        parts = urlsplit(server.url)
        crowd = Crowd(players, run, every_s=1.0)
        watched = await watched_run(server.url, crowd)
        link = Emulated(parts.hostname, parts.port, "loopback")
        gathering = Gathering(crowd, watched, link, parts.netloc)
        loop = asyncio.get_running_loop()
        await gathering.connect_all(lambda count: None)
        playing = asyncio.create_task(gathering.play(loop.time() + SETTLE_S + seconds))
        await asyncio.sleep(1.5)
        before = await server_metrics(server.url)
        idle = [await stalled_viewer(watched, parts.hostname, parts.port) for _ in range(stalled)]
        begun = time.monotonic()
        gathering.arrivals.begin(begun)
        await asyncio.sleep(seconds / 2)
        during = await server_metrics(server.url)
        await playing
        found = gathering.arrivals.figures(time.monotonic() - begun)
        # They were there all the time, until their minute was over.
        assert await connected(server) == players + (stalled if seconds < 60 else 0)
        gathering.end()
        for viewer in idle:
            viewer.close()
        memory = "process_resident_memory_bytes"
        return found, (during[memory] - before[memory]) / stalled, 1000 / watched.fps


def check(found, cost_bytes, interval_ms, percentile):
    assert found["frames_per_s"] > 50
    assert found["errors"] == {} and found["connections_lost"] == 0
    assert found["late_ms"][percentile] < interval_ms
    assert cost_bytes <= MOST_BYTES


async def test_others_play_on(filled):
    # Other tests run beside this one, and a frame in a hundred may wait for them.
    check(*await play_beside_stalled(*filled, 4.0), "p99")


@pytest.mark.soak
async def test_others_play_on_for_a_minute(filled):
    check(*await play_beside_stalled(*filled, 66.0, stalled=20), "p100")


@pytest.fixture
async def client(filled):
    async with TestClient(TestServer(make_app(Settings(data=str(filled[0]))))) as client:
        yield client


async def raw_viewer(client, run, wish="play"):
    """A socket that has asked for the run and will not be read; the server's own buffers for it are small."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(line, (client.server.host, client.server.port))
    host = f"{client.server.host}:{client.server.port}"
    sockets = client.server.app[CONTEXT].sockets
    known = set(sockets)
    await loop.sock_sendall(line, upgrade(host))
    await until(lambda: set(sockets) - known)
    (ours,) = set(sockets) - known
    ours.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    await loop.sock_sendall(line, text(type="hello", version=1, granted_bytes=1 << 30))
    await loop.sock_sendall(line, text(type="open", run=run))
    await loop.sock_sendall(line, text(type="want", run=run, state=wish, frame=0, rate_fps=15))
    return line


async def test_the_server_waits_for_the_answer_to_its_close(client, filled, monkeypatch):
    """RFC 6455 section 7.1.1: else the close is lost in a reset where the viewer was just saying something."""
    monkeypatch.setattr(session, "HELLO_WAIT_S", 0.2)
    host = f"{client.server.host}:{client.server.port}"
    reader, writer = await asyncio.open_connection(client.server.host, client.server.port)
    writer.write(upgrade(host))
    await reader.readuntil(b"\r\n\r\n")
    head = await asyncio.wait_for(reader.readexactly(4), 5)
    assert head[0] == 0x88 and int.from_bytes(head[2:]) == 4408
    await reader.readexactly(head[1] - 2)
    writer.write(text(type="ping", t=1))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), 0.3)
    assert client.server.app[CONTEXT].sockets
    asked = time.monotonic()
    writer.write(bytes((0x88, 0x82, 0, 0, 0, 0)) + (4408).to_bytes(2))
    assert await asyncio.wait_for(reader.read(1), 1) == b""
    assert time.monotonic() - asked < 0.5
    writer.close()


async def test_a_silent_viewer_that_does_not_read_is_gone_in_time(client, filled, monkeypatch):
    monkeypatch.setattr(session, "HELLO_WAIT_S", 0.5)
    monkeypatch.setattr(session, "SILENCE_S", 0.5)
    monkeypatch.setattr(stream_socket, "CLOSE_S", 0.5)
    context = client.server.app[CONTEXT]
    with await raw_viewer(client, filled[1]):
        assert len(context.sockets) == 1
        await until(lambda: not context.sockets, 3.0)


async def test_a_viewer_that_asks_and_does_not_read_is_cut_off(client, filled, monkeypatch, caplog):
    monkeypatch.setattr(ws, "MOST_UNREAD_BYTES", 50_000)
    loop = asyncio.get_running_loop()
    with await raw_viewer(client, filled[1], "hidden") as line, pytest.raises(ConnectionError):
        for _ in range(1000):
            await asyncio.wait_for(loop.sock_sendall(line, text(type="ping", t=1) * 100), 5)
    await until(lambda: not client.server.app[CONTEXT].sockets)
    assert "viewer closed with 4400: it asks for more than it reads" in caplog.text


async def test_the_goodbye_reaches_the_others_at_once(filled):
    with serving(filled[0]) as server:
        parts = urlsplit(server.url)
        watched = await watched_run(server.url, Crowd(1, filled[1]))
        idle = [await stalled_viewer(watched, parts.hostname, parts.port) for _ in range(2)]
        async with ClientSession() as session:
            others = [await session.ws_connect(f"{server.url}/ws", protocols=("fastcine.v1",)) for _ in range(3)]
            asked = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            for other in others:
                async with asyncio.timeout(5):
                    assert (await other.receive_json())["type"] == "goaway"
                    assert (await other.receive()).type in (WSMsgType.CLOSE, WSMsgType.CLOSED)
                assert other.close_code == 1001
            assert time.monotonic() - asked < 1.5
        await asyncio.to_thread(server.process.wait, 10)
        assert time.monotonic() - asked < 6
        for viewer in idle:
            viewer.close()
