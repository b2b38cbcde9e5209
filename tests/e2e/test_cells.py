"""Several pictures at once, by keys, mouse and fingers: what stands where, what is active, what plays together."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.e2e import cell_objects, looking
from tests.e2e.conftest import opened_page, wait_until

pytestmark = pytest.mark.e2e

PROBE = Path(__file__).with_name("cells_probe.js").read_text()
ALL_EXACT = "fastcine.players.every((player) => !player.run || player.stats().all_exact_ms != null)"


@pytest.fixture(scope="module")
def cells_archive(tmp_path_factory):
    with cell_objects.served(tmp_path_factory.mktemp("cells"), cell_objects.all_cells()) as server:
        yield server


TELL = """({runs, study}) => {
  const complete = (value) => {
    if (!value?.tiles || !value.banner) return value;
    for (const {run, description} of value.tiles) if (description) Object.assign(description, runs[run]);
    return Object.assign(value, study);
  };
  const {parse} = JSON, {json} = Response.prototype;
  JSON.parse = (...text) => complete(parse(...text));
  Response.prototype.json = async function () { return complete(await json.call(this)); };
}"""


def tell(page, server, known):
    """The study's JSON says this of its runs, by name, and of itself, beside what the server says."""
    runs = {server.run_of[name]: values for name, values in known.items() if name != "study"}
    page.add_init_script(f"({TELL})({json.dumps({'runs': runs, 'study': known.get('study', {})})})")


def open_cells(page, server, name="Plane A", query=""):
    page.add_init_script(PROBE)
    study = server.made[name].study_instance_uid
    page.goto(f"{server.url}/view/{study}?run={server.run_of[name]}{query}")
    wait_until(page, f"window.fastcine?.player.run && {ALL_EXACT}")
    return page


def runs_shown(page, server):
    names = {run: name for name, run in server.run_of.items()}
    return [names.get(run) for run in page.evaluate("fastcine.players.map((player) => player.run)")]


@pytest.fixture
def cells(quiet_page, cells_archive):
    return open_cells(quiet_page, cells_archive)


@pytest.mark.soak
def test_a_layout_fills_in_order_and_only_the_active_cell_obeys(cells, cells_archive):
    cells.keyboard.press("4")
    wait_until(cells, f"fastcine.players.length === 4 && {ALL_EXACT}")
    assert runs_shown(cells, cells_archive) == ["Plane A", "Plane B", "Slow", "Fast"]
    for at in range(4):  # each is stopped by itself
        cells.locator("#cells .stage").nth(at).click(position={"x": 60, "y": 120})
        wait_until(cells, f"fastcine.player === fastcine.players[{at}]")
        cells.keyboard.press("k")
        cells.keyboard.press("Home")
    wait_until(cells, "cellNumbers().every((number) => number === 0)")
    cells.locator("#cells .stage").nth(2).click(position={"x": 60, "y": 120})
    cells.keyboard.press("ArrowRight")
    cells.keyboard.press("ArrowRight")
    wait_until(cells, "JSON.stringify(cellNumbers()) === '[0,0,2,0]'")
    assert cells.locator("#tiles [aria-current=true] .label").inner_text() == "Slow"
    box = cells.locator("#scrubber").bounding_box()
    cells.mouse.click(box["x"] + box["width"] * 0.52, box["y"] + box["height"] / 2)
    wait_until(cells, "JSON.stringify(cellNumbers()) === '[0,0,10,0]'")
    for words in ("Phantom, Paula", "PH-201"):
        assert words in cells.locator("#who").inner_text()
    assert cells.get_by_text("Not a medical device").first.is_visible()
    assert cells.locator("#cells .stage .badge:visible").all_inner_texts() == ["EXACT"] * 4
    cells.locator("#cells .stage").nth(2).focus()
    cells.keyboard.press("Tab")
    wait_until(cells, "fastcine.player === fastcine.players[3]")
    cells.keyboard.press("1")
    wait_until(cells, "document.querySelectorAll('#cells .stage:not([hidden])').length === 1")
    assert runs_shown(cells, cells_archive)[0] == "Fast", "the one looked at stays"


