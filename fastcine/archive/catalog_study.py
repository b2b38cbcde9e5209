"""A study's attributes as the database says them: DICOM text, and the answer to a search kept ready (PS3.18 annex F).

Expressions of SQL over the table `study`. A page of a worklist holds a thousand attributes: put together at each search
they took half of its time.
"""

from __future__ import annotations

_DATE = (
    "replace(CASE instr(study.study_date_text, ' ') WHEN 0 THEN study.study_date_text"
    " ELSE substr(study.study_date_text, 1, instr(study.study_date_text, ' ') - 1) END, '-', '')"
)
# Of an ISO time with seconds; a fraction where there is one.
_TIME = (
    "CASE instr(study.study_date_text, ' ') WHEN 0 THEN ''"
    " ELSE replace(substr(study.study_datetime, 12, 8), ':', '')"
    " || CASE substr(study.study_datetime, 20, 1) WHEN '.' THEN substr(study.study_datetime, 20, 7) ELSE '' END END"
)
_NAME = "study.patient_name || '=' || study.patient_name_ideographic || '=' || study.patient_name_phonetic"
_MODALITIES = "trim(study.modalities)"

STUDY_TEXTS = {
    "PatientName": f"rtrim({_NAME}, '=')",
    "PatientID": "study.patient_id",
    "IssuerOfPatientID": "study.issuer_of_patient_id",
    "PatientBirthDate": "replace(study.birth_date, '-', '')",
    "PatientSex": "study.sex",
    "StudyInstanceUID": "study.study_instance_uid",
    "StudyDate": _DATE,
    "StudyTime": _TIME,
    "AccessionNumber": "study.accession_number",
    "StudyID": "study.study_id",
    "StudyDescription": "study.description",
    "ReferringPhysicianName": "study.referring_physician_name",
    "InstitutionName": "study.institution_name",
    "ModalitiesInStudy": f"replace({_MODALITIES}, ' ', '\\')",
    "NumberOfStudyRelatedSeries": "study.series || ''",
    "NumberOfStudyRelatedInstances": "study.objects || ''",
}
"""Keyword to the SQL of its DICOM text, empty where there is no value; several values stand with `\\` between them."""
SEVERAL_VALUES = frozenset({"ModalitiesInStudy"})

URL_MARK, _MODALITIES_MARK, BORDER = "\x1c", "\x1d", "\x1e"
"""Where the service's root belongs in an answer, where the modalities, and what stands between two answers.

JSON text holds no control characters, so these are sure.
"""


def _text(tag: str, representation: str, keyword: str) -> str:
    text = STUDY_TEXTS[keyword]
    return _element(tag, representation, text, f"json_quote({text})")


def _name(tag: str, keyword: str) -> str:
    """A name's groups, those that are there."""
    text = STUDY_TEXTS[keyword]
    # JSON of the text with a border between the groups: a list of them.
    listed = f"""('[' || replace(json_quote({text}), '=', '","') || ']')"""
    parts = [
        f"""CASE coalesce(json_extract({listed}, '$[{place}]'), '') WHEN '' THEN ''"""
        f""" ELSE ',"{group}":' || json_quote(json_extract({listed}, '$[{place}]')) END"""
        for place, group in enumerate(("Alphabetic", "Ideographic", "Phonetic"))
    ]
    return _element(tag, "PN", text, f"""'{{' || substr({" || ".join(parts)}, 2) || '}}'""")


def _element(tag: str, representation: str, text: str, value: str) -> str:
    return f"""'"{tag}":{{"vr":"{representation}"' || CASE {text} WHEN '' THEN '}}'
        ELSE ',"Value":[' || {value} || ']}}' END"""


STUDY_ANSWER = """'{' || """ + " || ',' || ".join(
    (
        _text("00080020", "DA", "StudyDate"),
        _text("00080030", "TM", "StudyTime"),
        _text("00080050", "SH", "AccessionNumber"),
        """'"00080056":{"vr":"CS","Value":["ONLINE"]},"00080061":{"vr":"CS"'"""
        f" || char({ord(_MODALITIES_MARK)}) || '}}'",
        _name("00080090", "ReferringPhysicianName"),
        _text("00081030", "LO", "StudyDescription"),
        f"""'"00081190":{{"vr":"UR","Value":["' || char({ord(URL_MARK)}) || 'studies/'"""
        """ || substr(json_quote(study.study_instance_uid), 2) || ']}'""",
        _name("00100010", "PatientName"),
        _text("00100020", "LO", "PatientID"),
        _text("00100021", "LO", "IssuerOfPatientID"),
        _text("00100030", "DA", "PatientBirthDate"),
        _text("00100040", "CS", "PatientSex"),
        _text("0020000D", "UI", "StudyInstanceUID"),
        _text("00200010", "SH", "StudyID"),
    )
)
"""What is kept as `study.answer`, written with the row: all but what other objects of the study change.

A change of it needs a migration (schema.py) that writes the rows of before anew.
"""
STUDY_LINE = f"""
    replace(study.answer, char({ord(_MODALITIES_MARK)}), CASE {_MODALITIES} WHEN '' THEN ''
        ELSE ',"Value":[' || replace(json_quote({_MODALITIES}), ' ', '","') || ']' END)
    || ',"00201206":{{"vr":"IS","Value":[' || study.series || ']}},"00201208":{{"vr":"IS","Value":['
    || study.objects || ']}}}}'
"""
"""The answer whole: everything that an answer holds unasked at the study's level, in the order of tags."""
