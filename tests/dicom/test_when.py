from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from pydicom import Dataset

from fastcine.dicom.when import (
    acquisition_moment,
    iso_text,
    parse_date,
    parse_datetime,
    parse_offset,
    sort_key,
    study_moment,
)

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("written", "expected"),
    [("19610412", date(1961, 4, 12)), ("1961.04.12", date(1961, 4, 12)), ("196104", None), ("", None),
     ("19610231", None), ("00000000", None), ("unknown", None)],
)  # fmt: skip
def test_dates(written, expected):
    assert parse_date(written) == expected


@pytest.mark.parametrize(
    ("written", "minutes"), [("+0100", 60), ("-0330", -210), ("+1400", 840), ("+1500", None), ("CET", None)]
)
def test_offsets(written, minutes):
    found = parse_offset(written)
    assert (None if found is None else found.utcoffset(None) // timedelta(minutes=1)) == minutes


def test_datetimes():
    assert parse_datetime("20260301092011.5") == datetime(2026, 3, 1, 9, 20, 11, 500_000)
    assert parse_datetime("20260301092011.123456-0500") == datetime(
        2026, 3, 1, 9, 20, 11, 123456, timezone(timedelta(hours=-5))
    )
    assert parse_datetime("2026") == datetime(2026, 1, 1)
    assert parse_datetime("20261301") is None and parse_datetime("tomorrow") is None


def acquired(**values):
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


def test_the_zone_of_the_value_beats_the_objects_beats_the_sites():
    dataset = acquired(AcquisitionDateTime="20260701120000+0900", TimezoneOffsetFromUTC="-0500")
    assert iso_text(acquisition_moment(dataset, site_timezone=BERLIN)) == "2026-07-01T12:00:00+09:00"
    dataset.AcquisitionDateTime = "20260701120000"
    assert iso_text(acquisition_moment(dataset, site_timezone=BERLIN)) == "2026-07-01T12:00:00-05:00"
    del dataset.TimezoneOffsetFromUTC
    assert iso_text(acquisition_moment(dataset, site_timezone=BERLIN)) == "2026-07-01T12:00:00+02:00"
    assert iso_text(acquisition_moment(dataset)) == "2026-07-01T12:00:00"


def test_the_sites_zone_knows_summer_and_winter():
    winter = acquired(StudyDate="20260101", StudyTime="120000")
    assert iso_text(study_moment(winter, site_timezone=BERLIN)) == "2026-01-01T12:00:00+01:00"


def test_what_stands_in_for_the_acquisition():
    dataset = acquired(ContentDate="20260102", ContentTime="0102", StudyDate="20260101", StudyTime="235959.25")
    assert acquisition_moment(dataset) == datetime(2026, 1, 2, 1, 2)
    del dataset.ContentDate
    assert acquisition_moment(dataset) == datetime(2026, 1, 1, 23, 59, 59, 250_000)
    assert acquisition_moment(Dataset()) is None and iso_text(None) is None


@pytest.mark.parametrize("written", ["9999", "late", ""])
def test_an_impossible_time_counts_as_midnight(written):
    dataset = acquired(StudyDate="20260101")
    dataset.add_new(0x00080030, "LO", written)
    assert study_moment(dataset) == datetime(2026, 1, 1)


def test_order_with_and_without_zone():
    zoned, plain = datetime(2026, 1, 1, 12, tzinfo=BERLIN), datetime(2026, 1, 1, 12)
    assert sorted([None, plain, zoned], key=sort_key) == [zoned, plain, None]