@pytest.mark.soak
def test_every_layout_has_its_cells_and_one_of_them_alone_and_back(cells):
    wide = cells.locator("#cells").bounding_box()
    for key, rows, columns in (("2", 1, 2), ("6", 2, 3), ("9", 3, 3), ("4", 2, 2)):
        cells.keyboard.press(key)
        wait_until(cells, f"document.querySelectorAll('#cells .stage:not([hidden])').length === {rows * columns}")
        boxes = [one.bounding_box() for one in cells.locator("#cells .stage:visible").all()]
        assert len({round(box["x"]) for box in boxes}) == columns
        assert len({round(box["y"]) for box in boxes}) == rows
        assert sum(box["width"] * box["height"] for box in boxes) > 0.98 * wide["width"] * wide["height"]
    second = cells.locator("#cells .stage").nth(1)
    second.dblclick(position={"x": 60, "y": 120})
    wait_until(cells, "document.querySelectorAll('#cells .stage:not([hidden])').length === 1")
    assert second.bounding_box() == pytest.approx(wide)
    stood = cells.evaluate("fastcine.players.map((player) => player.frame)")
    cells.wait_for_timeout(400)
    now = cells.evaluate("fastcine.players.map((player) => player.frame)")
    assert now[0] == stood[0] and now[2] == stood[2], "what nobody sees costs nothing"
    assert now[1] != stood[1]
    second.dblclick(position={"x": 60, "y": 120})
    wait_until(cells, "document.querySelectorAll('#cells .stage:not([hidden])').length === 4")


def touch_drag(page, start, end):
    session = page.context.new_cdp_session(page)
    points = [(start[0] + (end[0] - start[0]) * n / 8, start[1] + (end[1] - start[1]) * n / 8) for n in range(9)]
    for n, (x, y) in enumerate(points):
        kind = "touchStart" if n == 0 else "touchMove"
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def middle(locator):
    box = locator.bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


@pytest.mark.soak
@pytest.mark.parametrize("hand", ["mouse", "finger"])
def test_a_tile_is_dragged_into_a_cell(cells, cells_archive, hand):
    cells.keyboard.press("2")
    wait_until(cells, f"fastcine.players.length === 2 && {ALL_EXACT}")
    tile, cell = cells.locator("#tiles button").nth(3), cells.locator("#cells .stage").nth(0)
    if hand == "mouse":
        cells.mouse.move(*middle(tile))
        cells.mouse.down()
        cells.mouse.move(*middle(cell), steps=6)
        cells.mouse.up()
    else:
        touch_drag(cells, middle(tile), middle(cell))
    run = cells_archive.run_of["Fast"]
    wait_until(cells, f"fastcine.players[0].run === '{run}' && {ALL_EXACT}")
    assert runs_shown(cells, cells_archive) == ["Fast", "Plane B"]
    assert cells.evaluate("fastcine.player === fastcine.players[0]")
    looking.show_frame(cells, 7)
    picture = looking.canvas_picture(cells)
    assert looking.difference(picture, cells_archive.made["Fast"].stored[7]) <= 2


def test_the_same_run_stands_in_two_cells_subtracted_beside_as_acquired(cells, cells_archive):
    cells.keyboard.press("2")
    wait_until(cells, f"fastcine.players.length === 2 && {ALL_EXACT}")
    cells.mouse.move(*middle(cells.locator("#tiles button").nth(0)))
    cells.mouse.down()
    cells.mouse.move(*middle(cells.locator("#cells .stage").nth(1)), steps=6)
    cells.mouse.up()
    wait_until(cells, f"fastcine.players[1].run === '{cells_archive.run_of['Plane A']}' && {ALL_EXACT}")
    assert runs_shown(cells, cells_archive) == ["Plane A", "Plane A"]
    texts = cells.locator("#cells .stage .bottom.left").all_inner_texts()
    assert texts[0] == texts[1]
    seen = cells.evaluate("sampleCells(900)")
    for at in range(2):  # both play, neither keeps the other's pictures away
        numbers = [one["numbers"][at] for one in seen]
        assert len(set(numbers)) >= 10, numbers
        assert numbers == [one["frames"][at] for one in seen]
    for at, steps in ((0, 2), (1, 9)):
        cells.locator("#cells .stage").nth(at).click(position={"x": 60, "y": 120})
        wait_until(cells, f"fastcine.player === fastcine.players[{at}]")
        cells.keyboard.press("k")
        cells.keyboard.press("Home")
        for _ in range(steps):
            cells.keyboard.press("ArrowRight")
    wait_until(cells, "JSON.stringify(cellNumbers()) === '[2,9]'")
    cells.keyboard.press("s")
    looking.says(cells, "#cells .stage:nth-child(2) .looks", "SUBTRACTED")
    made = cells_archive.made["Plane A"]
    cells.locator("#cells .stage").nth(0).click(position={"x": 60, "y": 120})
    wait_until(cells, "fastcine.player === fastcine.players[0]")
    plain = looking.grey_reference(made, looking.description_of(cells_archive, made), 2)
    assert looking.difference(looking.canvas_picture(cells), plain) <= 1
    # The one leaves, the other keeps what both had.
    cells.keyboard.press("1")
    wait_until(cells, "document.querySelectorAll('#cells .stage:not([hidden])').length === 1")
    looking.show_frame(cells, 30)
    plain = looking.grey_reference(made, looking.description_of(cells_archive, made), 30)
    assert looking.difference(looking.canvas_picture(cells), plain) <= 1


