"""Tolerant reading of single values: absent, empty, malformed and wrong VR come back as nothing, never as an exception.

Decimal strings come back as exact fractions, since frame times add up over thousands of frames.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from fractions import Fraction
from typing import Any, Protocol

from pydicom import Dataset, Sequence

#: DS allows 16 characters; longer ones are met, but an exponent of more than two digits never was meant.
_DECIMAL = re.compile(r"[+-]?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})([eE][+-]?\d{1,2})?")

_FLOAT = struct.Struct("<f")

SHARED_GROUPS = 0x52009229
PER_FRAME_GROUPS = 0x52009230


class Values(Protocol):
    """Where single values are read from: a pydicom Dataset, or fastcine.dicom.plain_values."""

    def get(self, key: int, /) -> Any:
        """The element (`VR`, `VM`, `value`), None where there is none."""
        ...


def texts(dataset: Values, tag: int) -> list[str]:
    """The components of a value as stripped text; empty list when absent or empty. Binary values give nothing."""
    element = dataset.get(tag)
    if element is None or element.value is None or element.VR == "SQ":
        return []
    value = element.value
    if isinstance(value, bytes):
        # A value that did not convert was kept as its bytes (fastcine.dicom.parse_values).
        parts: Iterable[object] = value.decode("ascii", "replace").split("\\") if len(value) < 4 << 20 else ()
    elif isinstance(value, str) or not isinstance(value, Iterable):
        parts = [value]
    else:
        parts = value
    found = [str(part).strip(" \0\r\n\t") for part in parts]
    return found if any(found) else []


def text(dataset: Values, tag: int) -> str:
    """The first component as text, ``""`` when there is none."""
    element = dataset.get(tag)
    if element is not None and type(element.value) is str:
        written: str = element.value
        return written.strip(" \0\r\n\t")
    found = texts(dataset, tag)
    return found[0] if found else ""


def exact(written: str) -> Fraction | None:
    """A decimal string as an exact fraction, None when it is no number."""
    if len(written) > 90 or not _DECIMAL.fullmatch(written):
        return None
    return Fraction(written)


def decimals(dataset: Values, tag: int) -> list[Fraction | None]:
    """All components as exact fractions; None where one is no number."""
    return [exact(part) for part in texts(dataset, tag)]


def decimal(dataset: Values, tag: int) -> Fraction | None:
    """The first component as an exact fraction, None when absent or no number."""
    found = texts(dataset, tag)
    return exact(found[0]) if found else None


def number(dataset: Values, tag: int) -> float | None:
    """The first component as a float, None when absent or no number."""
    value = decimal(dataset, tag)
    return None if value is None else float(value)


def as_written(value: float) -> float:
    """The shortest decimal that is this value in 32 bits (VR FL), so that 0.7 stays 0.7; else the value itself."""
    if not -3e38 < value < 3e38 or _FLOAT.unpack(_FLOAT.pack(value))[0] != value:
        return value
    candidates = (float(f"{value:.{digits}g}") for digits in range(6, 10))
    return next((each for each in candidates if _FLOAT.unpack(_FLOAT.pack(each))[0] == value), value)


def integer(dataset: Values, tag: int) -> int | None:
    """The first component as an integer, None when absent or not a whole number."""
    written = text(dataset, tag)
    if written.isascii() and written.isdigit() and len(written) < 16:
        return int(written)
    value = exact(written)
    return int(value) if value is not None and value.denominator == 1 else None


def integers(dataset: Values, tag: int) -> list[int]:
    """The components that are whole numbers."""
    return [int(value) for value in decimals(dataset, tag) if value is not None and value.denominator == 1]


def items(dataset: Dataset, tag: int) -> list[Dataset]:
    """The items of a sequence; empty when absent or no sequence."""
    element = dataset.get(tag)
    return list(element.value) if element is not None and isinstance(element.value, Sequence) else []


def group_item(dataset: Dataset, macro: int, frame: int = 0) -> Dataset | None:
    """First item of a functional group macro, shared or of one frame (from 0), of an Enhanced object; else None."""
    for groups in (items(dataset, SHARED_GROUPS)[:1], items(dataset, PER_FRAME_GROUPS)[frame : frame + 1]):
        for group in groups:
            found = items(group, macro)
            if found:
                return found[0]
    return None
