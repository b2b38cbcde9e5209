"""Records of removals in removals/: what was deleted, rejected or restored, why, by whom, when. They stay for good.

::

    removals/<UTC time>-<number>.pending    begun: whoever finds it finishes it
    removals/<UTC time>-<number>.json        done

The record is durable before anything else happens: it is the point at which a removal is decided. One removal, or the
finishing of one, runs at a time in a data folder (`.lock`).
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from fastcine.archive.folder import DataFolder, storage_errors, sync_directory
from fastcine.errors import StorageUnavailable

PENDING, DONE = ".pending", ".json"
MOST_REASON = 1024
"""Characters of a reason: a sentence or two."""


class Action(StrEnum):
    """What is done with objects."""

    DELETE = "delete"
    REJECT = "reject"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedObject:
    """One object of a removal. `location` is where it lay, below objects/ (or, of a rejected one, rejected/)."""

    sop_instance_uid: str
    series_instance_uid: str
    study_instance_uid: str
    location: str
    file_bytes: int
    data_set_sha256: str  # hex
    run: str = ""  # wire id, where it has pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """One removal, decided; `name` is its file's, without a suffix."""

    name: str
    action: Action
    reason: str
    by: str
    at: datetime
    objects: tuple[RemovedObject, ...]
    by_way_of: str = ""
    address: str = ""

    @property
    def studies(self) -> tuple[str, ...]:
        """Study Instance UIDs that it touches."""
        return tuple(dict.fromkeys(each.study_instance_uid for each in self.objects))


def new_name(folder: DataFolder, now: datetime) -> str:
    """A name that no record has, sorted by time, then by order. Call it alone."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%S%f}-{len(list(folder.removals.glob('*-*'))):06d}"


@contextmanager
def alone(folder: DataFolder) -> Iterator[None]:
    """Hold removals of a folder against those of other threads and processes."""
    with storage_errors("removing objects"):
        descriptor = os.open(folder.removals / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        with storage_errors("removing objects"):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def decide(folder: DataFolder, removal: Removal) -> None:
    """Write it down, durably: from now on it will be finished. Raises StorageFull or StorageUnavailable."""
    text = json.dumps({**asdict(removal), "at": removal.at.isoformat()}, ensure_ascii=False, indent=1)
    path = folder.removals / (removal.name + PENDING)
    scratch = folder.removals / f".{removal.name}"
    with storage_errors("removing objects"):
        try:
            with open(scratch, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                if folder.durable:
                    os.fsync(file.fileno())
            scratch.replace(path)
        except BaseException:
            scratch.unlink(missing_ok=True)
            raise
        if folder.durable:
            sync_directory(folder.removals)


def is_done(folder: DataFolder, removal: Removal) -> None:
    """All of it has happened. Raises StorageFull or StorageUnavailable."""
    with storage_errors("removing objects"):
        (folder.removals / (removal.name + PENDING)).replace(folder.removals / (removal.name + DONE))
        if folder.durable:
            sync_directory(folder.removals)


def pending(folder: DataFolder) -> list[Removal]:
    """Removals that were begun and not finished, oldest first. Raises StorageUnavailable for one that is damaged."""
    return [_read(path) for path in sorted(folder.removals.glob(f"*{PENDING}"))]


def removals(folder: DataFolder) -> list[Removal]:
    """All that were finished, oldest first. Raises StorageUnavailable for a record that is damaged."""
    return [_read(path) for path in sorted(folder.removals.glob(f"*{DONE}"))]


def _read(path: Path) -> Removal:
    try:
        values = json.loads(path.read_text("utf-8"))
        objects = tuple(RemovedObject(**each) for each in values.pop("objects"))
        removal = Removal(**values, objects=objects)
        return replace(removal, action=Action(values["action"]), at=datetime.fromisoformat(values["at"]))
    except (OSError, ValueError, KeyError, TypeError):
        raise StorageUnavailable(f"the record removals/{path.name} cannot be read") from None
