"""Sign-in: who gets in where, for how long, and what is written down about it."""

import asyncio
import shutil
import time
from datetime import UTC, datetime

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from fastcine.archive import account_rows, audit_log
from fastcine.archive.audit_log import AuditEvent
from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.auth import accounts
from fastcine.auth.roles import Role
from fastcine.cine.wire import run_id, run_name
from fastcine.config import Settings
from fastcine.server import access, app, audit_trail
from fastcine.server.app import make_app
from fastcine.server.context import CONTEXT
from fastcine.server.routes.sign_in import safe_next
from tests.archive.factories import part10
from tests.archives import fill

PASSWORD = "an angiogram a day"
USERS = {"reader": Role.READER, "tech": Role.TECHNOLOGIST, "admin": Role.ADMINISTRATOR}
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def template(tmp_path_factory, small_run):
    """An archive with a run, a study of another patient, and users."""
    folder = tmp_path_factory.mktemp("sign-in")
    other = folder / "other.dcm"
    other.write_bytes(part10("1.2.3.9.1", StudyInstanceUID="1.2.3.9", PatientID="OTHER"))
    receipt, _ = fill(folder / "data", [small_run, other])
    index = Index(DataFolder(folder / "data").index_path)
    for name, role in USERS.items():
        accounts.add(index, name, role, password=PASSWORD)
    tokens = {name: accounts.add(index, f"{name}-machine", role, password=None) for name, role in USERS.items()}
    patient = index.study_row(receipt.study_instance_uid).patient_and_study.patient_id
    tokens["guest"] = accounts.add(index, "guest", Role.READER, password=None, patient_ids=[patient])
    index.close()
    return folder / "data", receipt, tokens


@pytest.fixture
def data(template, tmp_path):
    """A copy of it: folder, receipt of the run, tokens, index."""
    root, receipt, tokens = template
    shutil.copytree(root, tmp_path / "data")
    index = Index(DataFolder(tmp_path / "data").index_path)
    yield tmp_path / "data", receipt, tokens, index
    index.close()


@pytest.fixture
async def client(data):
    root, receipt, tokens, _ = data
    server = TestServer(make_app(Settings(data=str(root), sign_in="yes")))
    await server.start_server(access_log=None)
    async with TestClient(server, cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
        client.receipt, client.tokens = receipt, tokens
        yield client


async def sign_in(client, name="reader", password=PASSWORD, **more):
    form = {"name": name, "password": password, "next": "/"}
    return await client.post("/sign-in", data=form, allow_redirects=False, **more)


def bearer(client, name):
    return {"Authorization": f"Bearer {client.tokens[name]}"}


def cookie_of(client):
    return client.session.cookie_jar.filter_cookies(URL(client.make_url("/")))["fastcine"].value


async def recorded(client, index):
    """The audit record once what waits is written."""
    audit = client.app[CONTEXT].audit
    while audit._waiting or audit._writing is not None:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    return [(row.entry.event, row.entry.who) for row in audit_log.rows(index)]


def routes(client):
    """Method, canonical path and a path of every route."""
    for route in client.app.router.routes():
        canonical = route.resource.canonical
        path = canonical
        for name, value in {
            "study_instance_uid": client.receipt.study_instance_uid,
            "series_instance_uid": "1.2",
            "sop_instance_uid": client.receipt.sop_instance_uid,
            "run": run_name(run_id(client.receipt.sop_instance_uid)),
            "frames": "1",
            "tag": "7FE00010",
            "version": "0" * 16,
            "name": "x.js",
        }.items():
            path = path.replace("{" + name + "}", value)
        assert "{" not in path, canonical
        yield route.method, canonical, path


async def test_every_route_but_the_open_ones_asks_for_sign_in(client):
    asked = 0
    for method, canonical, path in routes(client):
        answer = await client.request(method, path, allow_redirects=False)
        if canonical in access.OPEN:
            assert answer.status in (200, 404, 415), path
        elif canonical == "/" or canonical.startswith("/view/"):
            assert answer.status == (303 if method == "GET" else 401), path
        elif canonical != access.STREAM:
            assert answer.status == 401, (method, path)
            asked += 1
    assert asked > 20
    assert (await client.get("/no/such/page")).status == 401


async def test_a_reader_changes_nothing_by_any_route(client):
    changing = {(method, path) for method, path, _ in routes(client) if method not in access.SAFE_METHODS}
    assert set(access.UNSAFE) <= changing, "a permission for a route that is not there"
    may = {("POST", "/sign-in"), ("POST", "/sign-out"), ("POST", "/api/worklist")}
    for method, canonical, path in routes(client):
        if (method, canonical) in changing - may:
            assert (await client.request(method, path, headers=bearer(client, "reader"))).status == 403, (method, path)


async def test_a_page_leads_to_the_form_and_back(client):
    uid = client.receipt.study_instance_uid
    answer = await client.get(f"/view/{uid}?run=abc", allow_redirects=False)
    assert answer.status == 303
    form = URL(answer.headers["Location"])
    assert form.path == "/sign-in" and form.query["next"] == f"/view/{uid}?run=abc"
    page = await (await client.get(form)).text()
    assert 'name="password"' in page and f'value="/view/{uid}?run=abc"' in page
    fields = {"name": "reader", "password": PASSWORD, "next": form.query["next"]}
    answer = await client.post("/sign-in", data=fields, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, form.query["next"])
    assert (await client.get(f"/view/{uid}")).status == 200
    assert (await client.get("/sign-in", allow_redirects=False)).status == 303, "signed in already"


@pytest.mark.parametrize(
    "wanted",
    ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)", "/api/upload", "view/1",
     "/view/1\r\nSet-Cookie: a=b", "/\t/evil.example", "\\\\evil.example", "/view/\x00"],
)  # fmt: skip
async def test_the_form_leads_nowhere_else(client, wanted):
    assert safe_next(wanted) == "/"
    answer = await client.post(
        "/sign-in", data={"name": "reader", "password": PASSWORD, "next": wanted}, allow_redirects=False
    )
    assert answer.headers["Location"] == "/"


