"""The many viewers' table beside its targets. Pure."""

from __future__ import annotations

from typing import Any

from bench.codecs.table import WORDS, markdown

TITLE = "## Many viewers"
COMMAND = "python -m bench --many"
HEADINGS = ("what", "found", "target", "")
MOST_BYTES_A_VIEWER = 20_000
MOST_LAG_MS = 5.0
HOW = """\
`fastcine bench`: headless viewers of the real protocol against `fastcine serve`, no link between them. First: server
on one core, viewers on the other, {viewers} of them, each opens a run of {run} every 4 s as if it held nothing of it
and asks for the first pass only. Late: when a frame came, less when play needs it, counted from the opening. Then:
{beside} viewers of the same run, exact, while a run of 120 frames of 1024x1024 is uploaded and made on the same two
cores; the loop's lag is that of this time, as the bound of `/metrics` below which 99 % lie.
"""


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.0%} of a core"


def rows(found: dict[str, Any]) -> list[tuple[str, str, str, bool | None]]:
    """What, the figure, its target, whether it is met."""
    crowd, beside = found["one_core"], found["beside"]
    late_ms, interval_ms = crowd["late_ms"], crowd["frame_interval_ms"]
    late_beside_ms = beside["late_ms"]
    expected, each = crowd["frames_expected_per_s"], crowd["server_bytes_per_viewer"]
    lag_ms = beside["ingest_lag_p99_ms"]
    return [
        (f"{crowd['viewers']} viewers: frames a second", f"{crowd['frames_per_s']:.0f}", f"{expected:.0f}",
         crowd["frames_per_s"] >= 0.995 * expected and not crowd["errors"] and not crowd["connections_lost"]),
        ("late, p99 and most, ms", f"{late_ms['p99']:.1f}, {late_ms['p100']:.1f}", f"p99 under {interval_ms:.1f}",
         late_ms["p99"] < interval_ms),
        ("memory a viewer", "" if each is None else f"{each / 1000:.1f} kB",
         f"at most {MOST_BYTES_A_VIEWER / 1000:g} kB", each is not None and each <= MOST_BYTES_A_VIEWER),
        ("server, viewers", f"{_percent(crowd['server_cpu'])}, {_percent(crowd['client_cpu'])}", "", None),
        ("messages a second", f"{crowd['messages_per_s']:.0f}", "", None),
        (f"{beside['viewers']} viewers and a run of {beside['ingest_s']:.1f} s being made: loop's lag, p99",
         "not said" if lag_ms is None else f"at most {lag_ms:g} ms", f"under {MOST_LAG_MS:g} ms",
         lag_ms is not None and lag_ms <= MOST_LAG_MS),
        ("late beside it, p99 and most, ms", f"{late_beside_ms['p99']:.1f}, {late_beside_ms['p100']:.1f}", "", None),
    ]  # fmt: skip


def cells(found: dict[str, Any]) -> list[tuple[str, ...]]:
    """One row a figure."""
    return [(what, figure, target, "" if met is None else WORDS[met]) for what, figure, target, met in rows(found)]


def section(found: dict[str, Any], *, started: str, machine: str, busy: bool) -> str:
    """The part of docs/benchmarks.md, its heading first."""
    noisy = ": **the machine was busy, read nothing into the milliseconds**" if busy else ""
    words = HOW.format(viewers=found["one_core"]["viewers"], beside=found["beside"]["viewers"], run=found["run"])
    alone = f"`{COMMAND}`, or against a server that runs: `fastcine bench {' '.join(found['one_core']['words'])}`"
    place = f"- {machine}\n- started {started}{noisy}"
    return "\n\n".join([TITLE, words.strip(), place, markdown(HEADINGS, cells(found)), alone])
