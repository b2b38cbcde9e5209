"""Queries by DICOM keys over the index, for C-FIND and QIDO-RS alike: one table of attributes, one search.

The database narrows down by what it has an index for (UIDs, IDs, the study's date, the words of a name); what it hands
over is then matched exactly (dicom/matching.py), newest study first, until the limit is reached.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from fastcine.archive.catalog_rows import ATTRIBUTES, Level, Values, values_of
from fastcine.archive.index import Index
from fastcine.archive.index_mapping import study_sort_id
from fastcine.archive.search_text import index_text
from fastcine.dicom.matching import bounds, matches
from fastcine.errors import UsageError

FETCH_ROWS = 256
MOST_ROWS = 100_000
"""One answer holds no more; who needs more asks in pages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """`keys`: keyword to what is asked for, as DICOM text (wildcards, ranges, UIDs separated by a backslash).

    Keys of higher levels than `level` may be among them. `offset` and `limit` count matches.
    `patient_ids`: nobody else's.
    """

    level: Level
    keys: Mapping[str, str] = field(default_factory=dict)
    fuzzy: bool = False
    offset: int = 0
    limit: int | None = None
    patient_ids: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """Matches, each as keyword to DICOM texts; `more`: there are others beyond the limit."""

    rows: tuple[Values, ...]
    more: bool


def search(index: Index, query: Query) -> Found:
    """All matches of a query. Raises UsageError for a key that cannot be matched at its level."""
    for keyword in query.keys:
        attribute = ATTRIBUTES.get(keyword)
        if attribute is not None and attribute.level > query.level:
            raise UsageError(f"{keyword} is no key at the {query.level.name} level")
    most = min(MOST_ROWS, query.limit if query.limit is not None else MOST_ROWS)

    def find(connection: sqlite3.Connection) -> Found:
        found: list[Values] = []
        skipped = 0
        for values in _matching(connection, query):
            if skipped < query.offset:
                skipped += 1
            elif len(found) < most:
                found.append(values)
            else:
                return Found(tuple(found), more=True)
        return Found(tuple(found), more=False)

    return index.read(find)


def _matching(connection: sqlite3.Connection, query: Query) -> Iterator[Values]:
    where, parameters = _narrowed(query)
    cursor = connection.execute(_statement(query.level, where), parameters)
    asked = [(keyword, ATTRIBUTES[keyword], text) for keyword, text in query.keys.items() if keyword in ATTRIBUTES]
    patients: set[tuple[tuple[str, ...], ...]] = set()
    while rows := cursor.fetchmany(FETCH_ROWS):
        for row in rows:
            values = values_of(row, query.level)
            if not all(
                matches(attribute.matching, text, values.get(keyword, ()), fuzzy=query.fuzzy)
                for keyword, attribute, text in asked
            ):
                continue
            if query.level is Level.PATIENT:
                patient = (values["PatientID"], values["IssuerOfPatientID"])
                if patient in patients:
                    continue
                patients.add(patient)
            yield values


_STUDY_ORDER = "ORDER BY study.sort_id DESC"
_COLUMNS = {
    Level.PATIENT: "study.*",
    Level.STUDY: "study.*",
    Level.SERIES: "study.*, series.series_instance_uid, series.modality, series.series_number,"
    " series.series_description, series.series_datetime, series.objects AS series_objects",
}
_COLUMNS[Level.IMAGE] = _COLUMNS[Level.SERIES] + (
    ", instance.sop_instance_uid, instance.sop_class_uid, instance.transfer_syntax_uid, instance.instance_number,"
    " instance.rows, instance.columns, instance.frames, instance.kind"
)


def _statement(level: Level, where: list[str]) -> str:
    tables, order = "study", _STUDY_ORDER
    if level >= Level.SERIES:
        tables += " JOIN series ON series.study = study.serial"
        order += ", series.series_number, series.id"
    if level >= Level.IMAGE:
        tables += " JOIN instance ON instance.series = series.id"
        order += ", instance.instance_number, instance.id"
    condition = " AND ".join(where) or "1"
    return f"SELECT {_COLUMNS[level]} FROM {tables} WHERE {condition} {order}"


