"""Results (plain JSON) to lines: what is said in the terminal and in docs/benchmarks.md is the same. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bench.reading import Spread, spread

OURS, PEER = "fastcine", "cornerstone"
SIZE_LIMIT_BYTES = 250_000
FIRST_FRAME_SHARE = 1 / 3
MEMORY_SHARE = 1 / 2


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a table: a measure of one run, ours and the peer's, how they compare, whether the target is met."""

    run: str
    measure: str
    ours: str
    peer: str
    compared: str
    target: str
    met: bool | None
    """None: no target, or nothing to compare with."""


def _series(values: list[Any]) -> list[float]:
    return [float(value) for value in values if value is not None]


def shown(values: Spread | None, unit: str, *, scale: float = 1.0, digits: int = 0) -> str:
    """`median unit (least to most)`; "did not play" where nothing was measured."""
    if values is None:
        return "did not play"
    numbers = [f"{number * scale:.{digits}f}" for number in (values.median, values.least, values.most)]
    return f"{numbers[0]} {unit} ({numbers[1]} to {numbers[2]})"


def _spread(values: list[float]) -> Spread | None:
    return spread(values) if values else None


def compare(
    run: str, measure: str, ours: list[float], peer: list[float] | None, *, unit: str, share: float | None = None,
    scale: float = 1.0
) -> Line:  # fmt: skip
    """A line of two series; `share` is the most that our median may be of the peer's."""
    mine, theirs = _spread(ours), _spread(peer or [])
    ratio = mine.median / theirs.median if mine and theirs and theirs.median else None
    return Line(
        run,
        measure,
        shown(mine, unit, scale=scale),
        "not installed" if peer is None else shown(theirs, unit, scale=scale),
        "" if ratio is None else f"{ratio:.2f} of its",
        "" if share is None else f"at most {share:.2f} of its",
        None if share is None or ratio is None else ratio <= share,
    )


FIRST_FRAME_MEASURES = (
    ("screen_ms", "first frame, seen on the screen", FIRST_FRAME_SHARE),
    ("player_ms", "first frame, the page's own word", FIRST_FRAME_SHARE),
    ("canvas_ms", "first frame, read off the canvas", None),
)


def first_frame_lines(rows: list[dict[str, Any]]) -> Iterator[Line]:
    for row in rows:
        for key, words, share in FIRST_FRAME_MEASURES:
            peer = _series(row[PEER][key]) if PEER in row else None
            yield compare(row["run"], words, _series(row[OURS][key]), peer, unit="ms", share=share)


def _column(visits: list[dict[str, Any]], key: str) -> list[float]:
    return _series([each[key] for each in visits])


def _worst(visits: list[dict[str, Any]] | None, key: str) -> str:
    if visits is None:
        return "not installed"
    values = sorted(each[key] for each in visits)
    if not values:
        return "did not play"
    return f"{values[len(values) // 2]} (most {values[-1]})"


def loop_met(visits: list[dict[str, Any]], period_ms: float) -> bool:
    """The median visit: within one frame of nominal, at most one frame missing and never two together, in order."""
    if not visits:
        return False
    middle = len(visits) // 2

    def median(key: str) -> float:
        return float(sorted(abs(each[key]) for each in visits)[middle])

    return (
        median("late_ms") <= period_ms
        and median("missing") <= 1
        and median("longest_gap_frames") <= 1
        and all(each["out_of_order"] == 0 for each in visits)
    )


def playback_lines(rows: list[dict[str, Any]]) -> Iterator[Line]:
    for row in rows:
        ours, peer = row[OURS], row.get(PEER)
        run, frames = row["run"], round(row["nominal_ms"] * row["fps"] / 1000)
        period_ms = row["nominal_ms"] / frames
        peers = None if peer is None else _column(peer, "lasted_ms")
        line = compare(run, "first loop lasted", _column(ours, "lasted_ms"), peers, unit="ms")
        nominal = sorted(each["nominal_ms"] for each in ours)[len(ours) // 2] if ours else row["nominal_ms"]
        yield Line(run, line.measure, line.ours, line.peer, "", f"{nominal:.0f} ms, one frame either way; at most "
                   "1 missing, in order", loop_met(ours, period_ms))  # fmt: skip
        for key, words in (("missing", "frames missing in it"), ("out_of_order", "frames out of order in it")):
            yield Line(run, words, _worst(ours, key), _worst(peer, key), "", "", None)
        stood = None if peer is None else _column(peer, "longest_ms")
        yield compare(run, "longest that one picture stood in it", _column(ours, "longest_ms"), stood, unit="ms")
        there = None if peer is None else _column(peer, "all_there_ms")
        line = compare(
            run, "all frames there (ours: all decoded and checked)", _column(ours, "all_there_ms"), there, unit="ms"
        )
        exact = bool(ours) and all(each["all_exact"] and each["badge"] == "EXACT" for each in ours)
        yield Line(run, line.measure, line.ours, line.peer, line.compared, "all EXACT", exact)


def memory_lines(rows: list[dict[str, Any]]) -> Iterator[Line]:
    for row in rows:
        ours = _column(row[OURS], "renderer_pss_bytes")
        if ours:
            peer = _column(row[PEER], "renderer_pss_bytes") if PEER in row else None
            yield compare(row["run"], "renderer memory (PSS), playing, two loops", ours, peer, unit="MB", scale=1e-6,
                          share=MEMORY_SHARE)  # fmt: skip


def size_lines(sizes: dict[str, dict[str, int]]) -> Iterator[Line]:
    mine, peer = sum(sizes[OURS].values()), sizes.get(PEER)
    theirs = "not installed" if peer is None else f"{sum(peer.values()) / 1000:.0f} kB"
    ratio = "" if not peer else f"{mine / sum(peer.values()):.2f} of its"
    yield Line("any", "application, cold, over the wire", f"{mine / 1000:.0f} kB", theirs, ratio,
               f"at most {SIZE_LIMIT_BYTES // 1000} kB", mine <= SIZE_LIMIT_BYTES)  # fmt: skip


def lines(results: dict[str, Any]) -> list[Line]:
    """Every line of what was measured."""
    found: list[Line] = []
    found += first_frame_lines(results.get("first_frame", []))
    found += playback_lines(results.get("playback", []))
    found += memory_lines(results.get("playback", []))
    if "size" in results:
        found += size_lines(results["size"])
    return found
