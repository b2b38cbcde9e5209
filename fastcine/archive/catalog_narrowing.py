"""What the database does of a query: conditions that every match fulfils, and where its walk along the studies begins.

Nothing here decides a match: that is dicom/matching.py, over what the walk finds. Pure: SQL text and its parameters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from fastcine.archive.index_mapping import study_sort_id
from fastcine.archive.search_text import INITIAL_MARK, index_text
from fastcine.dicom.matching import bounds

Condition = tuple[str, list[object]]
"""SQL and its parameters."""
NEWEST = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Walk:
    """Studies, newest first: `tables` to select from, `place` the column of their order, `conditions` on them.

    Nothing outside `low` to `high` (both included) matches. Ends of the walk and no conditions: of several bounds on
    one side SQLite goes by any, and from the newest study to a week of years ago it is far.
    """

    tables: str
    place: str
    conditions: tuple[Condition, ...]
    low: int = 0
    high: int = NEWEST


def study_walk(keys: Mapping[str, str], *, fuzzy: bool) -> Walk:
    """Where to find the studies that a query is about, in one of four ways, the most selective that there is.

    By a unique key; else through the words of the patient's name; else through a modality; else all of them. The last
    three are walks in the order of the answer, so that a page is found without the rest.
    """
    asked = {keyword: text for keyword, text in keys.items() if text.strip() not in ("", "*")}
    conditions = [
        each
        for keyword, text in asked.items()
        if not (fuzzy and keyword in _NAMES) and (each := _condition(_STUDY, keyword, text)) is not None
    ]
    tables, place = "study", "study.sort_id"
    if not any(_is_pointed(keyword, text) for keyword, text in asked.items()):
        words, modality = _name_words(asked.get("PatientName", ""), fuzzy=fuzzy), _modality(asked)
        if words:
            tables, place = "study_text CROSS JOIN study ON study.sort_id = study_text.rowid", "study_text.rowid"
            conditions.insert(0, ("study_text MATCH ?", [words]))
        elif modality:
            tables, place = (
                "study_modality CROSS JOIN study ON study.sort_id = study_modality.sort_id",
                "study_modality.sort_id",
            )
            conditions.insert(0, ("study_modality.modality = ?", [modality]))
    between = _study_dates(asked["StudyDate"]) if "StudyDate" in asked else None
    return Walk(tables, place, tuple(conditions), *(between or ()))


def child_conditions(keys: Mapping[str, str]) -> tuple[Condition, ...]:
    """Conditions on the series and instances of one study."""
    asked = {keyword: text for keyword, text in keys.items() if text.strip() not in ("", "*")}
    return tuple(each for keyword, text in asked.items() if (each := _condition(_CHILD, keyword, text)) is not None)


_Narrow = Callable[[str], Condition | None]


def _condition(table: Mapping[str, _Narrow], keyword: str, text: str) -> Condition | None:
    narrow = table.get(keyword)
    if narrow is None or (len(text) > LONGEST_PATTERN and not keyword.endswith("UID")):
        return None
    return narrow(text)


def _is_pointed(keyword: str, text: str) -> bool:
    """Whether a key leads to few studies by an index of its own."""
    if keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        return True
    return keyword in ("PatientID", "AccessionNumber") and not re.search(r"[*?\\]", text)


MOST_PARAMETERS = 30_000
"""SQLite takes 32 766 (SQLITE_MAX_VARIABLE_NUMBER); a longer list is matched row by row."""
LONGEST_PATTERN = 1024
"""Code points of a pattern that SQLite is asked for (it refuses 50 000 bytes); no attribute holds as much."""


def _listed(text: str) -> list[object]:
    return [uid.strip("\0 ") for uid in re.split(r"[\\,]", text)]


def _uids(condition: str) -> _Narrow:
    """`condition` with a list of UIDs in the place of `{}`."""

    def narrow(text: str) -> Condition | None:
        uids = _listed(text)
        if len(uids) > MOST_PARAMETERS:
            return None
        return condition.format(f"({', '.join('?' * len(uids))})"), uids

    return narrow


def _glob(text: str) -> str:
    """DICOM's wildcards are GLOB's; a bracket is not."""
    return text.replace("[", "[[]")


def _text(column: str, *, indexed: bool = False) -> _Narrow:
    """Equal where there is no wildcard, else GLOB; of an index a walk along what begins as the pattern does."""

    def one(asked: str) -> Condition:
        beginning = re.split(r"[*?]", asked)[0]
        if beginning == asked:
            # The second half lets SQLite use an index that leaves out the empty text.
            not_empty = f" AND {column} <> ''" if indexed else ""
            return f"{column} = ?{not_empty}", [asked]
        if indexed and beginning:
            # The last code point there is: everything that begins so lies between.
            return f"{column} BETWEEN ? AND ? AND {column} GLOB ?", [beginning, beginning + "\U0010ffff", _glob(asked)]
        return f"{column} GLOB ?", [_glob(asked)]

    def narrow(text: str) -> Condition | None:
        found = [one(part.strip()) for part in text.split("\\")]
        joined = " OR ".join(f"({condition})" for condition, _ in found)
        return f"({joined})", [each for _, parameters in found for each in parameters]

    return narrow


def _number(column: str) -> _Narrow:
    def narrow(text: str) -> Condition | None:
        try:
            return f"{column} = ?", [float(text)]
        except ValueError:
            return "0", []

    return narrow


def _iso_dates(text: str) -> list[object] | None:
    """A range's first and last date as the index keeps them; one that stops early means all that begins so."""
    first, last = (_digits(bound) for bound in bounds(text))
    if not all(re.fullmatch("[0-9]{0,8}", bound) for bound in (first, last)):
        return None
    low, high = first + "00000101"[len(first) :], last + "99991231"[len(last) :]
    return [f"{date[:4]}-{date[4:6]}-{date[6:]}" for date in (low, high)]


