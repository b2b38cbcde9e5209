"""A cache that holds one run: whatever is opened plays exactly, and what is playing is not taken away."""

import json
import time

import pytest

from fastcine.archive.cine_cache import CineCache
from fastcine.archive.eviction import was_evicted
from fastcine.archive.folder import DataFolder
from fastcine.cine.wire import run_id, run_name
from fastcine.phantom.bench_runs import bench_run
from tests.serving import command, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("evicting")
    with serving(folder / "data", env={"FASTCINE_CACHE_BYTES": "1000000"}) as server:
        server.runs = []
        for number in range(2):
            name, data = bench_run("xa512x60", frames=4)
            data = data.replace(data_uid(data), renumbered(data_uid(data), number))
            (folder / name).write_bytes(data)
            server.runs.append(server.upload(folder / name)["sop_instance_uid"])
        server.wait_until_made()
        yield server


def data_uid(data):
    """The SOP Instance UID, as it stands in file meta and data set."""
    place = data.index(b"\x08\x00\x18\x00UI") + 6
    length = int.from_bytes(data[place : place + 2], "little")
    return data[place + 2 : place + 2 + length].rstrip(b"\0")


def renumbered(uid, number):
    return uid[:-1] + str(number + 1).encode()


def there(server):
    folder = DataFolder(server.data)
    return [run for run in CineCache(folder).runs() if not was_evicted(folder, run)]


def test_every_run_plays_though_one_fits(server, tmp_path):
    deadline = time.monotonic() + 10
    while len(there(server)) > 1 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(there(server)) == 1
    (kept,) = there(server)
    (gone,) = [sop for sop in server.runs if run_name(run_id(sop)) != kept]
    command("pull", server.url, "--run", gone, "--out", tmp_path / "out")
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert report["frames_exact"] == report["frames_total"] == 4
    deadline = time.monotonic() + 10
    while there(server) == [kept] and time.monotonic() < deadline:
        time.sleep(0.1)
    assert run_name(run_id(gone)) in there(server)
    assert {tile["state"] for tile in tiles(server)} == {"ready"}


def tiles(server):
    studies = server.json("/api/worklist", {"limit": 50})["studies"]
    return [tile for study in studies for tile in server.json(f"/api/studies/{study['study_instance_uid']}")["tiles"]]
