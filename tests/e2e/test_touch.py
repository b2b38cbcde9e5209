"""Fingers on a tablet: real touch events, and what becomes of frame, window, view, run and pixels."""

import pytest

from fastcine.phantom import counter
from tests.e2e import looking
from tests.e2e.conftest import opened_page, wait_until

pytestmark = pytest.mark.e2e

TABLET = {"width": 768, "height": 1024}


class Fingers:
    """Fingers on the stage; places in CSS pixels of the page, each step one touch event for all of them."""

    def __init__(self, page):
        self.page = page
        self.session = page.context.new_cdp_session(page)
        box = page.locator("#stage").bounding_box()
        self.left, self.top, self.width, self.height = (box[name] for name in ("x", "y", "width", "height"))

    def send(self, kind, points):
        touched = [{"x": x, "y": y, "id": at} for at, (x, y) in enumerate(points)]
        self.session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touched})

    def move(self, *ways, steps=10):
        """Each finger goes from its first place to its second one."""
        self.send("touchStart", [start for start, _ in ways])
        for step in range(1, steps + 1):
            share = step / steps
            self.send("touchMove", [tuple(a + (b - a) * share for a, b in zip(*way, strict=True)) for way in ways])
        self.send("touchEnd", [])

    def at(self, across, down):
        """A place on the stage, in shares of its size."""
        return self.left + self.width * across, self.top + self.height * down


@pytest.fixture
def tablet(browser, archive):
    context = browser.new_context(viewport=TABLET, has_touch=True)
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    looking.open_run(page, archive, "lca")
    page.fingers = Fingers(page)
    yield page
    context.close()
    assert errors == []


def shown_number(page):
    return counter.read(looking.canvas_picture(page)[..., 1])


def run_is(page, archive, name):
    run = looking.description_of(archive, archive.made[name])["run"]
    wait_until(page, f"fastcine.player.run === '{run}' && {looking.EXACT}")


def test_one_finger_scrubs_and_a_tap_plays_or_pauses(tablet):
    fingers = tablet.fingers
    fingers.move((fingers.at(0.5, 0.5), fingers.at(0.5, 0.5)), steps=1)
    wait_until(tablet, "!fastcine.player.playing")
    before = tablet.evaluate("fastcine.player.frame")
    start = fingers.at(0.2, 0.5)
    fingers.move((start, (start[0] + 24 * 5 + 12, start[1])))  # 24 pixels a frame for a run of so few
    frame = tablet.evaluate("fastcine.player.frame")
    assert frame == (before + 5) % 24 or frame == min(before + 5, 23)
    looking.show_frame(tablet, frame)
    assert shown_number(tablet) == frame, "burned into what the canvas shows"
    fingers.move((fingers.at(0.5, 0.5), fingers.at(0.5, 0.5)), steps=1)
    wait_until(tablet, f"fastcine.player.playing && fastcine.player.frame !== {frame}")


def test_two_fingers_zoom_and_move_about_the_point_between_them(tablet):
    looking.show_frame(tablet, 3)
    fingers = tablet.fingers
    middle = (fingers.left + 384, fingers.top + 300)
    under = "([x, y]) => fastcine.player.canvasToImage(x, y)"
    ways = [
        ((middle[0] - 60, middle[1]), (middle[0] - 180, middle[1])),
        ((middle[0] + 60, middle[1]), (middle[0] + 180, middle[1])),
    ]
    before = tablet.evaluate("fastcine.player.view")
    held = tablet.evaluate(under, [384, 300])
    fingers.move(*ways, steps=20)
    view = tablet.evaluate("fastcine.player.view")
    assert 2 < view["zoom"] / before["zoom"] <= 3, "three times as far apart, but for what told a zoom from a window"
    assert tablet.evaluate(under, [384, 300]) == pytest.approx(held, abs=1.5), "what lies between them stays"
    # Side by side to the right: the same point of the picture goes along.
    held = tablet.evaluate(under, [300, 300])
    fingers.move(*[((fingers.left + x, middle[1]), (fingers.left + x + 80, middle[1])) for x in (250, 350)], steps=20)
    moved = tablet.evaluate("fastcine.player.view")
    assert moved["zoom"] == pytest.approx(view["zoom"], rel=1e-6)
    assert 60 < moved["pan_x"] - view["pan_x"] <= 80 and moved["pan_y"] == pytest.approx(view["pan_y"])
    assert tablet.evaluate("fastcine.player.frame") == 3 and not tablet.evaluate("fastcine.player.playing")


