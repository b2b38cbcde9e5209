"""STOW's table: medians with their spread, ratios of the very same round. Pure."""

from __future__ import annotations

from typing import Any

from bench.codecs.table import WORDS, markdown
from bench.reading import Spread, spread

TITLE = "## Storing by STOW-RS"
COMMAND = "python -m bench --stow"
HEADINGS = ("objects", "fastcine, MB/s", "Orthanc, MB/s", "ours, of its", "target", "")
LEAST = 1.0
HOW = """\
Objects nobody has had before, over one connection, one request behind the other, {rounds} rounds in turn; both answer
when an object is on the disk (synced, as both do unless told otherwise), ours cuts runs for the viewer meanwhile.
A ratio is of the two in the same round. Orthanc {version}.
"""


def _shown(values: Spread, scale: float, digits: int) -> str:
    middle, least, most = (f"{number * scale:.{digits}f}" for number in (values.median, values.least, values.most))
    return f"{middle} ({least} to {most})"


def ratio(rates: dict[str, list[float]]) -> Spread:
    """Ours over Orthanc's, round by round."""
    return spread([ours / theirs for ours, theirs in zip(rates["fastcine"], rates["orthanc"], strict=True)])


def cells(found: dict[str, Any]) -> list[tuple[str, ...]]:
    """One row a case."""
    rows = []
    for name, rates in found.get("rates", {}).items():
        compared = ratio(rates)
        shown = [_shown(spread(rates[each]), 1e-6, 1) for each in ("fastcine", "orthanc")]
        rows.append((name, *shown, _shown(compared, 1, 2), f"at least {LEAST:g}", WORDS[compared.median >= LEAST]))
    return rows


def section(found: dict[str, Any], *, started: str, machine: str, busy: bool) -> str:
    """The part of docs/benchmarks.md, its heading first."""
    noisy = ": **the machine was busy, trust the ratios only**" if busy else ""
    words = HOW.format(rounds=found.get("rounds", 0), version=found.get("version", "is not installed"))
    place = f"- {machine}\n- started {started}{noisy}"
    notes = [f"- {note}" for note in found["notes"]]
    return "\n\n".join(
        [TITLE, words.strip(), "\n".join([place, *notes]), markdown(HEADINGS, cells(found)), f"`{COMMAND}`"]
    )
