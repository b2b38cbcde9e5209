"""Deleting and rejecting over HTTP: who may, what is gone, and what is written down."""

import asyncio
import shutil

import pytest
from aiohttp.test_utils import TestClient, TestServer

from fastcine.archive import audit_log
from fastcine.archive.audit_log import AuditEvent
from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.auth import accounts
from fastcine.auth.roles import Role
from fastcine.config import Settings
from fastcine.server.app import make_app
from fastcine.server.context import CONTEXT
from tests.archive.factories import part10
from tests.archives import fill

WHY = "the wrong patient was chosen at the modality"


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    folder = tmp_path_factory.mktemp("removal")
    paths = []
    for study, series, sop in (("1.1", "1.1.1", "1.1.1.1"), ("1.1", "1.1.2", "1.1.2.1"), ("1.2", "1.2.1", "1.2.1.1")):
        paths.append(folder / f"{sop}.dcm")
        paths[-1].write_bytes(part10(sop, StudyInstanceUID=study, SeriesInstanceUID=series))
    fill(folder / "data", paths)
    index = Index(DataFolder(folder / "data").index_path)
    tokens = {role: accounts.add(index, str(role), role, password=None) for role in Role}
    index.close()
    return folder / "data", tokens


@pytest.fixture
async def client(template, tmp_path):
    root, tokens = template
    shutil.copytree(root, tmp_path / "data")
    async with TestClient(TestServer(make_app(Settings(data=str(tmp_path / "data"), sign_in="yes")))) as client:
        client.data, client.tokens = tmp_path / "data", tokens
        yield client


def bearer(client, role):
    return {"Authorization": f"Bearer {client.tokens[role]}"}


async def remove(client, role, action, reason=WHY, **uids):
    body = {"action": action, "reason": reason, **uids}
    return await client.post("/api/removals", json=body, headers=bearer(client, role))


async def status(client, path):
    return (await client.get(path, headers=bearer(client, Role.READER))).status


def record(client):
    index = Index(DataFolder(client.data).index_path)
    try:
        assert audit_log.check_chain(index).broken_at == 0
        return [row.entry for row in audit_log.rows(index)]
    finally:
        index.close()


async def test_a_rejected_series_is_out_of_sight_until_it_is_restored(client):
    answer = await remove(client, Role.TECHNOLOGIST, "reject", study_instance_uid="1.1", series_instance_uid="1.1.1")
    assert answer.status == 200 and await answer.json() == {"action": "reject", "objects": 1}
    for path in ("/dicomweb/studies/1.1/series/1.1.1", "/dicomweb/studies/1.1/series/1.1.1/metadata"):
        assert await status(client, path) == 404
    assert await status(client, "/dicomweb/studies/1.1/series/1.1.2") == 200
    found = await (await client.get("/dicomweb/instances", headers=bearer(client, Role.READER))).json()
    assert len(found) == 2
    assert (await remove(client, Role.TECHNOLOGIST, "restore", study_instance_uid="1.1")).status == 200
    assert await status(client, "/dicomweb/studies/1.1/series/1.1.1") == 200
    entries = [each for each in record(client) if each.event in (AuditEvent.REJECTED, AuditEvent.RESTORED)]
    assert [(each.who, each.study_instance_uid) for each in entries] == [("technologist", "1.1")] * 2
    uids = {"series_instance_uid": "1.1.1", "sop_instance_uid": "1.1.1.1"}
    assert entries[0].detail == {"reason": WHY, "objects": "1", **uids}
    assert (entries[0].by_way_of, entries[0].address) == ("token", "127.0.0.1")


async def test_a_deleted_study_is_gone_with_its_files(client):
    assert (await remove(client, Role.ADMINISTRATOR, "delete", study_instance_uid="1.2")).status == 200
    assert await status(client, "/dicomweb/studies/1.2") == 404 and await status(client, "/view/1.2") == 404
    assert [path for path in client.data.rglob("1.2.1.1*") if path.is_file()] == []
    assert [each.event for each in record(client) if each.who == "administrator"] == [AuditEvent.DELETED]
    assert (await remove(client, Role.ADMINISTRATOR, "delete", study_instance_uid="1.2")).status == 404


async def test_dicomweb_deletes_at_every_level(client):
    admin = bearer(client, Role.ADMINISTRATOR)
    for path in ("/dicomweb/studies/1.1/series/1.1.1/instances/1.1.1.1", "/dicomweb/studies/1.1/series/1.1.2"):
        assert (await client.delete(path, headers=admin)).status == 204
        assert (await client.delete(path, headers=admin)).status == 404
    assert await status(client, "/dicomweb/studies/1.1") == 404
    assert (await client.delete("/dicomweb/studies/1.2", headers=admin, json={"reason": WHY})).status == 204
    reasons = [each.detail["reason"] for each in record(client) if each.event is AuditEvent.DELETED]
    assert reasons == ["deleted by DICOMweb"] * 2 + [WHY]


@pytest.mark.parametrize(
    ("role", "action", "expected"),
    [
        (Role.READER, "reject", 403),
        (Role.READER, "delete", 403),
        (Role.TECHNOLOGIST, "delete", 403),
        (Role.TECHNOLOGIST, "reject", 200),
        (Role.ADMINISTRATOR, "reject", 200),
    ],
)
async def test_who_may(client, role, action, expected):
    assert (await remove(client, role, action, study_instance_uid="1.1")).status == expected
    if role is not Role.ADMINISTRATOR:
        path = "/dicomweb/studies/1.1/series/1.1.1"
        assert (await client.delete(path, headers=bearer(client, role))).status == 403
    gone = await status(client, "/dicomweb/studies/1.1") == 404
    assert gone == (expected == 200)
    audit = client.app[CONTEXT].audit
    while audit._waiting or audit._writing is not None:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    refused = [each for each in record(client) if each.event is AuditEvent.REFUSED and each.who == str(role)]
    assert bool(refused) == (role is not Role.ADMINISTRATOR)


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"[]", b'{"action": 1}', b'{"action": "burn", "study_instance_uid": "1.1", "reason": "x"}',
        b'{"action": "delete", "study_instance_uid": "1.1"}',
        b'{"action": "delete", "study_instance_uid": "1.1", "reason": " "}',
        b'{"action": "delete", "reason": "x"}',
        b'{"action": "delete", "study_instance_uid": "1.1", "sop_instance_uid": "1.1.1.1", "reason": "x"}',
    ],
)  # fmt: skip
async def test_what_is_not_said_plainly_is_not_done(client, body):
    answer = await client.post("/api/removals", data=body, headers=bearer(client, Role.ADMINISTRATOR))
    assert answer.status == 400, await answer.text()
    assert await status(client, "/dicomweb/studies/1.1") == 200


async def test_the_worklist_is_told(client):
    events = await client.get("/api/events", headers=bearer(client, Role.READER))
    await events.content.readline()
    await remove(client, Role.TECHNOLOGIST, "reject", study_instance_uid="1.1")
    page = await client.post("/api/worklist", json={}, headers=bearer(client, Role.READER))
    assert [row["study_instance_uid"] for row in (await page.json())["studies"]] == ["1.2"]
    events.close()
