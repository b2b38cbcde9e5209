"""`kill -9` of the web worker under viewers: all go on where they were, soon after it is back."""

import asyncio
import os
import signal
import time

import aiohttp
import psutil
import pytest

from fastcine.cine.wire import Tier, run_id
from fastcine.client.run_stream import RunStream
from fastcine.phantom.bench_runs import bench_run
from tests.archives import fill
from tests.serving import serving

FRAMES = 24
FRAME_S = 0.06
AHEAD_BYTES = 160_000
BACK_S = 2.0


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("death")
    name, data = bench_run("xa512x60", frames=FRAMES)
    (folder / name).write_bytes(data)
    (receipt,) = fill(folder / "data", [folder / name])
    with serving(folder / "data") as server:
        yield server, run_id(receipt.sop_instance_uid)


class Watcher:
    """Takes its time for every frame, keeps the exact bitstreams, and notes when each connection's first piece came."""

    def __init__(self, server, run, frame_s=FRAME_S):
        self.frame_s, self.exact, self.whole, self.first_at = frame_s, {}, [], {}
        self.stream = RunStream(server.url, run, self, ahead_bytes=AHEAD_BYTES)

    async def begin(self, description):
        self.frames = description["frames"]

    def received(self, piece):
        self.first_at.setdefault(self.stream.connections, time.monotonic())

    async def keep(self, whole):
        self.whole.append((whole.tier, whole.frame))
        if whole.tier == Tier.EXACT:
            self.exact[whole.frame] = whole.bitstream
        await asyncio.sleep(self.frame_s)
        return True

    @property
    def complete(self):
        return len(self.exact) == FRAMES


async def when_it_answers(url):
    """Until the server answers; the time."""
    async with aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(f"{url}/healthz") as answer:
                    if answer.status == 200:
                        return time.monotonic()
            except aiohttp.ClientError:
                await asyncio.sleep(0.02)


def kill_worker(server):
    children = psutil.Process(server.process.pid).children()
    (worker,) = [child for child in children if "fastcine.cli.web_process" in child.cmdline()]
    os.kill(worker.pid, signal.SIGKILL)


async def until_all(watchers, connections):
    """Have had pieces over so many connections."""
    async with asyncio.timeout(10):
        while not all(len(watcher.first_at) >= connections for watcher in watchers):  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def killed_under(served, viewers, *, kills=1):
    """Of each kill: how long the worker was away, and how long after its return the last viewer had a piece again."""
    server, run = served
    reference = Watcher(server, run, frame_s=0)
    await reference.stream.play()
    watchers = [Watcher(server, run) for _ in range(viewers)]
    playing = [asyncio.create_task(watcher.stream.play()) for watcher in watchers]
    gaps = []
    for kill in range(1, kills + 1):
        await until_all(watchers, kill)
        await asyncio.sleep(0.3)
        assert not any(watcher.complete for watcher in watchers), "some are done already"
        killed = time.monotonic()
        kill_worker(server)
        back = await when_it_answers(server.url)
        await until_all(watchers, kill + 1)
        gaps.append((back - killed, max(max(watcher.first_at.values()) for watcher in watchers) - back))
    await asyncio.gather(*playing)
    for watcher in watchers:
        assert watcher.exact == reference.exact
        assert len(watcher.whole) == len(set(watcher.whole)), "a frame that was held came again"
    return gaps


async def test_viewers_go_on_after_the_worker_was_killed(served):
    ((away_s, worst_s),) = await killed_under(served, 8)
    assert worst_s <= BACK_S, f"away for {away_s:.1f} s, then {worst_s:.1f} s"


@pytest.mark.soak
async def test_fifty_viewers_go_on_after_the_worker_was_killed(served):
    assert all(worst_s <= BACK_S for _, worst_s in await killed_under(served, 50, kills=2))
