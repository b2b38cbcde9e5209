"""Metrics of several workers in one answer, and what the stream counts."""

import re
import urllib.request

from prometheus_client.parser import text_string_to_metric_families

from fastcine.server.metrics import Metrics
from fastcine.server.worker_metrics import merged
from tests.archives import fill
from tests.serving import serving


def samples(text):
    return {
        (sample.name, sample.labels.get("worker")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_workers_stand_side_by_side_and_each_family_once():
    first, second = Metrics(), Metrics()
    first.sent(2, 100)
    second.sent(2, 11)
    second.viewers.set(3)
    text = merged([(0, first.text().decode()), (1, second.text().decode())])
    found = samples(text)
    assert found["fastcine_viewers", "0"] == 0 and found["fastcine_viewers", "1"] == 3
    assert found["fastcine_sent_bytes_total", "0"] == 100 and found["fastcine_sent_bytes_total", "1"] == 11
    assert len(re.findall("^# TYPE fastcine_viewers gauge$", text, flags=re.M)) == 1


def test_any_worker_answers_for_all(tmp_path, small_run):
    fill(tmp_path, [small_run])
    with serving(tmp_path, "--workers", "2") as server:
        text = urllib.request.urlopen(server.url + "/metrics", timeout=10).read().decode()
    found = samples(text)
    assert {worker for name, worker in found if name == "fastcine_viewers"} == {"0", "1"}
    assert found["fastcine_ingest_queue", "0"] == 0
