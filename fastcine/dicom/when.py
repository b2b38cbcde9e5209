"""Dates and times with their zone (PS3.5 6.2 DA, TM, DT; PS3.3 C.12.1 Timezone Offset From UTC).

A DT's own suffix beats Timezone Offset From UTC, which beats the site's zone by setting.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo

from fastcine.dicom.values import Values, text

_DATE = re.compile(r"(\d{4})[.:/-]?(\d{2})[.:/-]?(\d{2})")
_TIME = re.compile(r"(\d{2}):?(?:(\d{2}):?(?:(\d{2})(?:\.(\d{1,6}))?)?)?")
_DATETIME = re.compile(r"(\d{4})(\d{2})?(\d{2})?(\d{2})?(\d{2})?(\d{2})?(?:\.(\d{1,6}))?([+-]\d{4})?")
_OFFSET = re.compile(r"([+-])(\d{2})(\d{2})")
_TIMEZONE = 0x00080201
#: (date, time) pairs.
_ACQUISITION, _CONTENT = (0x00080022, 0x00080032), (0x00080023, 0x00080033)
_SERIES, _STUDY = (0x00080021, 0x00080031), (0x00080020, 0x00080030)


def parse_date(written: str) -> date | None:
    """A DA value, also in the forms of ACR-NEMA (YYYY.MM.DD); None when unknown, partial or impossible."""
    found = _DATE.fullmatch(written.strip())
    if not found:
        return None
    try:
        return date(*(int(part) for part in found.groups()))
    except ValueError:
        return None


def parse_offset(written: str) -> tzinfo | None:
    """A zone as ``+0100``; None when it is none (PS3.5: -1200 to +1400)."""
    found = _OFFSET.fullmatch(written.strip())
    if not found:
        return None
    minutes = int(found[2]) * 60 + int(found[3])
    if found[1] == "-":
        minutes = -minutes
    return timezone(timedelta(minutes=minutes)) if -720 <= minutes <= 840 else None


def parse_datetime(written: str) -> datetime | None:
    """A DT value; missing parts count as their lowest, the zone is None unless written. None when impossible."""
    found = _DATETIME.fullmatch(written.strip())
    if not found:
        return None
    year, month, day, hour, minute, second = (int(part) if part else None for part in found.groups()[:6])
    try:
        return datetime(
            year or 0,
            month or 1,
            day or 1,
            hour or 0,
            minute or 0,
            min(second or 0, 59),  # a leap second is written 60
            int((found[7] or "0").ljust(6, "0")),
            tzinfo=parse_offset(found[8]) if found[8] else None,
        )
    except ValueError:
        return None


def zone_of(dataset: Values, *, site_timezone: tzinfo | None = None) -> tzinfo | None:
    """The zone of the object's times: Timezone Offset From UTC, else the site's."""
    return parse_offset(text(dataset, _TIMEZONE)) or site_timezone


def moment(
    dataset: Values, *, pair: tuple[int, int], datetime_tag: int = 0, site_timezone: tzinfo | None = None
) -> datetime | None:
    """One moment of the object, from a DT attribute, else a DA and TM pair; with a zone where one is known.

    A time that is missing or malformed counts as midnight; None without a date.
    """
    zone = zone_of(dataset, site_timezone=site_timezone)
    if datetime_tag:
        found = parse_datetime(text(dataset, datetime_tag))
        if found is not None:
            return found if found.tzinfo is not None else found.replace(tzinfo=zone)
    day = parse_date(text(dataset, pair[0]))
    if day is None:
        return None
    clock = _TIME.fullmatch(text(dataset, pair[1]))
    hour, minute, second = (int(part or 0) for part in (clock.groups()[:3] if clock else (0, 0, 0)))
    fraction = int(((clock[4] if clock else None) or "0").ljust(6, "0"))
    if hour > 23 or minute > 59 or second > 60:
        hour = minute = second = fraction = 0
    return datetime(day.year, day.month, day.day, hour, minute, min(second, 59), fraction, tzinfo=zone)


def study_moment(dataset: Values, *, site_timezone: tzinfo | None = None) -> datetime | None:
    """Study Date and Time."""
    return moment(dataset, pair=_STUDY, site_timezone=site_timezone)


def acquisition_moment(dataset: Values, *, site_timezone: tzinfo | None = None) -> datetime | None:
    """Acquisition DateTime, else Acquisition Date and Time, else Content, Series, Study Date and Time."""
    found = moment(dataset, pair=_ACQUISITION, datetime_tag=0x0008002A, site_timezone=site_timezone)
    for pair in (_CONTENT, _SERIES, _STUDY):
        found = found or moment(dataset, pair=pair, site_timezone=site_timezone)
    return found


def iso_text(found: datetime | None) -> str | None:
    """As in docs/api.md: ISO 8601 with its zone where one is known."""
    return None if found is None else found.isoformat()


def sort_key(found: datetime | None) -> float:
    """Seconds that order moments with and without a zone (those without count as UTC); unknown ones come last."""
    if found is None:
        return float("inf")
    return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()
