"""Names, dates and ages as people read them; rows and banners as the viewer does."""

from datetime import UTC, date, datetime

import pytest

from fastcine.archive.record import PatientAndStudy, StudiesPage, StudyRow
from fastcine.viewmodel.names import age_text, birth_date_text, person_name
from fastcine.viewmodel.study import banner
from fastcine.viewmodel.worklist import worklist_page


@pytest.mark.parametrize(
    ("group", "shown"),
    [
        ("Phantom^Paula", "Phantom, Paula"),
        ("Adams^John Robert Quincy^^Rev.^B.A. M.Div.", "Adams, Rev. John Robert Quincy B.A. M.Div."),
        ("山田^太郎", "山田, 太郎"),
        ("Rubo DEMO", "Rubo DEMO"),
        ("^Only Given", "Only Given"),
        ("", ""),
        ("^^^^", ""),
        ("A^B^C^D^E^F^G", "A, D B C E"),
    ],
)
def test_person_names(group, shown):
    assert person_name(group) == shown


@pytest.mark.parametrize(
    ("born", "on", "text"),
    [
        ("1961-04-12", date(2026, 3, 1), "64 y"),
        ("1961-03-01", date(2026, 3, 1), "65 y"),
        ("2025-12-31", date(2026, 3, 1), "2 mo"),
        ("2026-02-20", date(2026, 3, 1), "9 d"),
        ("2027-01-01", date(2026, 3, 1), ""),
        ("", date(2026, 3, 1), ""),
        ("1961-04-12", None, ""),
        ("nonsense", date(2026, 3, 1), ""),
    ],
)
def test_ages(born, on, text):
    assert age_text(born, on) == text


def test_birth_dates():
    assert birth_date_text("1961-04-12") == "12 Apr 1961"
    assert birth_date_text("") == "unknown"


def test_what_is_unknown_is_said():
    body = banner(PatientAndStudy(study_instance_uid="1.2"))
    assert body["patient_name"] == "name unknown"
    assert body["patient_id"] == "unknown"
    assert body["birth_date_text"] == body["study_date_text"] == "unknown"


def test_worklist_rows():
    about = PatientAndStudy(
        study_instance_uid="1.2", patient_name="", patient_name_ideographic="山田^太郎", patient_id="7"
    )
    now = datetime(2026, 3, 1, tzinfo=UTC)
    row = StudyRow(
        sort_id=1, patient_and_study=about, modalities=("US", "XA"), runs=2, stills=1, objects=4, series=2,
        received=now, changed=now,
    )  # fmt: skip
    body = worklist_page(StudiesPage(studies=(row,), next="k", total=1))
    assert body["studies"][0]["patient_name"] == "山田, 太郎"
    assert body["studies"][0]["study_datetime"] is None
    assert body["next"] == "k"
