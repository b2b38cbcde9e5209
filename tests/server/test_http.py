"""Routes, security headers, refusals: what a browser, a script and a hostile page meet."""

import re
import time
import zlib

import pytest
from aiohttp.test_utils import TestClient, TestServer

from fastcine.config import Settings
from fastcine.server.app import make_app
from fastcine.server.bootstrap import inline_json
from tests.archive.factories import report
from tests.archives import fill


async def test_worklist_names_the_study(client):
    answer = await client.post("/api/worklist", json={"search": "phantom"})
    body = await answer.json()
    assert answer.status == 200
    (study,) = body["studies"]
    assert study["patient_name"] == "Phantom, Paula"
    assert (study["runs"], study["stills"]) == (1, 0)
    assert body["next"] is None
    nobody = await (await client.post("/api/worklist", json={"search": "nobody"})).json()
    assert nobody["studies"] == []


@pytest.mark.parametrize("body", [b"nonsense", b"[]", b'{"limit": 0}', b'{"limit": 9999}', b'{"search": 7}'])
async def test_worklist_refuses_nonsense(client, body):
    answer = await client.post("/api/worklist", data=body)
    assert answer.status == 400
    assert (await answer.json())["error"]["code"] == "usage"


async def test_study_run_and_thumbnail(client):
    study = await (await client.get(f"/api/studies/{client.receipt.study_instance_uid}")).json()
    assert study["banner"]["patient_id"]
    (tile,) = study["tiles"]
    assert tile["kind"] == "run"
    assert tile["state"] == "ready"
    assert tile["ready"] == [6, 6, 6]
    by_name = await (await client.get(f"/api/runs/{tile['run']}")).json()
    by_uid = await (await client.get(f"/api/runs/{client.receipt.sop_instance_uid}")).json()
    assert by_name == by_uid
    assert by_name["description"]["frames"] == 6
    picture = await client.get(f"/api/runs/{tile['run']}/thumbnail")
    assert (await picture.read())[8:12] == b"WEBP"


@pytest.mark.parametrize("path", ["/api/studies/1.2.3", "/api/runs/1.2.3", "/view/1.2.3", "/nothing", "/static/x"])
async def test_not_found_is_one_shape(client, path):
    answer = await client.get(path)
    assert answer.status == 404
    assert (await answer.json())["error"]["code"] == "not_found"


async def test_pages_carry_a_policy_without_inline_scripts_but_by_nonce(client):
    answer = await client.get(f"/view/{client.receipt.study_instance_uid}")
    text = await answer.text()
    policy = answer.headers["Content-Security-Policy"]
    nonce = re.search(r"'nonce-([^']+)'", policy).group(1)
    assert "unsafe-inline" not in policy
    assert "'unsafe-eval'" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    for tag in re.findall(r"<script[^>]*>", text):
        assert "src=" in tag or 'type="application/json"' in tag or f'nonce="{nonce}"' in tag
    assert f'<style nonce="{nonce}">' in text, "no style sheet to wait for before the first picture"
    assert 'rel="stylesheet"' not in text
    assert "data:image/webp;base64," in text
    assert re.search('"previews":[1-9]', text), "the decoder waits for the picture only where there is one"
    assert "{{" not in text
    again = await client.get(f"/view/{client.receipt.study_instance_uid}")
    assert again.headers["Content-Security-Policy"] != policy


async def test_page_stays_within_the_first_flight(client):
    answer = await client.get(
        f"/view/{client.receipt.study_instance_uid}", headers={"Accept-Encoding": "gzip"}, auto_decompress=False
    )
    first_flight = zlib.decompressobj(31).decompress((await answer.read())[:14_000]).decode()
    assert 'id="preview" alt="" src="data:image/webp;base64,' in first_flight
    assert 'ui/view-page.js">' in first_flight, "what starts the viewer does not wait for further previews"


def test_hostile_names_cannot_leave_the_script_element():
    text = inline_json({"patient_name": "</script><script>alert(1)</script>\u2028"})
    assert "<" not in text
    assert "\u2028" not in text


