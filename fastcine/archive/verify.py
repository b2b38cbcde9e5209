"""Is everything there, and is it what was stored: every object's hash, index row, cache entry. Long, read-only.

With `repair`, what is derived is put right: orphans are indexed, cache entries removed and queued, counts counted. What
cannot be made anew (a flipped bit or a missing file of an object) is named, and stays as it is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from fastcine.archive import index_check
from fastcine.archive.cine_cache import CacheReader, CineCache
from fastcine.archive.eviction import Pin, was_evicted
from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.archive.receive import quarantine_row_of
from fastcine.archive.record import InstanceRow, RunRow
from fastcine.archive.recovery import adopt
from fastcine.archive.reindex import Progress
from fastcine.archive.removal import finish_removals
from fastcine.archive.removal_records import pending
from fastcine.archive.store import Store, digest_of
from fastcine.errors import FastcineError, NotFound


class Problem(StrEnum):
    """What may be wrong. The first two cannot be repaired from what lies in the folder."""

    MISSING_OBJECT = "missing object"
    CHANGED_OBJECT = "changed object"
    ORPHAN = "object without index row"
    BAD_INDEX = "damaged index"
    WRONG_COUNT = "wrong count"
    NO_SEARCH_TEXT = "study not searchable"
    NOT_QUEUED = "run waits and is not queued"
    BAD_CACHE = "damaged cache entry"
    ORPHAN_CACHE = "cache entry without run"
    QUARANTINE = "quarantine differs"
    REJECTED = "rejected objects differ"
    UNFINISHED_REMOVAL = "removal not finished"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: what, with which file or UID, in words (no identity), and whether it was put right."""

    problem: Problem
    subject: str
    text: str
    repaired: bool = False


def verify(
    folder: DataFolder,
    index: Index,
    *,
    repair: bool = False,
    site_timezone: str = "UTC",
    progress: Progress = lambda done, total: None,
) -> Iterator[Finding]:
    """Check all; yield what is wrong as it is found.

    Without `repair` it may run beside a server: what changes meanwhile is looked at twice before it counts as wrong.
    Call it with `repair` holding the folder's lock.
    """
    checker = _Checker(folder, index, repair, site_timezone)
    yield from checker.database()
    yield from checker.removals()
    known: set[int] = set()
    runs: set[str] = set()
    total = index.read(lambda c: int(c.execute("SELECT count(*) FROM instance").fetchone()[0]))
    for number, row in enumerate(index.instances()):
        progress(number, total)
        known.add(hash(row.stored_as.location))
        yield from checker.instance(row)
        if row.run is not None:
            runs.add(row.run.run)
            yield from checker.cache(row.run)
    progress(total, total)
    yield from checker.orphans(known)
    yield from checker.orphan_cache(runs)
    yield from checker.quarantine()
    yield from checker.rejected()
    yield from checker.sums()


