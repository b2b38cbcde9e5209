"""More viewers than there is room for: told when to come back, and let in when somebody has left."""

import asyncio

import pytest
from aiohttp.test_utils import TestClient, TestServer

from fastcine.client import run_stream
from fastcine.client.pull import PullRequest, pull
from fastcine.config import Settings
from fastcine.errors import Overloaded
from fastcine.server import ws
from fastcine.server.app import make_app

ROOM = 2


@pytest.fixture
async def full(archive, monkeypatch):
    """A server with room for two, both there."""
    monkeypatch.setattr(ws, "BUSY_RETRY_MS", 300)
    async with TestClient(TestServer(make_app(Settings(data=str(archive[0]), max_viewers=ROOM)))) as client:
        client.inside = [await connect(client) for _ in range(ROOM)]
        yield client


async def connect(client):
    return await client.ws_connect("/ws", protocols=("fastcine.v1",))


async def test_those_beyond_are_told_when_to_come_back(full):
    for beyond in [await connect(full) for _ in range(5)]:
        async with asyncio.timeout(5):
            body = await beyond.receive_json()
            assert (body["type"], body["retry_ms"]) == ("goaway", 300)
            await beyond.receive()
        assert beyond.close_code == 4429
    metrics = await (await full.get("/metrics")).text()
    assert "fastcine_viewers 2.0" in metrics
    assert "fastcine_viewers_refused_total 5.0" in metrics


async def test_one_that_retries_gets_in_after_another_left(full, archive, tmp_path):
    request = PullRequest(str(full.make_url("/")), archive[1].sop_instance_uid, tmp_path, timeout_s=20)
    waiting = asyncio.create_task(pull(request))
    await asyncio.sleep(0.5)
    assert not waiting.done()
    await full.inside[0].close()
    report = await waiting
    assert (report["frames_exact"], report["connections"]) == (6, 1)


async def test_it_gives_up_in_the_end(full, archive, tmp_path, monkeypatch):
    monkeypatch.setattr(ws, "BUSY_RETRY_MS", 1)
    monkeypatch.setattr(run_stream, "MOST_RETRIES", 2)
    monkeypatch.setattr(run_stream, "RETRY_FIRST_S", 0.01)
    with pytest.raises(Overloaded):
        await pull(PullRequest(str(full.make_url("/")), archive[1].sop_instance_uid, tmp_path, timeout_s=20))
