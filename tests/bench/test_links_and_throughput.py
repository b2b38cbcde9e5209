"""Links and throughput: what is said of them follows from what was measured, and the drain counts what came."""

import json
import re
from dataclasses import asdict
from pathlib import Path

import pytest

from bench import (
    link_table,
    links,
    many_viewers_table,
    orthanc,
    report,
    run_change_table,
    run_changes,
    static_files,
    throughput,
    throughput_table,
)
from bench.codecs import table as codec_table
from bench.links import ROWS

PLACE = {"started": "now", "machine": "a CPU", "busy": False}


def visit(**more):
    figures = {
        "first_ms": 200.0,
        "steady_ms": 240.0,
        "all_exact_ms": 9000.0,
        "first_exact_ms": 300.0,
        "decode_again": None,
    }
    return figures | more


def measured(row, *visits, **more):
    visits = list(visits) or [visit()] * 3
    return {"row": asdict(row), "how": "tun", "unsupported": [], "t1_bytes": 8_700_000, "visits": visits} | more


def row_of(link, *, cached=True):
    return next(row for row in ROWS if row.link == link and row.cached == cached)


# ---- links


@pytest.mark.parametrize(
    ("more", "good"),
    [
        ({}, True),
        ({"first_ms": 261.0}, False),
        ({"first_ms": None}, False),
        ({"steady_ms": 251.0}, False),
        ({"steady_ms": None}, False),
        ({"all_exact_ms": 1.2 * 8700 - 1}, True),
        ({"all_exact_ms": 1.2 * 8700 + 1}, False),
        ({"all_exact_ms": None}, False),
    ],
)
def test_a_row_is_met_when_first_frame_rate_and_exact_are(more, good):
    assert link_table.met(measured(row_of("8M,80ms"), *[visit(**more)] * 3)) is good


def test_a_steady_rate_may_be_counted_from_navigation():
    cold = row_of("8M,80ms", cached=False)
    assert link_table.met(measured(cold, visit(steady_ms=1500.0, all_exact_ms=None)))
    assert not link_table.met(measured(cold, visit(steady_ms=1501.0)))
    assert "cold cache" in link_table.cells([measured(cold)])[0][1]


def test_without_a_link_all_exact_is_compared_with_decoding():
    row = row_of("none")

    def after(ms, failed=0):
        again = {"decode_ms": 1000.0, "failed": failed, "drawn_fps": 30.0}
        return measured(row, visit(first_ms=80.0, steady_ms=90.0, all_exact_ms=300.0 + ms, decode_again=again))

    assert link_table.met(after(1299))
    assert not link_table.met(after(1301))
    assert not link_table.met(after(1000, failed=1)), "a frame whose CRC was wrong"
    assert "1.20 (1.20 to 1.20) of decoding" in link_table.cells([after(1200)])[0][7]


def test_the_page_says_how_the_link_was_made_what_it_lacks_and_how_to_reproduce_each_row():
    rows = [
        measured(row_of("8M,80ms"), peer={"first_ms": 1109.0, "steady_ms": None, "all_there_ms": 10_510.0}),
        measured(row_of("2M,120ms,1%"), how="tcp relay", unsupported=["loss"], peer={"skipped": "takes over 60 s"}),
    ]
    text = link_table.section(rows, **PLACE)
    for words in (
        "TUN device and a queue", "a TCP relay stands in", "2M,120ms,1%, without loss", "1109, never, 10510",
        "takes over 60 s", "`python -m bench --link '8M,80ms xa512x60' --repeats 3`", "3 of each row",
    ):  # fmt: skip
        assert words in text
    assert max(map(len, link_table.HOW.splitlines())) <= 120


def test_the_bare_page_is_not_visited_where_that_takes_long_or_is_in_colour(monkeypatch):
    monkeypatch.setattr(links.peer_page, "missing", lambda: "")
    grey, colour = ({"samples_per_pixel": count} for count in (1, 3))

    def skipped(link, description, count_bytes):
        run = links.BenchedRun("run", 15, Path(), description)
        return links.peer_skipped(row_of(link), run, count_bytes)

    assert skipped("8M,80ms", grey, 50_000_000) == "" == skipped("none", grey, 10**12)
    assert skipped("8M,80ms", grey, 70_000_000) == "takes over 60 s"
    assert skipped("8M,80ms", colour, 1) == "grey runs only"


# ---- throughput


def rates(bytes_per_s, frames_per_s=1000.0):
    return {"bytes_per_s": bytes_per_s, "frames_per_s": frames_per_s, "client_cpu": 0.5, "server_cpu": 1.0}


def found(ours, nginx):
    table = {"fastcine": [rates(each) for each in ours], "nginx": [rates(each) for each in nginx]}
    table["orthanc"] = [rates(1e6, 400.0)] * len(ours)
    return {"run": "512x60 at 15 fps", "frames": 60, "bytes": 1, "clients": 8, "rounds": len(ours), "seconds": 3.0,
            "pinned": True, "versions": {"nginx": "1.2.3"}, "notes": ["a note"], "rates": table}  # fmt: skip


def test_ratios_are_of_the_same_round():
    ratio = throughput_table.ratios(found([6e9, 3e9, 6e9], [10e9, 5e9, 12e9]), "nginx")
    assert (ratio.median, ratio.least, ratio.most) == (0.6, 0.5, 0.6)
    rows = {row[0].partition(",")[0]: row for row in throughput_table.cells(found([6e9] * 3, [10e9] * 3))}
    assert rows["nginx"][5] == "met" and rows["Orthanc"][5] == "**missed**"
    assert "(1.2.3)" in rows["nginx"][0]
    text = throughput_table.section(found([6e9], [10e9]), **PLACE)
    assert "- a note" in text and "each server on one core" in text