def test_two_fingers_up_or_down_change_the_window(tablet, archive):
    looking.show_frame(tablet, 7)
    fingers = tablet.fingers
    view = tablet.evaluate("fastcine.player.view")
    before = tablet.evaluate("fastcine.player.window")
    fingers.move(*[((fingers.left + x, fingers.top + 300), (fingers.left + x, fingers.top + 240)) for x in (300, 420)])
    window = tablet.evaluate("fastcine.player.window")
    assert window == pytest.approx({"center": before["center"] - before["width"] / 5, "width": before["width"]}), (
        "60 of 300"
    )
    assert tablet.evaluate("fastcine.player.view") == view
    made = archive.made["lca"]
    wanted = looking.grey_reference(made, looking.description_of(archive, made), 7, window=tuple(window.values()))
    assert looking.difference(looking.canvas_picture(tablet), wanted) <= 2


def test_a_swipe_from_an_edge_changes_the_run(tablet, archive):
    fingers = tablet.fingers
    right, left = fingers.at(1, 0.5), fingers.at(0, 0.5)
    fingers.move(((right[0] - 5, right[1]), (right[0] - 160, right[1] + 5)))
    run_is(tablet, archive, "echo")
    looking.show_frame(tablet, 5)
    assert looking.difference(looking.canvas_picture(tablet), archive.made["echo"].stored[5]) <= 2
    fingers.move(((left[0] + 5, left[1]), (left[0] + 160, left[1])))
    run_is(tablet, archive, "lca")
    looking.show_frame(tablet, 5)
    assert shown_number(tablet) == 5
    # Amid the picture the same movement goes through the frames.
    fingers.move((fingers.at(0.6, 0.5), fingers.at(0.5, 0.5)))
    run_is(tablet, archive, "lca")
    assert tablet.evaluate("fastcine.player.frame") < 5


# What can be seen and hit; a list scrolls, and what it has beyond its edge is no matter.
PLACES = """() => [...document.querySelectorAll("button, a, select, input, [role=slider]")].filter((one) =>
    one.checkVisibility({visibilityProperty: true, opacityProperty: true}) && one.type !== "file").map((one) => {
  // All of a study's row opens it.
  const {left, top, right, bottom, width, height} = (one.closest("#rows tr") ?? one).getBoundingClientRect();
  const name = one.getAttribute("aria-label") || one.textContent.trim() || one.id;
  const scrolls = one.closest("nav, dialog, main:not(#cells)") !== null, on = one.closest(".stage") !== null;
  return {name, left, top, right, bottom, width, height, scrolls, on};
})"""


def check_places(page, size):
    places = page.evaluate(PLACES)
    assert len(places) > 3
    small = [(one["name"], one["width"], one["height"]) for one in places if min(one["width"], one["height"]) < 43.99]
    assert small == [], "a finger needs 44 px"
    fixed = [one for one in places if not one["scrolls"]]
    right, bottom = size["width"] + 0.5, size["height"] + 0.5
    fits = [min(one["left"], one["top"]) >= 0 and one["right"] <= right and one["bottom"] <= bottom for one in fixed]
    cut = [one["name"] for one, fit in zip(fixed, fits, strict=True) if not fit]
    assert cut == [], "cut off"
    bar = [one for one in fixed if not one["on"]]
    over = [
        (one["name"], other["name"])
        for at, one in enumerate(bar)
        for other in bar[at + 1 :]
        if min(one["right"], other["right"]) - max(one["left"], other["left"]) > 0.5
        and min(one["bottom"], other["bottom"]) - max(one["top"], other["top"]) > 0.5
    ]
    assert over == [], "one lies over the other"
    whole = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
    assert whole[0] <= size["width"], "nothing lies beside the page"


# Texts in the pictures' corners that cover each other.
CORNERS = """() => [...document.querySelectorAll(".stage")].filter((stage) => !stage.hidden).flatMap((stage) => {
  const all = [...stage.querySelectorAll(".corner > div, .looks")];
  const texts = all.filter((one) => one.checkVisibility() && one.textContent.trim());
  const boxes = texts.map((one) => [one.textContent, one.getBoundingClientRect()]);
  const within = stage.getBoundingClientRect(), wrong = [];
  boxes.forEach(([text, box], at) => {
    const fits = box.left >= within.left - 1 && box.right <= within.right + 1 && box.bottom <= within.bottom + 1;
    if (!fits) wrong.push(`${text}: cut off`);
    for (const [other, its] of boxes.slice(at + 1)) {
      const wide = Math.min(box.right, its.right) - Math.max(box.left, its.left);
      const high = Math.min(box.bottom, its.bottom) - Math.max(box.top, its.top);
      if (wide > 1 && high > 1) wrong.push(`${text} / ${other}`);
    }
  });
  return wrong;
})"""


