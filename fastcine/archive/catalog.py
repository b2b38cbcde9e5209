"""Queries by DICOM keys over the index, for C-FIND and QIDO-RS alike: one table of attributes, one search.

The database walks along the studies, newest first, and drops what it can tell is no match (catalog_narrowing.py); what
it hands over, a few hundred studies at a time, is then matched exactly (dicom/matching.py). However much matches, no
more is held than such a batch and the instances of one study, and no read transaction outlasts it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import NamedTuple

import orjson

from fastcine.archive.catalog_narrowing import Condition, child_conditions, study_walk
from fastcine.archive.catalog_rows import (
    ATTRIBUTES,
    IMAGE_COLUMNS,
    SERIES_COLUMNS,
    Level,
    Row,
    Values,
    image_values,
    series_values,
)
from fastcine.archive.catalog_study import BORDER, SEVERAL_VALUES, STUDY_LINE, STUDY_TEXTS
from fastcine.archive.index import Index
from fastcine.archive.index_mapping import INSTANCE_QUERY, instance_row
from fastcine.archive.record import InstanceRow
from fastcine.dicom.matching import matcher
from fastcine.errors import UsageError

BATCH_STUDIES = 256
MOST_ROWS = 10_000
"""`search` holds no more; who needs more asks in pages, or walks (`matches_of`)."""
_OF_PATIENT = frozenset(keyword for keyword, attribute in ATTRIBUTES.items() if attribute.level is Level.PATIENT)
_IMAGE_ORDER = "series.series_number, series.id, instance.instance_number, instance.id"


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
    """One page of matches, at most MOST_ROWS. Raises UsageError for a key that cannot be matched at its level."""
    most = min(MOST_ROWS, query.limit if query.limit is not None else MOST_ROWS)
    found = list(islice(matches_of(index, query), query.offset, query.offset + most + 1))
    return Found(tuple(found[:most]), more=len(found) > most)


def matches_of(index: Index, query: Query) -> Iterator[Values]:
    """All matches from the first, newest study first, whatever `offset` and `limit` are. Raises as `search` does.

    Batches are read as they are asked for: a study that comes or changes in the meantime may be among them or not.
    """
    for keyword in query.keys:
        attribute = ATTRIBUTES.get(keyword)
        if attribute is not None and attribute.level > query.level:
            raise UsageError(f"{keyword} is no key at the {query.level.name} level")
    return _matches_of(index, query)


def study_lines(index: Index, query: Query) -> Iterator[str]:
    """As `matches_of` at the STUDY level, each as JSON text (`STUDY_LINE`)."""
    keys = _Keys(query, Level.PATIENT, Level.STUDY)
    for rows, lines in _batches(index, query, keys.keywords, STUDY_LINE):
        if keys.keywords:
            found = zip(rows, lines, strict=True)
            yield from (line for (_, _, _, *texts), line in found if keys.match_texts(texts))
        else:
            yield from lines


def _matches_of(index: Index, query: Query) -> Iterator[Values]:
    above, below = _Keys(query, Level.PATIENT, Level.STUDY), _Keys(query, Level.SERIES, Level.IMAGE)
    conditions = child_conditions(query.keys)
    patients = set[str]()
    for study in _studies(index, query, tuple(STUDY_TEXTS)):
        if not above.match(study.values):
            continue
        if query.level is Level.PATIENT:
            patient = {keyword: texts for keyword, texts in study.values.items() if keyword in _OF_PATIENT}
            known = "\\".join((*patient["PatientID"], "", *patient["IssuerOfPatientID"]))
            if known not in patients:
                patients.add(known)
                yield patient
        elif query.level is Level.STUDY:
            yield study.values
        else:
            for child in _children(index, query.level, study.serial, conditions):
                found = study.values | series_values(child[: len(SERIES_COLUMNS)], study.datetime)
                if query.level is Level.IMAGE:
                    found |= image_values(child[len(SERIES_COLUMNS) :])
                if below.match(found):
                    yield found


class _Keys:
    """The keys of some levels."""

    def __init__(self, query: Query, first: Level, last: Level) -> None:
        self._asked = {
            keyword: matcher(ATTRIBUTES[keyword].matching, text, fuzzy=query.fuzzy)
            for keyword, text in query.keys.items()
            if keyword in ATTRIBUTES and first <= ATTRIBUTES[keyword].level <= last
        }

    @property
    def keywords(self) -> tuple[str, ...]:
        """What is asked for."""
        return tuple(self._asked)

    def match(self, values: Values) -> bool:
        """Whether `values` are what is asked for."""
        return all(is_wanted(values.get(keyword, ())) for keyword, is_wanted in self._asked.items())

    def match_texts(self, texts: Sequence[str]) -> bool:
        """The same of a study's texts, as the database says them (`STUDY_TEXTS`), in the order of `keywords`."""
        asked = zip(self._asked.items(), texts, strict=True)
        return all(is_wanted(_split(keyword, text)) for (keyword, is_wanted), text in asked)