def test_the_drain_counts_frames_and_their_bytes(tmp_path):
    frames = tmp_path / "site/runs/exact"
    frames.mkdir(parents=True)
    for number in range(1, 5):
        (frames / str(number)).write_bytes(bytes(10_000))
    with static_files.serving_files(tmp_path / "site", tmp_path / "scratch", name="aiohttp") as url:
        paths = [f"/runs/exact/{number}" for number in range(1, 5)]
        order = {"host": "127.0.0.1", "port": int(url.rpartition(":")[2]), "paths": paths, "server_pids": []}
        got = throughput.drained(order, seconds=0.3)
        assert got["frames_per_s"] > 10
        assert got["bytes_per_s"] == pytest.approx(10_000 * got["frames_per_s"], rel=0.2)
        with pytest.raises(RuntimeError, match="answered"):
            throughput.drained({**order, "paths": ["/runs/exact/99"]}, seconds=0.1)


def test_what_is_not_installed_is_told_with_the_line_that_installs_it(monkeypatch):
    monkeypatch.setattr(orthanc.shutil, "which", lambda name: None)
    assert re.fullmatch(r"sudo apt-get install orthanc orthanc-dicomweb", orthanc.missing())
    assert json.dumps(orthanc.configuration(Path("/nowhere"), 1234))


# ---- many viewers


def crowd(**more):
    figures = {
        "viewers": 3000, "frames_per_s": 45_000.0, "frames_expected_per_s": 45_000.0, "errors": {},
        "connections_lost": 0, "late_ms": {"p99": 1.0, "p100": 9.0}, "frame_interval_ms": 66.7,
        "server_bytes_per_viewer": 19_700.0,
        "server_cpu": 0.7, "client_cpu": 0.3, "messages_per_s": 6000.0, "ingest_s": 1.0, "ingest_lag_p99_ms": 2.0,
        "words": ["--run", "1.2", "--viewers", "3000"],
    }  # fmt: skip
    return figures | more


@pytest.mark.parametrize(
    ("more", "good"),
    [
        ({}, [True, True, True, None, None, True, None]),
        ({"frames_per_s": 44_000.0}, [False, True, True, None, None, True, None]),
        ({"errors": {"a piece out of its order": 1}}, [False, True, True, None, None, True, None]),
        ({"late_ms": {"p99": 70.0, "p100": 90.0}}, [True, False, True, None, None, True, None]),
        ({"server_bytes_per_viewer": None}, [True, True, False, None, None, True, None]),
        ({"ingest_lag_p99_ms": 10.0}, [True, True, True, None, None, False, None]),
    ],
)
def test_many_viewers_are_judged_line_by_line(more, good):
    found = {"run": "512x60 at 15 fps", "one_core": crowd(**more), "beside": crowd(**{"viewers": 100, **more})}
    assert [met for *_, met in many_viewers_table.rows(found)] == good
    text = many_viewers_table.section(found, **PLACE)
    assert "fastcine bench --run 1.2 --viewers 3000" in text and max(map(len, text.splitlines()[:8])) <= 130


def test_a_bare_picture_stands_beside_the_first_frame():
    row = row_of("8M,80ms")
    assert link_table.cells([measured(row, bare_picture_ms=[70.0, 72.0, 71.0])])[0][4] == "71 (70 to 72)"
    assert (
        link_table.cells([measured(row)])[0][4] == "" == link_table.cells([measured(row, bare_picture_ms=[None])])[0][4]
    )


# ---- the page


def test_parts_stand_in_their_order_and_once():
    page = f"# Benchmarks\n\n## First frame\n\nwords\n\n{report.HOW}"
    for part in (
        "## Codecs\n\nc\n\n### Ingest\n\ni",
        "## Over emulated links\n\nl",
        "## Throughput of one server process",
        "## Viewers beside objects that come in",
        "## Searches in a large archive",
        "## Storing by STOW-RS",
        "## Receiving objects",
        "## Many viewers",
        "## Another run in an open page",
    ):
        page = report.with_part(page, part)
    again = report.with_part(page, "## Over emulated links\n\nanew")
    titles = re.findall(r"^## .*", again, re.MULTILINE)
    assert titles == ["## First frame", *report.PARTS, "## How each figure is read"]
    assert codec_table.TITLE in report.PARTS
    assert "\nl\n" not in again and "anew" in again and again.endswith(report.HOW)
    assert "### Ingest\n\ni\n\n## How" in again


# ---- changes of run


def changes(*, afar_ms, near_ms):
    row = next(row for row in run_changes.ROWS if row.link == "8M,80ms")
    times = {"afar": [{"first_ms": value} if value else None for value in afar_ms]}
    times["near"] = [{"first_ms": value} for value in near_ms]
    return {"how": {"runs": 6, "busy_s": 1.5, "fetched_s": 3}, "rows": [{"row": asdict(row), "how": "tun", **times}]}


@pytest.mark.parametrize(
    ("afar_ms", "near_ms", "word"),
    [
        ((109, 110, 200), (20, 50, 90), "met"),
        ((109, 111, 112), (20, 50, 90), "**missed**"),
        ((109, 110, 200), (20, 51, 90), "**missed**"),
        ((109, 110, None), (20, 50, 90), "**missed**"),
    ],
)
def test_a_change_has_a_round_trip_and_what_the_row_adds(afar_ms, near_ms, word):
    found = changes(afar_ms=afar_ms, near_ms=near_ms)
    assert run_change_table.cells(found)[0][-1] == word
    assert "| 8M,80ms | 512x60 |" in run_change_table.section(found, **PLACE)
