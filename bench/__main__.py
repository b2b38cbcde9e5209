"""`python -m bench`: measure, print a table, keep the JSON, and with --docs write docs/benchmarks.md."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import (
    browser,
    figures,
    link_table,
    links,
    machine,
    many_viewers,
    many_viewers_table,
    peer_page,
    qido,
    qido_table,
    receiver,
    receiver_table,
    report,
    run_change_table,
    run_changes,
    runs,
    static_files,
    storing,
    storing_table,
    stow,
    stow_table,
    throughput,
    throughput_table,
)
from bench.codecs import run as codecs
from bench.codecs import table as codec_table

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench/results"
SO_FAR = RESULTS / "links-so-far.json"
DOCS = ROOT / "docs/benchmarks.md"
PARTS = ("first", "playback", "size")
PAGELESS = ("throughput", "many", "links", "changes", "qido", "stow", "receiver", "storing", "codecs")
"""Parts that are asked for by an option of their own."""

Say = Callable[[str], None]


def arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measures fastcine's viewer against the bare Cornerstone3D page, in turn, in one Chromium.",
    )
    parser.add_argument("--repeats", type=int, default=5, help="visits of each page (default: 5)")
    parser.add_argument("--only", action="append", choices=PARTS, help="measure this part only; may be repeated")
    parser.add_argument("--run", action="append", help="measure these runs only, such as xa512x60@30; may be repeated")
    parser.add_argument("--docs", action="store_true", help="write docs/benchmarks.md")
    parser.add_argument("--codecs", action="store_true", help="measure the codecs only; no browser is needed")
    parser.add_argument("--links", action="store_true", help="measure over emulated links only")
    parser.add_argument("--link", action="append", help="these links' rows only, such as '8M,80ms xa512x60'")
    parser.add_argument("--changes", action="store_true", help="measure changes to another run in an open page only")
    parser.add_argument("--throughput", action="store_true", help="measure the server beside nginx and Orthanc only")
    parser.add_argument("--many", action="store_true", help="measure thousands of viewers on one core only")
    parser.add_argument("--qido", action="store_true", help="measure searches among a million instances only")
    parser.add_argument("--stow", action="store_true", help="measure STOW-RS beside Orthanc's only")
    parser.add_argument("--receiver", action="store_true", help="measure C-STORE beside dcmtk's storescp only")
    parser.add_argument("--storing", action="store_true", help="measure viewers beside objects that come in only")
    parser.add_argument("--from", dest="source", type=Path, help="show a results file again instead of measuring")
    return parser.parse_args(words)


def measured(args: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Everything that goes into a results file."""
    from bench.measure import measure

    chromium = browser.chromium_path()
    if chromium is None:
        raise SystemExit("bench needs Chromium: sudo apt-get install chromium")
    described = machine.describe()
    load = machine.load_average()
    busy = machine.is_busy(load)
    if busy:
        console.print(f"[yellow]Load average {load}: something else is using this machine, the figures will be noisy.")
    lacking = peer_page.missing()
    if lacking:
        console.print(f"[yellow]The Cornerstone3D page is not installed, it is left out. To install it: {lacking}")
    if static_files.server_name() != "nginx":
        console.print(f"[yellow]nginx is not installed, the peer is served by aiohttp: {static_files.INSTALL_NGINX}")
    started = datetime.now(UTC).isoformat(timespec="seconds")
    wanted = [pair for pair in runs.CONFIGURATIONS if not args.run or f"{pair[0]}@{pair[1]}" in args.run]
    with (
        console.status("making the bench runs") as status,
        tempfile.TemporaryDirectory(prefix="fastcine-bench-") as scratch,
    ):
        folder = runs.cache_folder()
        prepared = [runs.prepare(name, fps, cache=folder) for name, fps in wanted]
        parts = set(args.only or PARTS)
        parted = {} if args.only or args.run else measured_parts(PAGELESS, args, Path(scratch), console, status.update)
        results, notes = asyncio.run(measure(parts, prepared, Path(scratch), repeats=args.repeats, say=status.update))
    return {
        "started": started,
        "command": "python -m bench " + " ".join(sys.argv[1:]),
        "repeats": args.repeats,
        "machine": described,
        "busy": busy,
        "versions": machine.versions(chromium),
        "static_server": static_files.server_name(),
        "results": results,
        **parted,
        "notes": [*notes, *part_notes(parted)],
    }


