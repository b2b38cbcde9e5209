"""The table of viewers beside objects that come in. Pure."""

from __future__ import annotations

from typing import Any

from bench.codecs.table import WORDS, markdown
from bench.storing import stalls

TITLE = "## Viewers beside objects that come in"
COMMAND = "python -m bench --storing"
HEADINGS = ("what", "found", "target", "")
HOW = """\
{viewers} headless viewers (`fastcine bench`) each open a run of {run} every 4 s, exact, while {small} objects of
40 kB and {large} of 20 MB come in by C-STORE over {associations} associations as fast as they are acknowledged (synced
to disk) and the cine caches of what has come are made: viewers, senders, receiver and maker share the cores. A stall: a
frame that comes more than its time after play needs it.
"""


def cells(found: dict[str, Any]) -> list[tuple[str, ...]]:
    """One row a figure."""
    stored, late = found["stored"], found["late_ms"]
    rate = stored["objects"] / stored["took_s"]
    missed = stalls(found)
    return [
        ("seconds with a stall", f"{missed} of {len(found['seconds'])}", "none", WORDS[missed == 0]),
        ("frames late, median, p99 and most, ms", f"{late['p50']:.1f}, {late['p99']:.1f}, {late['p100']:.1f}",
         f"most under {found['frame_interval_ms']:.1f}", WORDS[late["p100"] < found["frame_interval_ms"]]),
        ("connections lost, errors", f"{found['connections_lost']}, {sum(found['errors'].values())}", "none",
         WORDS[not found["connections_lost"] and not found["errors"]]),
        ("objects stored, refused", f"{stored['objects']}, {stored['refused']}",
         f"{found['load']['small'] + found['load']['large']}, none", WORDS[stored["refused"] == 0]),
        ("storing lasted", f"{stored['took_s']:.0f} s, {rate:.0f} objects a second", "", ""),
    ]  # fmt: skip


def section(found: dict[str, Any], *, started: str, machine: str, busy: bool) -> str:
    """The part of docs/benchmarks.md, its heading first."""
    noisy = ": **the machine was busy, read nothing into the milliseconds**" if busy else ""
    words = HOW.format(run=found["run"], **found["load"])
    place = f"- {machine}\n- started {started}{noisy}"
    return "\n\n".join([TITLE, words.strip(), place, markdown(HEADINGS, cells(found)), f"`{COMMAND}`"])
