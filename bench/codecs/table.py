"""The codec bench's results (plain JSON) to lines and to the part of docs/benchmarks.md. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from bench.codecs import ingest_runs
from bench.codecs.case import OURS

TITLE = "## Codecs"
WORDS = {None: "", True: "met", False: "**missed**"}


@dataclass(frozen=True, slots=True)
class SpeedLine:
    """One row of the table; `ratio` is to the fastest that is not ours and is right."""

    operation: str
    material: str
    implementation: str
    speed: str
    call_ms: str
    ratio: str
    correct: str
    target: str
    met: bool | None
    even: bool = False
    """Missed by less than what the rounds of the two differ among themselves."""

    def cells(self) -> tuple[str, ...]:
        first = (self.operation, self.material, self.implementation, self.speed, self.call_ms, self.ratio)
        return (*first, self.correct, self.target, "even" if self.even else WORDS[self.met])


HEADINGS = ("operation", "data", "implementation", "MB/s", "ms", "of the best other", "correct", "target", "")


def _frame_s(row: dict[str, Any]) -> float:
    return float(row["median_s"]) / int(row["frames"])


def _spread(row: dict[str, Any], of_seconds: Any, digits: int) -> str:
    low, middle, high = sorted(of_seconds(row[key]) for key in ("least_s", "median_s", "most_s"))
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _judged(row: dict[str, Any], ratio: float | None) -> tuple[str, bool | None]:
    if row["target"]:
        return f"at least {row['target']:.1f}", None if ratio is None else ratio >= row["target"]
    if row["limit_ms"]:
        return f"under {row['limit_ms']:.0f} ms", _frame_s(row) * 1000 < row["limit_ms"]
    return "", None


def speed_lines(rows: list[dict[str, Any]]) -> list[SpeedLine]:
    """In the order of measuring, each operation and data together."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[row["operation"], row["material"]].append(row)
    found = []
    for group in groups.values():
        rivals = [row for row in group if row["correct"] and not row["implementation"].startswith(OURS)]
        found.extend(_line(row, min(rivals, key=_frame_s, default=None)) for row in group)
    return found


def _even(row: dict[str, Any], best: dict[str, Any]) -> bool:
    """Whether the two cannot be told apart: at most 5 % between their medians, each within the other's range."""
    inside = best["least_s"] / best["frames"] <= _frame_s(row) <= best["most_s"] / best["frames"]
    around = row["least_s"] / row["frames"] <= _frame_s(best) <= row["most_s"] / row["frames"]
    return inside and around and _frame_s(row) <= 1.05 * _frame_s(best)


def _line(row: dict[str, Any], best: dict[str, Any] | None) -> SpeedLine:
    names = (row["operation"], row["material"], row["implementation"])
    if row["failed"]:
        return SpeedLine(*names, "", "", "", f"no: {row['failed']}"[:80], "", None)
    ratio = None if best is None else _frame_s(best) / _frame_s(row)
    target, met = _judged(row, ratio)
    done = row["raw_bytes"] * row["frames"] / 1e6
    return SpeedLine(
        *names,
        _spread(row, lambda seconds: done / seconds, 0) if done else "",
        _spread(row, lambda seconds: 1000 * seconds / row["frames"], 2),
        "" if ratio is None else f"{ratio:.2f}",
        "yes" if row["correct"] else "no",
        target,
        met,
        even=met is False and row["target"] == 1 and best is not None and _even(row, best),
    )


def size_cells(rows: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    found = []
    for row in rows:
        plain, first, most = row["exact_of_plain"], row["first_pass_of_exact"], row["most_of_exact"]
        psnr, least = row["psnr_db"], row["least_psnr_db"]
        met = plain <= row["most_of_plain"] and (most is None or first <= most) and (least is None or psnr >= least)
        target = f"at most {row['most_of_plain']:.2f}" + ("" if most is None else f", {most:.0%}")
        target += "" if least is None else f"; at least {least:.0f} dB"
        ratio = f"{row['raw_of_exact']:.2f}"
        found.append((row["material"], ratio, f"{plain:.3f}", f"{first:.1%}", f"{psnr:.1f} dB", target, WORDS[met]))
    return found


SIZE_HEADINGS = ("data", "raw of exact", "exact of plain lossless", "first pass of exact", "its PSNR", "target", "")
INGEST_HEADINGS = ("what", "figure", "target", "")


def ingest_cells(found: dict[str, Any]) -> list[tuple[str, ...]]:
    return [
        (what, figure, target, WORDS[met if target else None]) for what, figure, target, met in ingest_runs.lines(found)
    ]


def markdown(headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [headings, ("---",) * len(headings), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |" for cells in lines)


HOW = """\
One thread (ingest: two). MB/s are of raw samples by CPU time of the process, in which nothing else runs: a decoder that
starts threads of its own (GDCM for JPEG 2000) pays for them. Median of up to nine rounds over four frames, slowest and
fastest behind; ms are of one frame. "Of the best other": how many times as fast as the fastest other implementation
of this table that is right. "Even": missed by less than the rounds of the two differ (what only copies memory cannot be
faster than numpy's own copying). Ours is `decode_frame` with all its checks; RLE, JPEG and JPEG 2000 come in frames
that were coded by somebody else. Correct: the very samples (JPEG: within one level; encoders: by what they decode to).
Ingest: the codec calls are timed inside the same run; memory is how far the resident size rose above that before the
run, after a first run to warm up.
"""


def section(found: dict[str, Any], *, started: str, machine: str, busy: bool) -> str:
    """The part of docs/benchmarks.md, its heading first."""
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    noisy = ": **the machine was busy, trust the ratios only**" if busy else ""
    return "\n\n".join(
        [
            TITLE,
            HOW.strip(),
            f"- {machine}\n- {versions}\n- started {started}{noisy}",
            markdown(HEADINGS, [line.cells() for line in speed_lines(found["speed"])]),
            "### Lengths of the tiers",
            markdown(SIZE_HEADINGS, size_cells(found["sizes"])),
            "### Ingest of 60 frames 1024x1024, 8-bit JPEG Lossless",
            markdown(INGEST_HEADINGS, ingest_cells(found["ingest"])),
            "`python -m bench --codecs`\n",
        ]
    )
