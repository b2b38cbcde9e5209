"""The audit record as the handlers write it: without holding anybody up, and once for a look that takes many requests.

Entries wait in memory until a thread has written them, all that wait in one transaction: a few hundredths of a second.
Who must not go on before that (a sign-in) awaits the future. The worst that a kill loses is who looked at what in them.
"""

from __future__ import annotations

import asyncio
import ipaddress
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
RETRY_S, STOP_S = 5.0, 6.0
COALESCE_S = 0.03
"""Entries of so long share a transaction: each waits for the disk."""


class AuditTrail:
    """One worker's pen."""

    def __init__(self, index: Index, pool: ThreadPoolExecutor) -> None:
        self._index, self._pool = index, pool
        self._waiting: list[AuditEntry] = []
        self._written: asyncio.Future[None] | None = None
        self._stopping = False
        self._writing: asyncio.Task[None] | None = None
        self._quiet_until: dict[tuple[str, str, str, str], float] = {}
        self._looks: dict[tuple[str, str, str, str], float] = {}

    def record(self, entry: AuditEntry) -> asyncio.Future[None]:
        """Write it soon; the future is done when it is durable, and failed where the disk refuses for now."""
        loop = asyncio.get_running_loop()
        self._waiting.append(entry)
        if len(self._waiting) > MOST_WAITING:
            log.error("an entry of the audit record is lost: too many wait for the disk")
            del self._waiting[0]
        if self._written is None:
            self._written = loop.create_future()
            self._written.add_done_callback(lambda done: done.cancelled() or done.exception())
        written = self._written
        if self._writing is None:
            self._writing = loop.create_task(self._write_all())
        return written

    async def _write_all(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            if not self._stopping:
                await asyncio.sleep(COALESCE_S)
            entries, self._waiting = self._waiting, []
            written, self._written = self._written, None
            try:
                await loop.run_in_executor(self._pool, audit_log.append, self._index, entries)
            except Exception as error:
                log.error(
                    "the audit record cannot be written: %s", error if isinstance(error, FastcineError) else type(error)
                )
                self._waiting = entries + self._waiting
                if written is not None and not written.done():
                    written.set_exception(error)
                if self._stopping:
                    break
                await asyncio.sleep(RETRY_S)
            else:
                if written is not None and not written.done():
                    written.set_result(None)
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

    def record_once(self, entry: AuditEntry, *, for_s: float) -> None:
        """As `record`, but not again within `for_s` of the same by the same: nobody fills the record by trying."""
        now, key = time.monotonic(), (entry.who, entry.address, entry.outcome, entry.event)
        if now >= self._quiet_until.get(key, 0.0):
            self._quiet_until = {each: until for each, until in self._quiet_until.items() if until > now}
            if for_s > 0 and len(self._quiet_until) < MOST_LOOKS:
                self._quiet_until[key] = now + for_s
            self.record(entry)

    async def stop(self) -> None:
        """Write what waits; what the disk refuses now is lost, and the log says so."""
        self._stopping = True
        if self._writing is not None:
            # A job that waits for a thread, or writes: not to be broken off.
            await asyncio.wait({self._writing}, timeout=STOP_S)
        if self._writing is not None:
            self._writing.cancel()
        if self._waiting:
            try:
                await asyncio.to_thread(audit_log.append, self._index, self._waiting)
            except FastcineError as error:
                log.error("%d entries of the audit record are lost: %s", len(self._waiting), error)


def address_of(request: web.Request, *, behind_proxy: bool) -> str:
    """Where a request comes from. Behind a proxy that is what the proxy saw: the last of X-Forwarded-For."""
    told = request.headers.getall("X-Forwarded-For", []) if behind_proxy else []
    try:
        return str(ipaddress.ip_address(told[-1].rsplit(",", 1)[-1].strip()))  # what stands before it, anybody can say
    except (IndexError, ValueError):
        return request.remote or ""
