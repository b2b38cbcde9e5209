"""`fastcine ingest`: files and folders into the archive, whether or not a server runs on it."""

from __future__ import annotations

import argparse
import logging
import os
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastcine import work
from fastcine.archive.events import notify
from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.archive.receive import Receipt, receive_path
from fastcine.archive.record import Outcome
from fastcine.archive.recovery import recover_incoming
from fastcine.archive.sources import files_of
from fastcine.cli.folder_options import add_folder_options, folder_settings
from fastcine.cli.preparing import prepare
from fastcine.cli.progress import progress_bar
from fastcine.config import Settings
from fastcine.errors import UsageError

THREADS = 4
"""Files taken in at once: while one waits for the disk another is hashed, and they share the index's fsync."""


def add_parser(subparsers: Any) -> None:
    """The command's options."""
    parser = subparsers.add_parser(
        "ingest",
        help="files and folders into the archive",
        description="Takes DICOM files, and folders of them, into the archive. A server that runs on the same data "
        "folder shows them at once. What is no DICOM is skipped; what is broken, or contradicts what is stored, is "
        "kept in quarantine and named, and the exit code is 1 then. Doing it again stores nothing twice.",
    )
    add_folder_options(parser)
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a file, or a folder with all below it")
    parser.set_defaults(run=run)


@dataclass(slots=True)
class _Summary:
    """What came of it."""

    outcomes: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    refused: list[tuple[Path, Receipt]] = field(default_factory=list)
    stored_bytes: int = 0
    runs: int = 0

    def add(self, path: Path, receipt: Receipt) -> None:
        """Count one file."""
        self.outcomes[receipt.outcome] += 1
        if receipt.outcome is Outcome.SKIPPED:
            self.skipped[receipt.reason] += 1
        elif receipt.outcome is Outcome.REFUSED:
            self.refused.append((path, receipt))
        elif receipt.outcome is Outcome.STORED:
            self.stored_bytes += path.stat().st_size
            self.runs += bool(receipt.run)

    def lines(self, seconds: float) -> Iterator[str]:
        """For people."""
        counts = self.outcomes
        yield (
            f"stored {counts[Outcome.STORED]}, duplicates {counts[Outcome.DUPLICATE]},"
            f" skipped {counts[Outcome.SKIPPED]}, refused {counts[Outcome.REFUSED]}"
            f" ({self.stored_bytes / 1e6:.1f} MB in {seconds:.1f} s)"
        )
        for reason, count in sorted(self.skipped.items()):
            yield f"skipped {count}: {reason}"
        for path, receipt in self.refused:
            kept = f" (kept as {receipt.kept_as})" if receipt.kept_as else ""
            yield f"refused {path}: {receipt.reason}{kept}"


def run(args: argparse.Namespace) -> int:
    """Ingest; 0 where nothing was refused."""
    for path in args.paths:
        if not path.exists():
            raise UsageError(f"there is no {path}")
    settings = folder_settings(args)
    logging.getLogger("fastcine").addHandler(logging.NullHandler())  # the summary says it all
    folder = DataFolder(settings.data, reserve_bytes=settings.reserve_bytes, durable=settings.durable)
    index = Index(folder.index_path, durable=settings.durable)
    summary, start = _Summary(), time.monotonic()
    try:
        _recover(folder, index, settings)
        _ingest(folder, index, settings, args.paths, summary=summary)
    finally:
        # Also where the disk filled up half-way: what is stored is stored.
        for line in summary.lines(time.monotonic() - start):
            print(line, flush=True)
        try:
            prepare(folder, index, settings)
        finally:
            index.close()
    return 1 if summary.refused else 0


def _recover(folder: DataFolder, index: Index, settings: Settings) -> None:
    """Where no server does it: put right what a killed ingest left."""
    if folder.owner() is not None:
        return
    try:
        with folder.acquire("ingest"):
            recover_incoming(folder, index, site_timezone=settings.site_timezone)
    except UsageError:
        return  # somebody was quicker, and does the same


def _ingest(folder: DataFolder, index: Index, settings: Settings, paths: list[Path], *, summary: _Summary) -> None:
    def unreadable(error: OSError) -> None:
        reason = f"cannot be read: {os.strerror(error.errno or 0)}"
        summary.add(Path(str(error.filename)), Receipt(Outcome.REFUSED, reason=reason, code="unreadable"))

    def take(path: Path) -> tuple[Path, Receipt]:
        return path, receive_path(folder, index, path, site_timezone=settings.site_timezone)

    with progress_bar("ingest") as advance, work.pool(THREADS, "ingest") as executor:
        files = list(files_of(paths, besides=folder.root, on_error=unreadable))
        for number, (path, receipt) in enumerate(work.in_order(executor, take, files, ahead=THREADS + 1)):
            summary.add(path, receipt)
            advance(number + 1, len(files))
            if receipt.outcome is Outcome.STORED:
                study = {"type": "study", "study_instance_uid": receipt.study_instance_uid}
                notify(folder, {"type": "wake"}, study)