def wishes(page):
    """What the page has told the server of each run, newest last."""
    told = []

    def listen(socket):
        socket.on("framesent", lambda text: told.append(json.loads(text)) if '"want"' in str(text) else None)

    page.on("websocket", listen)
    return told


@pytest.mark.soak
def test_the_link_is_for_what_is_looked_at(quiet_page, cells_archive):
    told = wishes(quiet_page)
    open_cells(quiet_page, cells_archive)
    quiet_page.keyboard.press("2")
    wait_until(quiet_page, f"fastcine.players.length === 2 && {ALL_EXACT}")
    quiet_page.wait_for_timeout(700)
    newest = {one["run"]: one for one in told}
    names = {name: newest[run] for name, run in cells_archive.run_of.items() if run in newest}
    assert (names["Plane A"]["state"], names["Plane A"]["weight"]) == ("play", 3)
    assert names["Plane B"]["state"] == "play" and "weight" not in names["Plane B"]
    assert names["Slow"]["state"] == "prefetch"
    quiet_page.locator("#cells .stage").nth(1).click(position={"x": 60, "y": 120})
    quiet_page.wait_for_timeout(300)
    newest = {one["run"]: one for one in told}
    assert newest[cells_archive.run_of["Plane B"]]["weight"] == 3
    assert "weight" not in newest[cells_archive.run_of["Plane A"]]


@pytest.mark.soak  # test_planes.py has a pair in CI
def test_two_planes_are_offered_and_never_differ_by_a_frame(quiet_page, cells_archive):
    pair = {"a": cells_archive.run_of["Plane A"], "b": cells_archive.run_of["Plane B"], "by": "reference"}
    tell(quiet_page, cells_archive, {"study": {"biplane_pairs": [pair]}})
    page = open_cells(quiet_page, cells_archive)
    page.get_by_role("button", name="Biplane: both planes").click()
    wait_until(page, f"fastcine.players.length === 2 && {ALL_EXACT}")
    assert runs_shown(page, cells_archive) == ["Plane A", "Plane B"]
    wait_until(page, "fastcine.players.every((player) => player.locked === 'locked' && player.playing)")
    assert "locked: same time" in page.locator("#run-place").inner_text()
    page.wait_for_timeout(200)
    seen = page.evaluate("sampleCells(3000)")
    assert len(seen) > 100
    assert [row for row in seen if row["numbers"][0] != row["numbers"][1]] == []
    assert {row["numbers"][0] for row in seen} == set(range(40)), "every frame was on both screens"
    page.evaluate("fastcine.player.speed(2)")
    seen = page.evaluate("sampleCells(800)")
    assert [row for row in seen if row["numbers"][0] != row["numbers"][1]] == []
    page.keyboard.press("ArrowLeft")
    wait_until(page, "!fastcine.players[0].playing && !fastcine.players[1].playing")
    page.wait_for_timeout(100)
    one, two = page.evaluate("cellNumbers()")
    assert one == two == page.evaluate("fastcine.player.frame")


