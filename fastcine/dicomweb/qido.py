"""QIDO-RS (PS3.18 8.3.4, 10.6): parameters to a query, matches to answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import orjson
from pydicom.datadict import dictionary_keyword

from fastcine.archive.catalog import Query, matches_of, study_lines
from fastcine.archive.catalog_rows import ATTRIBUTES, Level, Values
from fastcine.archive.catalog_study import URL_MARK
from fastcine.archive.index import Index
from fastcine.dicomweb.json_model import attribute_writer, tag_text
from fastcine.errors import UsageError

DEFAULT_LIMIT = 1000
MOST_LIMIT = 10_000
_UID_OF = {Level.STUDY: "StudyInstanceUID", Level.SERIES: "SeriesInstanceUID", Level.IMAGE: "SOPInstanceUID"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A parsed query. `include`: keywords wanted beside the usual ones; `unmatched`: keys nothing is matched by."""

    query: Query
    include: frozenset[str]
    unmatched: tuple[str, ...]


def keyword_of(name: str) -> str:
    """`PatientID` of `PatientID` or `00100020`. Raises UsageError."""
    if re.fullmatch("[0-9A-Fa-f]{8}", name):
        try:
            return str(dictionary_keyword(int(name, 16)))
        except KeyError:
            raise UsageError(f"{name} is no attribute that can be asked for") from None
    if not re.fullmatch("[A-Z][A-Za-z0-9]{1,63}", name):
        raise UsageError("a query parameter is neither a keyword nor a tag")
    return name


def parse(level: Level, parameters: Iterable[tuple[str, str]], fixed: Mapping[str, str]) -> Asked:
    """A query from URL parameters; `fixed` are the UIDs of its path. Raises UsageError."""
    keys, include, unmatched = dict(fixed), set[str](), list[str]()
    limit, offset, fuzzy = DEFAULT_LIMIT, 0, False
    for name, value in parameters:
        match name:
            case "limit":
                limit = min(_whole(name, value), MOST_LIMIT)
            case "offset":
                offset = _whole(name, value)
            case "fuzzymatching":
                fuzzy = _flag(name, value)
            case "includefield":
                every = value == "all"
                include |= set(ATTRIBUTES) if every else {keyword_of(each) for each in value.split(",") if each}
            case "accept" | "charset" | "emptyvaluematching" | "multiplevaluematching":
                continue
            case _:
                keyword = keyword_of(name.split(".")[0])
                attribute = ATTRIBUTES.get(keyword)
                if "." in name or attribute is None or attribute.level > level:
                    unmatched.append(keyword)
                elif keyword not in fixed:
                    keys[keyword] = value
                    include.add(keyword)
                elif value != fixed[keyword]:
                    raise UsageError(f"{keyword} is another one in the path")
    query = Query(level=level, keys=keys, fuzzy=fuzzy, offset=offset, limit=limit)
    return Asked(query, frozenset(include), tuple(unmatched))


def _whole(name: str, value: str) -> int:
    if not re.fullmatch("[0-9]{1,9}", value):
        raise UsageError(f"{name} must be a whole number")
    return int(value)


def _flag(name: str, value: str) -> bool:
    if value.lower() not in ("true", "false"):
        raise UsageError(f"{name} must be true or false")
    return value.lower() == "true"


def answer_keywords(asked: Asked, fixed: Mapping[str, str]) -> list[str]:
    """The keywords of an answer's attributes in the order of tags.

    What is usual at the query's level (and above, where the path does not say it) and what was asked for.
    """
    level = asked.query.level
    above = Level.SERIES if "SeriesInstanceUID" in fixed else Level.STUDY if "StudyInstanceUID" in fixed else None
    keywords = ["RetrieveURL", "InstanceAvailability"]
    for keyword, attribute in ATTRIBUTES.items():
        own = above is None or attribute.level > above or attribute.level == level
        usual = attribute.returned and own
        if attribute.level <= level and (usual or keyword in asked.include or keyword in fixed):
            keywords.append(keyword)
    return sorted(keywords, key=tag_text)


def answers(index: Index, query: Query, keywords: Sequence[str], base_url: str) -> Iterator[bytes]:
    """Matches as objects of the DICOM JSON model: studies as they are kept ready, the others put together here."""
    if query.level is Level.STUDY and keywords == _KEPT:
        root = orjson.dumps(base_url)[1:-1].decode()
        return (line.replace(URL_MARK, root).encode() for line in study_lines(index, query))
    return map(answer_writer(keywords, query.level, base_url), matches_of(index, query))


def answer_writer(keywords: Sequence[str], level: Level, base_url: str) -> Callable[[Values], bytes]:
    """What makes JSON text of the DICOM JSON model of a match."""
    online = attribute_writer("InstanceAvailability")(("ONLINE",))
    write_url = attribute_writer("RetrieveURL")
    parts = {keyword: _of_row(keyword) for keyword in keywords}
    parts["InstanceAvailability"] = lambda _: online
    parts["RetrieveURL"] = lambda row: write_url((base_url + _path_of(row, level),))
    return lambda row: b"{" + b",".join([part(row) for part in parts.values()]) + b"}"


_KEPT = answer_keywords(Asked(Query(level=Level.STUDY), frozenset(), ()), {})
"""What the index keeps ready of a study (`STUDY_LINE`)."""


def _of_row(keyword: str) -> Callable[[Values], bytes]:
    write = attribute_writer(keyword)
    return lambda row: write(row[keyword])


def retrieve_path(study_instance_uid: str, series_instance_uid: str = "", sop_instance_uid: str = "") -> str:
    """Where a study, one of its series or an instance is found below the service's root."""
    path = f"studies/{study_instance_uid}"
    if series_instance_uid:
        path += f"/series/{series_instance_uid}"
    return f"{path}/instances/{sop_instance_uid}" if sop_instance_uid else path


def _path_of(row: Values, level: Level) -> str:
    levels = (Level.STUDY, Level.SERIES, Level.IMAGE)
    return retrieve_path(*(row[_UID_OF[each]][0] for each in levels if each <= level))
