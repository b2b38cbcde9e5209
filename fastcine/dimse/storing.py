"""C-STORE as a provider (PS3.4 annex B): an object is acknowledged when it is durable and indexed, not before."""

from __future__ import annotations

import logging
import queue
import threading
import time

from pydicom import Dataset
from pynetdicom import evt
from pynetdicom.association import Association

from fastcine.archive.events import notify
from fastcine.archive.folder import DataFolder
from fastcine.archive.interfaces import ArchiveIndex
from fastcine.archive.receive import Announced, Receipt, receive_written
from fastcine.archive.record import Outcome
from fastcine.dicom.store_status import CANNOT_UNDERSTAND, DEFECT, OUT_OF_RESOURCES, SUCCESS, refusal
from fastcine.dimse.auditing import Auditor
from fastcine.dimse.spool import Spool
from fastcine.dimse.store_messages import StoreRequest
from fastcine.errors import FastcineError, StorageFull, StorageUnavailable

log = logging.getLogger(__name__)

COALESCE_S = 0.05
"""News of a burst of objects is told to the owner this often."""


class Announcer:
    """Tells the ingest owner what has come, from a thread of its own: the acknowledgement does not wait for that."""

    def __init__(self, folder: DataFolder) -> None:
        self._folder = folder
        self._studies: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="announcer", daemon=True)
        self._thread.start()

    def stored(self, study_instance_uid: str) -> None:
        """An object of this study is stored."""
        self._studies.put(study_instance_uid)

    def close(self) -> None:
        """Tell the rest, and end."""
        self._studies.put(None)
        self._thread.join(5.0)

    def _run(self) -> None:
        while (study := self._studies.get()) is not None:
            studies, ended = {study}, False
            while not self._studies.empty():
                more = self._studies.get()
                ended = ended or more is None
                studies |= {more} if more is not None else set()
            notify(self._folder, {"type": "wake"}, *({"type": "study", "study_instance_uid": each} for each in studies))
            if ended:
                return
            time.sleep(COALESCE_S)


def status_of(receipt: Receipt) -> tuple[int, str]:
    """The status that answers a receipt, and a comment for it (docs/conformance.md)."""
    if receipt.outcome in (Outcome.STORED, Outcome.DUPLICATE):
        return SUCCESS, ""
    return refusal(receipt.code), receipt.reason


def answer(status: int, comment: str = "") -> Dataset:
    """A response's status with its Error Comment (0000,0902), at most 64 characters."""
    found = Dataset()
    found.Status = status
    if comment:
        found.ErrorComment = comment.encode("ascii", "replace").decode("ascii")[:64]
    return found


class Storer:
    """Stores what a sender has sent, and says what answers it."""

    def __init__(
        self, folder: DataFolder, index: ArchiveIndex, announcer: Announcer, auditor: Auditor, *, site_timezone: str
    ) -> None:
        self._folder, self._index, self._announcer, self._auditor = folder, index, announcer, auditor
        self._site_timezone = site_timezone

    def store(self, spool: Spool, announced: Announced, association: Association) -> tuple[int, str]:
        """Status and comment, once the object is durable and indexed, or refused."""
        try:
            with spool.finish() as incoming:
                receipt = receive_written(
                    self._folder,
                    self._index,
                    incoming,
                    source_name=f"C-STORE {association.requestor.ae_title.strip()}",
                    site_timezone=self._site_timezone,
                    announced=announced,
                )
        except (StorageFull, StorageUnavailable) as error:
            log.error("an object was not stored: %s", error)
            return OUT_OF_RESOURCES, "the archive's disk is full" if isinstance(error, StorageFull) else str(error)
        except FastcineError as error:
            return CANNOT_UNDERSTAND, str(error)
        except Exception:
            log.exception("storing an object failed")
            return DEFECT, "an error inside the archive"
        if receipt.outcome is Outcome.STORED:
            self._announcer.stored(receipt.study_instance_uid)
            self._auditor.stored(association, receipt.study_instance_uid)
        return status_of(receipt)

    def quick(self, spool: Spool, request: StoreRequest, association: Association) -> tuple[int, str]:
        """For QuickStore."""
        return self.store(spool, Announced(request.sop_class_uid, request.sop_instance_uid), association)

    def handle(self, event: evt.Event) -> Dataset:
        """What answers evt.EVT_C_STORE: requests that QuickStore has left to pynetdicom."""
        spool = event.request._dataset_file
        assert isinstance(spool, Spool)
        announced = Announced(str(event.request.AffectedSOPClassUID), str(event.request.AffectedSOPInstanceUID))
        return answer(*self.store(spool, announced, event.assoc))