def _narrowed(query: Query) -> tuple[list[str], list[object]]:
    """Conditions that every match fulfils, of those the database is quick at."""
    where: list[str] = []
    parameters: list[object] = []
    if query.patient_ids is not None:
        where.append(f"study.patient_id IN ({', '.join('?' * len(query.patient_ids))})")
        parameters.extend(sorted(query.patient_ids))
    for keyword, text in query.keys.items():
        narrow = _NARROW.get(keyword)
        if narrow is None or text.strip() in ("", "*"):
            continue
        condition = _fuzzy_name(text) if query.fuzzy and keyword == "PatientName" else narrow(text)
        if condition is not None:
            where.append(condition[0])
            parameters.extend(condition[1])
    return where, parameters


_Condition = tuple[str, list[object]] | None


def _uids(column: str) -> Callable[[str], _Condition]:
    def narrow(text: str) -> _Condition:
        uids: list[object] = [uid.strip("\0 ") for uid in re.split(r"[\\,]", text)]
        return f"{column} IN ({', '.join('?' * len(uids))})", uids

    return narrow


def _literal(column: str) -> Callable[[str], _Condition]:
    """Equal where there is no wildcard, else a walk along what begins with the text before the first one."""

    def narrow(text: str) -> _Condition:
        asked = text.strip()
        if "\\" in asked:
            return None
        beginning = re.split(r"[*?]", asked)[0]
        if beginning == asked:
            return f"{column} = ?", [asked]
        # The last code point there is: everything that begins so lies between.
        return (f"{column} BETWEEN ? AND ?", [beginning, beginning + "\U0010ffff"]) if beginning else None

    return narrow


def _study_date(text: str) -> _Condition:
    """By the study's place, which is its time in UTC: a day more on either side, for zones."""
    first, last = bounds(text)
    low, high = _moment(first, datetime(1801, 1, 1, tzinfo=UTC)), _moment(last, datetime(9000, 1, 1, tzinfo=UTC))
    if low is None or high is None:
        return None
    day = timedelta(days=1)
    return "study.sort_id BETWEEN ? AND ?", [study_sort_id(low - day, 0), study_sort_id(high + 2 * day, 0)]


def _moment(text: str, otherwise: datetime) -> datetime | None:
    digits = re.sub(r"[.\-/ ]", "", text)
    if not digits:
        return otherwise
    try:
        return datetime.strptime(digits, "%Y%m%d").replace(tzinfo=UTC)
    except ValueError:
        return None


def _patient_name(text: str) -> _Condition:
    """Every word of the name that begins without a wildcard begins a word that the index knows."""
    terms = []
    for word in re.split(r"[\s^=]+", text):
        beginning, *more = re.split(r"[*?]", word)
        words = index_text(beginning)
        if words:
            terms.append(f'name : "{words}"{"*" if more else ""}')
    return _words_of_name(terms)


def _fuzzy_name(text: str) -> _Condition:
    words = index_text(re.sub(r"[*?]", " ", text)).split()
    return _words_of_name([f'name : "{word}"*' for word in words])


def _words_of_name(terms: list[str]) -> _Condition:
    if not terms:
        return None
    return "study.sort_id IN (SELECT rowid FROM study_text WHERE study_text MATCH ?)", [" AND ".join(terms)]


_NARROW: dict[str, Callable[[str], _Condition]] = {
    "StudyInstanceUID": _uids("study.study_instance_uid"),
    "SeriesInstanceUID": _uids("series.series_instance_uid"),
    "SOPInstanceUID": _uids("instance.sop_instance_uid"),
    "PatientID": _literal("study.patient_id"),
    "AccessionNumber": _literal("study.accession_number"),
    "StudyDate": _study_date,
    "PatientName": _patient_name,
}
