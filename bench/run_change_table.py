"""The table of run changes in an open page. Pure."""

from __future__ import annotations

import statistics
from typing import Any

from bench.codecs.table import WORDS, markdown
from bench.reading import spread
from fastcine.load.link import parse_link

TITLE = "## Another run in an open page"
COMMAND = "python -m bench --changes"
HEADINGS = ("link", "run", "first picture, not fetched before", "target", "fetched in advance", "target", "")
HOW = """\
A study of {runs} runs in an open page over an emulated link; ms from the choice of a tile to the first drawn picture of
its run, read in the page, medians with least and most of {repeats}, each in a visit of its own. Not fetched before:
the fourth tile, {busy_s:g} s after the first frame, while the run on screen plays and its exact frames fill the link.
Fetched in advance: the second tile, {fetched_s:g} s after all of the first is exact. The target is a round trip and
what the row adds to it, and {prefetched_ms:g} ms.
"""


def _shown(values: list[dict[str, Any] | None], at_most_ms: float) -> tuple[str, bool]:
    times = [value["first_ms"] for value in values if value is not None]
    if len(times) < len(values):
        return "never", False
    series = spread(times)
    return f"{series.median:.0f} ({series.least:.0f} to {series.most:.0f})", statistics.median(times) <= at_most_ms


def cells(found: dict[str, Any]) -> list[tuple[str, ...]]:
    """One row a link and run."""
    out = []
    for each in found["rows"]:
        row = each["row"]
        link = parse_link(row["link"])
        afar_ms = row["added_ms"] + (0 if link is None else link.round_trip_ms)
        afar, afar_met = _shown(each["afar"], afar_ms)
        near, near_met = _shown(each["near"], row["prefetched_ms"])
        out.append((
            "no link" if link is None else row["link"], row["run"].removeprefix("xa"),
            afar, f"{afar_ms:g}", near, f"{row['prefetched_ms']:g}", WORDS[afar_met and near_met],
        ))  # fmt: skip
    return out


def section(found: dict[str, Any], *, started: str, machine: str, busy: bool) -> str:
    """The part of docs/benchmarks.md, its heading first."""
    noisy = ": **the machine was busy, read nothing into the milliseconds**" if busy else ""
    repeats = max(len(each["afar"]) for each in found["rows"])
    words = HOW.format(repeats=repeats, prefetched_ms=found["rows"][0]["row"]["prefetched_ms"], **found["how"])
    place = f"- {machine}\n- started {started}{noisy}"
    return "\n\n".join([TITLE, words.strip(), place, markdown(HEADINGS, cells(found)), f"`{COMMAND}`"])
