"""Objects to records: names, times, kinds, labels; and the corpus against pydicom."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import pydicom
import pytest

from fastcine.archive.describe import describe_object
from fastcine.archive.record import IndexRecord
from fastcine.archive.store import digest_of
from fastcine.errors import BadDicom, NotDicom
from tests.archive.factories import part10, report
from tests.archive.test_digest import digest


def describe(data: bytes, zone: str = "Europe/Berlin") -> IndexRecord:
    return describe_object(data, site_timezone=zone, digest=digest(data))


def test_name_groups_come_apart_in_their_character_sets() -> None:
    cases = {
        ("ISO_IR 192", "Tanaka^Taro=田中^太郎=たなか^たろう"): ("Tanaka^Taro", "田中^太郎", "たなか^たろう"),
        ("GB18030", "Wang^XiaoDong=王^小东"): ("Wang^XiaoDong", "王^小东", ""),
        ("ISO_IR 100", "Müller^Jörg^^Dr"): ("Müller^Jörg^^Dr", "", ""),
        ("ISO_IR 192", ""): ("", "", ""),
    }
    for (charset, name), groups in cases.items():
        about = describe(part10(SpecificCharacterSet=charset, PatientName=name)).patient_and_study
        found = (about.patient_name, about.patient_name_ideographic, about.patient_name_phonetic)
        assert found == groups


@pytest.mark.parametrize(
    ("date", "clock", "offset", "text", "iso"),
    [
        ("20260301", "091500", None, "2026-03-01 09:15", "2026-03-01T09:15:00+01:00"),
        ("20260701", "091500", None, "2026-07-01 09:15", "2026-07-01T09:15:00+02:00"),
        ("20260301", "091500", "+0530", "2026-03-01 09:15", "2026-03-01T09:15:00+05:30"),
        ("20260301", None, None, "2026-03-01", "2026-03-01T00:00:00+01:00"),
        (None, "091500", None, "", None),
        ("2026", None, None, "", None),
    ],
)
def test_study_times_have_their_zone(
    date: str | None, clock: str | None, offset: str | None, text: str, iso: str | None
) -> None:
    about = describe(part10(StudyDate=date, StudyTime=clock, TimezoneOffsetFromUTC=offset)).patient_and_study
    assert about.study_date_text == text
    assert (about.study_datetime.isoformat() if about.study_datetime else None) == iso


def test_birth_dates_are_whole_or_unknown() -> None:
    for written, read in (("19610412", "1961-04-12"), ("1961", ""), ("", ""), ("19611399", "")):
        assert describe(part10(PatientBirthDate=written)).patient_and_study.birth_date == read


def test_kinds_frames_and_labels() -> None:
    still = describe(part10(NumberOfFrames=None, pixels=bytes(16)))
    assert (still.kind, still.frames, still.rows, still.columns, still.label) == ("still", 1, 4, 4, "LCA")
    waveform = describe(report().replace(b"1.2.840.10008.5.1.4.1.1.88.33\0", b"1.2.840.10008.5.1.4.1.1.9.1.1\0"))
    assert (waveform.kind, waveform.frames, waveform.label) == ("other", 0, "Report (12-lead ECG Waveform)")
    ecg = describe(report().replace(b"CS\x02\x00SR", b"CS\x02\x00EC").replace(b".88.33\0", b".9.1.1\0"))
    assert ecg.label == "12-lead ECG Waveform"


def test_acquisition_orders_before_content_and_study() -> None:
    told = {"ContentDate": "20260301", "ContentTime": "101010", "AcquisitionDateTime": "20260301092011.25"}
    assert describe(part10(**told), "UTC").acquired is not None
    found = describe(part10(**told), "UTC").acquired
    assert found is not None and found.isoformat() == "2026-03-01T09:20:11.250000+00:00"
    found = describe(part10(ContentDate="20260301", ContentTime="101010"), "UTC").acquired
    assert found is not None and found.isoformat() == "2026-03-01T10:10:10+00:00"


def test_errors_name_no_patient() -> None:
    for data in (part10(pixels=None), part10(Rows=0), part10()[:-3]):
        with pytest.raises(BadDicom) as caught:
            describe(data)
        assert "Phantom" not in str(caught.value) and "PH-1" not in str(caught.value)


@pytest.mark.skipif("FASTCINE_CORPUS" not in os.environ, reason="FASTCINE_CORPUS is not set")
def test_the_corpus_reads_as_pydicom_reads_it() -> None:
    compared = 0
    for path in sorted(Path(os.environ["FASTCINE_CORPUS"]).rglob("*")):
        if not path.is_file() or "weird" in path.parts:
            continue
        try:
            record = describe_object(path.read_bytes(), site_timezone="UTC", digest=digest_of(path))
        except (NotDicom, BadDicom):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(path, force=True, stop_before_pixels=True)
            expected = [str(dataset.get(name, "")).strip() for name in ("SOPInstanceUID", "PatientID", "Modality")]
            alphabetic = str(getattr(dataset.get("PatientName"), "alphabetic", "")).strip(" ^")
        made_up = not expected[0] and record.sop_instance_uid.startswith("2.25.")
        sop = "" if made_up else record.sop_instance_uid
        assert [sop, record.patient_and_study.patient_id, record.modality] == expected
        assert record.patient_and_study.patient_name == alphabetic
        compared += 1
    assert compared > 150
