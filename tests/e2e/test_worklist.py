"""The worklist in a browser: its rows, its search, its pages, and studies that come in while it is open."""

import pytest

from tests.e2e import looking, made_objects
from tests.e2e.conftest import MADE_UP_STUDIES, wait_until
from tests.serving import command

pytestmark = pytest.mark.e2e

ROWS = "[...document.querySelectorAll('#rows tr')].map((line) => [...line.cells].map((cell) => cell.innerText))"
NAMES = "[...document.querySelectorAll('#rows .name')].map((name) => name.textContent)"
LOADED = "document.querySelectorAll('#rows tr').length > 0"


@pytest.fixture
def worklist(quiet_page, archive):
    quiet_page.add_init_script("window.hurt = () => { window.hurts = true; }")
    quiet_page.goto(archive.url)
    wait_until(quiet_page, LOADED)
    return quiet_page


def search(page, words, until):
    page.keyboard.press("/")
    page.keyboard.type(words)
    wait_until(page, until)
    return page.evaluate(NAMES)


def row_of(page, name):
    (row,) = [row for row in page.evaluate(ROWS) if row[0].removesuffix("new").strip() == name]
    return row


def test_rows_say_what_the_files_say(worklist):
    (heart,) = [row for row in worklist.evaluate(ROWS) if row[1] == "PH-101"]  # one row a study
    assert heart == [
        "Phantom, Paula", "PH-101", "12 Apr 1961 · F", "2026-03-01 09:15", "US XA", "Coronary angiography", "5", "1",
    ]  # fmt: skip


def test_names_of_every_script_and_hostile_ones_are_text(worklist):
    assert row_of(worklist, "Wang, XiaoDong")[3] == "2026-02-27 09:15"
    assert row_of(worklist, "Yamada, Tarou")[3] == "2026-02-26 09:15"
    nameless = row_of(worklist, "no name")
    assert nameless[1:3] == ["no ID", "unknown · F"]
    hostile = row_of(worklist, "</script><script>hurt()</script>, <img src")
    assert (hostile[1], hostile[5]) == (made_objects.HOSTILE_ID, made_objects.HOSTILE_TEXT)
    assert worklist.evaluate("document.querySelectorAll('#rows :is(img, script)').length") == 0
    assert worklist.evaluate("window.hurts") is None


def test_newest_first_and_pages_by_key(worklist, archive):
    total = archive.json("/api/worklist", {"limit": 1})["total"]
    pages = [worklist.evaluate(ROWS)]
    last = -(-total // 50)
    assert looking.text(worklist, "#count") == f"{total} studies"
    for number in range(2, last + 1):
        worklist.keyboard.press("PageDown")
        wait_until(worklist, f"document.getElementById('page').textContent === 'page {number} of {last}'")
        pages.append(worklist.evaluate(ROWS))
    assert [len(page) for page in pages[:-1]] == [50] * (last - 1)
    rows = [row for page in pages for row in page]
    dates = [row[3] for row in rows]
    assert len(rows) == total
    assert dates == sorted(dates, reverse=True)
    made_up = [row[0] for row in rows if row[5] == "Made up"]
    assert made_up == [f"Made, Up {number:03d}" for number in reversed(range(MADE_UP_STUDIES))]
    assert worklist.locator("#next").is_disabled()
    worklist.keyboard.press("PageUp")
    wait_until(worklist, f"document.getElementById('page').textContent === 'page {last - 1} of {last}'")
    assert worklist.evaluate(ROWS) == pages[-2]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("made 077", "Made, Up 077"),
        ("ph-101", "Phantom, Paula"),
        ("小东", "Wang, XiaoDong"),
        ("やまだ", "Yamada, Tarou"),
    ],
)
def test_search_by_keys(worklist, words, found):
    assert search(worklist, words, "document.getElementById('count').textContent === '1 match'") == [found]


def test_search_that_finds_nothing_says_so_and_escape_brings_all_back(worklist):
    before = worklist.evaluate(NAMES)
    found = search(worklist, "nobody of this name", "!document.getElementById('empty').hidden")
    assert found == []
    assert looking.text(worklist, "#empty-title") == "Nothing matches this search"
    assert not worklist.locator("#table").is_visible()
    worklist.keyboard.press("Escape")
    wait_until(worklist, LOADED)
    assert worklist.evaluate(NAMES) == before


def test_a_study_is_opened_by_key_and_the_way_back_leads_to_its_row(worklist, archive):
    search(worklist, "ph-101", "document.getElementById('count').textContent === '1 match'")
    worklist.keyboard.press("ArrowDown")
    with worklist.expect_navigation():
        worklist.keyboard.press("Enter")
    wait_until(worklist, "window.fastcine?.player.stats().frames_shown > 0")
    study = archive.made["lca"].study_instance_uid
    assert worklist.url.startswith(f"{archive.url}/view/{study}")
    worklist.go_back()
    wait_until(worklist, "document.activeElement?.dataset?.uid != null")
    assert worklist.evaluate("document.activeElement.dataset.uid") == study
    assert worklist.locator("#search").input_value() == "ph-101"


def test_a_new_study_appears_by_itself(worklist, archive, tmp_path):
    worklist.evaluate("window.same_page = true")
    arrived = made_objects.named(made_objects.ARRIVED, character_set="ISO_IR 192", name="Just^Arrived", date="20260501")
    path = tmp_path / "arrived.dcm"
    path.write_bytes(arrived.data)
    command("ingest", "--data", archive.data, path)
    wait_until(worklist, f"document.querySelector('#rows .name').textContent === 'Just, Arrived' && {LOADED}")
    first = worklist.evaluate(ROWS)[0]
    assert first[0].split() == ["Just,", "Arrived", "new"]
    assert first[3] == "2026-05-01 09:15"
    assert worklist.evaluate("window.same_page") is True
