"""A video's bytes as they were received, over HTTP: whole, by ranges, and only of what is a video."""

import asyncio

import pytest

pytest.importorskip("av")

import pydicom
from aiohttp import ClientError
from aiohttp.test_utils import TestClient, TestServer

from fastcine.archive import video_stream
from fastcine.codec import video
from fastcine.config import Settings
from fastcine.errors import StorageUnavailable
from fastcine.server.app import make_app
from fastcine.server.routes.video import CHUNK_BYTES, byte_range
from tests.archives import fill
from tests.codec.videos import coded_video, video_object

MP4 = coded_video("libx264", "mp4")
MP4 += bytes(len(MP4) % 2)
LONG = MP4 + bytes(range(256)) * (5 * CHUNK_BYTES // 2 // 256)
"""More than two chunks; what follows the film is nothing to a player."""


@pytest.fixture(scope="module")
def served(tmp_path_factory, small_run):
    """A data folder of two videos and another run, made without PyAV; the receipts by name."""
    folder = tmp_path_factory.mktemp("videos")
    video_object(folder / "whole.dcm", MP4, ".102", SeriesDescription="Film")
    video_object(folder / "pieces.dcm", LONG, ".102.1", pieces=5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(video, "installed", lambda: False)
        receipts = fill(folder / "data", [folder / "whole.dcm", folder / "pieces.dcm", small_run])
    return folder / "data", dict(zip(("whole", "pieces", "xa"), receipts, strict=True))


@pytest.fixture
async def client(served):
    server = TestServer(make_app(Settings(data=str(served[0]))))
    await server.start_server(access_log=None)
    async with TestClient(server) as client:
        yield client


@pytest.fixture
def address(served):
    return lambda name: f"/api/runs/{served[1][name].run}/video"


async def test_the_whole_stream(client, address):
    answer = await client.get(address("whole"))
    assert answer.status == 200 and await answer.read() == MP4
    assert answer.content_type == "video/mp4" and answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "media-src 'self'" in answer.headers["Content-Security-Policy"]
    head = await client.head(address("whole"))
    assert head.status == 200 and int(head.headers["Content-Length"]) == len(MP4) and await head.read() == b""


async def test_fragments_are_joined(client, address):
    assert await (await client.get(address("pieces"))).read() == LONG


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=0-", 0, len(LONG) - 1),
        ("bytes=0-0", 0, 0),
        ("bytes=100-4000", 100, 4000),
        (f"bytes={len(LONG) // 5 - 3}-{4 * len(LONG) // 5 + 3}", len(LONG) // 5 - 3, 4 * len(LONG) // 5 + 3),
        (f"bytes={len(LONG) - 1}-", len(LONG) - 1, len(LONG) - 1),
        (f"bytes=7-{10 * len(LONG)}", 7, len(LONG) - 1),
        ("bytes=-10", len(LONG) - 10, len(LONG) - 1),
        (f"bytes=-{10 * len(LONG)}", 0, len(LONG) - 1),
    ],
)
async def test_a_range(client, address, asked, first, last):
    answer = await client.get(address("pieces"), headers={"Range": asked})
    assert answer.status == 206 and answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(LONG)}"
    assert await answer.read() == LONG[first : last + 1]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("asked", [f"bytes={len(LONG)}-", f"bytes={len(LONG) + 5}-{len(LONG) + 9}", "bytes=-0"])
async def test_a_range_beyond_the_end(client, address, asked):
    answer = await client.get(address("pieces"), headers={"Range": asked})
    assert answer.status == 416 and answer.headers["Content-Range"] == f"bytes */{len(LONG)}"
    assert (await answer.json())["error"]["code"] == "http"


@pytest.mark.parametrize(
    "asked",
    ["bytes=9-3", "bytes=0-1,5-6", "bytes=-", "bytes=a-b", "items=0-4", "bytes=\u0661-", "", "bytes=" + "9" * 99],
)
def test_what_is_no_single_range_is_ignored(asked):
    assert byte_range(asked, 100) is None


async def test_a_range_with_a_condition_comes_whole(client, address):
    answer = await client.get(address("whole"), headers={"Range": "bytes=5-9", "If-Range": '"an old one"'})
    assert answer.status == 200 and await answer.read() == MP4


async def test_what_is_no_video(client, address):
    for path in (address("xa"), "/api/runs/1.2.3/video"):
        answer = await client.get(path)
        assert answer.status == 404 and (await answer.json())["error"]["code"] == "not_found"


async def test_the_run_says_where_its_video_is(client, served, address):
    for name in ("whole", "xa"):
        study = await (await client.get(f"/api/studies/{served[1][name].study_instance_uid}")).json()
        run = await (await client.get(f"/api/runs/{served[1][name].run}")).json()
        (tile,) = study["tiles"]
        wanted = address(name) if name == "whole" else None
        assert tile["video_url"] == run["video_url"] == wanted
    assert tile["state"] == "ready"


async def test_a_disk_that_fails_midway_breaks_the_answer_off(client, address, monkeypatch):
    read = video_stream.VideoStream.read

    def failing(stream, start, most):
        if start >= CHUNK_BYTES:
            raise StorageUnavailable("reading an object: Input/output error")
        return read(stream, start, most)

    monkeypatch.setattr(video_stream.VideoStream, "read", failing)
    answer = await client.get(address("pieces"))
    with pytest.raises(ClientError):
        await answer.read()
    assert (await client.get("/healthz")).status == 200


async def test_many_at_once_and_none_to_its_end(client, address):
    """Players that seek go away in the middle; the rest is served on."""
    for _ in range(20):
        answer = await client.get(address("pieces"))
        assert (await answer.content.readexactly(1000)) == LONG[:1000]
        answer.close()
    answers = await asyncio.gather(*(client.get(address("pieces")) for _ in range(8)))
    assert all([await answer.read() == LONG for answer in answers])


async def test_a_video_that_is_made_or_damaged_is_not_the_browsers(tmp_path):
    video_object(tmp_path / "made.dcm", MP4, ".102")
    video_object(tmp_path / "damaged.dcm", b"\0" * 4000, ".102")
    receipts = fill(tmp_path / "data", [tmp_path / "made.dcm", tmp_path / "damaged.dcm"])
    async with TestClient(TestServer(make_app(Settings(data=str(tmp_path / "data"))))) as client:
        for receipt, state in zip(receipts, ("ready", "failed"), strict=True):
            run = await (await client.get(f"/api/runs/{receipt.run}")).json()
            assert (run["state"], run["video_url"]) == (state, None)
        assert await (await client.get(f"/api/runs/{receipts[0].run}/video")).read() == MP4


async def test_the_files_are_as_the_fragments_are(served):
    """The oracle: pydicom's own walk over the fragments."""
    data, receipts = served
    path = next(data.rglob(f"{receipts['pieces'].sop_instance_uid}.dcm"))
    _, *fragments = list(pydicom.encaps.generate_fragments(pydicom.dcmread(path).PixelData))
    assert len(fragments) == 5
    with video_stream.VideoStream(path) as stream:
        assert stream.read(0, stream.size_bytes) == b"".join(fragments) == LONG
        assert stream.read(stream.size_bytes - 3, 99) == LONG[-3:] and stream.read(stream.size_bytes, 9) == b""
