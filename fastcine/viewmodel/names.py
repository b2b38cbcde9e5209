"""DICOM person names and dates as people read them. Pure."""

from __future__ import annotations

from datetime import date

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def person_name(group: str) -> str:
    """One component group `Family^Given^Middle^Prefix^Suffix` (PS3.5 6.2.1.1) as "Family, Given Middle"."""
    parts = [part.strip() for part in group.split("^")] + [""] * 5
    family, given, middle, prefix, suffix = parts[:5]
    rest = " ".join(part for part in (prefix, given, middle, suffix) if part)
    return f"{family}, {rest}" if family and rest else family or rest


def birth_date_text(iso: str) -> str:
    """ "1961-04-12" as "12 Apr 1961"; "unknown" where it is empty or no date."""
    try:
        born = date.fromisoformat(iso)
    except ValueError:
        return "unknown"
    return f"{born.day} {MONTHS[born.month - 1]} {born.year}"


def age_text(iso_birth: str, on: date | None) -> str:
    """Age in whole years, months below two years, days below two months; empty where either date is unknown."""
    try:
        born = date.fromisoformat(iso_birth)
    except ValueError:
        return ""
    if on is None or on < born:
        return ""
    months = (on.year - born.year) * 12 + on.month - born.month - (on.day < born.day)
    if months >= 24:
        return f"{months // 12} y"
    return f"{months} mo" if months >= 2 else f"{(on - born).days} d"
