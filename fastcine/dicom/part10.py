"""File meta information (PS3.10 7.1) in front of a data set."""

from __future__ import annotations

import io
import warnings

from pydicom.dataset import FileMetaDataset
from pydicom.filewriter import write_file_meta_info

from fastcine import __version__

IMPLEMENTATION_CLASS_UID = "2.25.300268741264183129263190327519254071277"
"""Ours, in file meta and associations; a UUID, fixed for good."""
IMPLEMENTATION_VERSION_NAME = f"FASTCINE_{__version__}"[:16]


def part10_head(sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str) -> bytes:
    """Preamble, `DICM` and file meta information for a data set that has none, or a new transfer syntax."""
    meta = FileMetaDataset()
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a UID that breaks the rules is the object's own
        meta.FileMetaInformationVersion = b"\x00\x01"
        meta.MediaStorageSOPClassUID = sop_class_uid
        meta.MediaStorageSOPInstanceUID = sop_instance_uid
        meta.TransferSyntaxUID = transfer_syntax_uid
        meta.ImplementationClassUID = IMPLEMENTATION_CLASS_UID
        meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
        write_file_meta_info(file, meta, enforce_standard=True)
    return b"\0" * 128 + b"DICM" + file.getvalue()
