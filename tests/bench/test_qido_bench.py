"""Searches: what is asked is answered by a real server, and the table says what was measured."""

import json

import pytest

from bench import large_index, qido, qido_table
from bench.large_index import Size
from tests.serving import serving

SIZE = Size(300, 3)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    data = tmp_path_factory.mktemp("searched") / "data"
    large_index.make(data, SIZE)
    with serving(data) as server:
        yield server


def test_every_question_of_the_mix_is_answered(server, monkeypatch):
    monkeypatch.setattr(qido, "LEAD_S", 0.0)
    asked = {**qido.questions(SIZE, each=5), **qido.unindexed(each=2)}
    found = qido.ask(server.url, asked, clients=3, seconds=1.0)
    assert set(found["answers"]) == set(asked)
    assert all(ms > 0 for answers in found["answers"].values() for ms, _ in answers)
    keyed = [length for _, length in found["answers"]["AccessionNumber"]]
    assert min(keyed) > 500  # a study, not "none found"


def test_answers_are_what_was_made_zipped_or_not(server):
    accession = {"AccessionNumber": large_index.accession(17)}
    (path,) = qido.paths({"one": [accession]})["one"]
    (study,) = server.json(path)
    assert study["0020000D"]["Value"] == [large_index.study_uid(17)]
    assert study["00201208"]["Value"] == [large_index.study_of(17, SIZE)[2]]
    assert len(server.json("/dicomweb/studies?limit=50")) == 50


def test_a_question_that_fails_is_no_measurement(server):
    with pytest.raises(RuntimeError, match="400"):
        qido.ask(server.url, {"wrong": [{"limit": "x"}]}, clients=1, seconds=0.5)


@pytest.mark.parametrize("slow", [0, 3])
def test_the_target_is_for_all_of_the_mix(slow):
    answers = {"a": [[5.0, 100]] * 98, "b": [[19.0, 1000]] * 99 + [[25.0, 1000]] * slow}
    found = {
        "instances": 10, "studies": 2, "clients": 8, "seconds": 2.0, "alone_seconds": 1.0, "page": 50,
        "server_cpu_ms": 1.0, "mix": {"answers": answers, "client_cpu": 0.1}, "alone": {"answers": {"c": [[90.0, 0]]}},
    }  # fmt: skip
    rows = qido_table.cells(json.loads(json.dumps(found)))
    assert rows[0][0] == "all of the mix" and rows[0][-1] == ("**missed**" if slow else "met")
    assert rows[0][1] == f"{(197 + slow) / 2:.0f}" and [row[0] for row in rows[1:]] == ["– a", "– b", "no index: c"]
    assert qido_table.section(found, started="now", machine="a CPU", busy=True).startswith(qido_table.TITLE)
