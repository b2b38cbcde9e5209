"""`fastcine bench` against a real server: every frame asked for arrives, and the figures say so."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from bench import throughput
from bench.runs import BenchedRun, codestreams
from fastcine.load.arrivals import Arrivals
from fastcine.load.crowd import lag_p99_ms, parse_metrics
from fastcine.phantom.bench_runs import bench_run
from tests.archives import fill
from tests.serving import command, serving

TIERS = ("coarse", "fine", "exact")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("load")
    name, data = bench_run("xa512x60", frames=12)
    (folder / name).write_bytes(data)
    (receipt,) = fill(folder / "data", [folder / name])
    with serving(folder / "data") as server:
        server.sop = receipt.sop_instance_uid
        yield server


def bench(server, tmp_path, *options):
    out = tmp_path / "bench.json"
    done = command("bench", server.url, "--run", server.sop, "--json", out, *options)
    return json.loads(out.read_text()), done.stdout


@pytest.fixture(scope="module")
def by_tier(server, tmp_path_factory):
    """What the bench found for each --max-tier, the three measured at once."""
    folder = tmp_path_factory.mktemp("tiers")

    def measured(tier):
        (folder / tier).mkdir()
        words = ("--viewers", "8", "--seconds", "4", "--every", "1", "--max-tier", tier)
        return bench(server, folder / tier, *words)

    with ThreadPoolExecutor() as pool:
        return dict(zip(TIERS, pool.map(measured, TIERS), strict=True))


@pytest.mark.parametrize("tier", TIERS)
def test_every_frame_comes_and_no_tier_above_the_one_asked_for(by_tier, tier):
    found, text = by_tier[tier]
    assert found["errors"] == {} and found["connections_lost"] == 0
    assert found["viewers"] == 8
    # 8 viewers, each a run of 12 frames a second.
    assert 0.7 * 96 <= found["frames_per_s"] <= 1.3 * 96
    sent = {each: sum(second[each] for second in found["seconds"]) for each in TIERS}
    assert sent[tier] > 0
    assert all(sent[each] == 0 for each in TIERS[TIERS.index(tier) + 1 :])
    assert "late" in text and "of a core" in text


def test_a_slow_link_is_felt(server, tmp_path):
    found, _ = bench(server, tmp_path, "--viewers", "1", "--seconds", "4", "--every", "2", "--link", "4M,100ms",
                     "--max-tier", "fine")  # fmt: skip
    assert found["errors"] == {}
    # The connection stands: the question takes one half of the way, the answer the other.
    assert found["first_frame_ms"]["p50"] >= 99


def test_words_for_what_cannot_be_measured(server):
    def refused(*words):
        done = command("bench", *words, check=False)
        assert done.returncode and "Traceback" not in done.stderr
        return done.stderr

    assert "no run 1.2.3" in refused(server.url, "--run", "1.2.3")
    assert "RATE,RTT" in refused(server.url, "--run", server.sop, "--link", "fast")
    assert "fastcine serve" in refused("http://127.0.0.1:9", "--run", server.sop)


def test_lateness_counts_from_when_play_needs_a_frame():
    arrivals = Arrivals()
    arrivals.frame(1.0, 1.5, first=True)
    arrivals.begin(2.0)
    arrivals.frame(2.0, 2.010, first=True)
    arrivals.frame(3.0, 2.5, first=False)
    figures = arrivals.figures(2.0)
    assert figures["frames_per_s"] == 1.0
    assert figures["late_ms"]["p100"] == pytest.approx(10, abs=0.01)
    assert figures["first_frame_ms"]["p50"] == pytest.approx(10, abs=0.01)
    assert figures["seconds"][0]["frames"] == 2


def test_the_lag_is_read_from_the_buckets_between_two_looks():
    text = 'fastcine_loop_lag_seconds_bucket{{le="0.001"}} {}\nfastcine_loop_lag_seconds_bucket{{le="+Inf"}} {}\n'
    before, after = parse_metrics(text.format(10, 20)), parse_metrics(text.format(110, 120))
    assert lag_p99_ms(before, after) == 1.0
    assert lag_p99_ms(before, parse_metrics(text.format(10, 120))) == float("inf")


def test_the_drain_gets_the_exact_tier_and_nothing_else(server):
    """More than its bytes for a run would be an error of its own (bench/drain.py)."""
    study = server.json("/api/worklist", {"limit": 1})["studies"][0]["study_instance_uid"]
    tile = server.json(f"/api/studies/{study}")["tiles"][0]
    run = BenchedRun("xa512x60", 15, server.data, tile["description"])
    frames = codestreams(run)
    got = throughput.drained(throughput.ours(server, run, frames).order, seconds=0.5)
    assert got["frames_per_s"] > 2 * 8 * 12
    mean_bytes = sum(map(len, frames)) / 12
    assert got["bytes_per_s"] / got["frames_per_s"] == pytest.approx(mean_bytes, rel=0.01)
