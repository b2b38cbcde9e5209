"""Attribute matching, by the rules of PS3.4 C.2.2.2."""

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastcine.dicom.matching import Matching, bounds, matcher


def matches(how, asked, values, *, fuzzy=False):
    return matcher(how, asked, fuzzy=fuzzy)(values)


@pytest.mark.parametrize(
    ("how", "asked", "value", "expected"),
    [
        # C.2.2.2.3 universal: an empty key matches everything, what is empty too.
        (Matching.TEXT, "", "", True),
        (Matching.DATE, "", "", True),
        (Matching.TEXT, "*", "", True),
        # C.2.2.2.1 single value: case counts, spaces at the ends do not.
        (Matching.TEXT, "PH-1", "PH-1 ", True),
        (Matching.TEXT, "ph-1", "PH-1", False),
        (Matching.TEXT, "PH-1", "PH-10", False),
        # C.2.2.2.4 wildcards.
        (Matching.TEXT, "PH-*", "PH-10", True),
        (Matching.TEXT, "PH-?", "PH-10", False),
        (Matching.TEXT, "*10*", "PH-10", True),
        (Matching.TEXT, "P.*", "PH", False),
        # C.2.2.2.2 list of UIDs.
        (Matching.UID, "1.2\\1.3", "1.3", True),
        (Matching.UID, "1.2", "1.2.3", False),
        (Matching.UID, "1.*", "1.2", False),
        # Person names: case does not count, component groups may be asked for alone.
        (Matching.NAME, "doe^john", "DOE^JOHN", True),
        (Matching.NAME, "DOE^JOHN^^^", "DOE^JOHN", True),
        (Matching.NAME, "DOE", "DOE^JOHN", False),
        (Matching.NAME, "DOE*", "DOE^JOHN", True),
        (Matching.NAME, "D?E^J*", "DOE^JOHN", True),
        (Matching.NAME, "山田*", "YAMADA^TAROU=山田^太郎=やまだ^たろう", True),
        (Matching.NAME, "=山田^太郎", "YAMADA^TAROU=山田^太郎=やまだ^たろう", True),
        (Matching.NAME, "SUZUKI=山田^太郎", "YAMADA^TAROU=山田^太郎", False),
        # C.2.2.2.5 ranges.
        (Matching.DATE, "20260301", "20260301", True),
        (Matching.DATE, "20260301-20260331", "20260331", True),
        (Matching.DATE, "20260301-20260331", "20260401", False),
        (Matching.DATE, "-20260331", "19700101", True),
        (Matching.DATE, "20260301-", "20260228", False),
        (Matching.DATE, "20260301-", "", False),
        (Matching.TIME, "08-09", "093000.5", True),
        (Matching.TIME, "0800-0859", "090000", False),
        (Matching.TIME, "081500", "081500.000000", True),
        (Matching.TIME, "0815-", "0815", True),
        (Matching.NUMBER, "03", "3", True),
        (Matching.NUMBER, "x", "3", False),
    ],
)
def test_rules(how, asked, value, expected):
    assert matches(how, asked, (value,) if value else ()) is expected


def test_one_of_several_values_is_enough():
    assert matches(Matching.TEXT, "XA", ("US", "XA"))
    assert matches(Matching.TEXT, "XA\\CT", ("CT",))
    assert not matches(Matching.TEXT, "MR", ("US", "XA"))


def test_fuzzy_names():
    assert matches(Matching.NAME, "müll joh", ("MULLER^JOHANN",), fuzzy=True)
    assert matches(Matching.NAME, "john doe", ("DOE^JOHN",), fuzzy=True)
    assert not matches(Matching.NAME, "joe", ("DOE^JOHN",), fuzzy=True)


@given(st.text(alphabet="ab*?^.[", max_size=8), st.text(alphabet="ab^.[", max_size=8))
def test_wildcards_mean_what_fnmatch_means(asked, value):
    pattern = "".join(
        ".*" if c == "*" else "." if c == "?" else "[" + re.sub(r"([\[\]^\\])", r"\\\1", c) + "]" for c in asked
    )
    expected = asked in ("", "*") or (re.fullmatch(pattern, value) is not None if value else False)
    assert matches(Matching.TEXT, asked, (value,) if value else ()) is expected


DATES = st.dates(min_value=date(1000, 1, 1))  # strftime does not fill up years before


@given(DATES, DATES, DATES)
def test_a_range_holds_what_lies_between(first, last, day):
    asked = f"{first:%Y%m%d}-{last:%Y%m%d}"
    assert bounds(asked) == (f"{first:%Y%m%d}", f"{last:%Y%m%d}")
    assert matches(Matching.DATE, asked, (f"{day:%Y%m%d}",)) is (first <= day <= last)
