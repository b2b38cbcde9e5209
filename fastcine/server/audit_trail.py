"""The audit record as the handlers write it: without holding anybody up, and once for a look that takes many requests.

Entries wait in memory until a thread has written them, all that wait in one transaction: milliseconds. Who must not
go on before that (a deletion, a sign-in) awaits the future. The worst that a kill loses is who looked at what in them.
"""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

from aiohttp import web

from fastcine.archive import audit_log
from fastcine.archive.audit_log import AuditEntry, AuditEvent
from fastcine.archive.index import Index
from fastcine.auth.roles import Identity
from fastcine.errors import FastcineError

log = logging.getLogger(__name__)

SAME_LOOK_S = 600.0
"""Somebody who goes on with a study within this looks at it still."""
MOST_LOOKS = 10_000
MOST_WAITING = 50_000
"""A disk that refuses so many has long been in the log; the oldest go then."""
RETRY_S = 5.0


class AuditTrail:
    """One worker's pen."""

    def __init__(self, index: Index, pool: ThreadPoolExecutor) -> None:
        self._index, self._pool = index, pool
        self._waiting: list[AuditEntry] = []
        self._written: asyncio.Future[None] | None = None
        self._writing: asyncio.Task[None] | None = None
        self._looks: dict[tuple[str, str, str, str], float] = {}

    def record(self, entry: AuditEntry) -> asyncio.Future[None]:
        """Write it soon; the future is done when it is durable, and failed where the disk refuses for now."""
        loop = asyncio.get_running_loop()
        self._waiting.append(entry)
        del self._waiting[:-MOST_WAITING]
        if self._written is None:
            self._written = loop.create_future()
            self._written.add_done_callback(lambda done: done.cancelled() or done.exception())
        written = self._written
        if self._writing is None:
            self._writing = loop.create_task(self._write_all())
        return written

    async def _write_all(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                entries, self._waiting = self._waiting, []
                written, self._written = self._written, None
                try:
                    await loop.run_in_executor(self._pool, audit_log.append, self._index, entries)
                except FastcineError as error:
                    log.error("the audit record cannot be written: %s", error)
                    self._waiting = entries + self._waiting
                    if written is not None and not written.done():
                        written.set_exception(error)
                    await asyncio.sleep(RETRY_S)
                else:
                    if written is not None and not written.done():
                        written.set_result(None)
        finally:
            self._writing = None

    def looked_at(self, identity: Identity, address: str, study_instance_uid: str, event: AuditEvent) -> None:
        """Somebody sees a study's pictures or has its objects: one entry for a look, however many requests it takes."""
        now, key = time.monotonic(), (identity.name, address, study_instance_uid, event)
        before = self._looks.pop(key, None)
        self._looks[key] = now
        if len(self._looks) > MOST_LOOKS:
            self._looks.pop(next(iter(self._looks)))
        if before is None or now - before > SAME_LOOK_S:
            self.record(
                AuditEntry(
                    at=datetime.now(UTC),
                    event=event,
                    who=identity.name,
                    by_way_of=identity.by_way_of,
                    address=address,
                    study_instance_uid=study_instance_uid,
                )
            )

    async def stop(self) -> None:
        """Write what waits; what the disk refuses now is lost, and the log says so."""
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
        if self._waiting:
            try:
                audit_log.append(self._index, self._waiting)
            except FastcineError as error:
                log.error("%d entries of the audit record are lost: %s", len(self._waiting), error)


def address_of(request: web.Request, *, behind_proxy: bool) -> str:
    """Where a request comes from. Behind a proxy that is what the proxy saw: the last of X-Forwarded-For."""
    told = request.headers.get("X-Forwarded-For", "").rsplit(",", 1)[-1].strip() if behind_proxy else ""
    return told[:64] or request.remote or ""
