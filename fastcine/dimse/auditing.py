"""What peers do, for the audit record: written by a thread of its own, so that no response waits for it."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime

from pynetdicom.association import Association

from fastcine.archive import audit_log
from fastcine.archive.audit_log import AuditEntry, AuditEvent
from fastcine.archive.index import Index
from fastcine.errors import FastcineError

log = logging.getLogger(__name__)

ATTEMPTS = 5
RETRY_S = 2.0
STORED_PERIOD_S = 5.0
"""An association that stores for hours is in the record as it goes: who kills us leaves this much out."""
BY_WAY_OF = "DICOM"


class Auditor:
    """One receiver's pen. Any thread may call."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._stored: dict[Association, Counter[str]] = {}
        self._guard = threading.Lock()
        self._entries: queue.SimpleQueue[AuditEntry | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="auditor", daemon=True)
        self._thread.start()

    def record(
        self,
        association: Association,
        event: AuditEvent,
        study_instance_uid: str = "",
        *,
        outcome: str = "done",
        **detail: str,
    ) -> None:
        """Somebody who has an association with us did something."""
        self._entries.put(
            AuditEntry(
                at=datetime.now(UTC),
                event=event,
                who=association.requestor.ae_title.strip(),
                by_way_of=BY_WAY_OF,
                address=association.requestor.address or "",
                study_instance_uid=study_instance_uid,
                outcome=outcome,
                detail=detail,
            )
        )

    def stored(self, association: Association, study_instance_uid: str) -> None:
        """An object came in; an association's objects of one study are one entry every few seconds, and at its end."""
        with self._guard:
            self._stored.setdefault(association, Counter())[study_instance_uid] += 1

    def ended(self, association: Association) -> None:
        """The association is over, or has gone on for a while: what it stored is written down."""
        with self._guard:
            studies = self._stored.pop(association, Counter())
        for study, objects in studies.items():
            self.record(association, AuditEvent.STORED, study, objects=str(objects))

    def close(self) -> None:
        """Write the rest, and end."""
        with self._guard:
            open_ones = list(self._stored)
        for association in open_ones:
            self.ended(association)
        self._entries.put(None)
        self._thread.join(5.0)

    def _run(self) -> None:
        ended, told_at = False, time.monotonic()
        while not ended:
            entries: list[AuditEntry | None] = []
            with suppress(queue.Empty):
                entries.append(self._entries.get(timeout=STORED_PERIOD_S))
                while True:
                    entries.append(self._entries.get_nowait())
            ended = None in entries
            self._write([each for each in entries if each is not None], ended=ended)
            if time.monotonic() - told_at >= STORED_PERIOD_S:
                told_at = time.monotonic()
                with self._guard:
                    associations = list(self._stored)
                for association in associations:
                    self.ended(association)

    def _write(self, entries: list[AuditEntry], *, ended: bool) -> None:
        for attempt in range(1 if ended else ATTEMPTS):
            try:
                if entries:
                    audit_log.append(self._index, entries)
                return
            except FastcineError as error:
                log.error("the audit record cannot be written: %s", error)
                if attempt + 1 < ATTEMPTS and not ended:
                    time.sleep(RETRY_S)
        log.error("%d entries of the audit record are lost", len(entries))
