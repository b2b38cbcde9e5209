"""Our file meta information against pydicom's: the same bytes, and one that reads."""

import io

import pydicom
import pytest
from pydicom.dataset import FileMetaDataset
from pydicom.filewriter import write_file_meta_info

from fastcine.dicom.part10 import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME, part10_head


@pytest.mark.parametrize("sop", ["1.2.3", "1.2.34", "2.25.300268741264183129263190327519254071277"])
def test_the_head_is_what_pydicom_writes(sop):
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.12.1"
    meta.MediaStorageSOPInstanceUID = sop
    meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.70"
    meta.ImplementationClassUID = IMPLEMENTATION_CLASS_UID
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    wanted = io.BytesIO()
    write_file_meta_info(wanted, meta, enforce_standard=True)
    head = part10_head("1.2.840.10008.5.1.4.1.1.12.1", sop, "1.2.840.10008.1.2.4.70")
    assert head == bytes(128) + b"DICM" + wanted.getvalue()
    assert pydicom.dcmread(io.BytesIO(head)).file_meta.MediaStorageSOPInstanceUID == sop
