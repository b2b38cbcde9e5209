"""The bench of STOW-RS: it measures what it says, and its table says what was measured."""

import pydicom
import pytest

from bench import orthanc, stow, stow_table

CASE = stow.Case("small", 64, 2, 2, 2)


def test_objects_are_valid_and_each_is_another(tmp_path):
    uids, file = stow.Uids(), stow.template(CASE)
    paths = [tmp_path / name for name in ("a", "b")]
    for path in paths:
        path.write_bytes(uids.named(file))
    first, second = map(pydicom.dcmread, paths)
    assert first.SOPInstanceUID == first.file_meta.MediaStorageSOPInstanceUID != second.SOPInstanceUID
    assert first.SOPInstanceUID.is_valid and len(first.PixelData) == 2 * 64 * 64


def test_the_table():
    found = {"rounds": 3, "version": "1", "notes": [],
             "rates": {"small": {"fastcine": [3e6, 4e6, 8e6], "orthanc": [2e6, 8e6, 4e6]}}}  # fmt: skip
    ((name, ours, theirs, ratio, _, met),) = stow_table.cells(found)
    assert name == "small" and ours.startswith("4.0 (3.0 to 8.0)") and theirs.startswith("4.0 (2.0 to 8.0)")
    assert ratio == "1.50 (0.50 to 2.00)" and met == "met"
    assert stow_table.section(found, started="now", machine="here", busy=True).startswith(stow_table.TITLE)
    assert stow_table.cells({"notes": ["Orthanc is not installed"]}) == []


@pytest.mark.soak
@pytest.mark.skipif(bool(orthanc.missing()), reason="Orthanc with its DICOMweb plug-in is not installed")
def test_both_store(tmp_path):
    found = stow.measure(tmp_path / "stow", rounds=1, cases=(CASE,), say=lambda text: None)
    assert all(rates[0] > 0 for rates in found["rates"]["small"].values())