async def test_static_files_are_immutable_and_gzipped(client):
    page = await (await client.get("/")).text()
    path = re.search(r"/static/[0-9a-f]{16}/ui/worklist-page\.js", page).group()
    answer = await client.get(path)
    assert answer.status == 200
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["Content-Encoding"] == "gzip"
    assert (await client.get(path.replace("worklist-page.js", "../../pyproject.toml"))).status == 404


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "[::2]", ""])
async def test_other_hosts_are_refused(client, host):
    answer = await client.get("/api/studies/1", headers={"Host": host})
    assert answer.status == 403
    assert (await answer.json())["error"]["code"] == "denied"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:9", "[::1]:80", "127.8.8.8"])
async def test_loopback_names_are_ours(client, host):
    assert (await client.get("/healthz", headers={"Host": host})).status == 200


@pytest.mark.parametrize("path", ["/api/worklist", "/api/upload"])
async def test_other_origins_may_not_change_state(client, path):
    answer = await client.post(path, data=b"{}", headers={"Origin": "http://evil.example"})
    assert answer.status == 403
    assert (await client.post(path, data=b"{}", headers={"Sec-Fetch-Site": "cross-site"})).status == 403


async def test_upload_stores_counts_and_skips(client, small_run, tmp_path):
    data = small_run.read_bytes()
    again = await (await client.post("/api/upload", data=data)).json()
    assert again["outcome"] == "duplicate"
    assert again["sop_instance_uid"] == client.receipt.sop_instance_uid
    skipped = await (await client.post("/api/upload", data=b"no DICOM at all " * 50)).json()
    assert skipped["outcome"] == "skipped"
    broken = await (await client.post("/api/upload", data=data[: len(data) // 2])).json()
    assert broken["outcome"] == "refused"
    assert broken["reason"]


async def test_upload_over_the_limit(archive, small_run):
    from aiohttp.test_utils import TestClient, TestServer

    from fastcine.config import Settings
    from fastcine.server.app import make_app

    settings = Settings(data=str(archive[0]), max_upload_bytes=1000)
    async with TestClient(TestServer(make_app(settings))) as client:
        answer = await client.post("/api/upload", data=small_run.read_bytes())
        assert answer.status in (400, 507)

        async def chunks():
            for _ in range(10):
                yield b"x" * 1000

        assert (await client.post("/api/upload", data=chunks())).status in (400, 507)


async def test_health_metrics_openapi(client):
    assert (await (await client.get("/healthz")).json())["status"] == "ok"
    metrics = await (await client.get("/metrics")).text()
    assert "fastcine_viewers" in metrics
    assert "Phantom" not in metrics
    document = await (await client.get("/api/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    assert "/api/worklist" in document["paths"]
    assert all(method["summary"] for path in document["paths"].values() for method in path.values())


async def test_logs_hold_no_identity(client, caplog):
    caplog.set_level("DEBUG")
    await client.post("/api/worklist", json={"search": "Phantom"})
    await client.get(f"/view/{client.receipt.study_instance_uid}?name=Paula")
    await client.get("/Phantom/Paula")
    assert "Paula" not in caplog.text
    assert "Phantom" not in caplog.text


async def test_an_open_event_stream_does_not_hold_up_the_end(archive):
    server = TestServer(make_app(Settings(data=str(archive[0]))))
    await server.start_server(access_log=None)
    client = TestClient(server)
    stream = await client.get("/api/events")
    assert await stream.content.readline() == b"retry: 2000\n"
    begun = time.monotonic()
    await server.close()
    assert time.monotonic() - begun < 2.0
    await client.close()


async def test_a_page_that_shows_nothing_first_loads_its_modules_at_once(tmp_path):
    """No bootstrap starts them there, so they must not wait in its template."""
    (tmp_path / "report.dcm").write_bytes(report("1.2.3.9", "1.2.77"))
    (receipt,) = fill(tmp_path / "data", [tmp_path / "report.dcm"])
    async with TestClient(TestServer(make_app(Settings(data=str(tmp_path / "data"))))) as client:
        text = await (await client.get(f"/view/{receipt.study_instance_uid}")).text()
    assert "<template" not in text and 'rel="modulepreload"' in text
    assert re.search(r'<script type="module" src="/static/[0-9a-f]{16}/ui/view-page.js">', text)
