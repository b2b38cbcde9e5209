"""The links' table: ours over each link beside its target, and what the bare page did. Pure."""

from __future__ import annotations

import statistics
from typing import Any

from bench.codecs.table import WORDS, markdown
from bench.reading import spread
from fastcine.load.link import parse_link

TITLE = "## Over emulated links"
COMMAND = "python -m bench --links"
HEADINGS = (
    "link",
    "run",
    "first frame",
    "target",
    "a bare picture",
    "nominal rate",
    "target",
    "all exact",
    "target",
    "",
    "Cornerstone3D",
)
HOW = """\
Rate, round trip and loss of a link, both ways. {how} Visits: {repeats} of each row with its page in the browser's
cache and no connection open (where it says so a new profile with a cold cache each time, in a browser that has done
its own start and shows another page), medians with least and most, ms from navigation. First frame: on the screen, in
visits of their own that record it. A bare picture: a page of nothing but that picture over the same link, which is as
soon as this browser can show one. Nominal rate: from this picture on, as read off the canvas, every picture came
within a period of its time and never two together are missing. All exact: every frame decoded and its CRC-32 right,
the target in times of the exact tier's bytes over the link's rate. Over no link it is counted from the first message
of the exact tier and compared with the same page's workers decoding all its exact frames, CRC included, once more from
memory, while the page draws and does nothing else (bench/decode_again.js). Cornerstone3D: the bare page over the same
link, one visit: first frame, nominal rate, all frames there; "never" is a first loop that is not without a stall.
"""
WAYS = {
    "tun": "Packets pass a TUN device and a queue of 100 ms.",
    "tcp relay": "No TUN device may be made here: a TCP relay stands in.",
    "loopback": "",
}


def _column(found: dict[str, Any], key: str) -> list[float] | None:
    """Of all visits; None where one has no such figure."""
    values = [visit.get(key) for visit in found["visits"]]
    return None if not values or None in values else values


def _ms(values: list[float] | None) -> str:
    if values is None:
        return "never"
    series = spread(values)
    return f"{series.median:.0f} ({series.least:.0f} to {series.most:.0f})"


def of_decoding(found: dict[str, Any]) -> list[float] | None:
    """From the first exact byte to all exact, over decoding alone, visit by visit."""
    ratios = []
    for visit in found["visits"]:
        again = visit.get("decode_again")
        if not again or again["failed"] or visit["first_exact_ms"] is None or visit["all_exact_ms"] is None:
            return None
        ratios.append((visit["all_exact_ms"] - visit["first_exact_ms"]) / again["decode_ms"])
    return ratios


def steady_target_ms(found: dict[str, Any]) -> float | None:
    """From navigation; None where it hangs on a first frame that never came."""
    row = found["row"]
    if row["steady_from_navigation"]:
        return float(row["steady_after_ms"])
    first = _column(found, "first_ms")
    return None if first is None else statistics.median(first) + float(row["steady_after_ms"])


def _exact(found: dict[str, Any]) -> tuple[str, str, bool | None]:
    """All exact: the figure, its target, whether it is met."""
    row, values = found["row"], _column(found, "all_exact_ms")
    link = parse_link(row["link"])
    if row["exact_of_bytes"] is not None and link is not None:
        bytes_ms = found["t1_bytes"] / link.rate_bytes_per_s * 1000
        ratio = None if values is None else statistics.median(values) / bytes_ms
        shown = _ms(values) + ("" if ratio is None else f", {ratio:.2f} of its bytes")
        return shown, f"{row['exact_of_bytes']:g} of its bytes", ratio is not None and ratio <= row["exact_of_bytes"]
    if row["exact_of_decoding"] is not None:
        ratios = of_decoding(found)
        shown = _ms(values)
        if ratios is not None:
            each = spread(ratios)
            shown += f", {each.median:.2f} ({each.least:.2f} to {each.most:.2f}) of decoding"
        met = ratios is not None and statistics.median(ratios) <= row["exact_of_decoding"]
        return shown, f"{row['exact_of_decoding']:g} of decoding", met
    return ("" if values is None else _ms(values)), "", None


def met(found: dict[str, Any]) -> bool:
    """All of the row's targets, by medians."""
    first, steady, at_most = _column(found, "first_ms"), _column(found, "steady_ms"), steady_target_ms(found)
    if first is None or steady is None or at_most is None:
        return False
    good = statistics.median(first) <= found["row"]["first_ms"] and statistics.median(steady) <= at_most
    return good and _exact(found)[2] is not False


def _bare(found: dict[str, Any]) -> str:
    values = found.get("bare_picture_ms") or [None]
    return "" if None in values else _ms(values)


def _peer(found: dict[str, Any]) -> str:
    peer = found.get("peer") or {"skipped": ""}
    if "skipped" in peer:
        return str(peer["skipped"])
    figures = (peer["first_ms"], peer["steady_ms"], peer["all_there_ms"])
    return ", ".join("never" if value is None else f"{value:.0f}" for value in figures)


def cells(rows: list[dict[str, Any]]) -> list[tuple[str, ...]]:
    """One row a link and run."""
    out = []
    for found in rows:
        row = found["row"]
        unsupported = "".join(f", without {what}" for what in found["unsupported"])
        steady = (
            f"{row['steady_after_ms']:g}" if row["steady_from_navigation"] else f"first + {row['steady_after_ms']:g}"
        )
        exact, exact_target, _ = _exact(found)
        first, nominal = _ms(_column(found, "first_ms")), _ms(_column(found, "steady_ms"))
        out.append((
            ("no link" if row["link"] == "none" else row["link"]) + unsupported,
            f"{row['run'].removeprefix('xa')} at {row['fps']:g} fps" + ("" if row["cached"] else ", cold cache"),
            first, f"{row['first_ms']:g}", _bare(found), nominal, steady,
            exact, exact_target, WORDS[met(found)], _peer(found),
        ))  # fmt: skip
    return out


def section(rows: list[dict[str, Any]], *, started: str, machine: str, busy: bool) -> str:
    """The part of docs/benchmarks.md, its heading first."""
    noisy = ": **the machine was busy, read nothing into the milliseconds**" if busy else ""
    ways = " ".join(dict.fromkeys(WAYS[found["how"]] for found in rows if WAYS[found["how"]]))
    words = HOW.format(how=ways, repeats=max((len(found["visits"]) for found in rows), default=0))
    lines = [
        f"`python -m bench --link '{found['row']['link']} {found['row']['run']}' --repeats {len(found['visits'])}`"
        for found in rows
    ]
    again = "To reproduce a row alone: " + ", ".join(dict.fromkeys(lines)) + "."
    place = f"- {machine}\n- started {started}{noisy}"
    return "\n\n".join([TITLE, words.strip(), place, markdown(HEADINGS, cells(rows)), f"`{COMMAND}`", again])
