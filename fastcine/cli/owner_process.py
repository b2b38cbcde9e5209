"""The ingest owner of `fastcine serve`: holds the data folder's lock and fills the cine cache."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from contextlib import suppress

from fastcine import work
from fastcine.archive.cine_making import Maker
from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.archive.owner import IngestOwner
from fastcine.cli.processes import settings_from_text, stop_with_parent
from fastcine.config import Settings
from fastcine.errors import FastcineError
from fastcine.server import logs

NICENESS = 5
"""Playing goes before making: web workers get the cores first."""


def own(settings: Settings) -> None:
    """Until told to stop. Raises StorageUnavailable or UsageError when the folder cannot be had."""
    folder = DataFolder(settings.data, reserve_bytes=settings.reserve_bytes, durable=settings.durable)
    with folder.acquire("serve") as lock:
        index = Index(folder.index_path, durable=settings.durable)
        threads = work.hands(settings.ingest_threads)
        work.share_one_arena()
        with work.pool(threads, "code") as executor:
            maker = Maker(folder, index, executor, threads=threads, site_timezone=settings.site_timezone)
            owner = IngestOwner(folder, index, lock=lock, make=maker, site_timezone=settings.site_timezone)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: owner.stop())
            stop_with_parent(owner.stop)
            print("ready", flush=True)
            owner.run()
            owner.close()
        index.close()


def main() -> int:
    """Run by the supervisor only."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--settings", required=True)
    settings = settings_from_text(parser.parse_args().settings)
    logs.set_up(settings.log_level, settings.log_format)
    with suppress(OSError):
        os.nice(NICENESS)
    try:
        own(settings)
    except FastcineError as error:
        print(f"fastcine serve: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
