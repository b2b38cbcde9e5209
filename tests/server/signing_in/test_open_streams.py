"""Streams that stay open: they show what their session may see, and end with it."""

import asyncio

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from fastcine.archive import account_rows
from fastcine.auth import accounts
from fastcine.auth.roles import Role
from fastcine.cine.wire import run_id, run_name
from fastcine.config import Settings
from fastcine.server import app
from fastcine.server.app import make_app
from fastcine.server.context import CONTEXT
from tests.server.signing_in.users import bearer, sign_in


async def stream(client, **more):
    return await client.ws_connect("/ws", protocols=("fastcine.v1",), **more)


async def test_the_stream_is_closed_for_strangers(client):
    async with await stream(client) as socket:
        assert (await socket.receive()).data == 4403


async def test_a_stream_finds_no_run_of_another_patient(client, data):
    _, receipt, _, index = data
    accounts.add(index, "elsewhere", Role.READER, password=None, patient_ids=["OTHER"])
    token = accounts.set_token(index, "elsewhere")
    for headers, expected in (({"Authorization": f"Bearer {token}"}, "error"), (bearer(client, "guest"), "opened")):
        async with await stream(client, headers=headers) as socket:
            await socket.send_json({"type": "hello", "version": 1, "granted_bytes": 1 << 20})
            await socket.send_json({"type": "open", "run": run_name(run_id(receipt.sop_instance_uid)), "have": []})
            said = []
            while not said or said[-1] not in ("error", "opened", "run"):
                message = await socket.receive(5)
                assert message.type is aiohttp.WSMsgType.TEXT, (message, said)
                said.append(message.json()["type"])
            assert (said[-1] == "error") == (expected == "error"), said


async def test_a_stream_ends_with_its_session(client, data, monkeypatch):
    await sign_in(client)
    async with await stream(client) as socket, await stream(client, headers=bearer(client, "tech")) as machine:
        await socket.send_json({"type": "hello", "version": 1, "granted_bytes": 1 << 20})
        assert (await socket.receive(5)).json()["type"] == "welcome"
        await client.post("/sign-out", allow_redirects=False)
        assert (await socket.receive(5)).data == 4403
        with pytest.raises(asyncio.TimeoutError):
            await machine.receive(0.2)


async def opened_events(client, **more):
    events = await client.get("/api/events", **more)
    while await events.content.readline() != b"\n":
        pass
    return events


async def test_a_stream_ends_when_its_account_does(data, monkeypatch):
    monkeypatch.setattr(app, "SESSIONS_PERIOD_S", 0.1)
    root, _, tokens, index = data
    async with TestClient(TestServer(make_app(Settings(data=str(root), sign_in="yes")))) as client:
        client.tokens = tokens
        events, others = [await opened_events(client, headers=bearer(client, who)) for who in ("tech", "admin")]
        async with await stream(client, headers=bearer(client, "tech")) as socket:
            await asyncio.sleep(0.3)
            assert not events.content.at_eof()
            account_rows.remove_account(index, "tech-machine")
            assert (await socket.receive(5)).data == 4403
            assert await asyncio.wait_for(events.content.read(), 5) == b"", "nothing more after the end"
            client.app[CONTEXT].news._tell("study", {"study_instance_uid": "1.2.3"})
            assert await asyncio.wait_for(others.content.readline(), 5) == b"event: study\n"
            others.close()


async def test_a_stream_of_events_ends_at_once_with_its_session(client):
    await sign_in(client)
    events = await opened_events(client)
    await client.post("/sign-out", allow_redirects=False)
    assert await asyncio.wait_for(events.content.read(), 2) == b""
    assert (await client.get("/api/events")).status == 401


async def test_events_of_other_patients_are_not_told(client):
    events = await opened_events(client, headers=bearer(client, "guest"))
    news, uid = client.app[CONTEXT].news, client.receipt.study_instance_uid
    run = run_name(run_id(client.receipt.sop_instance_uid))
    for kind, body in (
        ("study", {"study_instance_uid": "1.2.3.9"}),
        ("run", {"run": "0" * 16}),
        ("run", {"run": run}),
        ("study", {"study_instance_uid": uid}),
    ):
        news._tell(kind, body)
    told = [await asyncio.wait_for(events.content.readline(), 5) for _ in range(5)]
    assert told[1] == b'data: {"run":"' + run.encode() + b'"}\n' and uid.encode() in told[4]
    events.close()
