"""The viewer's page around the picture: banner, film strip, what it says and how it is laid out."""

import pytest

from fastcine.render.picture import grey_picture
from tests.e2e import looking, made_objects
from tests.e2e.conftest import opened_page, wait_until
from tests.serving import ROOT

pytestmark = pytest.mark.e2e

AXE = ROOT / "viewer" / "node_modules" / "axe-core" / "axe.min.js"
SHIFTS = """
window.shifted = [];
// Texts that stand at the right of the picture grow to the left: that moves nothing else.
const grows = ({node}) => (node?.closest ? node : node?.parentElement)?.closest(".corner.right");
new PerformanceObserver((list) => {
  for (const {value, sources} of list.getEntries()) {
    const moved = sources.filter((source) => !grows(source));
    if (moved.length) window.shifted.push([value, ...moved.map(({node}) => node?.id || node?.className)]);
  }
}).observe({type: "layout-shift", buffered: true});
"""
THUMBNAILS = """[...document.querySelectorAll("#tiles button")].every((tile) =>
  tile.querySelector(".state.bad") || tile.querySelector("img")?.naturalWidth > 0)"""
TILES = """[...document.querySelectorAll("#tiles button")].map((tile) => [...tile.querySelectorAll(
  ".label, .angle, .frames, .state")].filter((part) => !part.hidden).map((part) => part.textContent))"""
MEANS = """[...document.querySelectorAll("#tiles button")].map((tile) => {
  const image = tile.querySelector("img");
  if (!image) return null;
  const {naturalWidth: width, naturalHeight: height} = image;
  const copy = new OffscreenCanvas(width, height).getContext("2d");
  copy.drawImage(image, 0, 0);
  const {data} = copy.getImageData(0, 0, width, height), sums = [0, 0, 0];
  for (let at = 0; at < data.length; at += 4) for (const n of [0, 1, 2]) sums[n] += data[at + n];
  return {width, height, means: sums.map((sum) => sum / (width * height))};
})"""


def study_address(archive, name):
    return f"{archive.url}/view/{archive.made[name].study_instance_uid}"


@pytest.fixture(scope="module")
def viewer(browser, archive):
    """The heart study, opened once without naming a run; tests leave it on its first run."""
    with opened_page(browser) as page:
        page.goto(study_address(archive, "lca"))
        wait_until(page, f"{looking.EXACT} && {THUMBNAILS}")
        yield page
        assert page.errors == []


def angle_text(dataset):
    """LAO and CRA are positive (PS3.3 C.8.7.5)."""
    primary, secondary = float(dataset.PositionerPrimaryAngle), float(dataset.PositionerSecondaryAngle)
    sides = ("RAO" if primary < 0 else "LAO", "CAU" if secondary < 0 else "CRA")
    return f"{sides[0]} {abs(primary):.0f} {sides[1]} {abs(secondary):.0f}"


def test_strip_stands_in_acquisition_order_and_says_what_the_files_say(viewer, archive):
    lca, rca = archive.made["lca"].dataset, archive.made["rca"].dataset
    tiles = viewer.evaluate(TILES)
    assert tiles[0] == ["LCA", angle_text(lca), "24 fr · 15 fps"]
    assert angle_text(lca) == "RAO 32 CAU 20"
    assert tiles[1] == ["Echo", "12 fr · 10 fps"]
    assert tiles[2] == ["RCA", angle_text(rca), "30 fr · 20.1 fps"], "29 steps of 40 and 60 ms in turn"
    assert tiles[3] == ["DSA", "AP", "8 fr · 10 fps"], "both angles are 0"
    assert tiles[4][0] == "Still" and tiles[4][-1] == "still"
    assert tiles[5][0] == "Broken" and len(tiles) == 6
    assert viewer.locator("#tiles [aria-current=true] .label").inner_text() == "LCA"


