"""C-STORE data sets as they come: straight into the archive, hashed on the way, large ones never in memory.

pynetdicom can write a data set to a temporary file while it arrives. `install` has it write into ours, which obeys the
reserve of disk space and is deleted with its descriptor, however the sender leaves.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from pynetdicom import _config, dimse_messages
from pynetdicom.dsutils import create_file_meta

from fastcine.archive.folder import DataFolder
from fastcine.archive.store import Chunk, Incoming, Store, Writing
from fastcine.dicom.part10 import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from fastcine.errors import FastcineError, StorageFull, StorageUnavailable


class Spool:
    """One data set on its way in; to pynetdicom a temporary file (`write`, `file.flush`, `name`, `close`)."""

    def __init__(self, folder: DataFolder) -> None:
        self.error: FastcineError | None = None
        self._writing: Writing | None = None
        self.name = ""  # pynetdicom deletes what it names
        self.file = self
        try:
            self._writing = Store(folder).begin()
        except (StorageFull, StorageUnavailable) as error:
            self.error = error

    def write(self, chunk: Chunk) -> int:
        """Take the next bytes; where the disk refuses, that is told at the end, and the rest is let go by."""
        if self._writing is not None and self.error is None:
            try:
                self._writing.write(chunk)
            except (StorageFull, StorageUnavailable) as error:
                self.error = error
        return len(chunk)

    def flush(self) -> None:
        """Nothing is held back."""

    def finish(self) -> Incoming:
        """All bytes are there. Raises what the disk has refused."""
        if self.error is not None:
            raise self.error
        assert self._writing is not None
        return self._writing.finish()

    def close(self) -> None:
        """Delete what was not committed."""
        if self._writing is not None:
            self._writing.close()


def install(folder: DataFolder) -> None:
    """Have this process's associations spool into a data folder."""

    def spool(**_how: Any) -> Spool:
        return Spool(folder)

    _config.STORE_RECV_CHUNKED_DATASET = True
    names = vars(dimse_messages)
    names["NamedTemporaryFile"] = spool
    names["create_file_meta"] = partial(
        create_file_meta,
        implementation_uid=IMPLEMENTATION_CLASS_UID,
        implementation_version=IMPLEMENTATION_VERSION_NAME,
    )