@dataclass(slots=True)
class _Checker:
    """One verification."""

    folder: DataFolder
    index: Index
    repair: bool
    site_timezone: str

    def database(self) -> Iterator[Finding]:
        """The file as SQLite sees it."""
        for text in self.index.read(index_check.damage):
            # SQLite names pages and tables here, never contents.
            yield Finding(Problem.BAD_INDEX, "index.sqlite", f"{text}; run fastcine reindex")

    def removals(self) -> Iterator[Finding]:
        """What was begun to be deleted, rejected or restored, and not finished."""
        begun = [removal.name for removal in pending(self.folder)]
        if begun and self.repair:
            finish_removals(self.folder, self.index, site_timezone=self.site_timezone)
        for name in begun:
            yield Finding(Problem.UNFINISHED_REMOVAL, name, "it was begun and broke off", self.repair)

    def rejected(self) -> Iterator[Finding]:
        """Rejected objects: their bytes are kept, and the index knows of each."""
        rows = {row.location: row for row in self.index.rejected()}
        for row in rows.values():
            yield from self._file(row.sop_instance_uid, row.location, row.file_bytes, row.data_set_sha256, None)
        for location in Store(self.folder).locations(self.folder.rejected):
            if location not in rows and not any(row.location == location for row in self.index.rejected()):
                yield Finding(Problem.REJECTED, location, "it is not in the index; run fastcine reindex")

    def instance(self, row: InstanceRow) -> Iterator[Finding]:
        """An object's file."""
        stored = row.stored_as
        heads = stored.head_sha256
        yield from self._file(row.sop_instance_uid, stored.location, stored.file_bytes, stored.data_set_sha256, heads)

    def _file(
        self, sop: str, location: str, file_bytes: int, data_set_sha256: bytes, head_sha256: bytes | None
    ) -> Iterator[Finding]:
        """There, as long as it was, and bit for bit what it was."""
        try:
            path = self.folder.resolve(location)
            digest = digest_of(path)
        except (FileNotFoundError, NotADirectoryError):
            if self._still(sop, location):
                yield Finding(Problem.MISSING_OBJECT, sop, f"{location} is not there")
            return
        except (OSError, FastcineError) as error:
            text = os.strerror(error.errno or 0) if isinstance(error, OSError) else str(error)
            yield Finding(Problem.MISSING_OBJECT, sop, f"{location} cannot be read: {text}")
            return
        if digest.file_bytes != file_bytes:
            text = f"{location} has {digest.file_bytes} bytes, stored were {file_bytes}"
            yield Finding(Problem.CHANGED_OBJECT, sop, text)
        elif digest.data_set_sha256 != data_set_sha256 or head_sha256 not in (None, digest.head_sha256):
            part = "file meta" if digest.data_set_sha256 == data_set_sha256 else "data set"
            text = f"{location}: the {part}'s SHA-256 is not what was stored"
            yield Finding(Problem.CHANGED_OBJECT, sop, text)

    def _still(self, sop: str, location: str) -> bool:
        """Whether a row still points at this file: it may have been removed while we were looking."""
        if any(row.location == location for row in self.index.rejected()):
            return True
        with suppress(NotFound):
            return self.index.instance(sop).stored_as.location == location
        return False

    def cache(self, run: RunRow) -> Iterator[Finding]:
        """A run that counts as made has a whole entry, every frame as it was written."""
        if run.state != "ready":
            return
        text = self._cache_damage(run)
        if not text or self.index.run(run.run).state != "ready":
            return
        if self.repair:
            CineCache(self.folder).remove(run.run)
            self.index.write(lambda connection: index_check.make_again(connection, run.run))
        yield Finding(Problem.BAD_CACHE, run.run, text, self.repair)

    def _cache_damage(self, run: RunRow) -> str:
        pin = None
        try:
            pin = Pin(self.folder, run.run)
            reader = CacheReader(self.folder, run.run, run.frames)
        except NotFound:
            if pin is not None:
                pin.close()
            return "" if was_evicted(self.folder, run.run) else "there is no usable entry"
        try:
            if not reader.complete:
                return "the entry is not complete"
            if reader.ready() != run.made:
                return f"frames made are {reader.ready()}, the index says {run.made}"
            for tier, made in enumerate(run.made):
                for frame in range(made):
                    if not reader.intact(tier, frame):
                        return f"tier {tier} frame {frame} is damaged"
        finally:
            reader.close()
            pin.close()
        return ""

    def orphans(self, known: set[int]) -> Iterator[Finding]:
        """Files below objects/ that no row points at."""
        for location in Store(self.folder).locations():
            if hash(location) in known:
                continue
            if self.index.read(lambda connection, at=location: index_check.is_indexed(connection, at)):  # type: ignore[misc]
                continue  # it arrived while we were looking
            text, repaired = f"{location} is not in the index", False
            if self.repair:
                try:
                    repaired = adopt(self.folder, self.index, location, site_timezone=self.site_timezone)
                    text += "" if repaired else "; the same data set is indexed elsewhere"
                except FastcineError as error:
                    text += f" and cannot be: {error}"
            yield Finding(Problem.ORPHAN, location, text, repaired)

    def orphan_cache(self, runs: set[str]) -> Iterator[Finding]:
        """Cache entries of runs that the index does not know."""
        cache = CineCache(self.folder)
        for run in list(cache.runs()):
            if run in runs or self._known_run(run):
                continue
            if self.repair:
                cache.remove(run)
            yield Finding(Problem.ORPHAN_CACHE, run, "no such run in the index", self.repair)

    def _known_run(self, run: str) -> bool:
        try:
            self.index.run(run)
        except NotFound:
            return False
        return True

    def quarantine(self) -> Iterator[Finding]:
        """Refused objects: bytes, reason and row belong together."""
        rows = {row.sha256: row for row in self.index.quarantine()}
        for row in rows.values():
            if not self.folder.resolve(row.location).is_file():
                yield Finding(Problem.QUARANTINE, row.location, "the refused object's bytes are not there")
        for path in sorted(self.folder.quarantine.glob("*.dcm")):
            if path.stem not in rows:
                yield self._refused_without_row(path)

    def _refused_without_row(self, path: Path) -> Finding:
        subject = path.relative_to(self.folder.root).as_posix()
        try:
            row = quarantine_row_of(path.with_suffix(".json"))
        except (OSError, ValueError, KeyError, TypeError):
            return Finding(Problem.QUARANTINE, subject, "nothing says why this object was refused")
        if self.repair:
            self.index.add_quarantine(row)
        return Finding(Problem.QUARANTINE, subject, "the refused object is not in the index", self.repair)

    def sums(self) -> Iterator[Finding]:
        """What the index says of itself."""
        for run in self.index.read(index_check.unqueued_runs):
            if self.repair:
                self.index.queue.enqueue(run)
            yield Finding(Problem.NOT_QUEUED, run, "it waits to be made, and nobody will", self.repair)
        wrong = self.index.read(index_check.studies_with_wrong_counts)
        if wrong and self.repair:
            self.index.write(index_check.put_counts_right)
        for study in wrong:
            yield Finding(Problem.WRONG_COUNT, study, "the study's row counts objects that are not there", self.repair)
        for study in self.index.read(index_check.studies_without_text):
            yield Finding(Problem.NO_SEARCH_TEXT, study, "no search finds this study; run fastcine reindex")
