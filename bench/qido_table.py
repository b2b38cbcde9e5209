"""The table of QIDO-RS searches beside its target. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.codecs.table import WORDS, markdown

TITLE = "## Searches in a large archive"
COMMAND = "python -m bench --qido"
HEADINGS = ("search", "answers/s", "median, ms", "p99, ms", "most, ms", "kB", "target", "")
P99_MS = 20.0
HOW = """\
QIDO-RS study searches against `fastcine serve`, one worker, on a generated index of {instances} instances in {studies}
studies (bench/large_index.py; rows only, no objects). {clients} clients in a process of their own, each with one
connection, ask again as soon as they have the answer, for {seconds:g} s; kind and keys of each question are drawn at
random (bench/qido.py), lists are pages of {page}, answers gzipped as browsers ask for them. The target is for all of
the mix. Below it, not of the mix: searches that no index helps, a single client.
"""


def quantile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _cells(name: str, answers: Sequence[Sequence[float]], seconds: float, target: bool | None) -> tuple[str, ...]:
    ms, sizes = [each[0] for each in answers], [each[1] for each in answers]
    said = ("", "") if target is None else (f"p99 under {P99_MS:g} ms", WORDS[quantile(ms, 0.99) < P99_MS])
    return (
        name, f"{len(ms) / seconds:.0f}", f"{quantile(ms, 0.5):.1f}", f"{quantile(ms, 0.99):.1f}", f"{max(ms):.1f}",
        f"{sum(sizes) / len(sizes) / 1000:.1f}", *said,
    )  # fmt: skip


def cells(found: dict[str, Any]) -> list[tuple[str, ...]]:
    """All of the mix, its kinds, and what no index helps."""
    mix, alone = found["mix"]["answers"], found["alone"]["answers"]
    together = [each for answers in mix.values() for each in answers]
    return [
        _cells("all of the mix", together, found["seconds"], True),
        *(_cells(f"– {kind}", mix[kind], found["seconds"], None) for kind in sorted(mix)),
        *(_cells(f"no index: {kind}", alone[kind], found["alone_seconds"], None) for kind in sorted(alone)),
    ]


def section(found: dict[str, Any], *, started: str, machine: str, busy: bool) -> str:
    """The part of docs/benchmarks.md, its heading first."""
    noisy = ": **the machine was busy, read nothing into the milliseconds**" if busy else ""
    words = HOW.format(**{key: found[key] for key in ("instances", "studies", "clients", "seconds", "page")})
    server, clients = found["server_cpu_ms"], found["mix"]["client_cpu"]
    place = (
        f"- {machine}\n- started {started}{noisy}\n- the server spent {server:.2f} ms of CPU on an answer of the mix"
    )
    return "\n\n".join(
        [
            TITLE,
            words.strip(),
            f"{place}, the clients {clients:.0%} of a core",
            markdown(HEADINGS, cells(found)),
            f"`{COMMAND}`",
        ]
    )
