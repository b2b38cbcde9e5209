"""The connection cut at a random byte, again and again: every run ends exact, and nothing that was held comes twice."""

import random

import numpy as np
import pydicom
import pytest

from fastcine.cine.wire import PIECE_BYTES
from fastcine.client.pull import PullRequest, pull
from tests.archives import fill
from tests.cutting import cutting, opened, pieces
from tests.serving import serving

MOST_BYTES = 500_000
"""A cut comes before as many bytes: about half of the run."""


@pytest.fixture(scope="module")
def served(tmp_path_factory, small_run):
    """A server of its own with the six-frame run; its address and the run's UID."""
    root = tmp_path_factory.mktemp("cuts") / "data"
    (receipt,) = fill(root, [small_run])
    with serving(root) as server:
        yield server, receipt.sop_instance_uid


def some_cuts(rng, count):
    """Mostly anywhere, now and then inside the upgrade or in the first message; the last connection may live."""
    for _ in range(count):
        most = rng.choice((300, 5_000, MOST_BYTES, MOST_BYTES, MOST_BYTES))
        yield rng.randint(1, most), rng.random() < 0.3
    while True:
        yield None, False


def held_at_the_cut(passed, held):
    """Adds what came down in whole messages: frames whole as (tier, frame), of others how far they came."""
    for tier, frame, _, end, last in pieces(passed, whole_messages=True):
        held[tier, frame] = "whole" if last else end


def said(body):
    """What an `open` says is held, in the form of `held_at_the_cut`."""
    held = {(tier, frame): offset for tier, frame, offset in body.get("partial", ())}
    for tier, first, last in body.get("have", ()):
        held.update({(tier, frame): "whole" for frame in range(first, last + 1)})
    return held


def check_log(connections):
    """Of one run's connections in order; how many said that they hold something whole, and how many a part."""
    held, resumed = {}, [0, 0]
    for passed in connections:
        body = opened(passed)
        told = said(body) if body else {}
        came = list(pieces(passed))
        for tier, frame, start, _, _ in came:
            stands = told.get((tier, frame), 0)
            assert stands != "whole", f"frame {frame} of tier {tier} came again"
            assert start >= stands - stands % PIECE_BYTES, f"frame {frame} of tier {tier} came again from {start}"
        if body:
            resumed[0] += "whole" in told.values()
            resumed[1] += any(stands != "whole" for stands in told.values())
            # The player is honest: all that had come to it is named, unless the reset swept it away.
            if not any(before.abrupt for before in connections[: connections.index(passed)]):
                assert told == held
        held_at_the_cut(passed, held)
    return resumed


async def pull_through_cuts(served, folder, rng, cuts):
    server, uid = served
    stored = pydicom.dcmread(next(server.data.rglob("*.dcm"))).pixel_array
    done, round_number, resumed = 0, 0, np.zeros(2, int)
    while done < cuts:
        planned = some_cuts(rng, rng.randint(1, 6))
        async with cutting(server.url, lambda planned=planned: next(planned)) as relay:
            out = folder / str(round_number)
            report = await pull(PullRequest(relay.url, uid, out, timeout_s=60))
        assert np.array_equal(np.load(out / "frames.npy"), stored)
        assert report["frames_exact"] == len(stored)
        resumed += check_log(relay.connections)
        done += sum(passed.was_cut for passed in relay.connections)
        round_number += 1
    assert all(resumed >= cuts // 4), "too few of the connections resumed anything"
    return done


async def test_cut_at_random_bytes(served, tmp_path):
    assert await pull_through_cuts(served, tmp_path, random.Random(11), 12) >= 12


@pytest.mark.soak
async def test_cut_at_random_bytes_two_hundred_times(served, tmp_path):
    assert await pull_through_cuts(served, tmp_path, random.Random(12), 200) >= 200
