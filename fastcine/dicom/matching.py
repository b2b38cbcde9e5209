"""Attribute matching of queries (PS3.4 C.2.2.2): whether a value is one that a key asks for.

Text is matched as DICOM says: case counts, but not in person names; `*` and `?` are wildcards where the value
representation has them. Dates and times are ranges, UIDs lists.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from enum import StrEnum


class Matching(StrEnum):
    """How an attribute is matched, by its value representation."""

    UID = "uid"
    TEXT = "text"
    NAME = "name"
    DATE = "date"
    TIME = "time"
    NUMBER = "number"


def matcher(how: Matching, asked: str, *, fuzzy: bool = False) -> Callable[[Sequence[str]], bool]:
    """What tells whether one of some values (DICOM text; none: an empty attribute) is what a key asks for.

    An empty key matches everything. `fuzzy`: person names match where every word asked for begins a word of the name,
    accents and case apart. Made once a search: a key is held against thousands of values.
    """
    if asked.strip() in ("", "*"):
        return lambda _: True
    one = _matcher_of_one(how, asked, fuzzy=fuzzy)
    return lambda values: any(map(one, values))


def _matcher_of_one(how: Matching, asked: str, *, fuzzy: bool) -> Callable[[str], bool]:
    match how:
        case Matching.UID:
            return frozenset(uid.strip("\0 ") for uid in re.split(r"[\\,]", asked)).__contains__
        case Matching.DATE:
            return _range(asked, _date)
        case Matching.TIME:
            return _range(asked, _time)
        case Matching.NUMBER:
            number = _number(asked)
            return lambda value: number is not None and _number(value) == number
        case Matching.NAME:
            return _fuzzy_name(asked) if fuzzy else _name(asked)
    # Text of several values in the key: any of them (PS3.4 C.2.2.2.4 does not forbid it, QIDO users write it).
    parts = [part.strip() for part in asked.split("\\")]
    if not re.search(r"[*?]", asked):
        return lambda value: value.strip() in parts
    patterns = [_pattern(part) for part in parts]
    return lambda value: any(pattern.fullmatch(value.strip()) for pattern in patterns)


def _pattern(asked: str) -> re.Pattern[str]:
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in asked)
    return re.compile("".join(parts), re.DOTALL)


def bounds(asked: str) -> tuple[str, str]:
    """The first and the last value of a range `A-B`, `A-`, `-B` or `A`; empty where that side is open."""
    # A time zone (`+0100`, `-0500`) does not belong in DA and TM; a minus there is a range.
    first, minus, last = asked.strip().partition("-")
    return (first.strip(), last.strip()) if minus else (first.strip(), first.strip())


def _range(asked: str, normal: _Normal) -> Callable[[str], bool]:
    """What tells whether a date or time lies in the range asked for; an empty value lies in none."""
    first, last = bounds(asked)
    low = normal(first)[0] if first else ""
    high = normal(last)[1] if last else "\uffff"

    def holds(value: str) -> bool:
        if not value:
            return False
        begins, ends = normal(value)
        return low <= begins and ends <= high if begins == ends else low <= ends and begins <= high

    return holds


class _Normal:
    """A text's least and greatest full form: a date or time that stops early means all that begins with it."""

    def __init__(self, least: str, greatest: str, junk: str) -> None:
        self._least, self._greatest, self._junk = least, greatest, junk

    def __call__(self, text: str) -> tuple[str, str]:
        """`08` of a time: 08:00:00.000000 to 08:59:59.999999."""
        if len(text) == len(self._least) and text.isdigit():  # nearly every date
            return text, text
        kept = re.sub(self._junk, "", text)
        return kept + self._least[len(kept) :], kept + self._greatest[len(kept) :]


_date = _Normal("00000101", "99991231", r"[.\-/ ]")
_time = _Normal("000000.000000", "235959.999999", r"[: ]")


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def folded(text: str) -> str:
    """Case and accents apart, for names."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if not unicodedata.combining(c)))


def _groups(name: str) -> list[str]:
    # Empty components at the end say nothing: DOE^JOHN and DOE^JOHN^^^ are one name.
    if "=" not in name and name.split() == [name]:  # no blank to take off: nearly all there are
        return [name.rstrip("^")]
    return ["^".join(part.strip() for part in group.split("^")).rstrip("^ ") for group in name.split("=")]


def _name(asked: str) -> Callable[[str], bool]:
    """A key of one component group may be any group of the name; more groups are matched each with its own."""
    wanted = [_pattern(group) for group in _groups(asked.casefold())]
    if len(wanted) == 1:
        match_group = wanted[0].fullmatch
        return lambda value: any(map(match_group, filter(None, _groups(value.casefold()))))

    def is_wanted(value: str) -> bool:
        there = _groups(value.casefold())
        there += [""] * (len(wanted) - len(there))
        return all(not want.pattern or want.fullmatch(group) for want, group in zip(wanted, there, strict=False))

    return is_wanted


def _fuzzy_name(asked: str) -> Callable[[str], bool]:
    wanted = [word for word in re.split(r"[\s^=*?]+", folded(asked)) if word]

    def is_wanted(value: str) -> bool:
        words = re.split(r"[\s^=]+", folded(value))
        return all(any(word.startswith(want) for word in words) for want in wanted)

    return is_wanted
