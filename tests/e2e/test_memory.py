"""The limit of what a page's runs may hold: kept by what the browser itself counts, while what is shown stays true."""

import pytest

from tests.e2e import looking
from tests.e2e.conftest import wait_until
from tests.e2e.test_cells import ALL_EXACT, open_cells
from tests.e2e.test_cells_together import heavy_archive  # noqa: F401  (a fixture)

pytestmark = pytest.mark.e2e

# Whenever the page comes to it, the engine's own count.
WATCH = """
window.most = 0;
setInterval(() => (most = Math.max(most, window.fastcine?.player.stats().held_bytes ?? 0)), 0);
"""
FRAME_BYTES = 512 * 512
LIMIT_BYTES = 16_000_000
"""What a hand types; four of the heart study's runs hold 35 MB, and need 14 to play at all."""


def limited(page, megabytes):
    page.add_init_script(f"localStorage.setItem('fastcine-memory-mb', '{megabytes}')")
    page.add_init_script(WATCH)


def array_bytes(page):
    """What all ArrayBuffers of the page's own thread take, as the browser counts them after it has tidied up."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    bytes_now = session.send("Runtime.getHeapUsage")["backingStorageSize"]
    session.detach()
    return bytes_now


def is_true(page, server, name, frames):
    """The active picture is exact and that of the file on these frames."""
    made = server.made[name]
    description = looking.description_of(server, made)
    for frame in frames:
        looking.show_frame(page, frame)
        assert page.evaluate("fastcine.player.badge") == "EXACT"
        assert looking.difference(looking.canvas_picture(page), looking.grey_reference(made, description, frame)) <= 2


def stays_below(page, megabytes, bare_bytes, *, cells):
    limit_bytes = megabytes * 1e6
    assert page.evaluate("fastcine.player.stats().limit_bytes") == limit_bytes
    assert limit_bytes / 2 < page.evaluate("most") <= limit_bytes + 2 * FRAME_BYTES
    # Beside what is counted: six buffers kept for the next frames; of each cell the canvas in four colours, and tables.
    assert array_bytes(page) - bare_bytes <= limit_bytes + (6 + 7 * cells) * FRAME_BYTES


@pytest.fixture
def bare_bytes(quiet_page, heavy_archive):  # noqa: F811
    """What the page takes beside its runs."""
    open_cells(quiet_page, heavy_archive, "heavy0")
    return array_bytes(quiet_page) - quiet_page.evaluate("fastcine.player.stats().held_bytes")


@pytest.mark.soak
def test_runs_one_after_another_stay_below_the_limit(quiet_page, bare_bytes, heavy_archive):  # noqa: F811
    limited(quiet_page, 24)
    page = open_cells(quiet_page, heavy_archive, "heavy0")
    for key, name in [("ArrowDown", f"heavy{number}") for number in (1, 2, 3)] + [("ArrowUp", "heavy2")]:
        page.keyboard.press(key)
        wait_until(page, f"fastcine.player.run === '{heavy_archive.run_of[name]}' && {ALL_EXACT}", 60_000)
        page.wait_for_timeout(1000)
    stays_below(page, 24, bare_bytes, cells=1)
    assert page.evaluate("fastcine.player.stats().frames_out_of_order") == 0
    is_true(page, heavy_archive, "heavy2", (0, 31, 59))


@pytest.mark.soak
def test_four_that_do_not_fit_play_on_below_the_limit(quiet_page, bare_bytes, heavy_archive):  # noqa: F811
    limited(quiet_page, 24)
    page = open_cells(quiet_page, heavy_archive, "heavy0")
    page.keyboard.press("4")
    wait_until(page, f"fastcine.players.length === 4 && {ALL_EXACT}", 60_000)
    held = page.evaluate("fastcine.players.map((player) => player.stats().frames_exact)")
    assert max(held) < 60, "they do not fit"
    before = page.evaluate("fastcine.players.map((player) => player.stats())")
    page.wait_for_timeout(9000)  # twice through
    after = page.evaluate("fastcine.players.map((player) => player.stats())")
    shown = sum(now["frames_shown"] - then["frames_shown"] for then, now in zip(before, after, strict=True))
    lost = sum(now["frames_missed"] - then["frames_missed"] for then, now in zip(before, after, strict=True))
    print(f"\n{shown} shown, {lost} missed; exact held of each: {held}; {page.evaluate('most') / 1e6:.1f} MB at most")
    assert shown > 4 * 15 * 9 * 0.8 and lost < shown * 0.1
    stays_below(page, 24, bare_bytes, cells=4)
    for at in (0, 3):
        page.locator("#cells .stage").nth(at).click(position={"x": 60, "y": 120})
        wait_until(page, f"fastcine.player === fastcine.players[{at}]")
        page.keyboard.press("k")
        # On the canvas of a cell: the frame's own number (fastcine/phantom/counter.py), when it is exact.
        for frame in (10, 40, 5):
            page.evaluate(f"fastcine.player.seek({frame})")
            wait_until(page, f"cellNumbers()[{at}] === {frame} && fastcine.player.badge === 'EXACT'")


def test_the_readers_own_limit_is_kept_to_and_kept(quiet_page, archive):
    """Typed under ? while four runs are open: what is held becomes less, and the next visit has the same limit."""
    page, held, most_bytes = quiet_page, "fastcine.player.stats().held_bytes", LIMIT_BYTES + 2 * FRAME_BYTES
    looking.open_run(page, archive, "lca")
    page.keyboard.press("4")
    wait_until(page, f"fastcine.players.length === 4 && {ALL_EXACT}", 30_000)
    wait_until(page, "fastcine.player.stats().limit_bytes")
    before = page.evaluate("(({held_bytes, limit_bytes}) => [held_bytes, limit_bytes])(fastcine.player.stats())")
    assert 2 * LIMIT_BYTES < before[0] < before[1], "more than is going to be let"
    page.keyboard.press("?")
    field = page.get_by_label("Memory for runs (MB)")
    assert int(field.input_value()) * 1e6 == before[1]
    field.focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("16")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    wait_until(page, "!document.getElementById('help').open")
    assert page.evaluate("fastcine.player.stats().limit_bytes") == LIMIT_BYTES
    wait_until(page, f"{held} <= {most_bytes}")
    playing = page.evaluate("fastcine.players.map((player) => player.stats().frames_shown)")
    page.wait_for_timeout(500)
    assert page.evaluate("fastcine.players.map((player) => player.stats().frames_shown)") != playing
    assert page.evaluate(held) <= most_bytes, "and stays there while they play on"
    page.reload()
    wait_until(page, "window.fastcine?.player.stats().limit_bytes")
    assert page.evaluate("fastcine.player.stats().limit_bytes") == LIMIT_BYTES
    page.keyboard.press("?")
    assert field.input_value() == "16"
