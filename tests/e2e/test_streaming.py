"""Whatever link, cache and processes do to a run that is watched: what is shown is true, and ends exact."""

import os
import signal
import time
import urllib.request
from contextlib import contextmanager

import numpy as np
import psutil
import pytest

from fastcine.archive.cine_cache import TIER_FILES, CacheReader
from fastcine.archive.cine_paths import entry_path
from fastcine.archive.folder import DataFolder
from fastcine.cine.wire import run_id, run_name
from fastcine.errors import NotFound
from fastcine.phantom import counter
from fastcine.phantom.projection import CArm
from fastcine.phantom.timing import constant_timing
from fastcine.phantom.xa_objects import xa_dataset
from tests.e2e import looking, made_objects
from tests.e2e.conftest import wait_until
from tests.e2e.relay import slow_link
from tests.e2e.test_playback import PROBE

pytestmark = pytest.mark.e2e

# Every draw: its frame, tier and badge, and a small copy of the picture.
DRAWS = """
window.draws = [];
(() => {
  let fastcine;
  const small = new OffscreenCanvas(32, 32).getContext("2d", {willReadFrequently: true});
  const drawn = ({detail: {frame, tier, badge}}) => {
    small.drawImage(document.getElementById("picture"), 0, 0, 32, 32);
    draws.push({frame, tier, badge, shown: document.getElementById("badge").textContent,
                picture: String(small.getImageData(0, 0, 32, 32).data)});
  };
  Object.defineProperty(window, "fastcine", {get: () => fastcine, set: (value) => {
    fastcine = value;
    value.player.addEventListener("frame", drawn);
  }});
})();
"""


def process_of(server, module):
    family = psutil.Process(server.process.pid).children(recursive=True)
    (found,) = [one for one in family if module in " ".join(one.cmdline())]
    return found


def test_first_pass_then_exact(quiet_page, archive):
    """On a link too slow for exact frames in time the loop plays lossy, says so, and becomes exact where it stands."""
    made = archive.made["lca"]
    quiet_page.add_init_script(DRAWS)
    description = looking.description_of(archive, made)
    with slow_link(archive.url, 400_000) as link:
        quiet_page.goto(looking.address(archive, made).replace(archive.url, link.url))
        wait_until(quiet_page, "[...window.fastcine?.player.held() ?? []].filter((one) => one === 1).length > 8")
        wait_until(quiet_page, "draws.at(-1)?.tier >= 0")  # not the page's preview any more
        early = quiet_page.evaluate(looking.READ_PICTURE)
        assert looking.text(quiet_page, "#badge") == "FIRST PASS"
        assert looking.text(quiet_page, "#badge-detail") == "lossy, exact follows"
        link.bytes_per_s = None
        wait_until(quiet_page, looking.EXACT)
        looking.show_frame(quiet_page, early["frame"])
        exact = looking.canvas_picture(quiet_page)
        draws = quiet_page.evaluate("draws.map(({frame, tier, badge}) => ({frame, tier, badge}))")
    assert early["tier"] in (0, 1)
    reference = looking.grey_reference(made, description, early["frame"])
    off = np.abs(looking.pixels_of(early)[..., 0].astype(int) - reference)
    assert 0.5 < off.mean() < 8, "lossy, yet the same picture"
    assert looking.difference(exact, reference) <= 2
    assert draws[0]["badge"] == "FIRST PASS" and draws[-1]["badge"] == "EXACT"
    for frame in range(24):
        tiers = [one["tier"] for one in draws if one["frame"] == frame]
        assert tiers == sorted(tiers), "a frame never gets worse"
    assert all((one["badge"] == "EXACT") == (one["tier"] == 2) for one in draws)


def test_a_cut_connection_plays_on_and_ends_exact(page, archive):
    """The web worker is killed in the middle of a run: what is here plays on, the rest comes from its successor."""
    made = archive.made["rca"]
    page.add_init_script(PROBE)
    with slow_link(archive.url, 1_000_000) as link:
        page.goto(looking.address(archive, made).replace(archive.url, link.url))
        wait_until(page, "window.fastcine?.player.stats().frames_exact > 4 && probe.shown.length > 4")
        worker = process_of(archive, "web_process")
        worker.send_signal(signal.SIGKILL)
        wait_until(page, "window.fastcine?.player.connection !== 'open'")
        at = page.evaluate("({shown: probe.shown.length, exact: fastcine.player.stats().frames_exact})")
        assert at["exact"] < 30, "it was cut before all was here"
        wait_until(page, f"probe.shown.length > {at['shown'] + 3}")
        link.bytes_per_s = None
        wait_until(page, looking.EXACT)
        assert process_of(archive, "web_process").pid != worker.pid
        assert page.evaluate("fastcine.player.connection") == "open"
        assert page.evaluate("fastcine.player.playing") is True
        wait_until(page, "document.getElementById('notice').hidden")
        stats = page.evaluate("fastcine.player.stats()")
        looking.show_frame(page, 29)
        picture = looking.canvas_picture(page)
    assert stats["frames_exact"] == stats["frames_total"] == 30
    assert stats["frames_out_of_order"] == 0
    reference = looking.grey_reference(made, looking.description_of(archive, made), 29)
    assert looking.difference(picture, reference) <= 2


