"""Many small objects at once: as many a second as a quarter of what dcmtk's storescp takes, in the same run."""

import os
import shutil
import statistics
import subprocess
import time
from contextlib import contextmanager

import pytest

from tests.archive.factories import EXPLICIT_LITTLE, XA, part10
from tests.dimse import raw
from tests.dimse.test_dcmtk import ENVIRONMENT, LACKING, PATH
from tests.dimse.test_quick_store import Object
from tests.dimse.test_round_trip import free_port
from tests.serving import serving

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(bool(LACKING), reason=f"dcmtk is not installed ({', '.join(LACKING)})"),
]
ASSOCIATIONS, EACH, ROUNDS = 8, 250, 3
PIXELS = {"pixels": os.urandom(40_000), "Rows": 200, "Columns": 200, "NumberOfFrames": 1}


@contextmanager
def ours(folder):
    with serving(folder, "--dicom-port", "0", env={"FASTCINE_DURABLE": "no"}) as server:
        time.sleep(0.5)
        yield server.dicom_port
        assert len(list((folder / "objects").rglob("*.dcm"))) == ASSOCIATIONS * EACH


@contextmanager
def theirs(folder):
    folder.mkdir()
    port = free_port()
    words = [shutil.which("storescp", path=PATH), "--fork", "-pdu", "131072", "-od", str(folder), str(port)]
    process = subprocess.Popen(words, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def sent_by_storescu(port, files):
    """Seconds that eight of dcmtk's senders take."""
    tool = shutil.which("storescu", path=PATH)
    begun = time.monotonic()
    senders = [
        subprocess.Popen(
            [tool, "-pdu", "131072", "-xe", "-aec", "FASTCINE", "127.0.0.1", str(port), *batch],
            env=ENVIRONMENT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for batch in files
    ]
    for sender in senders:
        said = sender.communicate()[1]
        assert sender.returncode == 0, said[-500:]
    return time.monotonic() - begun


def test_a_quarter_of_storescp(tmp_path):
    files, requests = [], []
    for association in range(ASSOCIATIONS):
        batch = []
        for number in range(EACH):
            sop, study = f"1.2.3.{association}.{number}", f"1.2.{association}"
            data = part10(sop, study, f"{study}.1", **PIXELS)
            path = tmp_path / f"{association}-{number}.dcm"
            path.write_bytes(data)
            batch.append(path)
        files.append(list(map(str, batch)))
        requests.append([raw.store_pdus(Object(f"1.2.3.{association}.{number}", **PIXELS)) for number in range(EACH)])
    seconds = {}
    for turn in range(ROUNDS):
        for name, receiving in (("storescp", theirs), ("ours", ours)):
            with receiving(tmp_path / f"{name}-{turn}") as port:
                seconds.setdefault((name, "storescu"), []).append(sent_by_storescu(port, files))
            with receiving(tmp_path / f"{name}-raw-{turn}") as port:
                took, statuses = raw.store_in_parallel(port, requests, [(XA, EXPLICIT_LITTLE)])
                assert set(statuses) == {0}
                seconds.setdefault((name, "bytes"), []).append(took)
    medians = {key: statistics.median(each) for key, each in seconds.items()}
    count = ASSOCIATIONS * EACH
    print({f"{name}, from {sender}": f"{count / took:.0f} a second" for (name, sender), took in medians.items()})
    print({sender: round(medians["storescp", sender] / medians["ours", sender], 2) for sender in ("storescu", "bytes")})
    assert medians["ours", "storescu"] < 4 * medians["storescp", "storescu"]
    # From senders that cost nothing storescp has both cores for itself: it is C, a process for each association.
    assert medians["ours", "bytes"] < 10 * medians["storescp", "bytes"]
