"""How soon the picture follows the hand, in animation frames: 1024x1024 without a GPU, real keys, a real drag."""

import pytest

from tests.e2e.conftest import wait_until
from tests.e2e.test_playback import tile_of

pytestmark = [pytest.mark.e2e, pytest.mark.soak]

# Animation frames are counted; each key, each movement and each picture is noted with the frame it fell in.
COUNTING = """() => {
  const {player} = fastcine, canvas = document.getElementById("picture");
  const counting = (window.counting = {tick: 0, keys: [], moves: [], drawn: []});
  const count = () => (counting.tick++, requestAnimationFrame(count));
  requestAnimationFrame(count);
  // Some places all over the picture: whatever a key does to it, one of them changes.
  const look = () => {
    const data = canvas.getContext("2d").getImageData(canvas.width / 2 - 90, canvas.height / 2 - 90, 180, 180).data;
    let sum = 0;
    for (let at = 0; at < data.length; at += 148) sum = (sum * 31 + data[at]) % 4294967291;
    return sum;
  };
  addEventListener("keydown", ({key}) => counting.keys.push({key, tick: counting.tick, before: look()}), true);
  addEventListener("pointermove", () => counting.moves.push(counting.tick), true);
  player.addEventListener("frame", () => {
    const {center, width} = player.window;
    counting.drawn.push({tick: counting.tick, time_ms: performance.now(), window: `${center} ${width}`, look: look()});
  });
}"""


@pytest.fixture
def still(quiet_page, bench_server, name, fps):
    """A frame of the run, held and shown, all of it exact."""
    page, description = quiet_page, tile_of(bench_server, name, fps)
    page.goto(f"{bench_server.url}/view/{description['study_instance_uid']}?run={description['run']}")
    wait_until(page, "window.fastcine?.player.stats().all_exact_ms != null", 60_000)
    page.keyboard.press("k")
    wait_until(
        page, "!fastcine.player.playing && fastcine.player.badge === 'EXACT' && document.querySelector('.looks')"
    )
    page.wait_for_timeout(1000)  # what is decoded in advance is decoded
    page.evaluate(COUNTING)
    assert page.evaluate("fastcine.player.renderer") == "2d"
    return page


@pytest.mark.parametrize(("name", "fps"), [("xa1024x120", 30)])
def test_a_key_changes_the_picture_within_two_animation_frames(still, name, fps):
    for key in ("i", "ArrowRight", "ArrowLeft", "q", "h", "v", "+", "s", "Alt+ArrowLeft", "Alt+Shift+ArrowDown", "s"):
        still.keyboard.press(key)
        still.wait_for_timeout(150)
    found = still.evaluate("counting")
    pressed = [one for one in found["keys"] if one["key"] not in ("Alt", "Shift")]
    assert len(pressed) == 11
    waits = {}
    for number, press in enumerate(pressed):
        changed = [
            one["tick"] for one in found["drawn"] if one["tick"] >= press["tick"] and one["look"] != press["before"]
        ]
        waits[f"{number} {press['key']}"] = changed[0] - press["tick"] if changed else None
    print(waits)
    assert all(wait is not None and wait <= 2 for wait in waits.values()), waits


@pytest.mark.parametrize(("name", "fps"), [("xa1024x120", 30)])
@pytest.mark.parametrize("subtracted", [False, True])
def test_every_movement_of_a_window_drag_is_drawn_in_the_frame_after_it(still, name, fps, subtracted):
    if subtracted:
        still.keyboard.press("s")
        wait_until(still, "fastcine.player.subtraction?.shown")
    still.mouse.move(500, 300)
    still.mouse.down(button="right")
    still.mouse.move(510, 300)  # farther than a resting hand trembles
    still.wait_for_timeout(100)
    still.evaluate("counting.moves.length = counting.drawn.length = 0")
    for step in range(90):
        still.mouse.move(511 + step, 300 + step % 7)
        still.wait_for_timeout(1)
    still.mouse.up(button="right")
    still.wait_for_timeout(100)
    found = still.evaluate("counting")
    moved = sorted(set(found["moves"]))
    drawn = {one["tick"] for one in found["drawn"]}
    windows = {one["window"] for one in found["drawn"]}
    late = [tick for tick in moved if not drawn & {tick, tick + 1}]
    during = [one for one in found["drawn"] if moved[0] <= one["tick"] <= moved[-1]]
    fps = (len(during) - 1) * 1000 / (during[-1]["time_ms"] - during[0]["time_ms"])
    print(f"{len(during)} pictures, {fps:.0f} a second; {len(moved)} animation frames with movements, {len(late)} late")
    assert len(windows) > 20
    assert len(late) <= len(moved) // 20


@pytest.mark.parametrize(("name", "fps"), [("xa512x60", 15), ("xa1024x120", 30)])
def test_subtracted_runs_play_at_their_rate(still, name, fps):
    still.keyboard.press("s")
    wait_until(still, "fastcine.player.subtraction?.shown")
    still.keyboard.press("l")
    still.wait_for_timeout(1000)
    before = still.evaluate("fastcine.player.stats()")
    still.wait_for_timeout(8000)
    after = still.evaluate("fastcine.player.stats()")
    shown, missed = (after[one] - before[one] for one in ("frames_shown", "frames_missed"))
    print(f"{name} at {fps}: {shown} shown, {missed} missed")
    assert shown >= 7 * fps
    assert missed <= 0.01 * (shown + missed)