def test_a_damaged_cache_entry_is_never_shown_and_made_anew(quiet_page, archive):
    made = archive.made["masked"]
    description = looking.description_of(archive, made)
    folder = DataFolder(archive.data, durable=False)
    reader = CacheReader(folder, description["run"], 8)
    record = reader.record(2, 3)
    assert reader.intact(2, 3)
    reader.close()
    exact = entry_path(folder, description["run"]) / TIER_FILES[2]
    with open(exact, "r+b") as file:
        file.seek((record.offset_bytes + record.end_bytes) // 2)
        file.write(os.urandom(200))
    quiet_page.add_init_script(DRAWS)
    looking.open_run(quiet_page, archive, "masked")
    stats = quiet_page.evaluate("fastcine.player.stats()")
    assert stats["frames_exact"] == stats["frames_total"] == 8
    wait_until(quiet_page, "draws.filter(({frame, tier}) => frame === 3 && tier === 2).length > 1")
    pictures = quiet_page.evaluate(
        "draws.filter(({frame, tier}) => frame === 3 && tier === 2).map(({picture}) => picture)"
    )
    assert len(set(pictures)) == 1, "under the word EXACT one picture only was ever shown"
    looking.show_frame(quiet_page, 3)
    assert looking.difference(looking.canvas_picture(quiet_page), looking.grey_reference(made, description, 3)) <= 2
    reader = CacheReader(folder, description["run"], 8)
    assert reader.intact(2, 3), "the entry is sound again"
    reader.close()


FRAMES = 90


def long_run():
    """A run of noise, uncompressed: long enough to be caught half-made."""
    rng = np.random.default_rng(1)
    noise = rng.integers(40, 216, (512, 512), dtype=np.uint8)
    stored = np.stack([np.roll(noise, 7 * number, axis=1) for number in range(FRAMES)])
    for number, frame in enumerate(stored):
        counter.burn(frame, number)
    dataset = xa_dataset(
        made_objects.place(made_objects.LONG, "Long"),
        CArm(20, 10, 512, 512, 0.36),
        bits=8,
        timing=constant_timing(FRAMES, "66.6667"),
    )
    return made_objects.native("long", dataset, stored)


def frames_made(archive, made):
    """Of each tier, read from the cache itself: the owner tells of its progress too seldom to be caught by it."""
    try:
        run = run_name(run_id(made.sop_instance_uid))
        reader = CacheReader(DataFolder(archive.data, durable=False), run, FRAMES)
    except NotFound:
        return (0, 0, 0)
    ready = reader.ready()
    reader.close()
    return ready


@contextmanager
def halted_owner(archive, made, *, at_frames):
    """The ingest owner stands still once it has made so many frames of this run."""
    owner = process_of(archive, "owner_process")
    request = urllib.request.Request(f"{archive.url}/api/upload", data=made.data, method="POST")
    urllib.request.urlopen(request, timeout=30).close()
    try:
        deadline = time.monotonic() + 20
        while frames_made(archive, made)[2] < at_frames:
            assert time.monotonic() < deadline
        owner.send_signal(signal.SIGSTOP)
        while owner.status() != psutil.STATUS_STOPPED:
            assert time.monotonic() < deadline
        yield lambda: owner.send_signal(signal.SIGCONT)
    finally:
        owner.send_signal(signal.SIGCONT)


def test_a_run_that_is_still_being_made_plays_from_what_is_there(quiet_page, archive):
    made = long_run()
    quiet_page.add_init_script(PROBE)
    with halted_owner(archive, made, at_frames=8) as go_on:
        # The first pass of a frame is written before its exact tier: it may have been halted between the two.
        begun, _, ready = frames_made(archive, made)
        assert 8 <= ready <= begun < FRAMES, "it was caught half-made"
        quiet_page.goto(f"{archive.url}/view/{made.study_instance_uid}")
        wait_until(quiet_page, f"[...window.fastcine?.player.held() ?? []].filter((tier) => tier>1).length === {ready}")
        wait_until(quiet_page, "probe.shown.length >= 4")
        shown = quiet_page.evaluate("probe.shown.slice(0, 4).map(({number}) => number)")
        by_page = quiet_page.evaluate("probe.previews.length")
        assert shown == sorted(shown) and shown[-1] < begun, "what is there, in its order"
        assert shown[0] <= by_page, "on from what the page played by itself"
        looking.says(quiet_page, "#tiles .state", "preparing")
        assert quiet_page.evaluate("fastcine.player.playing") is True
        go_on()
        wait_until(quiet_page, looking.EXACT, 60_000)
    assert quiet_page.evaluate("fastcine.player.stats().frames_exact") == FRAMES
    wait_until(quiet_page, "document.querySelector('#tiles .state').hidden")
    looking.show_frame(quiet_page, FRAMES - 1)
    description = looking.description_of(archive, made)
    reference = looking.grey_reference(made, description, FRAMES - 1)
    assert looking.difference(looking.canvas_picture(quiet_page), reference) <= 2
