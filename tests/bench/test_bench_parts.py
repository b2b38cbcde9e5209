"""The benchmark's parts: what it reads was there, what it compares with is pinned, what it writes is its JSON."""

import json
import re
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest

from bench import figures, machine, peer_page, reading, report, static_files
from bench.figures import OURS, PEER
from bench.reading import Shown
from fastcine.phantom import counter

ROOT = Path(__file__).parents[2]


def played(numbers, period_ms=100.0, start_ms=50.0):
    return [Shown(number, start_ms + place * period_ms) for place, number in enumerate(numbers)]


# ---- reading


def test_a_loop_that_is_as_it_should_be():
    loop = reading.first_loop(played([*range(10), 0, 1]), frames=10, fps=10)
    assert (loop.lasted_ms, loop.nominal_ms, loop.late_ms) == (1000, 1000, 0)
    assert (loop.missing, loop.longest_gap_frames, loop.out_of_order, loop.longest_ms) == (0, 0, 0, 100)


def test_missing_frames_are_counted_to_the_loops_end_and_the_longest_gap_is_told():
    loop = reading.first_loop(played([0, 1, 4, 5, 7, 8, 0]), frames=10, fps=10)
    assert (loop.missing, loop.longest_gap_frames) == (4, 2)
    tail = reading.first_loop(played([0, 1, 2, 3, 4, 5, 6, 0]), frames=10, fps=10)
    assert (tail.missing, tail.longest_gap_frames) == (3, 3)


def test_a_loop_that_begins_late_and_goes_on_past_its_start_has_its_own_nominal_time():
    loop = reading.first_loop(played([2, 3, 4, 5, 6, 7, 8, 9, 1]), frames=10, fps=10)
    assert loop.nominal_ms == 900
    assert loop.missing == 0


def test_frames_shown_backwards_are_counted_and_do_not_end_the_loop():
    loop = reading.first_loop(played([0, 1, 5, 4, 5, 6, 7, 8, 9, 0]), frames=10, fps=10)
    assert loop.out_of_order == 1
    assert loop.missing == 2


def test_a_run_that_was_not_played_to_its_end_is_no_measurement():
    with pytest.raises(ValueError, match="not played"):
        reading.first_loop(played(range(10)), frames=10, fps=10)


@pytest.mark.parametrize("scale", [0.74, 1.0, 1.37])
@pytest.mark.parametrize("number", [0, 5, 119, 2742])
def test_the_number_is_read_where_the_picture_lies_on_the_screen(scale, number):
    frame = np.full((64, 256), 90, np.uint8)
    counter.burn(frame, number)
    left, top = 37.5, 21.25
    screen = np.zeros((200, 500, 3), np.uint8)
    rows, columns = np.mgrid[0 : screen.shape[0], 0 : screen.shape[1]]
    y, x = np.floor((rows + 0.5 - top) / scale).astype(int), np.floor((columns + 0.5 - left) / scale).astype(int)
    inside = (y >= 0) & (y < 64) & (x >= 0) & (x < 256)
    screen[inside] = frame[y[inside], x[inside]][:, None]
    assert reading.number_on_screen(screen, left=left, top=top, scale=scale) == number
    assert reading.number_on_screen(screen, left=left + 30, top=top + 40, scale=scale) is None
    assert reading.number_on_screen(np.zeros_like(screen), left=left, top=top, scale=scale) is None
    assert reading.number_on_screen(screen, left=-5, top=top, scale=scale) is None


def test_pss_is_the_line_of_that_name():
    text = "00400000-7ffe Rss:\nRss:  9000 kB\nPss:   1234 kB\nPss_Anon:   77 kB\n"
    assert reading.pss_bytes(text) == 1234 * 1024
    with pytest.raises(ValueError, match="Pss"):
        reading.pss_bytes("Rss: 1 kB\n")


