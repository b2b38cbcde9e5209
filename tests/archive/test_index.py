"""The index: one conformance test for whatever back end stands behind it."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fastcine.archive.index import SEARCH_QUERY, STUDIES_QUERY, Index
from fastcine.archive.record import Outcome, QuarantineRow, SeenFile
from fastcine.archive.schema import MIGRATIONS
from fastcine.errors import Conflict, Duplicate, NotFound, StorageUnavailable, UsageError
from tests.archive.factories import record, stored_as


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    made = Index(tmp_path / "index.sqlite", durable=False)
    yield made
    made.close()


def test_one_object_is_found_at_every_level(index: Index) -> None:
    index.add_instance(record(instance_number=3, label="LCA"), stored_as("a", source_name="folder"))
    page = index.studies_page()
    assert page.total == 1 and page.next is None
    (study,) = page.studies
    assert study.patient_and_study.patient_name == "Phantom^Paula"
    assert study.patient_and_study.study_datetime == datetime(2026, 3, 1, 8, 15, tzinfo=UTC)
    assert (study.runs, study.stills, study.objects, study.series, study.modalities) == (1, 0, 1, 1, ("XA",))
    (instance,) = index.study("1.2").instances
    assert instance == index.instance("1.2.3.4")
    assert instance.stored_as.source_name == "folder" and instance.run is not None
    run = index.run("1.2.3.4")
    assert run == index.run(run.run) == instance.run
    assert (run.state, run.frames, run.made, run.description) == ("waiting", 96, (0, 0, 0), None)
    assert index.queue.length() == 1


def test_the_same_data_set_is_a_duplicate_another_a_conflict_and_nothing_changes(index: Index) -> None:
    index.add_instance(record(), stored_as("a"))
    before = index.study("1.2")
    with pytest.raises(Duplicate):
        index.add_instance(record(), stored_as("a", location="objects/elsewhere.dcm"))
    with pytest.raises(Conflict):
        index.add_instance(record(study="9.9", patient_name="Other"), stored_as("b"))
    assert index.study("1.2") == before
    assert index.studies_page().total == 1 and index.queue.length() == 1


def test_unknown_things_are_not_found(index: Index) -> None:
    for ask in (index.study, index.instance, index.run, index.study_row):
        with pytest.raises(NotFound):
            ask("1.2.3")
    with pytest.raises(NotFound):
        index.set_run_state("0123456789abcdef", "ready")


def test_counts_modalities_and_gaps_grow_with_the_study(index: Index) -> None:
    index.add_instance(record("1.1", patient_id="", study_datetime=None, study_date_text=""), stored_as("a"))
    index.add_instance(record("1.2", series="8", modality="US", kind="still", frames=1), stored_as("b"))
    index.add_instance(record("1.3", series="9", modality="SR", kind="other", frames=0, patient_id="X"), stored_as("c"))
    row = index.study_row("1.2")
    assert (row.runs, row.stills, row.objects, row.series) == (1, 1, 3, 3)
    assert row.modalities == ("SR", "US", "XA")
    assert row.patient_and_study.patient_id == "PH-1"  # the gap was filled, what was there stayed
    assert row.patient_and_study.study_datetime is not None
    assert [s.sort_id for s in index.studies_page("ph-1").studies] == [row.sort_id]
    assert index.studies_page("X").studies == ()
    assert index.queue.length() == 2


def test_objects_stand_in_the_order_of_acquisition(index: Index) -> None:
    at = datetime(2026, 3, 1, 9, tzinfo=UTC)
    plan = [
        ("d", None, 2, 1),
        ("b", at, 9, 9),
        ("c", None, 1, 7),
        ("a", at - timedelta(seconds=1), 9, 1),
        ("e", None, 2, None),
    ]
    for sop, acquired, series, number in plan:
        index.add_instance(
            record(sop, series=f"1.{series}", acquired=acquired, series_number=series, instance_number=number),
            stored_as(sop),
        )
    assert "".join(row.sop_instance_uid for row in index.study("1.2").instances) == "abcde"


def test_pages_are_newest_first_without_gap_or_overlap(index: Index) -> None:
    start = datetime(2020, 1, 1, tzinfo=UTC)
    for n in range(23):
        moment = None if n == 5 else start + timedelta(days=n % 7, hours=1)
        index.add_instance(record(f"1.{n}", study=f"7.{n}", study_datetime=moment), stored_as(str(n)))
    seen, after = [], None
    while True:
        page = index.studies_page(after=after, limit=5)
        seen += page.studies
        after = page.next
        if after is None:
            break
    assert len({row.patient_and_study.study_instance_uid for row in seen}) == len(seen) == 23
    times = [row.patient_and_study.study_datetime for row in seen]
    assert times[-1] is None and None not in times[:-1]
    assert [t for t in times if t] == sorted((t for t in times if t), reverse=True)
    with pytest.raises(UsageError):
        index.studies_page(after="zz")


@pytest.mark.parametrize(
    "search", ["tanaka", "TANAKA tar", "田中", "たな", "A-77", "angio", "2026-03-01", "20260301", "19610412"]
)
def test_a_patient_is_found_by_every_field(index: Index, search: str) -> None:
    index.add_instance(
        record(
            patient_name="Tanaka^Taro",
            patient_name_ideographic="田中^太郎",
            patient_name_phonetic="たなか^たろう",
            accession_number="A-77",
            birth_date="1961-04-12",
        ),
        stored_as("a"),
    )
    index.add_instance(record("2", study="2", patient_name="Other", description="", study_date_text=""), stored_as("b"))
    page = index.studies_page(search)
    assert [s.patient_and_study.patient_name for s in page.studies] == ["Tanaka^Taro"] and page.total == 1


def test_descriptions_and_states_are_kept(index: Index) -> None:
    index.add_instance(record(), stored_as())
    run = index.run("1.2.3.4").run
    index.set_description(run, {"run": run, "label": "Kranzgefäß"})
    index.set_run_state(run, "making", made=(96, 3, 0))
    index.set_run_state(run, "failed", message="no decoder")
    row = index.run(run)
    assert (row.state, row.message, row.made) == ("failed", "no decoder", (96, 3, 0))
    assert row.description == {"run": run, "label": "Kranzgefäß"}


def test_quarantine_rows_are_kept_once(index: Index) -> None:
    row = QuarantineRow(
        sha256="ab" * 32,
        location="quarantine/x.dcm",
        file_bytes=5,
        code="bad_dicom",
        reason="cut",
        tag="7FE0,0010",
        offset_bytes=1200,
        sop_instance_uid="",
        study_instance_uid="",
        source_name="",
        received=datetime(2026, 1, 1, tzinfo=UTC),
    )
    assert index.add_quarantine(row) and not index.add_quarantine(row)
    assert index.quarantine() == [row]


def test_files_seen_before_count_only_while_their_object_is_there(index: Index) -> None:
    index.remember_file(b"k" * 16, SeenFile(Outcome.STORED, "1.2.3.4"))
    assert index.seen_file(b"k" * 16) is None
    index.add_instance(record(), stored_as())
    assert index.seen_file(b"k" * 16) == SeenFile(Outcome.STORED, "1.2.3.4")


def test_many_threads_and_two_handles_write_without_loss(tmp_path: Path) -> None:
    handles = [Index(tmp_path / "i.sqlite", durable=False) for _ in range(2)]
    outcomes: list[str] = []

    def work(worker: int) -> None:
        for n in range(40):
            try:
                handles[worker % 2].add_instance(record(f"1.{n % 30}", series=f"1.{n % 3}"), stored_as(str(n % 30)))
                outcomes.append("stored")
            except Duplicate:
                outcomes.append("duplicate")

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("stored") == 30 and len(outcomes) == 240
    row = handles[0].study_row("1.2")
    assert (row.objects, row.runs, row.series) == (30, 30, 3)
    for handle in handles:
        handle.close()


def test_a_closed_or_foreign_file_says_so(tmp_path: Path) -> None:
    index = Index(tmp_path / "i.sqlite")
    index.close()
    with pytest.raises(StorageUnavailable):
        index.studies_page()
    with pytest.raises(StorageUnavailable):
        index.set_meta("a", "b")
    (tmp_path / "j.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(StorageUnavailable, match="reindex"):
        Index(tmp_path / "j.sqlite")
    connection = sqlite3.connect(tmp_path / "i.sqlite")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(UsageError, match="newer"):
        Index(tmp_path / "i.sqlite")


def test_an_index_of_an_older_version_is_brought_to_the_new_form(tmp_path: Path) -> None:
    path = tmp_path / "i.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(MIGRATIONS[0])
    connection.execute("INSERT INTO run VALUES ('0123456789abcdef', 1, 9, NULL, 'making', '', 7, 5, 3)")
    connection.execute("PRAGMA user_version = 1")
    connection.commit()
    connection.close()
    Index(path, durable=False).close()
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT made_coarse, made_fine, made_exact FROM run").fetchone() == (7, 5, 3)
    assert connection.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS)
    connection.close()


def fill_with_studies(index: Index, count: int) -> None:
    """Rows as put_instance makes them, in bulk: `count` studies over ten years."""

    def job(connection: sqlite3.Connection) -> None:
        connection.execute(
            """
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
            INSERT INTO study SELECT ((7000000000 + i * 3000) << 28) | i, i, '1.2.' || i, 'ID' || i, '',
            'Name' || (i % 997) || '^Given' || (i % 89), '', '', '1961-04-12', 'F',
            '2026-03-01T08:15:00+00:00', '2026-03-01', 'Coronary angiography', 'A' || i, '', '', '', 'XA', 5, 1, 6, 2,
            '2026-03-01T08:15:00.000000Z', '2026-03-01T08:15:00.000000Z', '' FROM n
            """,
            (count,),
        )
        connection.execute(
            "INSERT INTO study_text (rowid, name, patient_id, accession, description, dates) SELECT sort_id,"
            " lower(replace(patient_name, '^', ' ')), lower(patient_id), lower(accession_number), lower(description),"
            " '2026 03 01 20260301' FROM study"
        )

    index.write(job)


@pytest.mark.soak
def test_the_worklist_does_not_slow_down_with_a_hundred_thousand_studies(index: Index) -> None:
    fill_with_studies(index, 100_000)
    connection = sqlite3.connect(index._database._path)
    try:
        plan = str(connection.execute("EXPLAIN QUERY PLAN " + STUDIES_QUERY, (1 << 62, 50)).fetchall())
        assert "USING INTEGER PRIMARY KEY" in plan and "TEMP B-TREE" not in plan
        plan = str(connection.execute("EXPLAIN QUERY PLAN " + SEARCH_QUERY, ('"na"*', 1 << 62, 50)).fetchall())
        assert "SCAN study_text VIRTUAL TABLE" in plan and "SEARCH study USING INTEGER PRIMARY KEY" in plan
    finally:
        connection.close()
    index.studies_page()
    slowest = 0.0
    for search in ("", "n", "name", "name12 given", "id99999", "coronary angiography name5", "zzz", "2026 n"):
        after = None
        for _ in range(3):
            start = time.perf_counter()
            page = index.studies_page(search, after=after)
            slowest = max(slowest, time.perf_counter() - start)
            assert len(page.studies) in (0, 1, 50) or search == "name12 given"
            after = page.next
            if after is None:
                break
    assert slowest < 0.5  # 25 times the aim of 20 ms: the plan above is the proof, this catches a quadratic slip