def _digits(date: str) -> str:
    return re.sub(r"[.\-/ ]", "", date)


def _birth_dates(text: str) -> Condition | None:
    between = _iso_dates(text)
    return None if between is None else ("study.birth_date BETWEEN ? AND ?", between)


def _written_dates(text: str) -> Condition | None:
    """By the date as it is written, where all of it is."""
    between = _iso_dates(text)
    whole = "study.study_date_text GLOB '????-??-??*'"
    within = f"(NOT {whole} OR substr(study.study_date_text, 1, 10) BETWEEN ? AND ?)"
    return None if between is None else (within, between)


_NAMES = ("PatientName", "ReferringPhysicianName")
_FOLDED_TO_ASCII = "ßİŉſǰẖẗẘẙẚẞKﬀﬁﬂﬃﬄﬅﬆ"
"""What str.casefold makes ASCII letters of, as matching.py does and LIKE does not."""


def _name_like(columns: Sequence[str], text: str) -> Condition:
    """Names as they are written: LIKE folds ASCII letters; other letters of the pattern are left to matching.py.

    `columns`: the name's component groups. One group, as a key mostly is, stands at the name's beginning or behind a
    `=`; where something else than printable ASCII stands there, which may be a blank of any kind, it is looked for
    everywhere. All that is only asked of a name that is not plain, which hardly any is: it costs more than the walk.
    """
    first, whole = columns[0], "(" + " || '=' || ".join(columns) + ")"
    pieces = re.split(r"[*?^=\s]+", re.sub(r"[^\0-\x7f]", "*", text.casefold()))
    pattern = "%".join(re.sub(r"([%_!])", r"!\1", piece) for piece in pieces)
    like, anywhere = f"{whole} LIKE ? ESCAPE '!'", f"%{pattern}%"
    # Whether there is anything but ASCII is asked first: it is the cheaper question.
    odd = f"{whole} GLOB '*[^ -~]*' AND {whole} GLOB '*[{_FOLDED_TO_ASCII}]*'"
    if "=" in text or not pieces[0]:
        return f"({like} OR {odd})", [anywhere]
    blank = f"({whole} GLOB '[^!-~]*' OR {whole} GLOB '*=[^!-~]*')"
    special = [*(f"{group} <> ''" for group in columns[1:]), f"{first} GLOB '*[^ -~]*'", f"{first} GLOB ' *'"]
    special.append(f"instr({first}, '=')")
    either = f"({like} OR {like} OR {blank} AND {like} OR {odd})"
    return (
        f"({first} LIKE ? ESCAPE '!' OR ({' OR '.join(special)}) AND {either})",
        [f"{pattern}%", f"{pattern}%", f"%={pattern}%", anywhere],
    )


