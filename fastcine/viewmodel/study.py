"""A study's banner and film strip as JSON (docs/api.md). Pure."""

from __future__ import annotations

from typing import Any

from fastcine.archive.record import InstanceRow, PatientAndStudy, RunRow, StudyDetail
from fastcine.archive.video_stream import only_lacks_pyav
from fastcine.viewmodel.biplane import biplane_pairs
from fastcine.viewmodel.names import age_text, birth_date_text, person_name


def banner(about: PatientAndStudy) -> dict[str, Any]:
    """Who this is: name and ID are always there, "unknown" said where the objects are silent."""
    name = person_name(about.patient_name)
    ideographic = person_name(about.patient_name_ideographic)
    on = about.study_datetime.date() if about.study_datetime else None
    return {
        "patient_name": name or ideographic or "name unknown",
        "patient_name_ideographic": ideographic,
        "patient_name_phonetic": person_name(about.patient_name_phonetic),
        "patient_id": about.patient_id or "unknown",
        "issuer": about.issuer_of_patient_id,
        "birth_date": about.birth_date or None,
        "birth_date_text": birth_date_text(about.birth_date),
        "age_text": age_text(about.birth_date, on),
        "sex": about.sex,
        "study_date_text": about.study_date_text or "unknown",
        "description": about.description,
        "accession_number": about.accession_number,
        "institution": about.institution_name,
    }


def tile(instance: InstanceRow) -> dict[str, Any]:
    """One tile of the strip."""
    run = instance.run
    if run is None or instance.kind == "other":
        return {
            "kind": "other",
            "label": instance.label,
            "sop_instance_uid": instance.sop_instance_uid,
            "sop_class_uid": instance.sop_class_uid,
        }
    return {
        "kind": instance.kind,
        "run": run.run,
        "sop_instance_uid": instance.sop_instance_uid,
        "label": instance.label,
        "frames": instance.frames,
        "description": run.description,
        "ready": list(run.made),
        "complete": run.complete,
        "state": run.state,
        "message": run.message,
        "video_url": video_url(run),
    }


def video_url(run: RunRow) -> str | None:
    """Where the browser gets the video that it has to play itself, since nothing here can; else None."""
    return f"/api/runs/{run.run}/video" if only_lacks_pyav(run) else None


def study(detail: StudyDetail) -> dict[str, Any]:
    """The whole study, tiles in acquisition order."""
    told = {
        "study_instance_uid": detail.study.patient_and_study.study_instance_uid,
        "banner": banner(detail.study.patient_and_study),
        "tiles": [tile(instance) for instance in detail.instances],
    }
    pairs = biplane_pairs([instance.run.description for instance in detail.instances if instance.run is not None])
    return told | {"biplane_pairs": pairs} if pairs else told