def measured_parts(
    wanted: Iterable[str], args: argparse.Namespace, scratch: Path, console: Console, say: Say
) -> dict[str, Any]:
    """Results of those parts that need no peer's page beside ours all along; links are told and kept as they come."""
    rows: list[dict[str, Any]] = []
    here = {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine.describe(),
        "busy": machine.is_busy(machine.load_average()),
    }

    def told(row: dict[str, Any]) -> None:
        # Half an hour's work: what is measured stays (`--from`) when the rest does not come to its end.
        rows.append(row)
        RESULTS.mkdir(parents=True, exist_ok=True)
        SO_FAR.write_text(json.dumps({**here, "links": rows, "notes": []}) + "\n")
        for cells in link_table.cells([row]):
            console.print(" | ".join(cells), markup=False)

    found: dict[str, Any] = {}
    if "throughput" in wanted:
        found["throughput"] = throughput.measure(scratch / "throughput", say=say)
    if "many" in wanted:
        found["many"] = many_viewers.measure(scratch / "many", say=say)
    if "links" in wanted:
        how: dict[str, Any] = {"repeats": args.repeats, "wanted": args.link or (), "say": say, "done": told}
        found["links"] = asyncio.run(links.measure(scratch / "links", **how))
        SO_FAR.unlink(missing_ok=True)
    if "changes" in wanted:
        found["changes"] = asyncio.run(run_changes.measure(scratch / "changes", repeats=args.repeats, say=say))
    if "qido" in wanted:
        found["qido"] = qido.measure(say=say)
    if "stow" in wanted:
        found["stow"] = stow.measure(scratch / "stow", say=say)
    if "receiver" in wanted:
        found["receiver"] = receiver.measure(scratch / "receiver", say=say)
    if "storing" in wanted:
        found["storing"] = storing.measure(scratch / "storing", say=say)
    if "codecs" in wanted:
        say("the codecs, a minute or two")
        found["codecs"] = codecs.measure(runs.cache_folder() / "codecs")
    return found


def part_notes(parted: dict[str, Any]) -> list[str]:
    """What those parts lacked."""
    codec_notes = parted["codecs"]["missing"] if "codecs" in parted else []
    named = ("throughput", "stow", "receiver")
    others = [note for name in named for note in parted.get(name, {}).get("notes", [])]
    return [*codec_notes, *others]


def measured_alone(args: argparse.Namespace, console: Console) -> dict[str, Any]:
    """Only the parts that were named."""
    load, started = machine.load_average(), datetime.now(UTC).isoformat(timespec="seconds")
    described = machine.describe()
    wanted = [name for name in PAGELESS if getattr(args, name)]
    with console.status("") as status, tempfile.TemporaryDirectory(prefix="fastcine-bench-") as scratch:
        parted = measured_parts(wanted, args, Path(scratch), console, status.update)
    return {
        "started": started,
        "command": "python -m bench " + " ".join(sys.argv[1:]),
        "machine": described,
        "busy": machine.is_busy(load),
        **parted,
        "notes": part_notes(parted),
    }


def show_codecs(found: dict[str, Any], console: Console) -> None:
    """The codecs' three tables in the terminal."""
    for title, headings, rows in (
        ("codecs", codec_table.HEADINGS, [line.cells() for line in codec_table.speed_lines(found["speed"])]),
        ("lengths of the tiers", codec_table.SIZE_HEADINGS, codec_table.size_cells(found["sizes"])),
        ("ingest", codec_table.INGEST_HEADINGS, codec_table.ingest_cells(found["ingest"])),
    ):
        show_table(title, headings, rows, console, parted_by=2 if title == "codecs" else 0)