class _Study(NamedTuple):
    """A study that may match."""

    serial: int
    datetime: str
    values: Values


def _studies(index: Index, query: Query, keywords: Sequence[str]) -> Iterator[_Study]:
    """Studies that may match, with the values of `keywords`, newest first, read in batches."""
    for rows, _ in _batches(index, query, keywords):
        for _, serial, moment, *texts in rows:
            yield _Study(serial, moment, _values(keywords, texts))


def _batches(
    index: Index, query: Query, keywords: Sequence[str], line: str = "''"
) -> Iterator[tuple[list[Row], list[str]]]:
    """Studies that may match, newest first: place, serial, moment and the texts of `keywords`; and `line` of each."""
    walk = study_walk(query.keys, fuzzy=query.fuzzy)
    conditions = walk.conditions
    if query.patient_ids is not None:
        marks = ", ".join("?" * len(query.patient_ids))
        conditions += ((f"study.patient_id IN ({marks})", list(query.patient_ids)),)
    columns = ["study.sort_id", "study.serial", "study.study_datetime", *(STUDY_TEXTS[each] for each in keywords)]
    before = walk.high
    # What one page needs, where every study of the walk is a match.
    most = BATCH_STUDIES if query.limit is None else min(BATCH_STUDIES, query.offset + query.limit + 1)
    while True:
        where, parameters = _joined((*conditions, (f"{walk.place} BETWEEN ? AND ?", [walk.low, before])))
        rest = f"{walk.tables} WHERE {where} ORDER BY {walk.place} DESC LIMIT {most}"
        rows, lines = _read(index, columns, rest, parameters, line)
        yield rows, lines
        if len(rows) < most:
            return
        before, most = rows[-1][0] - 1, min(BATCH_STUDIES, 2 * most)


def _values(keywords: Sequence[str], texts: Sequence[str]) -> Values:
    return {keyword: _split(keyword, text) for keyword, text in zip(keywords, texts, strict=True)}


def _split(keyword: str, text: str) -> tuple[str, ...]:
    return () if not text else tuple(text.split("\\")) if keyword in SEVERAL_VALUES else (text,)


def _children(index: Index, level: Level, study: int, conditions: tuple[Condition, ...]) -> list[Row]:
    """A study's series, or its instances with their series before them."""
    where, parameters = _joined((("series.study = ?", [study]), *conditions))
    columns, tables, order = [f"series.{name}" for name in SERIES_COLUMNS], "series", "series.series_number, series.id"
    if level is Level.IMAGE:
        columns += [f"instance.{name}" for name in IMAGE_COLUMNS]
        tables, order = "series JOIN instance ON instance.series = series.id", _IMAGE_ORDER
    return _read(index, columns, f"{tables} WHERE {where} ORDER BY {order}", parameters)[0]


def _joined(conditions: tuple[Condition, ...]) -> tuple[str, list[object]]:
    where = " AND ".join(condition for condition, _ in conditions)
    return where, [value for _, values in conditions for value in values]


def _read(
    index: Index,
    columns: Sequence[str],
    rest: str,
    parameters: list[object],
    line: str = "''",
) -> tuple[list[Row], list[str]]:
    """Rows of these columns, and of each the text that `line` is the SQL of; `rest` stands behind them in the SELECT.

    All of them in one value: at every row that sqlite3 hands over it lets go of the interpreter's lock, and a few
    searches at once, beside an event loop, spent more time in taking it again than in searching.
    """
    named = ", ".join(f"{column} AS c{place}" for place, column in enumerate(columns))
    values = ", ".join(f"c{place}" for place in range(len(columns)))
    statement = (
        f"SELECT json_group_array(json_array({values})), group_concat(line, char({ord(BORDER)}))"
        f" FROM (SELECT {line} AS line, {named} FROM {rest})"
    )
    told, lines = index.read(lambda connection: connection.execute(statement, parameters).fetchone())
    rows: list[Row] = orjson.loads(told)
    return rows, (lines or "").split(BORDER) if rows else []


def instances(index: Index, keys: Mapping[str, str], *, most: int) -> list[InstanceRow]:
    """The objects that a retrieve's unique keys name, in the order of `search`; `most` + 1 where there are more."""
    asked = _Keys(Query(level=Level.IMAGE, keys=keys), Level.PATIENT, Level.PATIENT)
    conditions = child_conditions(keys)
    found: list[InstanceRow] = []
    for study in _studies(index, Query(level=Level.IMAGE, keys=keys), asked.keywords):
        if asked.match(study.values):
            where, parameters = _joined((("series.study = ?", [study.serial]), *conditions))
            statement = f"{INSTANCE_QUERY} WHERE {where} ORDER BY {_IMAGE_ORDER} LIMIT {most + 1 - len(found)}"
            found += index.read(partial(_instance_rows, statement=statement, parameters=parameters))
            if len(found) > most:
                break
    return found


def _instance_rows(connection: sqlite3.Connection, statement: str, parameters: list[object]) -> list[InstanceRow]:
    return [instance_row(row) for row in connection.execute(statement, parameters)]