def test_the_renderer_that_plays_is_the_one_whose_cpu_time_grows():
    assert reading.busiest({1: 50.0, 2: 1.0, 3: 0.0}, {1: 50.1, 2: 1.8, 4: 9.0}) == 2
    with pytest.raises(ValueError, match="process"):
        reading.busiest({1: 1.0}, {2: 1.0})


def test_spread_is_median_least_and_most():
    assert reading.spread([5.0, 1.0, 3.0]) == reading.Spread(3.0, 1.0, 5.0, 3)
    with pytest.raises(ValueError, match="nothing"):
        reading.spread([])


# ---- figures and the page made from them


def playback(late_ms=10.0, missing=0, gap=0, out_of_order=0, pss=200e6, badge="EXACT"):
    return {
        "lasted_ms": 4000 + late_ms, "nominal_ms": 4000.0, "late_ms": late_ms, "missing": missing,
        "longest_gap_frames": gap, "out_of_order": out_of_order, "longest_ms": 70.0, "canvas_first_ms": 100.0,
        "all_there_ms": 900.0, "unreadable": 0, "badge": badge, "all_exact": badge == "EXACT", "renderer": "2d",
        "renderer_pss_bytes": pss, "heap_bytes": 1,
    }  # fmt: skip


def saved(*, peer=True, pss=200e6, first_ms=100.0):
    first = {"player_ms": [first_ms] * 3, "canvas_ms": [120.0] * 3, "screen_ms": [first_ms, None, first_ms]}
    rows = {"run": "512x60 at 15 fps", OURS: first}
    loops = {"run": "512x60 at 15 fps", "fps": 15, "nominal_ms": 4000.0, OURS: [playback(pss=pss)] * 3}
    if peer:
        rows[PEER] = {"player_ms": [900.0] * 3, "canvas_ms": [900.0] * 3, "screen_ms": [950.0] * 3}
        loops[PEER] = [playback(late_ms=400, missing=3, gap=2, out_of_order=1, pss=500e6, badge="")] * 3
    sizes = {OURS: {"/view/1.2": 8000, "/static/0/vendor/a.wasm": 100_000, "/static/0/ui/b.js": 3000}}
    return {
        "started": "2026-03-01T09:00:00+00:00", "command": "python -m bench", "repeats": 3, "busy": False,
        "machine": {"cpu": "A CPU", "cores": 2, "memory_gib": 4.0, "system": "Linux",
                    "load_average_1_min_at_start": 0.1},
        "versions": {"Chromium": "Chromium 1"}, "static_server": "nginx", "notes": [],
        "results": {"first_frame": [rows], "playback": [loops], "size": sizes, "canvas": [1000, 700]},
    }  # fmt: skip


def met(lines, words):
    return [line.met for line in lines if words in line.measure]


def test_targets_are_ratios_of_medians():
    lines = figures.lines(saved()["results"])
    assert met(lines, "seen on the screen") == [True]
    assert met(lines, "memory") == [True]
    assert met(lines, "cold") == [True]
    assert met(lines, "first loop lasted") == [True]
    slow = figures.lines(saved(first_ms=400.0, pss=260e6)["results"])
    assert met(slow, "seen on the screen") == [False]
    assert met(slow, "memory") == [False]
    alone = figures.lines(saved(peer=False)["results"])
    assert met(alone, "memory") == [None]
    assert all(line.peer == "not installed" for line in alone)


@pytest.mark.parametrize(
    ("visit", "good"),
    [
        ({"late_ms": 66.0}, True),
        ({"late_ms": -70.0}, False),
        ({"missing": 1, "gap": 1}, True),
        ({"missing": 2, "gap": 1}, False),
        ({"missing": 1, "gap": 2}, False),
        ({"out_of_order": 1}, False),
    ],
)
def test_a_loop_meets_its_target_only_in_time_whole_and_in_order(visit, good):
    assert figures.loop_met([playback(**visit)] * 3, 1000 / 15) is good


