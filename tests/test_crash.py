"""`kill -9` in the middle of an ingest loses nothing that was acknowledged; the next start repairs itself."""

import os
import random
import signal
import threading
import time
import urllib.error
import urllib.request

import orjson
import psutil
import pytest

from fastcine.phantom.bench_runs import bench_run
from tests.serving import command, serving

OBJECTS = 40


def variants(count):
    """Small runs that differ in their UIDs (same lengths, so that the bytes stay a sound object)."""
    _, data = bench_run("xa512x60", frames=2)
    at = data.index(b"2.25.")
    uid = data[at : data.index(b"\0", at)] if b"\0" in data[at : at + 66] else data[at : at + 44]
    uid = uid.split(b"\0")[0][:44]
    for number in range(count):
        changed = uid[:-4] + f"{1000 + number:04d}".encode()
        yield data.replace(uid, changed)


def upload(url, data):
    request = urllib.request.Request(url + "/api/upload", data=data, method="POST")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return orjson.loads(answer.read())


def family(process):
    parent = psutil.Process(process.pid)
    return [parent, *parent.children(recursive=True)]


def kill_in_the_middle(root, objects, rng):
    """Upload from four threads, kill everything at a random moment; the UIDs that were acknowledged."""
    acknowledged, lock, waiting = set(), threading.Lock(), list(objects)
    with serving(root) as server:

        def feed():
            while True:
                with lock:
                    if not waiting:
                        return
                    data = waiting.pop()
                try:
                    receipt = upload(server.url, data)
                except (OSError, urllib.error.URLError, ValueError):
                    return
                assert receipt["outcome"] in ("stored", "duplicate"), receipt
                with lock:
                    acknowledged.add(receipt["sop_instance_uid"])

        threads = [threading.Thread(target=feed) for _ in range(4)]
        for thread in threads:
            thread.start()
        begun = time.monotonic()
        while len(acknowledged) < 3 and time.monotonic() - begun < 20:
            time.sleep(0.01)
        time.sleep(rng.uniform(0.0, 0.3))
        for process in family(server.process):
            os.kill(process.pid, signal.SIGKILL)
        for thread in threads:
            thread.join()
    return acknowledged


def check(root, acknowledged):
    """Started again, every acknowledged object is there, prepared and sound."""
    with serving(root) as server:
        tiles = server.wait_until_made() if acknowledged else []
        held = {tile["sop_instance_uid"] for tile in tiles}
        assert acknowledged <= held
        assert all(tile["state"] == "ready" for tile in tiles), [tile["message"] for tile in tiles]
        if tiles:
            uid = sorted(acknowledged)[0]
            done = command("pull", server.url, "--run", uid, "--out", root.parent / "out")
            assert "2 of 2 frames exact" in done.stdout
    done = command("verify", "--data", root, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("seed", [pytest.param(1, marks=pytest.mark.soak), 2])
def test_nothing_acknowledged_is_lost(tmp_path, seed):
    rng = random.Random(seed)
    acknowledged = kill_in_the_middle(tmp_path / "data", variants(OBJECTS), rng)
    assert len(acknowledged) >= 3
    check(tmp_path / "data", acknowledged)


@pytest.mark.soak
def test_nothing_acknowledged_is_lost_in_fifty_kills(tmp_path):
    rng = random.Random(3)
    acknowledged = set()
    for _ in range(50):
        acknowledged |= kill_in_the_middle(tmp_path / "data", variants(OBJECTS), rng)
    check(tmp_path / "data", acknowledged)


def test_children_end_with_their_supervisor(tmp_path):
    with serving(tmp_path / "data") as server:
        children = family(server.process)[1:]
        assert len(children) == 2
        os.kill(server.process.pid, signal.SIGKILL)
        _, alive = psutil.wait_procs(children, timeout=10)
        assert alive == []


def test_a_killed_worker_is_started_again(tmp_path):
    with serving(tmp_path / "data") as server:
        (worker,) = [p for p in family(server.process)[1:] if "web_process" in " ".join(p.cmdline())]
        os.kill(worker.pid, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                assert server.json("/healthz")["status"] == "ok"
                break
            except (OSError, urllib.error.URLError):
                time.sleep(0.1)
        else:
            raise AssertionError("the worker did not come back")