async def test_what_was_typed_comes_back_as_text(client):
    answer = await sign_in(client, '"><script>alert(1)</script>', "x")
    page = await answer.text()
    assert answer.status == 401 and "<script>" not in page and "&lt;script&gt;" in page


async def test_the_cookie_is_for_the_browser_alone(client):
    answer = await sign_in(client)
    cookie = answer.headers["Set-Cookie"]
    for word in ("HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=43200"):
        assert word in cookie
    assert "Domain" not in cookie
    # The proxy's name: TLS is in front.
    client.app[CONTEXT].settings = Settings(data="x", sign_in="yes", allowed_hosts=("cine.example",))
    cookie = (await sign_in(client, headers={"Host": "cine.example"})).headers["Set-Cookie"]
    assert cookie.startswith("__Host-fastcine=") and "Secure" in cookie


async def test_another_sites_page_signs_nobody_in_or_out(client):
    for origin in ("https://evil.example", "null"):
        assert (await sign_in(client, headers={"Origin": origin})).status == 403
    await sign_in(client)
    assert (await client.post("/sign-out", headers={"Origin": "https://evil.example"})).status == 403
    assert (await client.get("/api/openapi.json")).status == 200


async def test_a_cookie_that_was_signed_out_is_replayed_in_vain(client, data):
    await sign_in(client)
    stolen = {"Cookie": f"fastcine={cookie_of(client)}"}
    async with aiohttp.ClientSession() as thief:
        assert (await thief.get(client.make_url("/api/openapi.json"), headers=stolen)).status == 200
        answer = await client.post("/sign-out", allow_redirects=False)
        assert answer.status == 303 and 'fastcine=""' in answer.headers["Set-Cookie"]
        assert (await thief.get(client.make_url("/api/openapi.json"), headers=stolen)).status == 401
        for forged in ("", "x", "x" * 5000, cookie_hash(data), client.tokens["admin"]):
            answer = await thief.get(client.make_url("/api/openapi.json"), headers={"Cookie": f"fastcine={forged}"})
            assert answer.status == 401, forged
    events = await recorded(client, data[3])
    assert (AuditEvent.SIGNED_IN, "reader") in events and (AuditEvent.SIGNED_OUT, "reader") in events


def cookie_hash(data):
    """What somebody finds who reads the index: of no use as a cookie."""
    rows = data[3].read(lambda c: c.execute("SELECT hex(token_sha256) FROM account").fetchall())
    return next(row[0] for row in rows if row[0])


async def test_guessing_is_slowed_down_and_written_down(client, data):
    statuses = [(await sign_in(client, "admin", f"guess number {number}")).status for number in range(7)]
    assert statuses[:5] == [401] * 5 and statuses[-1] == 429
    answer = await sign_in(client, "admin")
    assert answer.status == 429 and int(answer.headers["Retry-After"]) >= 1
    assert "wait" in await answer.text()
    events = await recorded(client, data[3])
    assert events.count((AuditEvent.SIGN_IN_REFUSED, "admin")) == 6, "one row for all that had to wait"
    assert all(PASSWORD not in str(row.entry) and "guess" not in str(row.entry) for row in audit_log.rows(data[3]))


