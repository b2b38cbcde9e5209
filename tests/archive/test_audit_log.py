"""The audit record: only added to, and every change behind our back shows."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastcine.archive import audit_log
from fastcine.archive.audit_log import BEGINNING, AuditEntry, AuditEvent, chained
from fastcine.archive.index import Index

AT = datetime(2026, 3, 1, 8, 15, tzinfo=UTC)


def entry(who="dr.smith", **more):
    return AuditEntry(at=AT, event=AuditEvent.OPENED, who=who, by_way_of="browser", **more)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "index.sqlite"


@pytest.fixture
def index(path):
    index = Index(path, durable=False)
    yield index
    index.close()


def test_entries_come_back_as_they_were_in_their_order(index):
    kept = [
        entry("a", study_instance_uid="1.2.3", address="::1", detail={"words": "Müller 山田", "b": "\n"}),
        entry("b", outcome="denied"),
    ]
    audit_log.append(index, kept[:1])
    audit_log.append(index, kept[1:])
    assert [(row.sequence, row.entry) for row in audit_log.rows(index)] == list(enumerate(kept, 1))
    assert audit_log.check_chain(index).broken_at == 0


def test_half_a_character_keeps_no_entry_out(index):
    audit_log.append(index, [entry("a\ud800")])
    assert [row.entry.who for row in audit_log.rows(index)] == ["a?"]


def test_many_pens_make_one_chain(index):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: audit_log.append(index, [entry(str(number))] * 3), range(400)))
    check = audit_log.check_chain(index)
    assert (check.rows, check.broken_at) == (1200, 0)


def test_the_database_itself_changes_and_removes_nothing(index, path):
    audit_log.append(index, [entry()])
    connection = sqlite3.connect(path)
    for statement in ("UPDATE audit SET who = 'x'", "DELETE FROM audit", "REPLACE INTO audit SELECT * FROM audit"):
        try:
            connection.execute(statement)
        except sqlite3.IntegrityError as error:
            assert "only added to" in str(error)
        connection.rollback()
    connection.close()
    assert audit_log.check_chain(index).rows == 1


FORGERIES = {
    "another name": ("UPDATE audit SET who = 'x' WHERE sequence = 5", 5),
    "another time": ("UPDATE audit SET at = '2026-03-01T08:15:00.000001Z' WHERE sequence = 1", 1),
    "another study": ("UPDATE audit SET study_instance_uid = '1.9' WHERE sequence = 9", 9),
    "another detail": ("UPDATE audit SET detail = '' WHERE sequence = 3", 3),
    "moved text": ("UPDATE audit SET who = by_way_of, by_way_of = who WHERE sequence = 4", 4),
    "one missing": ("DELETE FROM audit WHERE sequence = 5", 5),
    "the first missing": ("DELETE FROM audit WHERE sequence = 1", 1),
    "another hash": ("UPDATE audit SET hash = zeroblob(32) WHERE sequence = 7", 7),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_whoever_goes_around_the_database_breaks_the_chain(index, path, forgery):
    audit_log.append(index, [entry(study_instance_uid="1.2", detail={"words": "x"})] * 9)
    statement, broken_at = FORGERIES[forgery]
    connection = sqlite3.connect(path)
    connection.execute("DROP TRIGGER audit_is_not_changed")
    connection.execute("DROP TRIGGER audit_is_not_shortened")
    connection.execute(statement)
    connection.commit()
    connection.close()
    assert audit_log.check_chain(index).broken_at == broken_at


def test_rows_off_the_end_show_by_the_hash_that_was_kept_elsewhere(index, path):
    audit_log.append(index, [entry()] * 5)
    head = audit_log.check_chain(index).head
    connection = sqlite3.connect(path)
    connection.execute("DROP TRIGGER audit_is_not_shortened")
    connection.execute("DELETE FROM audit WHERE sequence = 5")
    connection.commit()
    connection.close()
    check = audit_log.check_chain(index)
    assert check.broken_at == 0 and head not in [row.hash for row in audit_log.rows(index)]


texts = st.lists(st.text(), min_size=8, max_size=8)


@settings(max_examples=200)
@given(texts, texts, st.integers(1, 9), st.integers(1, 9))
def test_different_rows_have_different_hashes(one, other, place, other_place):
    same = (one, place) == (other, other_place)
    assert (chained(BEGINNING, place, one) == chained(BEGINNING, other_place, other)) == same


def test_reindex_and_a_newer_schema_leave_it_alone(index, tmp_path):
    from fastcine.archive.folder import DataFolder
    from fastcine.archive.reindex import reindex

    audit_log.append(index, [entry()])
    reindex(DataFolder(tmp_path / "data"), index, site_timezone="UTC")
    assert audit_log.check_chain(index).rows == 1
