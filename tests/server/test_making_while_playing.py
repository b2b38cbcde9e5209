"""With a real owner beside: runs are awaited, made first, made anew when their cache is lost or damaged."""

import asyncio
import shutil
import threading

import pytest
from aiohttp.test_utils import TestClient, TestServer

from fastcine import work
from fastcine.archive.cine_cache import entry_path
from fastcine.archive.cine_making import Maker
from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.archive.owner import IngestOwner
from fastcine.cine.wire import run_id, run_name
from fastcine.client.pull import PullRequest, pull
from fastcine.config import Settings
from fastcine.server.app import make_app
from tests.archives import fill


class RunningOwner:
    """The ingest owner in a thread."""

    def __init__(self, root):
        self.folder = DataFolder(root, durable=False)
        self.index = Index(self.folder.index_path, durable=False)
        self.executor = work.pool(2, "code")
        self.lock = self.folder.acquire("test")
        maker = Maker(self.folder, self.index, self.executor, threads=2, site_timezone="UTC")
        self.owner = IngestOwner(self.folder, self.index, lock=self.lock, make=maker)
        self.thread = threading.Thread(target=self.owner.run)
        self.thread.start()

    def stop(self):
        self.owner.stop()
        self.thread.join(10)
        self.owner.close()
        self.lock.release()
        self.executor.shutdown()
        self.index.close()


@pytest.fixture
async def serve(tmp_path, small_run):
    (receipt,) = fill(tmp_path / "data", [small_run], make=False)
    server = TestServer(make_app(Settings(data=str(tmp_path / "data"))))
    await server.start_server(access_log=None)
    async with TestClient(server) as client:
        client.receipt = receipt
        client.root = tmp_path / "data"
        client.request = PullRequest(
            str(server.make_url("/")), receipt.sop_instance_uid, tmp_path / "out", timeout_s=20
        )
        yield client


@pytest.fixture
def owner_of():
    owners = []

    def start(root):
        owners.append(RunningOwner(root))
        return owners[-1]

    yield start
    for owner in owners:
        owner.stop()


async def test_a_run_asked_for_before_it_is_made_is_awaited(serve, owner_of):
    playing = asyncio.create_task(pull(serve.request))
    await asyncio.sleep(0.3)
    assert not playing.done()
    owner_of(serve.root)
    report = await playing
    assert report["frames_exact"] == 6


async def test_a_lost_cache_entry_is_made_anew(serve, owner_of):
    owner = owner_of(serve.root)
    await pull(serve.request)
    run = run_name(run_id(serve.receipt.sop_instance_uid))
    await asyncio.sleep(0.2)
    shutil.rmtree(entry_path(owner.folder, run))
    server = TestServer(make_app(Settings(data=str(serve.root))))
    await server.start_server(access_log=None)
    async with TestClient(server):
        again = PullRequest(str(server.make_url("/")), serve.request.sop_instance_uid, serve.request.out, timeout_s=20)
        assert (await pull(again))["frames_exact"] == 6


def overwrite_middle(path):
    """Sixty-four zeros in the middle of a file, in place (a server has it mapped); its length."""
    length = path.stat().st_size
    with open(path, "r+b") as file:
        file.seek(length // 2)
        file.write(bytes(64))
    return length


async def test_a_damaged_frame_is_made_anew_and_sent_again(serve, owner_of):
    owner = owner_of(serve.root)
    await pull(serve.request)
    run = run_name(run_id(serve.receipt.sop_instance_uid))
    length = overwrite_middle(entry_path(owner.folder, run) / "exact")
    report = await pull(serve.request)
    assert report["frames_exact"] == 6
    assert report["bytes_t1"] > length
    metrics = await (await serve.get("/metrics")).text()
    assert "fastcine_rebuilds_total 1.0" in metrics
