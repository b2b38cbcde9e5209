"""Making the queued runs without a server: this process becomes the ingest owner until the queue is empty."""

from __future__ import annotations

from fastcine import work
from fastcine.archive.cine_making import Maker
from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.archive.owner import IngestOwner
from fastcine.cli.progress import progress_bar
from fastcine.config import Settings
from fastcine.errors import UsageError


def prepare(folder: DataFolder, index: Index, settings: Settings) -> bool:
    """Make what is queued. False where somebody else (a server, another ingest) holds the folder and does it."""
    if folder.owner() is not None:
        return False
    try:
        lock = folder.acquire("ingest")
    except UsageError:
        return False  # somebody was quicker, and does it
    threads = work.hands(settings.ingest_threads)
    work.share_one_arena()
    with lock, work.pool(threads, "code") as executor, progress_bar("prepare") as advance:
        maker = Maker(folder, index, executor, threads=threads, site_timezone=settings.site_timezone)
        owner = IngestOwner(
            folder, index, lock=lock, make=maker, site_timezone=settings.site_timezone, cache_bytes=settings.cache_bytes
        )
        try:
            owner.recover()
            total = index.queue.length()
            while owner.step():
                waiting = index.queue.length()
                total = max(total, waiting)
                advance(total - waiting, total)
        finally:
            owner.close()
    return True
