"""The receiver's table: medians with their spread, and ratios of the very same round. Pure."""

from __future__ import annotations

from typing import Any

from bench.codecs.table import WORDS, markdown
from bench.reading import Spread, spread

TITLE = "## Receiving objects"
COMMAND = "python -m bench --receiver"
HEADINGS = ("objects", "fastcine", "beside it", "ratio", "target", "")
OURS, OURS_DURABLE, PEER, DISK = "fastcine", "fastcine, durable", "storescp", "disk"
LEAST_LARGE, LEAST_LARGE_DURABLE, LEAST_SMALL = 1.0, 0.8, 0.25
HOW = """\
C-STORE into `fastcine serve`, a fresh data folder each time, and into dcmtk's storescp ({version}; `--fork` where there
are several associations), in turn, {rounds} rounds. Senders write requests that were made before (bench/sending.py),
TCP_NODELAY on both sides, PDUs of 128 kB. Not durable: `FASTCINE_DURABLE=no`, as storescp, which syncs nothing.
Disk: the same bytes written, synced, renamed and the folder synced, one file after another. Ours makes the cine cache
of what has come on the same cores meanwhile. A ratio is of the two in the same round; a durable store is held against
the slower of storescp and the disk.
"""


def _rates(part: dict[str, Any], who: str, amount: float) -> list[float]:
    return [amount / took for took in part["took_s"][who]]


def _shown(values: list[float]) -> str:
    found = spread(values)
    return f"{found.median:.0f} ({found.least:.0f} to {found.most:.0f})"


def ratios(part: dict[str, Any], ours: str, *others: str) -> Spread:
    """Our rate over the least of theirs, round by round."""
    rounds = zip(part["took_s"][ours], *(part["took_s"][other] for other in others), strict=True)
    return spread([max(theirs) / mine for mine, *theirs in rounds])


def _row(words: str, unit: str, part: dict[str, Any], amount: float, ours: str, others: tuple[str, ...],
         least: float | None) -> tuple[str, ...]:  # fmt: skip
    ratio = ratios(part, ours, *others)
    beside = ", ".join(f"{other} {_shown(_rates(part, other, amount))}" for other in others)
    said = ("", "") if least is None else (f"at least {least:g}", WORDS[ratio.median >= least])
    shown = f"{ratio.median:.2f} ({ratio.least:.2f} to {ratio.most:.2f})"
    return (words, f"{_shown(_rates(part, ours, amount))} {unit}", f"{beside} {unit}", shown, *said)


def cells(found: dict[str, Any]) -> list[tuple[str, ...]]:
    """Large and small objects, durable or not."""
    if "large" not in found:
        return []
    large, small = found["large"], found["small"]
    megabytes = large["objects"] * large["bytes"] / 1e6
    big = f"{large['objects']} of {large['bytes'] / 1e6:.0f} MB"
    little = f"{small['objects']} of {small['bytes'] / 1e3:.0f} kB, {small['associations']} associations"
    return [
        _row(f"{big}, not durable", "MB/s", large, megabytes, OURS, (PEER,), LEAST_LARGE),
        _row(f"{big}, durable", "MB/s", large, megabytes, OURS_DURABLE, (PEER, DISK), LEAST_LARGE_DURABLE),
        _row(f"{little}, not durable", "a second", small, small["objects"], OURS, (PEER,), LEAST_SMALL),
        _row(f"{little}, durable", "a second", small, small["objects"], OURS_DURABLE, (PEER, DISK), None),
    ]


def section(found: dict[str, Any], *, started: str, machine: str, busy: bool) -> str:
    """The part of docs/benchmarks.md, its heading first."""
    noisy = ": **the machine was busy, trust the ratios only**" if busy else ""
    words = HOW.format(version=found.get("version", "not installed"), rounds=found.get("rounds", 0))
    place = "\n".join([f"- {machine}", f"- started {started}{noisy}", *(f"- {note}" for note in found["notes"])])
    return "\n\n".join([TITLE, words.strip(), place, markdown(HEADINGS, cells(found)), f"`{COMMAND}`"])