@pytest.mark.soak
@pytest.mark.parametrize("size", [TABLET, {"width": 1920, "height": 1080}], ids=["tablet", "workstation"])
def test_everything_fits_and_can_be_hit_in_every_layout(browser, archive, size):
    context = browser.new_context(viewport=size, has_touch=True)
    page = context.new_page()
    page.goto(archive.url)
    wait_until(page, "document.querySelectorAll('#rows tr').length > 0")
    check_places(page, size)
    looking.open_run(page, archive, "averaged")
    looking.show_frame(page, 3)
    wait_until(page, "document.querySelector('.looks')")
    for keys in ("", "s", "2", "4", "6", "9", "1"):
        if keys:
            page.keyboard.press(keys)
            page.wait_for_timeout(500)
        check_places(page, size)
        assert page.evaluate(CORNERS) == [], keys
        who = looking.text(page, "#who")
        assert "Phantom" in who and archive.made["averaged"].dataset.PatientID in who, "two identifiers"
        assert (
            page.get_by_text("Not a medical device").first.is_visible()
            or page.get_by_text("Not a medical device").nth(1).is_visible()
        )
    page.keyboard.press("?")
    wait_until(page, "document.getElementById('help').open")
    page.get_by_role("button", name="Change keys").click()
    check_places(page, size)
    context.close()


@pytest.mark.soak
def test_a_key_is_changed_kept_and_printed(browser, archive):
    with opened_page(browser) as page:
        looking.open_run(page, archive, "lca")
        looking.show_frame(page, 4)
        page.keyboard.press("?")
        page.get_by_role("button", name="Change keys").click()
        page.get_by_role("button", name="Next frame: →. Change").click()
        page.keyboard.press("b")
        looking.says(page, "#help [role=status]", "B is taken: To and fro, or loop")
        page.get_by_role("button", name="Next frame: →. Change").click()
        page.keyboard.press("e")
        looking.says(page, "#help [role=status]", "Next frame: E")
        page.get_by_role("button", name="Close", exact=True).click()
        page.keyboard.press("e")
        wait_until(page, "fastcine.player.frame === 5")
        assert shown_number(page) == 5
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(150)
        assert page.evaluate("fastcine.player.frame") == 5, "the usual key is no longer its"
        assert page.locator("[data-command=on]").get_attribute("title") == "Next frame (E)"
        for id, name, key in (
            ("faster", "Faster: .. Change", "d"),
            ("lock", "beats stretched, each alone: 8. Change", "m"),
        ):
            page.keyboard.press("?")
            page.get_by_role("button", name="Change keys").click()
            page.get_by_role("button", name=name).click()
            page.keyboard.press(key)
            looking.says(page, "#help [role=status]", key.upper())
            page.get_by_role("button", name="Close", exact=True).click()
            assert [id, [key]] in page.evaluate("Object.entries(JSON.parse(localStorage.getItem('fastcine-keys')))")
        told = page.locator("[data-speed='2']").get_attribute("title")
        assert told.endswith("speed (, slower  D faster  0 as acquired)"), told
        assert page.locator("#lock").get_attribute("title") == "Pictures together (M)"
        assert page.locator("#layout").get_attribute("title") == "Layout (1 2 4 6 9)"
        page.reload()
        wait_until(page, looking.EXACT)
        page.keyboard.press("?")
        line = "[...document.querySelectorAll('#help dd')].find((one) => one.textContent === 'Next frame')"
        printed = f"{line}.previousSibling.textContent"
        wait_until(page, f"document.getElementById('help').open && {printed} === 'E'")
        kept = page.evaluate("Object.entries(localStorage)")
        assert ["fastcine-keys", '{"on":["e"],"faster":["d"],"lock":["m"]}'] in kept, (
            "commands and keys, nothing of the patient"
        )
        page.get_by_role("button", name="Change keys").click()
        page.get_by_role("button", name="Usual keys").click()
        page.keyboard.press("Escape")
        wait_until(page, "!document.getElementById('help').open")
        looking.show_frame(page, 4)
        page.keyboard.press("ArrowRight")
        wait_until(page, "fastcine.player.frame === 5")
        assert page.errors == []
