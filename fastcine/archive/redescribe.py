"""Descriptions of an older fastcine, made anew while nobody waits for anything; their cine cache stays as it is."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import suppress
from zoneinfo import ZoneInfo

from fastcine.archive.cine_making import description, open_source
from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.cine.description import DESCRIPTION_VERSION, Identity
from fastcine.errors import FastcineError, NotFound

logger = logging.getLogger(__name__)

META_KEY = "descriptions"
"""In the index: the version that is being made, and behind it the last run that has it, until all have."""
BATCH = 4
"""Runs described in one step; between two steps the owner looks for what somebody waits for."""
LOOKED_AT = 250
"""Rows that one step reads at most: a few milliseconds."""


class Redescriber:
    """Goes through all runs once after an update, from where an earlier process left off."""

    def __init__(self, folder: DataFolder, index: Index, *, site_timezone: str) -> None:
        self._folder, self._index, self._zone = folder, index, ZoneInfo(site_timezone)
        version, _, after = (index.meta(META_KEY) or "").partition(" ")
        self._done = version == str(DESCRIPTION_VERSION) and not after
        self._after = after if version == str(DESCRIPTION_VERSION) else ""

    def step(self) -> bool:
        """A few runs; False where all are done. Blocks for a few reads of a disk.

        Raises StorageFull or StorageUnavailable where the index cannot be written; the next step tries again.
        """
        if self._done:
            return False
        rows, described = self._index.read(self._next), 0
        for place, (run, version) in enumerate(rows):
            if version < DESCRIPTION_VERSION:
                described += 1
                self._describe(run)
            if described == BATCH:
                rows = rows[: place + 1]
                break
        self._done = described < BATCH and len(rows) < LOOKED_AT
        self._after = "" if self._done else rows[-1][0]
        self._index.set_meta(META_KEY, f"{DESCRIPTION_VERSION} {self._after}".strip())
        return not self._done

    def _next(self, connection: sqlite3.Connection) -> list[tuple[str, int]]:
        """Runs with their descriptions' versions. What is being made, or waits for it, is described then."""
        query = """
            SELECT run, coalesce(json_extract(description, '$.version'), 1) AS version FROM run
            WHERE run > ? AND state = 'ready' ORDER BY run LIMIT ?
        """
        return [(row["run"], row["version"]) for row in connection.execute(query, (self._after, LOOKED_AT))]

    def _describe(self, name: str) -> None:
        """Where that fails the old description still plays the run."""
        try:
            run = self._index.run(name)
            path = self._folder.resolve(run.location)
            if not path.is_file():
                raise NotFound("the object's file is missing; run fastcine verify")
            with open_source(path, run.frames) as source:
                identity = Identity(run.sop_instance_uid, run.series_instance_uid, run.study_instance_uid)
                told = description(source, identity, self._zone)
        except FastcineError as error:
            logger.warning("run %s could not be described anew: %s", name, error)
        except Exception:
            logger.exception("run %s could not be described anew", name)
        else:
            with suppress(NotFound):  # removed meanwhile
                self._index.set_description(name, told)