def test_a_run_that_ends_without_exact_is_told():
    results = saved()["results"]
    results["playback"][0][OURS][1] = playback(badge="FIRST PASS")
    assert met(figures.lines(results), "all frames there") == [False]


def test_the_page_of_docs_holds_every_line_and_the_command_of_each_part():
    document = report.document(saved())
    for line in figures.lines(saved()["results"]):
        assert f"| {line.run} | {line.measure} | {line.ours} | {line.peer} |" in document
    for words in (
        "A CPU",
        "Chromium 1",
        "`python -m bench --only first`",
        "`python -m bench --only playback`",
        "nginx",
    ):
        assert words in document
    assert "| vendor/a.wasm | 100000 |" in document
    assert "**missed**" not in document
    assert "**missed**" in report.document(saved(first_ms=400.0))


def test_the_page_in_docs_was_made_by_the_report_of_now():
    """Headings and explanations as they are written today; figures change with every run."""
    document = (ROOT / "docs/benchmarks.md").read_text()
    assert document.endswith(report.HOW)
    assert document.startswith("# Benchmarks\n\nGenerated by `python -m bench --docs`")


def test_a_busy_machine_is_told():
    assert machine.is_busy(50.0)
    assert not machine.is_busy(0.0)
    busy = saved() | {"busy": True}
    assert "the machine was busy" in report.document(busy)
    assert "the machine was busy" not in report.document(saved())


# ---- the peer


def test_the_peers_packages_are_pinned_with_integrity_and_name_no_registry():
    lock = json.loads((ROOT / "bench/peers/package-lock.json").read_text())
    wanted = json.loads((ROOT / "bench/peers/package.json").read_text())["devDependencies"]
    assert all(re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", version) for version in wanted.values())
    packages = {path: entry for path, entry in lock["packages"].items() if path}
    assert all(entry.get("integrity", "").startswith("sha512-") for entry in packages.values())
    assert not any("resolved" in entry for entry in packages.values())
    for name, version in machine.peer_versions().items():
        assert packages[f"node_modules/{name}"]["version"] == version
        assert version == "5.14.0" or name.endswith("codec-openjph")
    assert machine.peer_versions()["@cornerstonejs/codec-openjph"] == machine.viewer_decoder_version(), (
        "unequal decoders"
    )


def test_the_line_that_installs_the_peer_is_told_when_it_is_not_there(monkeypatch, tmp_path):
    monkeypatch.setattr(peer_page, "PEERS", tmp_path)
    assert peer_page.missing() == peer_page.INSTALL
    assert "npm ci" in peer_page.INSTALL


def answer(url, path):
    with urllib.request.urlopen(url + path, timeout=5) as got:
        return got.read(), got.headers["Content-Type"], got.headers["Cache-Control"]


def servers():
    return ["aiohttp"] + (["nginx"] if static_files.server_name() == "nginx" else [])


@pytest.mark.parametrize("name", servers())
def test_frames_are_served_as_htj2k_and_never_cached_and_the_application_always(name, tmp_path):
    frames = tmp_path / "site/runs/r/frames"
    frames.mkdir(parents=True)
    (frames / "1").write_bytes(b"\xff\x4f")
    (tmp_path / "site/runs/r/run.json").write_text("{}")
    (tmp_path / "site/app").mkdir()
    (tmp_path / "site/app/page.js").write_text("1")
    (tmp_path / "site/index.html").write_text("<!doctype html>")
    with static_files.serving_files(tmp_path / "site", tmp_path / "scratch", name=name) as url:
        assert answer(url, "/runs/r/frames/1") == (b"\xff\x4f", static_files.FRAME_TYPE, "no-store")
        assert answer(url, "/runs/r/run.json")[1:] == ("application/json", "no-store")
        assert answer(url, "/app/page.js")[2] == static_files.APP_CACHE
        assert answer(url, "/?run=r")[2] == "no-store"
        with pytest.raises(urllib.error.HTTPError):
            answer(url, "/../scratch/nginx.conf")