def _name_words(text: str, *, fuzzy: bool) -> str:
    """The full-text expression of a name: every word that begins without a wildcard. Empty where there is none."""
    if fuzzy:
        return " AND ".join(map(_beginning, index_text(re.sub(r"[*?]", " ", text)).split()))
    terms = []
    for word in re.split(r"[\s^=]+", text):
        beginning, *more = re.split(r"[*?]", word)
        words = index_text(beginning)
        if words:
            terms.append(_beginning(words) if more else f'name : "{words}"')
    return " AND ".join(terms)


def _beginning(words: str) -> str:
    """The full-text term of what begins so; of an initial, by the word that is kept of it (search_text.py)."""
    return f'name : "{INITIAL_MARK}{words}"' if re.fullmatch("[a-z]", words) else f'name : "{words}"*'


def _modality(asked: Mapping[str, str]) -> str:
    """The one modality that every study found must have; empty where that is not said."""
    for keyword in ("ModalitiesInStudy", "Modality"):
        text = asked.get(keyword, "").strip()
        if text and not re.search(r"[*?\\\s]", text):
            return text
    return ""


def _has_modality(text: str) -> Condition | None:
    modality = _modality({"Modality": text})
    return ("' ' || study.modalities || ' ' GLOB ?", [f"* {_glob(modality)} *"]) if modality else None


def _study_dates(text: str) -> tuple[int, int] | None:
    """By the study's place, which is its time in UTC: a day more on either side, for zones."""
    first, last = bounds(text)
    low, high = _moment(first, datetime(1801, 1, 1, tzinfo=UTC)), _moment(last, datetime(9000, 1, 1, tzinfo=UTC))
    if low is None or high is None:
        return None
    day = timedelta(days=1)
    return study_sort_id(low - day, 0), study_sort_id(high + 2 * day, 0)


def _moment(text: str, otherwise: datetime) -> datetime | None:
    digits = _digits(text)
    if not digits:
        return otherwise
    try:
        return datetime.strptime(digits, "%Y%m%d").replace(tzinfo=UTC)
    except ValueError:
        return None


_STUDY: dict[str, _Narrow] = {
    "StudyDate": _written_dates,
    "StudyInstanceUID": _uids("study.study_instance_uid IN {}"),
    "SeriesInstanceUID": _uids("study.serial IN (SELECT study FROM series WHERE series_instance_uid IN {})"),
    "SOPInstanceUID": _uids(
        "study.serial IN (SELECT series.study FROM instance JOIN series ON series.id = instance.series"
        " WHERE instance.sop_instance_uid IN {})"
    ),
    "PatientName": partial(
        _name_like, ("study.patient_name", "study.patient_name_ideographic", "study.patient_name_phonetic")
    ),
    "PatientID": _text("study.patient_id", indexed=True),
    "IssuerOfPatientID": _text("study.issuer_of_patient_id"),
    "PatientBirthDate": _birth_dates,
    "PatientSex": _text("study.sex"),
    "AccessionNumber": _text("study.accession_number", indexed=True),
    "StudyID": _text("study.study_id"),
    "StudyDescription": _text("study.description"),
    "InstitutionName": _text("study.institution_name"),
    "ReferringPhysicianName": partial(_name_like, ("study.referring_physician_name",)),
    "ModalitiesInStudy": _has_modality,
    "Modality": _has_modality,
    "NumberOfStudyRelatedSeries": _number("study.series"),
    "NumberOfStudyRelatedInstances": _number("study.objects"),
}
_CHILD: dict[str, _Narrow] = {
    "SeriesInstanceUID": _uids("series.series_instance_uid IN {}"),
    "SOPInstanceUID": _uids("instance.sop_instance_uid IN {}"),
    "SOPClassUID": _uids("instance.sop_class_uid IN {}"),
    "AvailableTransferSyntaxUID": _uids("instance.transfer_syntax_uid IN {}"),
    "Modality": _text("series.modality"),
    "SeriesDescription": _text("series.series_description"),
    "SeriesNumber": _number("series.series_number"),
    "InstanceNumber": _number("instance.instance_number"),
}
