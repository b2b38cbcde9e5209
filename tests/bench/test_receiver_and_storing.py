"""Receiver and viewers: a short form of each against a real server, and tables that say what was measured."""

import asyncio
import json
from urllib.parse import urlsplit

import pytest

from bench import receiver, receiver_table, storing, storing_table
from bench.runs import BenchedRun
from bench.sending import Kind
from fastcine.archive.index import Index
from fastcine.load import crowd
from fastcine.load.emulator import emulated
from fastcine.load.link import parse_link
from fastcine.phantom.bench_runs import bench_run
from tests.archives import fill
from tests.dimse.test_dcmtk import LACKING

PLACE = {"started": "now", "machine": "a CPU", "busy": False}


def took(ours, peer, durable, disk):
    return {receiver.OURS: ours, receiver.PEER: peer, receiver.OURS_DURABLE: durable, receiver.DISK: disk}


def test_a_durable_store_is_held_against_the_slower_of_peer_and_disk():
    large = {"objects": 4, "bytes": 50_000_000, "associations": 1, "took_s": took([2.0], [2.2], [4.0], [3.3])}
    small = {"objects": 800, "bytes": 40_000, "associations": 8, "took_s": took([4.0], [0.9], [9.0], [8.0])}
    found = json.loads(json.dumps({"notes": [], "version": "3.6.7", "rounds": 1, "large": large, "small": small}))
    rows = receiver_table.cells(found)
    assert [row[-1] for row in rows] == ["met", "met", "**missed**", ""]
    assert "100 (100 to 100) MB/s" in rows[0][1] and rows[0][3].startswith("1.10")
    assert rows[1][3].startswith("0.82") and rows[2][3].startswith("0.23")
    assert receiver_table.section(found, **PLACE).startswith(receiver_table.TITLE)
    alone = {"notes": ["dcmtk is not installed"]}
    assert receiver_table.cells(alone) == [] and "not installed" in receiver_table.section(alone, **PLACE)


@pytest.mark.skipif(bool(LACKING), reason="dcmtk is not installed")
def test_both_take_what_is_sent(tmp_path):
    kind = Kind(39, 1, studies="9")
    batches = [list(kind.requests(range(start, start + 5))) for start in (0, 5)]
    assert kind.bytes == pytest.approx(40_000, rel=0.05)
    assert receiver.theirs(tmp_path / "theirs", batches) > 0
    assert receiver.ours(tmp_path / "ours", batches, durable=False) > 0
    assert receiver.disk(tmp_path / "disk", kind, 3) > 0


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    name, file = bench_run("xa512x60", frames=30)
    (folder / name).write_bytes(file)
    (receipt,) = fill(folder / "data", [folder / name])
    index = Index(folder / "data/index.sqlite")
    description = index.run(receipt.sop_instance_uid).description
    index.close()
    return BenchedRun("xa512x60", 15, folder / "data", description)


@pytest.mark.soak
def test_no_viewer_stalls_while_objects_come_in(run, tmp_path, monkeypatch):
    """The short form: 200 small and 2 large objects beside 4 viewers."""
    monkeypatch.setattr(crowd, "SETTLE_S", 0.3)

    def watch(url, run, load, _scratch):
        asked = crowd.Crowd(load.viewers, run.description["run"], seconds=3.0, every_s=1.0)
        with emulated(parse_link("none"), urlsplit(url).port) as path:
            return asyncio.run(crowd.measure(url, asked, path, lambda count: None))

    load = storing.Load(small=200, large=2, viewers=4)
    found = storing.beside(run, load, tmp_path / "beside", watch=watch, lead_s=2.0)
    assert found["stored"]["objects"] == 202 and found["stored"]["refused"] == 0
    assert found["errors"] == {} and found["connections_lost"] == 0 and found["log"] == []
    assert found["frames_per_s"] > 0.9 * found["frames_expected_per_s"]
    # Other tests use the same cores: a second is not what it is for a viewer alone.
    assert sum((second["worst_late_ms"] or 0) > 1000 for second in found["seconds"]) == 0
    rows = storing_table.cells({**found, "run": run.title})
    assert rows[2][-1] == rows[3][-1] == "met"


def test_a_second_with_a_late_frame_is_a_stall():
    seconds = [{"worst_late_ms": late} for late in (-100.0, 66.0, None, 67.0, 300.0)]
    assert storing.stalls({"frame_interval_ms": 66.7, "seconds": seconds}) == 2


def test_each_association_sends_its_share_of_small_and_large():
    load = storing.Load(small=10, large=3, associations=2)
    lengths = [[len(request) > 1_000_000 for request in batch] for batch in storing.batches(load)]
    assert [len(each) for each in lengths] == [7, 6] and [sum(each) for each in lengths] == [2, 1]
