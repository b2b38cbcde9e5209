"""`fastcine reindex`: the index anew from the files."""

from __future__ import annotations

import argparse
from typing import Any

from fastcine.archive.folder import DataFolder
from fastcine.archive.recovery import open_index, recover_incoming
from fastcine.archive.reindex import reindex
from fastcine.cli.folder_options import add_folder_options, folder_settings
from fastcine.cli.progress import progress_bar


def add_parser(subparsers: Any) -> None:
    """The command's options."""
    parser = subparsers.add_parser(
        "reindex",
        help="the index anew from the files",
        description="Makes the index anew from the stored files alone, when it was lost or damaged. The server must "
        "be stopped. A damaged index file is set aside, not deleted. Exit code 1 where a file could not be indexed.",
    )
    add_folder_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Reindex; 0 where every file is in the index now."""
    settings = folder_settings(args)
    folder = DataFolder.existing(settings.data, reserve_bytes=settings.reserve_bytes)
    with folder.acquire("reindex") as lock:
        index = open_index(folder, lock)
        try:
            with progress_bar("reindex") as advance:
                report = reindex(folder, index, site_timezone=settings.site_timezone, progress=advance)
            recover_incoming(folder, index, site_timezone=settings.site_timezone)
        finally:
            index.close()
    for location, reason in report.refused:
        print(f"not indexed: {location}: {reason}")
    print(f"{report.indexed} objects indexed, {len(report.refused)} files could not be")
    return 1 if report.refused else 0
