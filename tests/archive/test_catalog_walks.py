"""How much of a large index a query looks at: counted in SQLite's own steps, so that no clock is asked."""

import tracemalloc

import pytest

from bench import large_index, qido
from bench.large_index import Size
from fastcine.archive.catalog import Query, instances, matches_of, search
from fastcine.archive.catalog_rows import Level
from fastcine.archive.index import Index
from fastcine.dicomweb.qido import parse

SMALL, LARGE = Size(250), Size(2000)
"""2 500 and 20 000 instances."""


@pytest.fixture(scope="module")
def indexes(tmp_path_factory):
    found = {}
    for size in (SMALL, LARGE):
        folder = tmp_path_factory.mktemp("large")
        count = large_index.make(folder, size)
        assert count == pytest.approx(size.studies * size.instances, rel=0.1)
        found[size] = Index(folder / "index.sqlite")
    yield found
    for index in found.values():
        index.close()


def steps_of(index, query):
    """Instructions of SQLite's machine that a page takes, to the nearest 20; and the page."""
    count = 0

    def step():
        nonlocal count
        count += 20

    index.read(lambda connection: connection.set_progress_handler(step, 20))
    try:
        return search(index, query), count
    finally:
        index.read(lambda connection: connection.set_progress_handler(None, 0))


def queries(size):
    return {
        kind: [parse(Level.STUDY, keys.items(), {}).query for keys in several]
        for kind, several in qido.questions(size, each=12).items()
    }


@pytest.mark.parametrize("kind", list(qido.questions(SMALL, each=0)))
def test_a_page_costs_what_it_holds_and_not_what_the_archive_holds(indexes, kind):
    """Beside a start, so many steps a study of the page; eight times the archive makes no difference.

    Seventy of them make the texts of a study's attributes.
    """
    for size in (SMALL, LARGE):
        for query in queries(size)[kind]:
            found, steps = steps_of(indexes[size], query)
            # name, date, modality: the date and the modality are looked at study by study, among those of that name.
            each = 400 if kind == "name, date, modality" else 100
            assert steps < 700 + each * (len(found.rows) + 1), (query, len(found.rows))


def test_the_keys_find_what_was_made(indexes):
    index = indexes[LARGE]
    for kind, several in queries(LARGE).items():
        found = [len(search(index, query).rows) for query in several]
        assert sum(found), kind
        if kind in ("AccessionNumber", "StudyInstanceUID"):
            assert set(found) == {1}


def test_a_retrieve_of_a_study_looks_at_its_rows_alone(indexes):
    for size in (SMALL, LARGE):
        uid = large_index.study_uid(7)
        count = 0

        def step():
            nonlocal count
            count += 20

        indexes[size].read(lambda connection, step=step: connection.set_progress_handler(step, 20))
        found = instances(indexes[size], {"StudyInstanceUID": uid}, most=1000)
        indexes[size].read(lambda connection: connection.set_progress_handler(None, 0))
        _, modalities, expected = large_index.study_of(7, size)
        assert len(found) == expected and len({row.modality for row in found}) == len(modalities)
        assert count < 1000 + 400 * expected
    assert len(instances(indexes[LARGE], {"StudyInstanceUID": uid}, most=3)) == 4


@pytest.mark.parametrize("level", list(Level))
def test_whatever_matches_memory_holds_a_batch(indexes, level):
    """20 000 instances, and a key that the database is no help for."""
    query = Query(level=level, keys={"PatientName": "*"} if level is Level.PATIENT else {"StudyTime": "00-235959"})
    held = {}
    for size in (SMALL, LARGE):
        tracemalloc.start()
        try:
            count = sum(1 for _ in matches_of(indexes[size], query))
            held[size] = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert count > {Level.PATIENT: 0.3, Level.STUDY: 0.9}.get(level, 1) * size.studies
    # All of the large one are 8 MB of studies and 80 MB of instances; patients' names are kept, one each.
    assert held[LARGE] < max(2 * held[SMALL], 2_000_000)
