"""Files added from the worklist: chosen, or dropped as a folder; each is accounted for."""

import pytest

from tests.e2e import looking, made_objects
from tests.e2e.conftest import wait_until

pytestmark = pytest.mark.e2e

DONE = "/looked at$/.test(document.querySelector('#upload h2')?.textContent ?? '')"
COUNTS = """Object.fromEntries([...document.querySelectorAll("#upload dl div")].map(
  (one) => [one.querySelector("dt").textContent, Number(one.querySelector("dd").textContent)]))"""
NOTES = "[...document.querySelectorAll('#upload li')].map((one) => one.textContent)"


def new_object(study, name):
    return made_objects.named(study, character_set="ISO_IR 192", name=name, date="20260402")


def lay_out(folder, archive, *, study, name):
    """A new object, one that is stored already, one that is cut off, and one that is no DICOM."""
    (folder / "deeper").mkdir()
    fresh = new_object(study, name)
    paths = {
        "new": folder / "deeper" / "new.dcm",
        "known": folder / "known.dcm",
        "cut": folder / "cut.dcm",
        "text": folder / "README.txt",
    }
    paths["new"].write_bytes(fresh.data)
    paths["known"].write_bytes(archive.made["masked"].data)
    paths["cut"].write_bytes(new_object(study + 1, "Cut^Off").data[:3000])
    paths["text"].write_text("Not a DICOM file at all.\n" * 20)
    return paths


def check(page, *, name, prefix):
    wait_until(page, DONE)
    assert looking.text(page, "#upload h2") == "4 files looked at"
    assert page.evaluate(COUNTS) == {"Stored": 1, "Already here": 1, "Not DICOM": 1, "Refused": 1}
    notes = sorted(page.evaluate(NOTES))
    assert [note.split(" ", 1)[0] for note in notes] == [f"{prefix}README.txt", f"{prefix}cut.dcm"]
    assert "7FE0,0010" in notes[1], "the refusal names the tag"
    wait_until(page, f"[...document.querySelectorAll('#rows .name')].some((one) => one.textContent === '{name}')")


def test_chosen_files(quiet_page, archive, tmp_path):
    paths = lay_out(tmp_path, archive, study=made_objects.CHOSEN, name="Chosen^Charlotte")
    quiet_page.goto(archive.url)
    with quiet_page.expect_file_chooser() as chooser:
        quiet_page.get_by_role("button", name="Add files").first.click()
    chooser.value.set_files(list(paths.values()))
    check(quiet_page, name="Chosen, Charlotte", prefix="")


def test_a_dropped_folder_is_walked(quiet_page, archive, tmp_path):
    folder = tmp_path / "disc"
    folder.mkdir()
    lay_out(folder, archive, study=made_objects.DROPPED, name="Dropped^Dora")
    quiet_page.goto(archive.url)
    wait_until(quiet_page, "document.querySelectorAll('#rows tr').length > 0")
    browser = quiet_page.context.new_cdp_session(quiet_page)
    dragged = {"items": [], "files": [str(folder)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver"):
        browser.send("Input.dispatchDragEvent", {"type": kind, "x": 300, "y": 300, "data": dragged})
    wait_until(quiet_page, "!document.getElementById('drop').hidden")
    browser.send("Input.dispatchDragEvent", {"type": "drop", "x": 300, "y": 300, "data": dragged})
    check(quiet_page, name="Dropped, Dora", prefix="disc/")
    assert quiet_page.locator("#drop").is_hidden()
