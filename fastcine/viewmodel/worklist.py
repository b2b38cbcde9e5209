"""Worklist rows as JSON (docs/api.md). Pure."""

from __future__ import annotations

from typing import Any

from fastcine.archive.record import StudiesPage, StudyRow
from fastcine.viewmodel.names import birth_date_text, person_name


def study_row(row: StudyRow) -> dict[str, Any]:
    """One row."""
    about = row.patient_and_study
    return {
        "study_instance_uid": about.study_instance_uid,
        "patient_name": person_name(about.patient_name)
        or person_name(about.patient_name_ideographic)
        or person_name(about.patient_name_phonetic),
        "patient_id": about.patient_id,
        "birth_date": about.birth_date or None,
        "birth_date_text": birth_date_text(about.birth_date),
        "sex": about.sex,
        "study_datetime": about.study_datetime.isoformat() if about.study_datetime else None,
        "study_date_text": about.study_date_text or "unknown",
        "modalities": list(row.modalities),
        "description": about.description,
        "accession_number": about.accession_number,
        "runs": row.runs,
        "stills": row.stills,
        "objects": row.objects,
    }


def worklist_page(page: StudiesPage) -> dict[str, Any]:
    """One page of studies, newest first."""
    return {"studies": [study_row(row) for row in page.studies], "next": page.next, "total": page.total}
