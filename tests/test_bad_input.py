"""Bad input through the real command: one clear line each, the rest goes on, nothing crashes, hangs or eats memory."""

import re
import shutil
import struct
import subprocess
import sys
import time

import pytest

from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.archive.receive import receive_path
from fastcine.archive.record import Outcome
from fastcine.phantom.bench_runs import bench_run
from tests import corpus
from tests.archives import settle
from tests.serving import ROOT, command


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    name, data = bench_run("xa512x60", frames=3)
    path = tmp_path_factory.mktemp("good") / name
    path.write_bytes(data)
    return path


def ingest(data, *paths):
    return command("ingest", "--data", data, *paths, check=False)


def test_what_is_no_dicom_is_skipped_and_counted(tmp_path, good):
    disc = tmp_path / "disc"
    disc.mkdir()
    shutil.copy(good, disc / "IM1")
    (disc / "README.TXT").write_text("Insert and run VIEWER.EXE\n" * 40)
    (disc / "AUTORUN.INF").write_text("[autorun]\n")
    (disc / "empty").touch()
    (disc / "LOGO.PNG").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(500))
    done = ingest(tmp_path / "data", disc)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "stored 1" in done.stdout
    assert "skipped 4" in done.stdout
    assert not list((tmp_path / "data" / "quarantine").iterdir())


def broken_files(good):
    data = good.read_bytes()
    pixel_data = data.index(b"\xe0\x7f\x10\x00OB")
    rows = data.index(b"\x28\x00\x10\x00US")
    return {
        "cut in the pixels": data[: len(data) * 2 // 3],
        "cut in the header": data[: rows + 7],
        "a length that lies": data[: rows + 6] + struct.pack("<H", 0xFFFE) + data[rows + 8 :],
        "no pixels": data[:pixel_data],
        "no rows": data[:rows] + data[rows + 10 :],
    }


@pytest.mark.parametrize(
    "kind", ["cut in the pixels", "cut in the header", "a length that lies", "no pixels", "no rows"]
)
def test_broken_objects_are_kept_apart_and_named(tmp_path, good, kind):
    files = tmp_path / "in"
    files.mkdir()
    shutil.copy(good, files / "good.dcm")
    (files / "broken.dcm").write_bytes(broken_files(good)[kind])
    done = ingest(tmp_path / "data", files)
    assert done.returncode == 1
    assert "stored 1" in done.stdout
    assert "refused 1" in done.stdout
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("refused") and "broken.dcm" in line]
    assert re.search(r"\([0-9A-F]{4},[0-9A-F]{4}\)", line), line
    assert "Traceback" not in done.stdout + done.stderr
    kept = [path for path in (tmp_path / "data" / "quarantine").iterdir() if path.suffix == ".dcm"]
    assert [path.read_bytes() for path in kept] == [(files / "broken.dcm").read_bytes()]


def test_unknown_syntax_is_refused_or_said(tmp_path, good):
    data = good.read_bytes()
    known = b"1.2.840.10008.1.2.4.70"
    assert known in data
    other = tmp_path / "private.dcm"
    other.write_bytes(data.replace(known, b"1.2.840.99999.1.2.4.70"))
    done = ingest(tmp_path / "data", other)
    assert "1.2.840.99999.1.2.4.70" in done.stdout + done.stderr or done.returncode == 0
    folder = DataFolder(tmp_path / "data")
    index = Index(folder.index_path)
    settle(folder, index)
    page = index.studies_page()
    if page.studies:
        (study,) = page.studies
        detail = index.study(study.patient_and_study.study_instance_uid)
        assert detail.instances[0].run.state == "failed"
        assert "1.2.840.99999.1.2.4.70" in detail.instances[0].run.message
    index.close()


def test_the_same_data_set_again_is_a_duplicate_and_another_one_a_conflict(tmp_path, good):
    assert ingest(tmp_path / "data", good).returncode == 0
    copied = tmp_path / "copy.dcm"
    shutil.copy(good, copied)
    again = ingest(tmp_path / "data", copied, good)
    assert again.returncode == 0
    assert "duplicates 2" in again.stdout
    changed = tmp_path / "changed.dcm"
    changed.write_bytes(good.read_bytes().replace(b"Coronary angiography", b"Coronary Angiography"))
    other = ingest(tmp_path / "data", changed)
    assert other.returncode == 1
    assert "another data set is stored under SOP Instance UID" in other.stdout
    objects = list((tmp_path / "data" / "objects").rglob("*.dcm"))
    assert [path.read_bytes() for path in objects] == [good.read_bytes()]


WEIRD = corpus.paths("weird")


@corpus.needs_corpus
def test_malformed_files_neither_crash_nor_hang(tmp_path):
    folder = DataFolder(tmp_path / "data", durable=False)
    index = Index(folder.index_path, durable=False)
    outcomes = {}
    for path in WEIRD:
        begun = time.process_time()
        receipt = receive_path(folder, index, path, site_timezone="UTC")
        assert time.process_time() - begun < 1.0, f"{path.name} took over a second"
        outcomes[path.name] = receipt
        if receipt.outcome is Outcome.REFUSED:
            assert receipt.reason, path.name
    settle(folder, index)
    index.close()
    assert len(outcomes) >= 200
    kinds = {receipt.outcome for receipt in outcomes.values()}
    assert kinds >= {Outcome.STORED, Outcome.REFUSED}


@pytest.mark.soak
@corpus.needs_corpus
def test_malformed_files_need_little_memory(tmp_path):
    code = (
        "import resource, sys\n"
        "from fastcine.cli.main import main\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        f"code = main(['ingest', '--data', {str(tmp_path / 'data')!r}, {str(corpus.ROOT / 'weird')!r}])\n"
        "after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print('grew', after - before, 'code', code)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, cwd=ROOT)
    assert "Traceback" not in done.stderr
    grew, code = map(int, re.search(r"grew (\d+) code (\d)", done.stdout).groups())
    unit = 1024 if sys.platform != "darwin" else 1
    assert grew * unit < 300 << 20
    assert code == 1