R_WAVES = {"Slow": {"r_wave_ms": [0, 1000]}, "Fast": {"r_wave_ms": [0, 500]}}


def beat(page, at, first, last):
    """Which of two frames were on cell 1 whenever cell 0 showed frames `first` to `last`."""
    seen = page.evaluate("sampleCells(2300)")
    return {row["numbers"][1] for row in seen if first <= row["numbers"][0] <= last}


@pytest.mark.soak
def test_beats_start_together_or_are_stretched_and_what_has_none_says_so(quiet_page, cells_archive):
    tell(quiet_page, cells_archive, R_WAVES)
    page = open_cells(quiet_page, cells_archive, "Slow")
    page.keyboard.press("2")
    wait_until(page, f"fastcine.players.length === 2 && {ALL_EXACT}")
    assert runs_shown(page, cells_archive) == ["Slow", "Fast"]
    page.locator("#lock").select_option("beats")
    wait_until(page, "fastcine.players.every((player) => player.locked === 'locked')")
    page.wait_for_timeout(200)
    seen = [row["numbers"] for row in page.evaluate("sampleCells(2300)")]
    # Slow: beats of 1 s, 10 frames; Fast: of half a second, 10 frames, then it waits.
    assert {fast for slow, fast in seen if slow in (6, 7, 8, 9)} == {9}
    assert {fast for slow, fast in seen if slow in (16, 17, 18, 19)} == {19}
    assert all(abs((fast % 10) - 2 * (slow % 10)) <= 1 for slow, fast in seen if slow % 10 < 5)
    page.keyboard.press("8")
    wait_until(page, "document.getElementById('lock').value === 'stretch'")
    page.wait_for_timeout(200)
    seen = [row["numbers"] for row in page.evaluate("sampleCells(2300)")]
    assert {slow - fast for slow, fast in seen} == {0}, "each beat lasts as long as the longest"
    page.keyboard.press("4")
    wait_until(page, f"fastcine.players.length === 4 && {ALL_EXACT}")
    wait_until(page, "fastcine.players.map((player) => player.locked).join() === 'locked,locked,apart,apart'")
    looking.says(page, "#cells .stage:nth-child(3) .corner.top.left", "not synchronised: no R waves")


STAGED = {
    name: {"stage": {"name": stage, "number": number, "count": 2}, "view": {"name": view, "number": None, "count": 2}}
    for name, stage, number, view in (
        ("Plane A", "Peak", 2, "A4C"), ("Plane B", "Peak", 2, "PLAX"),
        ("Slow", "Rest", 1, "A4C"), ("Fast", "Rest", 1, "PLAX"),
    )
}  # fmt: skip


@pytest.mark.soak
def test_a_stress_echo_lies_as_stages_by_views(quiet_page, cells_archive):
    tell(quiet_page, cells_archive, STAGED)
    page = open_cells(quiet_page, cells_archive)
    page.keyboard.press("5")
    wait_until(page, f"fastcine.players.length === 4 && {ALL_EXACT}")
    assert runs_shown(page, cells_archive) == ["Slow", "Fast", "Plane A", "Plane B"], "rest above peak"


@pytest.mark.soak
def test_the_same_projection_of_an_earlier_study_stands_beside(quiet_page, cells_archive):
    """The other study's run was taken 18 degrees from this one's side."""
    description = looking.description_of(cells_archive, cells_archive.made["Other"])
    run = {"kind": "run", "run": description["run"], "label": "Other", "frames": 10, "state": "ready"}
    prior = {
        "study_date_text": "2025-02-10 08:30",
        "earlier": True,
        "runs": [run | {"geometry": description["geometry"]}],
    }
    quiet_page.route("**/priors", lambda route: route.fulfill(json={"priors": [prior]}))
    page = open_cells(quiet_page, cells_archive)
    page.keyboard.press("7")
    wait_until(page, f"fastcine.players[1]?.run === '{description['run']}' && {ALL_EXACT}")
    assert runs_shown(page, cells_archive) == ["Plane A", "Other"]
    looking.says(page, "#cells .stage:nth-child(2) .corner.top.left", "EARLIER STUDY 2025-02-10 08:30 · 18° apart")


