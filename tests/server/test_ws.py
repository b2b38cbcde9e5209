"""The stream over a real socket: plays to exact, refuses what breaks the protocol, and goes on for the others."""

import asyncio
import zlib

import orjson
import pytest
from aiohttp import WSMsgType
from aiohttp.test_utils import TestClient, TestServer

from fastcine.cine.wire import parse_message, run_id, run_name
from fastcine.client.receiving import Assembler
from fastcine.config import Settings
from fastcine.server.app import make_app


async def connect(client, **headers):
    return await client.ws_connect("/ws", protocols=("fastcine.v1",), compress=0, max_msg_size=0, headers=headers)


def text(kind, **fields):
    return orjson.dumps({"type": kind, **fields}).decode()


async def play(client, *, want=None, until=3 * 6):
    """All frames of all tiers that come, by (tier, frame)."""
    run = run_name(run_id(client.receipt.sop_instance_uid))
    socket = await connect(client)
    await socket.send_str(text("hello", version=1, granted_bytes=1 << 30))
    await socket.send_str(text("open", run=run))
    await socket.send_str(text("want", **{"run": run, "state": "play", "frame": 0, "rate_fps": 15.0, **(want or {})}))
    assembler, frames, received = Assembler(int(run, 16), 6), {}, 0
    async with asyncio.timeout(20):
        async for message in socket:
            if message.type is WSMsgType.BINARY:
                received += len(message.data)
                for piece in parse_message(message.data):
                    whole = assembler.add(piece)
                    if whole:
                        frames[whole.tier, whole.frame] = whole
                await socket.send_str(text("credit", granted_bytes=1 << 30, received_bytes=received))
                if sum(tier == 2 for tier, _ in frames) == 6 or len(frames) >= until:
                    break
    await socket.close()
    return frames


async def test_every_frame_comes_exact(client):
    frames = await play(client)
    assert {frame for tier, frame in frames if tier == 2} == set(range(6))
    first = min(frames, key=lambda key: key[0])
    assert first == (0, 0)
    for (tier, _), whole in frames.items():
        if tier < 2:
            assert zlib.crc32(whole.bitstream) == whole.crc32


async def test_only_the_first_pass_when_asked(client):
    frames = await play(client, want={"max_tier": 0}, until=6)
    assert set(frames) == {(0, frame) for frame in range(6)}


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        (["nonsense"], 4400),
        ([text("open", run="0" * 16)], 4400),
        ([text("hello", version=9, granted_bytes=1)], 4406),
        ([text("hello", version=1, granted_bytes=1), text("hello", version=1, granted_bytes=1)], 4400),
        ([text("hello", version=1, granted_bytes=1), text("credit", granted_bytes=1, received_bytes=5)], 4400),
        ([b"\x00\x01binary"], 4400),
        (["{" * 70_000], 4413),
    ],
)
async def test_nonsense_is_closed_with_a_code_and_the_server_goes_on(client, messages, code):
    socket = await connect(client)
    for message in messages:
        await (socket.send_bytes(message) if isinstance(message, bytes) else socket.send_str(message))
    async with asyncio.timeout(10):
        async for _ in socket:
            pass
    assert socket.close_code == code
    assert len(await play(client)) >= 6


async def test_unknown_run_is_an_error_and_the_connection_stays(client):
    socket = await connect(client)
    await socket.send_str(text("hello", version=1, granted_bytes=1))
    await socket.send_str(text("open", run="0" * 16))
    await socket.send_str(text("ping", t=3))
    async with asyncio.timeout(10):
        kinds = [(await socket.receive_json()) for _ in range(3)]
    assert {body["type"] for body in kinds} == {"welcome", "error", "pong"}
    assert next(body for body in kinds if body["type"] == "error")["code"] == "not_found"
    await socket.close()


async def test_foreign_origin_may_not_open_the_stream(client):
    answer = await client.get(
        "/ws",
        headers={
            "Origin": "http://evil.example",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
            "Sec-WebSocket-Version": "13",
        },
    )
    assert answer.status == 403


async def test_without_the_subprotocol_it_is_closed(client):
    socket = await client.ws_connect("/ws")
    async with asyncio.timeout(10):
        async for _ in socket:
            pass
    assert socket.close_code == 4406


async def test_too_many_viewers_are_told_when_to_come_back(archive):
    settings = Settings(data=str(archive[0]), max_viewers=1)
    async with TestClient(TestServer(make_app(settings))) as client:
        first = await connect(client)
        second = await connect(client)
        async with asyncio.timeout(10):
            body = await second.receive_json()
            assert body["type"] == "goaway"
            assert body["retry_ms"] > 0
            async for _ in second:
                pass
        assert second.close_code == 4429
        await first.close()


async def test_a_viewer_that_grants_nothing_gets_nothing_and_harms_nobody(client):
    run = run_name(run_id(client.receipt.sop_instance_uid))
    idle = await connect(client)
    await idle.send_str(text("hello", version=1, granted_bytes=0))
    await idle.send_str(text("open", run=run))
    await idle.send_str(text("want", run=run, state="play", frame=0, rate_fps=15))
    assert {frame for tier, frame in await play(client) if tier == 2} == set(range(6))
    kinds = []
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.5):
            while True:
                kinds.append((await idle.receive()).type)
    assert WSMsgType.BINARY not in kinds
    await idle.close()