def show_table(
    title: str, headings: Sequence[str], rows: Sequence[tuple[str, ...]], console: Console, *, parted_by: int = 0
) -> None:
    """A table in the terminal, with a line where the first `parted_by` cells change."""
    table = Table(title=title)
    for heading in headings:
        table.add_column(heading)
    before: tuple[str, ...] = ()
    for row in rows:
        if before and row[:parted_by] != before[:parted_by]:
            table.add_section()
        table.add_row(*(cell.replace("**", "") for cell in row))
        before = row
    console.print(table)


def show(saved: dict[str, Any], console: Console) -> None:
    """The terminal's tables."""
    if saved.get("links"):
        show_table("over emulated links", link_table.HEADINGS, link_table.cells(saved["links"]), console)
    if saved.get("changes"):
        rows = run_change_table.cells(saved["changes"])
        show_table("another run in an open page", run_change_table.HEADINGS, rows, console)
    if saved.get("throughput"):
        rows = throughput_table.cells(saved["throughput"])
        show_table("throughput of one server process", throughput_table.HEADINGS, rows, console)
    if saved.get("many"):
        rows = many_viewers_table.cells(saved["many"])
        show_table("many viewers", many_viewers_table.HEADINGS, rows, console)
    if saved.get("qido"):
        show_table("searches in a large archive", qido_table.HEADINGS, qido_table.cells(saved["qido"]), console)
    if saved.get("stow"):
        show_table("STOW-RS", stow_table.HEADINGS, stow_table.cells(saved["stow"]), console)
    if saved.get("receiver"):
        rows = receiver_table.cells(saved["receiver"])
        show_table("receiving objects", receiver_table.HEADINGS, rows, console)
    if saved.get("storing"):
        rows = storing_table.cells(saved["storing"])
        show_table("viewers beside objects that come in", storing_table.HEADINGS, rows, console)
    if saved.get("codecs"):
        show_codecs(saved["codecs"], console)
    if "results" in saved:
        show_pages(saved, console)
    for note in saved["notes"]:
        console.print(f"[yellow]{note}")


def show_pages(saved: dict[str, Any], console: Console) -> None:
    """The table of both viewers."""
    table = Table(title=f"fastcine and Cornerstone3D, medians of {saved['repeats']} (least to most)")
    for heading in ("run", "what", "fastcine", "Cornerstone3D", "", "target", ""):
        table.add_column(heading)
    before = ""
    for line in figures.lines(saved["results"]):
        if before and line.run != before:
            table.add_section()
        met = {None: "", True: "[green]met", False: "[red]missed"}[line.met]
        first = "" if line.run == before else line.run
        table.add_row(first, line.measure, line.ours, line.peer, line.compared, line.target, met)
        before = line.run
    console.print(table)


def main(words: list[str]) -> int:
    args = arguments(words)
    console = Console(width=None if sys.stdout.isatty() else 200)
    if args.source is not None:
        saved = json.loads(args.source.read_text())
    else:
        args.links = args.links or bool(args.link)
        alone = any(getattr(args, name) for name in PAGELESS)
        saved = measured_alone(args, console) if alone else measured(args, console)
        RESULTS.mkdir(parents=True, exist_ok=True)
        target = RESULTS / f"{saved['started'].replace(':', '')}.json"
        target.write_text(json.dumps(saved, indent=1) + "\n")
        console.print(f"results: {target.relative_to(ROOT)}")
    show(saved, console)
    if args.docs:
        text = report.document(saved) if "results" in saved else DOCS.read_text("utf-8")
        DOCS.write_text(report.with_parts(text, saved), "utf-8")
        console.print(f"written: {DOCS.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