@pytest.mark.soak
def test_a_link_opens_the_same(browser, cells, cells_archive):
    cells.keyboard.press("4")
    wait_until(cells, f"fastcine.players.length === 4 && {ALL_EXACT}")
    cells.locator("#lock").select_option("time")
    cells.locator("#cells .stage").nth(1).click(position={"x": 60, "y": 120})
    cells.keyboard.press("k")
    cells.keyboard.press("Home")
    for _ in range(3):
        cells.keyboard.press("ArrowRight")
    box = cells.locator("#cells .stage").nth(1).bounding_box()
    cells.mouse.move(box["x"] + 200, box["y"] + 200)
    cells.mouse.down(button="right")
    cells.mouse.move(box["x"] + 260, box["y"] + 180, steps=3)
    cells.mouse.up(button="right")
    window = cells.evaluate("fastcine.player.window")
    wait_until(cells, "/frame=4&window=.*lock=time/.test(location.search)")
    # The address follows a drag with some delay.
    wait_until(
        cells,
        """[fastcine.player.window].every(({center, width}) => new URLSearchParams(location.search).get("window")
            === [center, width].map((value) => Number(value.toPrecision(7))).join(","))""",
    )
    address = cells.evaluate("location.href")
    assert not any(words in address for words in ("Phantom", "Paula", "PH-201", "1961")), "no identity"
    with opened_page(browser) as page:
        page.add_init_script(PROBE)
        page.goto(address)
        wait_until(page, f"window.fastcine?.players.length === 4 && {ALL_EXACT}")
        wait_until(
            page, "fastcine.player === fastcine.players[1] && !fastcine.player.playing && fastcine.player.locked"
        )
        assert runs_shown(page, cells_archive) == runs_shown(cells, cells_archive)
        assert page.evaluate("fastcine.player.window") == pytest.approx(window, rel=1e-5)
        page.wait_for_timeout(200)
        assert page.evaluate("cellNumbers()") == cells.evaluate("cellNumbers()")
        assert page.evaluate("cellNumbers()[1]") == 3


@pytest.mark.soak
def test_a_second_hint_stands_as_long_as_the_first(quiet_page, cells_archive):
    page = open_cells(quiet_page, cells_archive, "Slow")
    for key, words in (("8", "nothing to be locked to"), ("3", "no second plane")):
        page.keyboard.press(key)
        wait_until(page, f"document.getElementById('notice').textContent.includes('{words}')")
        page.wait_for_timeout(2500)
    assert "no second plane" in looking.text(page, "#notice")
    wait_until(page, "document.getElementById('notice').hidden")


@pytest.mark.soak
def test_the_pointer_on_a_tile_goes_through_its_frames(cells, cells_archive):
    tile = cells.locator("#tiles button").nth(3)
    box = tile.bounding_box()
    cells.mouse.move(box["x"] + 20, box["y"] + 20)
    wait_until(cells, "document.querySelector('#tiles .thumb canvas')")
    stored = cells_archive.made["Fast"].stored[..., 0].astype(np.float64)
    for share in (0.27, 0.77):
        cells.mouse.move(box["x"] + box["width"] * share, box["y"] + 30, steps=4)
        cells.wait_for_timeout(400)
        seen = looking.pixels_of(cells.evaluate(TILE_CANVAS))[..., 1].astype(np.float64)
        rows = np.linspace(0, 255, seen.shape[0]).astype(int)
        columns = np.linspace(0, 319, seen.shape[1]).astype(int)
        nearness = [float(np.corrcoef(seen.ravel(), frame[np.ix_(rows, columns)].ravel())[0, 1]) for frame in stored]
        assert int(np.argmax(nearness)) == int(share * 20)
    cells.mouse.move(700, 400)
    wait_until(cells, "!document.querySelector('#tiles .thumb canvas')")
    assert runs_shown(cells, cells_archive)[0] == "Plane A", "the picture is left alone"


# The picture within the tile's canvas.
TILE_CANVAS = """() => {
  const canvas = document.querySelector("#tiles .thumb canvas"), {width, height} = canvas;
  const rows = Math.floor(width * 256 / 320), top = Math.floor((height - rows) / 2);
  const bytes = canvas.getContext("2d").getImageData(0, top, width, rows).data;
  return {columns: width, rows, data: btoa(String.fromCharCode(...bytes))};
}"""
