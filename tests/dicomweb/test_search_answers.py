"""What a search answers of a study, as the database keeps it: held to what is put together without it."""

import json
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fastcine.archive.catalog import Query, matches_of
from fastcine.archive.catalog_rows import Level
from fastcine.archive.catalog_study import STUDY_ANSWER
from fastcine.archive.index import Index
from fastcine.archive.schema import MIGRATIONS
from fastcine.dicomweb import qido
from tests.archive.factories import record, stored_as

ROOT = 'http://archive "1"/dicomweb/'
# What JSON escapes, what borders groups and values, what SQL quotes, more than ASCII; none begins or ends with a blank.
WORDS = st.text(st.sampled_from("aZ9^\"\\/'%?,[]{}:\t\n\x1c\x1d\x1e\x1fé山\U0001f600 "), max_size=12).map(str.strip)
NAMES = st.lists(WORDS, max_size=3).map("=".join).map(lambda name: name.rstrip("="))
STUDIES = st.fixed_dictionaries(
    {
        "patient_name": WORDS,
        "patient_name_ideographic": WORDS,
        "patient_name_phonetic": WORDS,
        "patient_id": WORDS,
        "issuer_of_patient_id": WORDS,
        "birth_date": st.sampled_from(["", "1950-02-28"]),
        "sex": st.sampled_from(["", "F"]),
        "study_datetime": st.sampled_from(
            [
                None,
                datetime(2026, 3, 1, 8, 15, 1, 20, UTC),
                datetime(2026, 3, 1, 23, tzinfo=timezone(timedelta(hours=5))),
            ]
        ),
        "study_date_text": st.sampled_from(["", "2026-03-01", "2026-03-01 08:15", "2026"]),
        "description": WORDS,
        "accession_number": WORDS,
        "study_id": WORDS,
        "referring_physician_name": NAMES,
    }
)


def answers(index, *parameters):
    asked = qido.parse(Level.STUDY, parameters, {})
    keywords = qido.answer_keywords(asked, {})
    kept = list(qido.answers(index, asked.query, keywords, ROOT))
    return kept, list(map(qido.answer_writer(keywords, Level.STUDY, ROOT), matches_of(index, asked.query)))


@given(STUDIES, st.lists(st.sampled_from(["XA", "US", ""]), max_size=3))
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_kept_answer_is_the_one_that_is_put_together(tmp_path_factory, study, modalities):
    index = Index(tmp_path_factory.mktemp("index") / "index.sqlite", durable=False)
    for number, modality in enumerate(["XA", *modalities]):
        one = record(f"1.2.3.{number}", series=f"1.2.3{number}", modality=modality, **study)
        index.add_instance(one, stored_as(str(number)))
    kept, made = answers(index)
    assert kept == made and len(kept) == 1
    found = json.loads(kept[0])
    assert list(found) == sorted(found)
    assert found["00081190"]["Value"] == [ROOT + "studies/1.2"]
    assert found["00201208"]["Value"] == [1 + len(modalities)]
    assert found["00081030"].get("Value", [""]) == [study["description"]]
    (name,) = found["00100010"].get("Value", [{}])
    if "=" not in study["patient_name"] + study["patient_name_ideographic"] + study["patient_name_phonetic"]:
        groups = {"Alphabetic": "patient_name", "Ideographic": "patient_name_ideographic"}
        assert {group: name.get(group, "") for group in groups} == {group: study[key] for group, key in groups.items()}
    index.close()


@pytest.fixture
def index(tmp_path):
    found = Index(tmp_path / "index.sqlite", durable=False)
    yield found
    found.close()


def test_gaps_that_are_filled_stand_in_the_answer(index):
    index.add_instance(record(patient_name="", study_datetime=None, study_date_text=""), stored_as("a"))
    index.add_instance(record("1.2.3.5", patient_name="DOE^JOHN"), stored_as("b"))
    kept, made = answers(index)
    assert kept == made
    found = json.loads(kept[0])
    assert found["00100010"]["Value"] == [{"Alphabetic": "DOE^JOHN"}] and found["00080020"]["Value"] == ["20260301"]


def test_what_is_asked_for_beside_the_usual_is_told_too(index):
    index.add_instance(record(institution_name="Charité"), stored_as("a"))
    (kept,), made = answers(index, ("includefield", "InstitutionName"))
    assert json.loads(kept)["00080080"]["Value"] == ["Charité"] and [kept] == made
    asked = qido.parse(Level.STUDY, [("includefield", "InstitutionName")], {})
    assert "InstitutionName" in qido.answer_keywords(asked, {}) and "InstitutionName" not in qido.answer_keywords(
        qido.parse(Level.STUDY, [], {}), {}
    )


def test_what_is_kept_is_what_the_migration_made():
    """Rows of before hold what STUDY_ANSWER said then: whoever changes it adds a migration that makes them anew."""
    assert sha256(STUDY_ANSWER.encode()).hexdigest()[:16] == "b29b166c66ab4e4c"


def test_an_index_of_before_has_its_answers_made(tmp_path):
    path = tmp_path / "index.sqlite"
    index = Index(path, durable=False)
    index.add_instance(record(), stored_as("a"))
    expected, _ = answers(index)
    index._database.write(lambda connection: connection.execute("ALTER TABLE study DROP COLUMN answer"))
    index._database.write(lambda connection: connection.execute(f"PRAGMA user_version = {_version_before_answers()}"))
    index.close()
    index = Index(path, durable=False)
    assert answers(index)[0] == expected
    assert [*matches_of(index, Query(level=Level.STUDY))]
    index.close()


def _version_before_answers():
    return next(number for number, script in enumerate(MIGRATIONS) if "ADD COLUMN answer" in script)
