"""QIDO-RS (PS3.18 8.3.4, 10.6): parameters to a query, matches to answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from operator import itemgetter

from pydicom.datadict import dictionary_keyword

from fastcine.archive.catalog import Query
from fastcine.archive.catalog_rows import ATTRIBUTES, Level, Values
from fastcine.dicomweb.json_model import Json, writing
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


def teller(asked: Asked, fixed: Mapping[str, str], base_url: str) -> Callable[[Values], Json]:
    """What makes an object of the JSON model of a match, its attributes in the order of tags.

    It tells what is usual at the query's level (and above, where the path does not say it) and what was asked for.
    """
    level = asked.query.level
    above = Level.SERIES if "SeriesInstanceUID" in fixed else Level.STUDY if "StudyInstanceUID" in fixed else None
    told = [(*writing(keyword), keyword) for keyword in ("RetrieveURL", "InstanceAvailability")]
    for keyword, attribute in ATTRIBUTES.items():
        own = above is None or attribute.level > above or attribute.level == level
        usual = attribute.returned and own
        if attribute.level <= level and (usual or keyword in asked.include or keyword in fixed):
            told.append((*writing(keyword), keyword))
    told.sort(key=itemgetter(0))

    def tell(row: Values) -> Json:
        said = {**row, "RetrieveURL": (base_url + _path_of(row, level),), "InstanceAvailability": ("ONLINE",)}
        found: Json = {}
        for tag, representation, convert, keyword in told:
            texts = said[keyword]
            found[tag] = {"vr": representation}
            if texts:
                found[tag]["Value"] = texts if convert is None else [convert(text) for text in texts]
        return found

    return tell


def retrieve_path(study_instance_uid: str, series_instance_uid: str = "", sop_instance_uid: str = "") -> str:
    """Where a study, one of its series or an instance is found below the service's root."""
    path = f"studies/{study_instance_uid}"
    if series_instance_uid:
        path += f"/series/{series_instance_uid}"
    return f"{path}/instances/{sop_instance_uid}" if sop_instance_uid else path


def _path_of(row: Values, level: Level) -> str:
    levels = (Level.STUDY, Level.SERIES, Level.IMAGE)
    return retrieve_path(*(row[_UID_OF[each]][0] for each in levels if each <= level))
