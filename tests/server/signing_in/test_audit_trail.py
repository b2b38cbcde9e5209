"""The audit record as the web writes it: who looked, took away and stored, and nothing lost."""

import asyncio
import time
from datetime import UTC, datetime

from aiohttp.test_utils import TestClient, TestServer

from fastcine.archive import audit_log
from fastcine.archive.audit_log import AuditEvent
from fastcine.cine.wire import run_id, run_name
from fastcine.config import Settings
from fastcine.server import audit_trail
from fastcine.server.app import make_app
from fastcine.server.context import CONTEXT
from tests.archive.factories import part10
from tests.server.signing_in.users import bearer, recorded, sign_in


async def test_who_looked_and_took_away_is_written_down_once_a_look(client, data, monkeypatch):
    uid, reader = client.receipt.study_instance_uid, bearer(client, "reader")
    for _ in range(3):
        assert (await client.get(f"/view/{uid}", headers=reader)).status == 200
        assert (await client.get(f"/api/studies/{uid}", headers=reader)).status == 200
        assert (await client.get(f"/dicomweb/studies/{uid}/metadata", headers=reader)).status == 200
        assert (await client.get(f"/dicomweb/studies/{uid}", headers=reader)).status == 200
    assert (await client.get("/dicomweb/studies/9.9.9", headers=reader)).status == 404
    await client.post("/api/worklist", json={"search": "smith"}, headers=reader)
    await client.get("/dicomweb/studies?PatientID=X7", headers=reader)
    await recorded(client, data[3])
    found = [row.entry for row in audit_log.rows(data[3]) if row.entry.who == "reader-machine"]
    looks = [(each.event, each.study_instance_uid) for each in found if each.study_instance_uid]
    assert looks == [(AuditEvent.OPENED, uid), (AuditEvent.EXPORTED, uid)]
    words = [each.detail["words"] for each in found if each.event is AuditEvent.SEARCHED]
    assert words == ["smith", "PatientID X7"]
    assert {each.address for each in found} == {"127.0.0.1"} and {each.by_way_of for each in found} == {"token"}
    monkeypatch.setattr(audit_trail, "SAME_LOOK_S", 0.0)
    await client.get(f"/view/{uid}", headers=reader)
    events = await recorded(client, data[3])
    assert events.count((AuditEvent.OPENED, "reader-machine")) == 2
    assert audit_log.check_chain(data[3]).broken_at == 0


async def test_pictures_that_are_taken_one_by_one_are_written_down(client, data):
    run = run_name(run_id(client.receipt.sop_instance_uid))
    assert (await client.get(f"/api/runs/{run}/thumbnail", headers=bearer(client, "reader"))).status == 200
    await client.post("/api/worklist", json={}, headers=bearer(client, "reader"))
    events = await recorded(client, data[3])
    assert (AuditEvent.OPENED, "reader-machine") in events and (AuditEvent.SEARCHED, "reader-machine") in events


async def test_what_was_stored_before_a_broken_part_is_written_down(client, data):
    kind = 'multipart/related; type="application/dicom"; boundary=b'
    good = b"--b\r\nContent-Type: application/dicom\r\n\r\n" + part10("1.2.3.55", StudyInstanceUID="1.2.3.5")
    for rest in (
        b"\r\n--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--",
        b"\r\n--b\r\nContent-Type: application/dicom\r\n\r\nDI",
    ):
        headers = {**bearer(client, "tech"), "Content-Type": kind}
        assert (await client.post("/dicomweb/studies", data=good + rest, headers=headers)).status >= 400
    await recorded(client, data[3])
    stored = [row.entry.study_instance_uid for row in audit_log.rows(data[3]) if row.entry.event is AuditEvent.STORED]
    assert stored == ["1.2.3.5"]


async def test_only_what_the_proxy_itself_saw_is_believed(data):
    settings = Settings(data=str(data[0]), sign_in="yes", behind_proxy=True)
    async with TestClient(TestServer(make_app(settings))) as client:
        statuses = []
        for number in range(8):
            headers = [("X-Forwarded-For", f"6.6.6.{number}"), ("X-Forwarded-For", "9.9.9.9")]
            statuses.append((await sign_in(client, "admin", "wrong " * 3, headers=headers)).status)
        headers = {"X-Forwarded-For": "1.1.1.1, nonsense"}
        assert (await sign_in(client, "admin", "wrong " * 3, headers=headers)).status == 401
        assert statuses[:5] == [401] * 5 and statuses[-1] == 429
        await asyncio.sleep(0.1)
    assert {row.entry.address for row in audit_log.rows(data[3])} == {"9.9.9.9", "127.0.0.1"}


async def test_a_stop_writes_what_waits(data, monkeypatch):
    async with TestClient(TestServer(make_app(Settings(data=str(data[0]))))) as client:
        context, real = client.app[CONTEXT], audit_log.append
        entry = audit_log.AuditEntry(
            at=datetime.now(UTC), event=AuditEvent.DELETED, who="somebody", by_way_of="browser"
        )

        def slow(index, entries):
            time.sleep(0.3)
            real(index, entries)

        monkeypatch.setattr(audit_log, "append", slow)
        written = [context.audit.record(entry)]
        await asyncio.sleep(0.1)
        written.append(context.audit.record(entry))
    assert all(each.done() and each.exception() is None for each in written)
    assert [row.entry.event for row in audit_log.rows(data[3])] == [AuditEvent.DELETED] * 2


async def test_the_record_outlives_a_disk_that_refuses_for_a_while(client, data, monkeypatch):
    from fastcine.errors import StorageFull

    refusals, real = [], audit_log.append

    def full(index, entries):
        if len(refusals) < 2:
            refusals.append(entries)
            raise StorageFull("the disk is full")
        real(index, entries)

    monkeypatch.setattr(audit_trail, "RETRY_S", 0.05)
    monkeypatch.setattr(audit_log, "append", full)
    uid = client.receipt.study_instance_uid
    begun = time.monotonic()
    assert (await client.get(f"/view/{uid}", headers=bearer(client, "reader"))).status == 200, "pictures do not wait"
    assert time.monotonic() - begun < 2
    await asyncio.sleep(0.4)
    assert (AuditEvent.OPENED, "reader-machine") in await recorded(client, data[3]) and len(refusals) == 2
