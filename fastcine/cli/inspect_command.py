"""`fastcine inspect`: what a file holds and how it will be played."""

from __future__ import annotations

import argparse
import mmap
import sys
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from fastcine.archive.cine_making import Source, description, frame_pieces, open_source
from fastcine.cine.description import Identity
from fastcine.cine.wire import run_id
from fastcine.codec.registry import syntax_table
from fastcine.dicom.layout import expects_pixels
from fastcine.dicom.parse import parse_object
from fastcine.dicom.parse_values import read_values
from fastcine.dicom.syntaxes import find_syntax
from fastcine.dicom.values import text
from fastcine.errors import NotFound, UsageError

SAMPLED = 3
"""Frames that are coded to say how many bytes playing takes."""


def add_parser(subparsers: Any) -> None:
    """The command's options."""
    parser = subparsers.add_parser(
        "inspect",
        help="what a file holds and how it will be played",
        description="Says what a DICOM file holds and how it will be played: size, timing, angles, calibration, "
        "window, tiers and their bytes. No patient's name or ID is printed. A broken file gives one line with tag and "
        "offset.",
    )
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE")
    parser.add_argument(
        "--json", action="store_true", help="the whole run description (docs/api.md), or the table, as JSON"
    )
    parser.add_argument("--syntaxes", action="store_true", help="the table of transfer syntaxes and what decodes each")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Inspect one file, or print the table."""
    if args.syntaxes:
        _print_syntaxes(as_json=args.json)
        return 0
    if args.file is None:
        raise UsageError("name a file, or say --syntaxes")
    if not args.file.is_file():
        raise NotFound(f"there is no file {args.file}")
    identity = _identity(args.file)
    if identity is None:
        return 0
    with open_source(args.file) as source:
        described = description(source, identity, None)
        if args.json:
            sys.stdout.write(orjson.dumps(described, option=orjson.OPT_INDENT_2).decode() + "\n")
        else:
            _print_run(described, source)
    return 0


def _identity(path: Path) -> Identity | None:
    """UIDs of the object; None (and a line) where it has no pixels."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        structure = parse_object(data)
        dataset = read_values(data, structure)
    if structure.pixel_data is None and not expects_pixels(dataset):
        print(f"no pixels: {text(dataset, 0x00080060) or 'object'} of SOP class {text(dataset, 0x00080016)}")
        return None
    return Identity(text(dataset, 0x00080018), text(dataset, 0x0020000E), text(dataset, 0x0020000D))


def _print_run(described: dict[str, Any], source: Source) -> None:
    layout = source.layout
    syntax = find_syntax(layout.transfer_syntax_uid)
    timing, display, tiers = described["timing"], described["display"], described["tiers"]
    window = display["windows"][0]
    rows = [
        ("object", f"{described['modality']} {described['label']}, SOP class {described['sop_class_uid']}"),
        ("transfer syntax", f"{syntax.name if syntax else 'unknown'} ({layout.transfer_syntax_uid})"),
        (
            "pixels",
            f"{layout.columns} x {layout.rows}, {layout.frames} frames, {layout.samples_per_pixel} sample(s) of "
            f"{layout.bits_stored} bits in {layout.bits_allocated}, {'signed' if layout.signed else 'unsigned'}, "
            f"{layout.photometric_interpretation}",
        ),
        ("lossy", described["lossy"]["text"] or "no"),
        (
            "timing",
            f"{timing['fps']:.3f} fps by {timing['source']}, {timing['duration_ms'] / 1000:.2f} s, "
            f"{timing['sequencing']}",
        ),
        ("window", f"center {window['center']:g}, width {window['width']:g} ({window['source']})"),
        ("angles", described["geometry"]["label"] or "none"),
        ("calibration", described["calibration"]["text"]),
        ("plays as", f"{tiers['exact']['codec']}, badge {tiers['exact']['badge']}"),
        ("bytes a frame", _bytes(source, described)),
    ]
    rows += [("note", note) for note in layout.notes]
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, value in rows:
        table.add_row(f"[bold]{name}[/bold]", value)
    _console().print(table)


def _bytes(source: Source, described: dict[str, Any]) -> str:
    frames = source.spread(SAMPLED)
    run_number = run_id(described["sop_instance_uid"])
    sizes = [[0 if one is None else len(one) for one in frame_pieces(source, run_number, f)] for f in frames]
    coarse, fine, exact = (sum(column) / len(frames) / 1000 for column in zip(*sizes, strict=True))
    rate = described["timing"]["fps"] * 8 / 1000
    return (
        f"coarse {coarse:.1f} kB ({coarse * rate:.2f} Mbit/s), fine {fine:.1f} kB ({fine * rate:.2f} Mbit/s), "
        f"exact {exact:.1f} kB ({exact * rate:.1f} Mbit/s)"
    )


def _console() -> Console:
    """The terminal as wide as it is; lines of a pipe are not folded."""
    return Console() if sys.stdout.isatty() else Console(width=200)


def _print_syntaxes(*, as_json: bool) -> None:
    """The registry's table: aligned columns that fold nowhere, so that grep and cut can read them."""
    rows = syntax_table()
    if as_json:
        records = [
            {
                "uid": row.syntax.uid,
                "name": row.syntax.name,
                "family": row.syntax.family,
                "lossless": row.syntax.lossless,
                "decoder": row.decoder or None,
                "reason": row.reason or None,
            }
            for row in rows
        ]
        print(orjson.dumps(records, option=orjson.OPT_INDENT_2).decode())
        return
    lines = [("UID", "transfer syntax", "decoded by, or why not")]
    lines += [(row.syntax.uid, row.syntax.name, row.decoder or f"no: {row.reason}") for row in rows]
    widths = [max(len(line[column]) for line in lines) for column in (0, 1)]
    for uid, name, decoder in lines:
        print(f"{uid:<{widths[0]}}  {name:<{widths[1]}}  {decoder}")
