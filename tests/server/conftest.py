"""One small archive, served in this process."""

import pytest
from aiohttp.test_utils import TestClient, TestServer

from fastcine.config import Settings
from fastcine.phantom.bench_runs import bench_run
from fastcine.server.app import make_app
from tests.archives import fill


@pytest.fixture(scope="session")
def small_run(tmp_path_factory):
    """A file with six frames of the bench run."""
    name, data = bench_run("xa512x60", frames=6)
    path = tmp_path_factory.mktemp("run") / name
    path.write_bytes(data)
    return path


@pytest.fixture(scope="session")
def archive(tmp_path_factory, small_run):
    """A data folder with that run, wholly made."""
    root = tmp_path_factory.mktemp("archive") / "data"
    (receipt,) = fill(root, [small_run])
    return root, receipt


@pytest.fixture
async def client(archive):
    """A client of a server on the archive."""
    root, receipt = archive
    server = TestServer(make_app(Settings(data=str(root))))
    await server.start_server(access_log=None)  # as web_process.py does: aiohttp's own log holds query strings
    async with TestClient(server) as client:
        client.receipt = receipt
        yield client
