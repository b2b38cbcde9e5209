"""JSON for the viewer: how somebody wanted a study shown, and the patient's other studies."""

from __future__ import annotations

from aiohttp import web

from fastcine.archive.audit_log import AuditEvent
from fastcine.archive.presentation_states import StudyStates, read_states
from fastcine.archive.record import StudyDetail, StudyRow
from fastcine.server.access import looked_at
from fastcine.server.context import CONTEXT, Context
from fastcine.server.routes.studies import in_pool, json_response
from fastcine.viewmodel import history

MOST_PRIORS = 20
"""Enough for a lifetime in a cath lab; each costs a look at all of its runs."""


def _states(context: Context, study_instance_uid: str) -> StudyStates:
    return read_states(context.folder, context.index.study(study_instance_uid).instances)


async def presentation_states(request: web.Request) -> web.Response:
    """The study's softcopy presentation states as values."""
    context, uid = request.app[CONTEXT], request.match_info["study_instance_uid"]
    found = await in_pool(context, _states, context, uid)
    looked_at(request, uid, AuditEvent.OPENED)
    return json_response(history.presentation_states(found))


def _priors(context: Context, study_instance_uid: str) -> tuple[StudyRow, list[StudyDetail]]:
    """The study, and the patient's other ones: who may see this patient (admit has looked) may see them."""
    study = context.index.study_row(study_instance_uid)
    about = study.patient_and_study
    rows = context.index.studies_of_patient(about.patient_id, about.issuer_of_patient_id, limit=MOST_PRIORS + 1)
    uids = [row.patient_and_study.study_instance_uid for row in rows]
    others = [uid for uid in uids if uid != study_instance_uid][:MOST_PRIORS]
    return study, [context.index.study(uid) for uid in others]


async def priors(request: web.Request) -> web.Response:
    """The other studies of the same patient, newest first, with their runs."""
    context, uid = request.app[CONTEXT], request.match_info["study_instance_uid"]
    study, others = await in_pool(context, _priors, context, uid)
    looked_at(request, uid, AuditEvent.OPENED)  # what is opened of the others says so itself
    return json_response(history.priors(study, others))


def add(app: web.Application) -> None:
    """Routes of this module."""
    app.router.add_get("/api/studies/{study_instance_uid}/presentation-states", presentation_states)
    app.router.add_get("/api/studies/{study_instance_uid}/priors", priors)
