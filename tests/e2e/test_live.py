"""A run that comes by C-STORE while its study is open."""

import io
import time

import pydicom
import pytest

from fastcine.phantom.bench_runs import bench_run
from tests.dimse import users
from tests.e2e.conftest import wait_until
from tests.serving import serving

pytestmark = [pytest.mark.e2e, pytest.mark.soak]

TILES = "document.querySelectorAll('#tiles .tile').length"
WATCH = """() => { window.seen_at = 0; window.base = Date.now();
  new MutationObserver(() => { if (!window.seen_at && document.querySelectorAll('#tiles .tile').length > 1)
    window.seen_at = Date.now(); }).observe(document.getElementById('tiles'), { childList: true, subtree: true }); }"""


class Run:
    """What `users.store_raw` needs, of the study that is open."""

    def __init__(self, data, sop):
        dataset = pydicom.dcmread(io.BytesIO(data))
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = sop
        dataset.InstanceNumber = 2
        file = io.BytesIO()
        dataset.save_as(file)
        whole = file.getvalue()
        self.data_set = whole[users.data_set_offset(whole) :]
        self.sop_instance_uid, self.sop_class_uid = sop, str(dataset.SOPClassUID)
        self.transfer_syntax_uid = str(dataset.file_meta.TransferSyntaxUID)
        self.study_instance_uid = str(dataset.StudyInstanceUID)


def test_it_stands_in_the_strip_within_a_second_and_plays_before_it_is_whole(quiet_page, tmp_path):
    second = Run(bench_run("xa1024x60")[1], "1.2.3.4.5")
    name, data = bench_run("xa512x60", frames=12)
    first = pydicom.dcmread(io.BytesIO(data))
    first.StudyInstanceUID = second.study_instance_uid
    first.save_as(tmp_path / name)
    with serving(tmp_path / "data", "--dicom-port", "0") as server:
        server.upload(tmp_path / name)
        server.wait_until_made()
        quiet_page.goto(f"{server.url}/view/{second.study_instance_uid}")
        wait_until(quiet_page, f"{TILES} === 1 && window.fastcine?.player.stats().first_frame_ms")
        quiet_page.wait_for_timeout(4000)  # the stream of events is open
        quiet_page.evaluate(WATCH)
        context = users.build_context(second.sop_class_uid, second.transfer_syntax_uid)
        with users.associated(server.dicom_port, [context]) as association:
            status, _ = users.store_raw(association, second)
            stored_at = time.time() * 1000
        assert status == 0
        wait_until(quiet_page, "window.seen_at > 0")
        assert quiet_page.evaluate("window.seen_at") - stored_at < 1000
        # Its first frames play while the rest of it is being made.
        quiet_page.locator("#tiles .tile").nth(1).click()
        wait_until(quiet_page, "window.fastcine.player.stats().frames_shown > 0")
        row = server.json(f"/api/runs/{second.sop_instance_uid}")
        assert row["state"] == "making" and not row["complete"]
