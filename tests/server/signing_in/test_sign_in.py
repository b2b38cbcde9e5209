"""Sign-in: who gets in where, and for how long."""

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from fastcine.archive import audit_log
from fastcine.archive.audit_log import AuditEvent
from fastcine.cine.wire import run_id, run_name
from fastcine.config import Settings
from fastcine.server import access
from fastcine.server.app import make_app
from fastcine.server.context import CONTEXT
from fastcine.server.routes.sign_in import safe_next
from tests.archive.factories import part10
from tests.server.signing_in.users import FORM, PASSWORD, bearer, cookie_of, recorded, sign_in


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
            "group": "6000",
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
        "/api/studies/1.2.3.9/priors",
        "/api/studies/1.2.3.9/presentation-states",
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


async def test_addresses_and_forms_that_are_none_are_refused(client):
    assert (await client.get("/sign-in?next=//[")).status == 200
    assert (await client.post("/sign-in", headers={"Origin": "http://["})).status == 403
    assert (
        await client.get("/dicomweb/studies", headers={**bearer(client, "admin"), "Host": "localhost:99999"})
    ).status == 403


async def test_nobody_signs_in_where_nobody_has_to(archive):
    root, _ = archive
    async with TestClient(TestServer(make_app(Settings(data=str(root))))) as client:
        assert (await client.get("/", allow_redirects=False)).status == 200
        page = await (await client.get("/")).text()
        assert "Sign out" not in page and '<body data-may="delete reject store view">' in page
        assert (await client.get("/sign-in", allow_redirects=False)).headers["Location"] == "/"