def test_thumbnails_are_pictures_of_the_middle_frames(viewer, archive):
    thumbnails = viewer.evaluate(MEANS)
    for at, name in enumerate(("lca", "echo", "rca", "masked", "still")):
        made, seen = archive.made[name], thumbnails[at]
        middle = made.stored[len(made.stored) // 2]
        if middle.ndim == 2:
            display = looking.description_of(archive, made)["display"]
            middle = grey_picture(middle, display, bits_stored=int(made.dataset.BitsStored), signed=False)[..., None]
        rows, columns = middle.shape[:2]
        assert max(seen["width"], seen["height"]) == 160
        assert seen["width"] / seen["height"] == pytest.approx(columns / rows, rel=0.02)
        wanted = middle.mean(axis=(0, 1)).tolist() * (3 // middle.shape[2])
        assert seen["means"] == pytest.approx(wanted, abs=4), name
    assert thumbnails[5] is None


def test_a_failed_run_says_why(viewer):
    viewer.locator("#tiles button").nth(5).click()
    wait_until(viewer, "!document.getElementById('notice').hidden")
    notice = looking.text(viewer, "#notice")
    assert notice.startswith("This run cannot be played: JPEG bitstream without a marker")
    assert "7FE0,0010" in notice and notice.endswith("The file is kept as received.")
    assert looking.text(viewer, "#badge") == ""
    assert "JPEG bitstream" in viewer.evaluate(TILES)[5][-1]
    assert viewer.evaluate("getComputedStyle(document.getElementById('picture')).visibility") == "hidden"
    viewer.keyboard.press("ArrowUp")
    wait_until(viewer, "window.fastcine?.player.badge === 'EXACT'")
    assert looking.text(viewer, "#run-label") == "PHANTOM · Still"
    assert viewer.locator("#notice").is_hidden()
    viewer.locator("#tiles button").first.click()


CAN_BE_READ = """(words) => {
  const part = [...document.querySelectorAll("#who > *")].find((one) => one.textContent.endsWith(words));
  const range = document.createRange();
  range.selectNodeContents(part);
  const {left, right, top, bottom} = range.getBoundingClientRect();
  const corners = [[left + 1, top + 3], [right - 1, bottom - 3]];
  return corners.every(([x, y]) => part.contains(document.elementFromPoint(x, y)));
}"""


def test_two_identifiers_at_every_size(viewer):
    for width, height in ((1920, 1080), (768, 1024)):
        viewer.set_viewport_size({"width": width, "height": height})
        for words in ("Phantom, Paula", "PH-101"):
            assert viewer.evaluate(CAN_BE_READ, words), f"{words} at {width}x{height}"
        canvas = viewer.locator("#picture").bounding_box()
        assert canvas["width"] * canvas["height"] > width * height * 0.4, "the picture has the room"
        size = viewer.evaluate("[document.documentElement.scrollWidth, document.documentElement.scrollHeight]")
        assert size == [width, height], "nothing lies below the fold"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (f"named{made_objects.CHINESE}", ["Wang, XiaoDong", "王, 小东"]),
        (f"named{made_objects.JAPANESE}", ["Yamada, Tarou", "山田, 太郎", "やまだ, たろう"]),
        (f"named{made_objects.NAMELESS}", ["name unknown", "IDunknown"]),
        (
            f"named{made_objects.HOSTILE}",
            ["</script><script>hurt()</script>, <img src", made_objects.HOSTILE_ID, made_objects.HOSTILE_TEXT],
        ),
    ],
)
def test_names_in_the_banner(quiet_page, archive, name, said):
    quiet_page.add_init_script("window.hurt = () => { window.hurts = true; }")
    quiet_page.goto(study_address(archive, name))
    wait_until(quiet_page, "window.fastcine?.player.badge === 'EXACT'")
    banner = quiet_page.locator("#who").text_content()
    for words in said:
        assert words in banner
    assert quiet_page.evaluate("document.querySelectorAll('#who :is(img, script, b)').length") == 0
    assert quiet_page.evaluate("window.hurts") is None
    title = quiet_page.title()
    assert not any(words in title for words in said), "the title names nobody"
