"""Whose picture it is: the values of the patient banner (PS3.3 C.2.2, C.2.3, C.7.2.2; PS3.5 6.2.1 PN).

Text comes decoded by the object's Specific Character Set. Nothing here goes into logs or error texts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from pydicom import Dataset
from pydicom.valuerep import PersonName

from fastcine.dicom.values import text
from fastcine.dicom.when import parse_date

_NAME, _ID, _ISSUER, _BIRTH, _SEX, _AGE = 0x00100010, 0x00100020, 0x00100021, 0x00100030, 0x00100040, 0x00101010
_ACCESSION, _INSTITUTION, _DESCRIPTION, _STUDY_DATE = 0x00080050, 0x00080080, 0x00081030, 0x00080020

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_AGE_VALUE = re.compile(r"(\d{1,3})([DWMY])")
_AGE_UNITS = {"D": "d", "W": "w", "M": "mo", "Y": "y"}
#: Below this many days an age is told in days, weeks, months: a week of life, a quarter, two years.
_DAYS_TOLD, _WEEKS_TOLD, _MONTHS_TOLD = 14, 92, 730
#: Longest text that a banner holds; a hostile name may be a megabyte.
_LONGEST = 200
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Identity:
    """The banner. ``birth_date`` is ISO 8601, None when unknown or partial; the texts say what is known.

    ``sex`` is M, F, O or empty. Names are one line: family, given middle.
    """

    patient_name: str
    patient_name_ideographic: str
    patient_name_phonetic: str
    patient_id: str
    issuer: str
    birth_date: str | None
    birth_date_text: str
    age_text: str
    sex: str
    description: str
    accession_number: str
    institution: str


def read_identity(dataset: Dataset) -> Identity:
    """The identity in one object. Never raises; what is missing or malformed is empty or ``"unknown"``."""
    alphabetic, ideographic, phonetic = name_groups(dataset)
    birth_written = text(dataset, _BIRTH)
    birth = parse_date(birth_written)
    return Identity(
        patient_name=alphabetic or ideographic or phonetic,
        patient_name_ideographic=ideographic,
        patient_name_phonetic=phonetic,
        patient_id=_line(text(dataset, _ID)),
        issuer=_line(text(dataset, _ISSUER)),
        birth_date=birth.isoformat() if birth else None,
        birth_date_text=date_text(birth_written),
        age_text=_age_text(text(dataset, _AGE), birth, parse_date(text(dataset, _STUDY_DATE))),
        sex=text(dataset, _SEX).upper() if text(dataset, _SEX).upper() in ("M", "F", "O") else "",
        description=_line(text(dataset, _DESCRIPTION)),
        accession_number=_line(text(dataset, _ACCESSION)),
        institution=_line(text(dataset, _INSTITUTION)),
    )


def name_groups(dataset: Dataset, tag: int = _NAME) -> tuple[str, str, str]:
    """(alphabetic, ideographic, phonetic) of a person name, each as one line."""
    element = dataset.get(tag)
    value = element.value if element is not None else None
    if value and not isinstance(value, (PersonName, str, bytes)):
        value = next(iter(value), None)
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    groups = [_name_line(group) for group in str(value or "").split("=")[:3]]
    alphabetic, ideographic, phonetic = (*groups, "", "", "")[:3]
    return alphabetic, ideographic, phonetic


def _name_line(group: str) -> str:
    """``Family^Given^Middle^Prefix^Suffix`` as ``Family, Prefix Given Middle, Suffix``."""
    family, given, middle, prefix, suffix = (*(_line(part) for part in group.split("^")[:5]), "", "", "", "", "")[:5]
    rest = " ".join(part for part in (prefix, given, middle) if part)
    return ", ".join(part for part in (family, rest, suffix) if part)


def date_text(written: str) -> str:
    """A date for people: ``"12 Apr 1961"``; ``"Apr 1961"`` or ``"1961"`` of a partial one; ``"unknown"``."""
    whole = parse_date(written)
    if whole:
        return f"{whole.day} {_MONTHS[whole.month - 1]} {whole.year}"
    found = re.fullmatch(r"(\d{4})[-.]?(\d{2})?[-.]?(\d{2})?", written.strip())
    if not found or not 1800 <= int(found[1]) <= 2200:
        return UNKNOWN
    month = int(found[2] or 0)
    return f"{_MONTHS[month - 1]} {found[1]}" if 1 <= month <= 12 and found[3] in (None, "00") else found[1]


def _age_text(written: str, birth: date | None, study: date | None) -> str:
    """By the dates where both are whole, else Patient's Age; ``""`` when neither says."""
    if birth and study and birth <= study:
        days = (study - birth).days
        if days < _DAYS_TOLD:
            return f"{days} d"
        if days < _WEEKS_TOLD:
            return f"{days // 7} w"
        months = (study.year - birth.year) * 12 + study.month - birth.month - (study.day < birth.day)
        return f"{months} mo" if days < _MONTHS_TOLD else f"{months // 12} y"
    found = _AGE_VALUE.fullmatch(written)
    return f"{int(found[1])} {_AGE_UNITS[found[2]]}" if found else ""


def _line(value: str) -> str:
    """One line without control characters, at most ``_LONGEST`` characters."""
    line = " ".join(_CONTROL.sub(" ", value[: 4 * _LONGEST]).split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
