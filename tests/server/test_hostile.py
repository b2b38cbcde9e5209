"""A client that breaks the protocol: closed with the right code and logged; the others and the worker go on."""

import asyncio
import random
import re
import time
from collections import Counter
from urllib.parse import urlsplit

import psutil
import pytest

from fastcine.cine.wire import run_id, run_name
from fastcine.client.pull import PullRequest, pull
from tests.archives import fill
from tests.hostile import NAME, attack, half_a_handshake
from tests.serving import serving

TROUBLE = r"ERROR|Traceback|Error\b|failed|never retrieved|[Ee]xception"


@pytest.fixture(scope="module")
def served(tmp_path_factory, small_run):
    root = tmp_path_factory.mktemp("hostile") / "data"
    (receipt,) = fill(root, [small_run])
    with serving(root) as server:
        yield server, receipt.sop_instance_uid


def worker_of(server):
    children = psutil.Process(server.process.pid).children()
    (worker,) = [child for child in children if "fastcine.cli.web_process" in child.cmdline()]
    return worker


async def others_play(server, uid, folder, ended):
    """A sound player, over and over: each time to the end, and never cut off."""
    plays = 0
    while plays == 0 or not ended.is_set():
        report = await pull(PullRequest(server.url, uid, folder, timeout_s=20))
        assert report["frames_exact"] == 6
        assert report["connections"] == 1, "the sound player was cut off"
        plays += 1
        await asyncio.sleep(0.05)
    return plays


async def attack_all(served, folder, rng, cases):
    """Every case ends as it must, the log has a line for each; `cases` is asked before each whether to go on."""
    server, uid = served
    parts, run = urlsplit(server.url), run_name(run_id(uid))
    worker, seen, wrong, codes = worker_of(server), len(server.lines), [], Counter()
    ended = asyncio.Event()
    others = asyncio.create_task(others_play(server, uid, folder, ended))
    while cases():
        if rng.random() < 0.15:
            await half_a_handshake(rng, parts.hostname, parts.port)
            continue
        name, data, how, right = await attack(rng, parts.hostname, parts.port, run)
        codes[how] += 1
        if how not in right:
            wrong.append((name, data[:300], how))
    ended.set()
    await others
    await asyncio.sleep(0.1)
    lines = server.lines[seen:]
    trouble = [place for place, line in enumerate(lines) if re.search(TROUBLE, line)]
    assert not trouble, "".join(lines[trouble[0] : trouble[0] + 40])
    assert not [line for line in lines if NAME in line]
    assert not wrong, wrong[:5]
    assert worker_of(server).pid == worker.pid and worker.is_running()
    logged = Counter(int(code) for line in lines for code in re.findall(r"viewer closed with (\d+)", line))
    assert logged == {code: count for code, count in codes.items() if isinstance(code, int) and code > 1000}
    return codes


async def test_two_hundred_hostile_clients(served, tmp_path):
    left = iter(range(200))
    codes = await attack_all(served, tmp_path, random.Random(21), lambda: next(left, None) is not None)
    assert {4400, 4413, 1002, 1007} <= set(codes)


@pytest.mark.soak
async def test_a_minute_of_hostile_clients(served, tmp_path):
    end = time.monotonic() + 60
    codes = await attack_all(served, tmp_path, random.Random(22), lambda: time.monotonic() < end)
    assert codes.total() > 1000
