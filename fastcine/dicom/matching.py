"""Attribute matching of queries (PS3.4 C.2.2.2): whether a value is one that a key asks for.

Text is matched as DICOM says: case counts, but not in person names; `*` and `?` are wildcards where the value
representation has them. Dates and times are ranges, UIDs lists.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache


class Matching(StrEnum):
    """How an attribute is matched, by its value representation."""

    UID = "uid"
    TEXT = "text"
    NAME = "name"
    DATE = "date"
    TIME = "time"
    NUMBER = "number"


def matches(how: Matching, asked: str, values: Sequence[str], *, fuzzy: bool = False) -> bool:
    """Whether one of `values` (DICOM text; none: an empty attribute) is asked for. An empty key matches everything.

    `fuzzy`: person names match where every word asked for begins a word of the name, accents and case apart.
    """
    if asked.strip() in ("", "*"):
        return True
    if how is Matching.UID:
        wanted = _uids(asked)
        return any(value in wanted for value in values)
    return any(_one(how, asked, value, fuzzy=fuzzy) for value in values)


# A key is held against thousands of values: what is made of it is kept.
@lru_cache(64)
def _uids(asked: str) -> frozenset[str]:
    return frozenset(uid.strip("\0 ") for uid in re.split(r"[\\,]", asked))


def _one(how: Matching, asked: str, value: str, *, fuzzy: bool) -> bool:
    match how:
        case Matching.DATE:
            return in_range(asked, value, _date)
        case Matching.TIME:
            return in_range(asked, value, _time)
        case Matching.NUMBER:
            return _number(asked) == _number(value)
        case Matching.NAME:
            return _fuzzy_name(asked, value) if fuzzy else _name(asked, value)
    # Text of several values in the key: any of them (PS3.4 C.2.2.2.4 does not forbid it, QIDO users write it).
    return any(_pattern(part.strip()).fullmatch(value.strip()) is not None for part in asked.split("\\"))


@lru_cache(256)
def _pattern(asked: str) -> re.Pattern[str]:
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in asked)
    return re.compile("".join(parts), re.DOTALL)


def bounds(asked: str) -> tuple[str, str]:
    """The first and the last value of a range `A-B`, `A-`, `-B` or `A`; empty where that side is open."""
    # A time zone (`+0100`, `-0500`) does not belong in DA and TM; a minus there is a range.
    first, minus, last = asked.strip().partition("-")
    return (first.strip(), last.strip()) if minus else (first.strip(), first.strip())


def in_range(asked: str, value: str, normal: _Normal) -> bool:
    """Whether a date or time lies in the range asked for; an empty value lies in none."""
    if not value:
        return False
    low, high = _limits(asked, normal)
    begins, ends = normal(value)
    return low <= begins and ends <= high if begins == ends else low <= ends and begins <= high


@lru_cache(256)
def _limits(asked: str, normal: _Normal) -> tuple[str, str]:
    first, last = bounds(asked)
    low, _ = normal(first) if first else ("", "")
    _, high = normal(last) if last else ("", "\uffff")
    return low, high


class _Normal:
    """A text's least and greatest full form: a date or time that stops early means all that begins with it."""

    def __init__(self, least: str, greatest: str, junk: str) -> None:
        self._least, self._greatest, self._junk = least, greatest, junk

    def __call__(self, text: str) -> tuple[str, str]:
        """`08` of a time: 08:00:00.000000 to 08:59:59.999999."""
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
    return ["^".join(part.strip() for part in group.split("^")).rstrip("^ ") for group in name.split("=")]


@lru_cache(256)
def _wanted(asked: str) -> tuple[str, ...]:
    return tuple(_groups(asked.casefold()))


def _name(asked: str, value: str) -> bool:
    """A key of one component group may be any group of the name; more groups are matched each with its own."""
    wanted, there = _wanted(asked), _groups(value.casefold())
    if len(wanted) == 1:
        return any(_pattern(wanted[0]).fullmatch(group) is not None for group in there if group)
    there += [""] * (len(wanted) - len(there))
    return all(
        not want or _pattern(want).fullmatch(group) is not None for want, group in zip(wanted, there, strict=False)
    )


def _fuzzy_name(asked: str, value: str) -> bool:
    words = re.split(r"[\s^=]+", folded(value))
    wanted = [word for word in re.split(r"[\s^=*?]+", folded(asked)) if word]
    return all(any(word.startswith(want) for word in words) for want in wanted)
