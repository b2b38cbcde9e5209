"""A study's presentation states, and the patient's other studies, as JSON (docs/api.md). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fastcine.archive.presentation_states import StudyStates
from fastcine.archive.record import InstanceRow, StudyDetail, StudyRow
from fastcine.cine.wire import run_id, run_name


def presentation_states(found: StudyStates) -> dict[str, Any]:
    """All states, each image that they name with its wire id."""
    return {
        "presentation_states": [
            {"sop_instance_uid": row.sop_instance_uid, "sop_class_uid": row.sop_class_uid, **_with_runs(state)}
            for row, state in found.states
        ],
        "unreadable": found.unreadable,
    }


def _with_runs(value: Any) -> Any:
    """The value with a `run` beside every `sop_instance_uid` in it."""
    if isinstance(value, Mapping):
        told = {key: _with_runs(inner) for key, inner in value.items()}
        uid = told.get("sop_instance_uid")
        return told | {"run": run_name(run_id(uid))} if uid else told
    return [_with_runs(inner) for inner in value] if isinstance(value, list) else value


def priors(study: StudyRow, others: Iterable[StudyDetail]) -> dict[str, Any]:
    """The other studies of a study's patient, in the order given."""
    return {"priors": [_prior(study, other) for other in others]}


def _prior(study: StudyRow, other: StudyDetail) -> dict[str, Any]:
    mine, theirs = study.patient_and_study.study_datetime, other.study.patient_and_study.study_datetime
    about = other.study.patient_and_study
    return {
        "study_instance_uid": about.study_instance_uid,
        "study_datetime": theirs.isoformat() if theirs else None,
        "study_date_text": about.study_date_text or "unknown",
        "earlier": None if mine is None or theirs is None else theirs < mine,
        "description": about.description,
        "modalities": list(other.study.modalities),
        "runs": [_run(instance) for instance in other.instances if instance.run is not None],
    }


def _run(instance: InstanceRow) -> dict[str, Any]:
    run = instance.run
    described: Mapping[str, Any] = (run.description if run else None) or {}
    return {
        "kind": instance.kind,
        "run": run.run if run else "",
        "sop_instance_uid": instance.sop_instance_uid,
        "modality": instance.modality,
        "label": instance.label,
        "frames": instance.frames,
        "state": run.state if run else "",
        "geometry": described.get("geometry"),
        "stage": described.get("stage"),
        "view": described.get("view"),
        "biplane": described.get("biplane"),
    }
