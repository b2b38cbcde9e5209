"""Small archives for tests, made in this process through the real way: received, indexed, made by the owner."""

from pathlib import Path

from fastcine import work
from fastcine.archive.cine_making import Maker
from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.archive.owner import IngestOwner
from fastcine.archive.receive import receive_path


def fill(root, paths, *, make=True, site_timezone="UTC"):
    """Receive files into a data folder and make their runs; the receipts."""
    folder = DataFolder(root, durable=False)
    index = Index(folder.index_path, durable=False)
    receipts = [receive_path(folder, index, Path(path), site_timezone=site_timezone) for path in paths]
    if make:
        settle(folder, index, site_timezone=site_timezone)
    index.close()
    return receipts


def settle(folder, index, *, site_timezone="UTC", threads=2):
    """Make everything that is queued."""
    with folder.acquire("test") as lock, work.pool(threads, "code") as executor:
        maker = Maker(folder, index, executor, threads=threads, site_timezone=site_timezone)
        owner = IngestOwner(folder, index, lock=lock, make=maker, site_timezone=site_timezone)
        owner.settle()
        owner.close()
