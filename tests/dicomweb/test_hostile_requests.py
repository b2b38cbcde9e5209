"""Requests that mean harm: each is refused, and nothing is written outside the archive or left half done."""

import asyncio
import http.client
import socket
import time
import zlib

import pytest
from aiohttp.test_utils import TestClient, TestServer

from fastcine.config import Settings
from fastcine.dicom.part10 import part10_head
from fastcine.server import pipe
from fastcine.server.app import make_app
from tests.archive.factories import part10
from tests.dicomweb.test_client import KIND, fetch, multipart, post
from tests.serving import serving


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    env = {"FASTCINE_MAX_UPLOAD_BYTES": "2000000"}
    with serving(tmp_path_factory.mktemp("hostile") / "data", env=env) as server:
        assert post(server, multipart(part10("1.2.3.1")), KIND)[0] == 200
        yield server


def raw(server, text):
    """What a server answers to bytes that no client library would send."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 10) as line:
        line.sendall(text)
        line.settimeout(10)
        found = b""
        while b"\r\n" not in found and (chunk := line.recv(65536)):
            found += chunk
    return int(found.split()[1]) if found else 0


@pytest.mark.parametrize(
    "uid", ["..%2F..%2Fetc", "../../etc/passwd", "1.2%00", "%2e%2e", "1.2;drop", "a" * 5000, "%F0%9F"]
)
def test_uids_that_are_paths_are_not_found(server, uid):
    for path in (
        f"/dicomweb/studies/{uid}",
        f"/dicomweb/studies/{uid}/metadata",
        f"/dicomweb/studies/1.2/series/{uid}",
    ):
        status = raw(server, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        assert status in (400, 404), (path, status)


def test_a_stored_uid_that_is_a_path_stays_in_the_archive(server):
    data = part10("../../../escaped", StudyInstanceUID="../..", SeriesInstanceUID="/tmp")
    status, _ = post(server, multipart(data), KIND)
    assert status in (200, 409)
    outside = [path for path in server.data.parent.rglob("*escaped*") if server.data not in path.parents]
    assert outside == []
    for path in (server.data / "objects").rglob("*.dcm"):
        assert path.resolve().is_relative_to((server.data / "objects").resolve())


def test_another_sites_page_stores_nothing(server):
    """CSRF: a browser says whose page it is."""
    host = server.url.removeprefix("http://")
    before = count(server)
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": f"http://{host}.evil.example"},
    ):
        client = http.client.HTTPConnection(host, timeout=10)
        client.request("POST", "/dicomweb/studies", multipart(part10("1.2.3.66")), {"Content-Type": KIND, **headers})
        assert client.getresponse().status == 403, headers
        client.close()
    assert count(server) == before


def test_a_name_that_is_not_ours_is_not_answered(server):
    """DNS rebinding: the page's own name leads to us."""
    for path in ("/dicomweb/studies", "/dicomweb/studies/1.2/metadata", "/api/openapi.json"):
        assert fetch(server.url + path, Host="evil.example")[0] == 403


def test_too_much_is_refused_before_it_is_read(server):
    status, _ = post(server, multipart(b"\0" * 2_500_000), KIND)
    assert status == 507
    # Without a length: cut off where it gets too long, and nothing of it stays.
    host = server.url.removeprefix("http://")
    client = http.client.HTTPConnection(host, timeout=20)
    whole = multipart(part10("1.2.3.77") + b"\0" * 3_000_000)
    chunks = (whole[start : start + 65536] for start in range(0, len(whole), 65536))
    try:
        client.request("POST", "/dicomweb/studies", chunks, {"Content-Type": KIND}, encode_chunked=True)
        assert client.getresponse().status in (409, 507)
    except ConnectionError:
        pass
    client.close()
    assert [path.name for path in (server.data / "incoming").iterdir() if not path.name.startswith(".")] == []


def test_a_body_that_never_ends_holds_nobody_up(server):
    host, port = server.url.removeprefix("http://").split(":")
    lines = [socket.create_connection((host, int(port)), 10) for _ in range(20)]
    try:
        for line in lines:
            line.sendall(
                f"POST /dicomweb/studies HTTP/1.1\r\nHost: {host}\r\nContent-Type: {KIND}\r\n"
                "Content-Length: 100000\r\n\r\n--b\r\nContent-Type: application/dicom\r\n\r\n".encode()
            )
        begun = time.monotonic()
        assert fetch(f"{server.url}/dicomweb/studies")[0] == 200
        assert time.monotonic() - begun < 2
    finally:
        for line in lines:
            line.close()


async def test_a_sender_that_stands_still_is_broken_off(tmp_path, monkeypatch):
    monkeypatch.setattr(pipe, "IDLE_S", 0.2)
    async with TestClient(TestServer(make_app(Settings(data=str(tmp_path))))) as client:

        async def slowly():
            yield multipart(part10("1.2.3.99"))[:200]
            await asyncio.sleep(5)

        begun = time.monotonic()
        answer = await client.post("/dicomweb/studies", data=slowly(), headers={"Content-Type": KIND})
        assert answer.status == 408 and time.monotonic() - begun < 2
        incoming = tmp_path / "incoming"
        assert [path.name for path in incoming.iterdir() if not path.name.startswith(".")] == []


@pytest.mark.soak
def test_a_part_that_deflates_to_gigabytes_is_refused(server):
    deflated = "1.2.840.10008.1.2.1.99"
    bomb = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = bomb.compress(b"\0" * 600_000_000) + bomb.flush()
    assert len(packed) < 1_000_000
    begun = time.monotonic()
    status, _ = post(
        server, multipart(part10_head("1.2.840.10008.5.1.4.1.1.12.1", "1.2.3.88", deflated) + packed), KIND
    )
    assert status == 409 and time.monotonic() - begun < 15
    assert fetch(f"{server.url}/dicomweb/studies")[0] == 200


def count(server):
    return len(list((server.data / "objects").rglob("*.dcm")))


def test_bulk_data_fills_no_disk_and_no_memory(server):
    """More than may be uploaded, in parts of bulk data; and bulk data that is named a thousand times."""
    json_kind = KIND.replace("dicom", "dicom+json")
    big = b"--b\r\nContent-Type: application/octet-stream\r\nContent-Location: x\r\n\r\n" + bytes(2_500_000)
    assert post(server, big + b"\r\n--b--\r\n", json_kind)[0] == 507
    item = '{"00283006": {"vr": "OW", "BulkDataURI": "x"}}'
    nested = '[{"00283000": {"vr": "SQ", "Value": [' + ",".join([item] * 1000) + "]}}]"
    body = b"--b\r\nContent-Type: application/octet-stream\r\nContent-Location: x\r\n\r\n" + bytes(1_500_000)
    body += b"\r\n--b\r\nContent-Type: application/dicom+json\r\n\r\n" + nested.encode() + b"\r\n--b--\r\n"
    assert post(server, body, json_kind)[0] == 409
    assert [path.name for path in (server.data / "incoming").iterdir() if not path.name.startswith(".")] == []
