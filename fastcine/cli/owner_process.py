"""The ingest owner of `fastcine serve`: holds the data folder's lock and fills the cine cache."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import suppress
from pathlib import Path

from fastcine import work
from fastcine.archive.cine_making import Maker
from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.archive.owner import IngestOwner
from fastcine.archive.redescribe import Redescriber
from fastcine.cli.processes import exit_code_of, serve_until_told, settings_from_text
from fastcine.config import Settings
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
            owner = IngestOwner(
                folder,
                index,
                lock=lock,
                make=maker,
                site_timezone=settings.site_timezone,
                cache_bytes=settings.cache_bytes,
                when_idle=Redescriber(folder, index, site_timezone=settings.site_timezone).step,
            )
            serve_until_told(owner.stop)
            owner.run()
            owner.close()
        index.close()


def give_way() -> None:
    """Let whoever answers somebody go first."""
    with suppress(OSError):
        os.nice(NICENESS)
    with suppress(OSError):
        # Linux schedules sessions against each other where autogroups are on, and a child is one (processes.py).
        Path("/proc/self/autogroup").write_text(str(NICENESS))


def main() -> int:
    """Run by the supervisor only."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--settings", required=True)
    settings = settings_from_text(parser.parse_args().settings)
    logs.set_up(settings.log_level, settings.log_format)
    give_way()
    return exit_code_of(lambda: own(settings))


if __name__ == "__main__":
    sys.exit(main())
