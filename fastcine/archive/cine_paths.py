"""Where a run's cache entry lies, and how it goes."""

from __future__ import annotations

import hashlib
import re
import secrets
import shutil
from pathlib import Path

from fastcine.archive.folder import DataFolder
from fastcine.errors import NotFound

TIER_FILES = ("coarse", "fine", "exact")
TABLE_FILE = "frame_table"
RUN_NAME = re.compile("[0-9a-f]{16}")


def entry_path(folder: DataFolder, run: str) -> Path:
    """The folder of a run's entry, whether it exists or not. Raises NotFound for what is no wire id."""
    if not RUN_NAME.fullmatch(run):
        raise NotFound("no such run")
    return folder.cine / run[-2:] / run


def boot_mark() -> int:
    """A number that changes when the machine starts anew, 0 where the system does not tell.

    Unfinished entries are not synced to disk: after a power cut their records may be there and their data not.
    """
    try:
        text = Path("/proc/sys/kernel/random/boot_id").read_bytes()
    except OSError:
        return 0
    return int.from_bytes(hashlib.sha256(text).digest()[:4], "little")


def discard(path: Path) -> None:
    """Take an entry out of sight at once, then delete it: readers that have it mapped keep what they map."""
    doomed = path.with_name(f"{path.name}.{secrets.token_hex(4)}.old")
    try:
        path.rename(doomed)
    except FileNotFoundError:
        return
    shutil.rmtree(doomed, ignore_errors=True)