async def test_forms_that_are_none(client):
    url = "/sign-in"
    assert (await client.post(url, json={"name": "reader"})).status == 415
    assert (await client.post(url, data=b"x" * 20_000, headers={"Content-Type": FORM})).status == 413
    assert (await client.post(url, data=b"\xff\xfe=%zz&&==", headers={"Content-Type": FORM})).status == 401
    assert (await client.post(url, data=b"a=b&" * 50, headers={"Content-Type": FORM})).status in (400, 401)


@pytest.mark.parametrize(
    ("who", "method", "path", "status"),
    [
        ("reader", "POST", "/api/upload", 403),
        ("reader", "POST", "/dicomweb/studies", 403),
        ("reader", "POST", "/dicomweb/studies/1.2", 403),
        ("tech", "POST", "/api/upload", 200),
        ("admin", "POST", "/api/upload", 200),
        ("reader", "POST", "/api/worklist", 200),
        ("reader", "GET", "/metrics", 200),
    ],
)
async def test_a_role_may_what_it_may(client, data, who, method, path, status):
    answer = await client.request(
        method,
        path,
        headers=bearer(client, who),
        data=part10("1.2.3.77") if status == 200 and "upload" in path else b"{}",
    )
    assert answer.status == status
    refused = (AuditEvent.REFUSED, f"{who}-machine") in await recorded(client, data[3])
    assert refused == (status == 403)


async def test_a_reader_is_not_shown_what_only_others_may(client):
    await sign_in(client)
    page = await (await client.get("/")).text()
    assert '<body data-may="view">' in page and "reader" in page and 'action="/sign-out"' in page
    await client.post("/sign-out")
    await sign_in(client, "tech")
    assert '<body data-may="reject store view">' in await (await client.get("/")).text()


async def test_one_who_is_kept_to_a_patient_guesses_uids_in_vain(client, data):
    guest, uid = bearer(client, "guest"), client.receipt.study_instance_uid
    run = run_name(run_id(client.receipt.sop_instance_uid))
    for path in (f"/view/{uid}", f"/api/studies/{uid}", f"/api/runs/{run}", f"/dicomweb/studies/{uid}/metadata"):
        assert (await client.get(path, headers=guest)).status == 200, path
    series = "1.2"
    for path in (
        "/view/1.2.3.9",
        "/api/studies/1.2.3.9",
        "/dicomweb/studies/1.2.3.9",
        "/dicomweb/studies/1.2.3.9/metadata",
        f"/dicomweb/studies/1.2.3.9/series/{series}/instances/1.2.3.9.1",
        "/dicomweb/studies/1.2.3.9/series",
    ):
        theirs = await client.get(path, headers=guest)
        nowhere = await client.get(path.replace("1.2.3.9", "1.2.3.8"), headers=guest)
        assert theirs.status == nowhere.status == 404, path
        assert await theirs.text() == await nowhere.text(), "the answer tells that it exists"
    worklist = await (await client.post("/api/worklist", json={"search": ""}, headers=guest)).json()
    assert [row["study_instance_uid"] for row in worklist["studies"]] == [uid] and worklist["total"] == 1
    assert (await (await client.post("/api/worklist", json={"search": "OTHER"}, headers=guest)).json())["studies"] == []
    for level in ("studies", "series", "instances"):
        found = await (await client.get(f"/dicomweb/{level}?includefield=PatientID", headers=guest)).json()
        assert {row["0020000D"]["Value"][0] for row in found} == {uid}
    assert (await client.get("/dicomweb/studies?PatientID=OTHER", headers=guest)).status == 204
    assert (await client.get("/dicomweb/studies?PatientID=OTHER", headers=bearer(client, "reader"))).status == 200


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


async def test_addresses_and_forms_that_are_none_are_refused(client):
    assert (await client.get("/sign-in?next=//[")).status == 200
    assert (await client.post("/sign-in", headers={"Origin": "http://["})).status == 403
    assert (
        await client.get("/dicomweb/studies", headers={**bearer(client, "admin"), "Host": "localhost:99999"})
    ).status == 403


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


async def test_nobody_signs_in_where_nobody_has_to(archive):
    root, _ = archive
    async with TestClient(TestServer(make_app(Settings(data=str(root))))) as client:
        assert (await client.get("/", allow_redirects=False)).status == 200
        page = await (await client.get("/")).text()
        assert "Sign out" not in page and '<body data-may="delete reject store view">' in page
        assert (await client.get("/sign-in", allow_redirects=False)).headers["Location"] == "/"
