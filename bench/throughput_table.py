"""The throughput's table: medians with their spread, ratios of the very same round, and what bounds each. Pure."""

from __future__ import annotations

from typing import Any

from bench.codecs.table import WORDS, markdown
from bench.reading import Spread, spread

TITLE = "## Throughput of one server process"
COMMAND = "python -m bench --throughput"
HEADINGS = ("server", "MB/s", "frames/s", "ours, of its", "target", "", "CPU of the server", "CPU of the clients")
NAMES = {"fastcine": "fastcine, the exact tier over the stream", "nginx": "nginx, the same bitstreams as static files",
         "orthanc": "Orthanc, the DICOM file's frames over WADO-RS"}  # fmt: skip
TARGETS = {"nginx": ("bytes_per_s", 0.55), "orthanc": ("frames_per_s", 3.0)}
HOW = """\
{clients} connections that read and forget, nothing is decoded: one lean client for all servers (bench/drain.py: a
select loop, one buffer, one look at each header), a process of its own. The servers take turns, {rounds} rounds of
{seconds:g} s; {pinned}. Ours: one worker, each connection opens {run} again when it has all of it, receipts as our
page sends them. nginx: one worker, `sendfile`, keep-alive HTTP/1.1, the same bitstreams frame after frame. Orthanc:
the same file as JPEG Lossless, sent as stored, the whole object in its memory. Bytes are those of the frames, without
headers. A ratio is of the two in the same round. Where the CPU of the clients is near 1 it is they that bound the
server.
"""


def _shown(values: Spread, scale: float, digits: int) -> str:
    middle, least, most = (f"{number * scale:.{digits}f}" for number in (values.median, values.least, values.most))
    return f"{middle} ({least} to {most})"


def ratios(found: dict[str, Any], peer: str) -> Spread:
    """Ours over the peer's, round by round, of what the target counts."""
    key = TARGETS[peer][0]
    rounds = zip(found["rates"]["fastcine"], found["rates"][peer], strict=True)
    return spread([ours[key] / theirs[key] for ours, theirs in rounds])


def cells(found: dict[str, Any]) -> list[tuple[str, ...]]:
    """One row a server."""
    rows = []
    for name, rounds in found["rates"].items():
        rates = {key: spread([each[key] for each in rounds]) for key in rounds[0]}
        compared = target = met = ""
        if name in TARGETS:
            key, least = TARGETS[name]
            ratio = ratios(found, name)
            compared = _shown(ratio, 1, 2) + (" by bytes" if key == "bytes_per_s" else " by frames")
            target, met = f"at least {least:g}", WORDS[ratio.median >= least]
        version = found["versions"].get(name, "")
        rows.append((
            f"{NAMES[name]}" + (f" ({version})" if version else ""),
            _shown(rates["bytes_per_s"], 1e-6, 0), _shown(rates["frames_per_s"], 1, 0), compared, target, met,
            f"{rates['server_cpu'].median:.2f}", f"{rates['client_cpu'].median:.2f}",
        ))  # fmt: skip
    return rows


def section(found: dict[str, Any], *, started: str, machine: str, busy: bool) -> str:
    """The part of docs/benchmarks.md, its heading first."""
    noisy = ": **the machine was busy, trust the ratios only**" if busy else ""
    pinned = "each server on one core, the clients on another" if found["pinned"] else "on the only core"
    words = HOW.format(**{key: found[key] for key in ("clients", "rounds", "seconds", "run")}, pinned=pinned)
    place = f"- {machine}\n- started {started}{noisy}"
    notes = [f"- {note}" for note in found["notes"]]
    return "\n\n".join(
        [TITLE, words.strip(), "\n".join([place, *notes]), markdown(HEADINGS, cells(found)), f"`{COMMAND}`"]
    )
