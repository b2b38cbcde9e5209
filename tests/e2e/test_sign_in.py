"""Signing in as a reader does, by the form, over TLS: to the study that was asked for, and out again."""

import pytest

from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.auth import accounts
from fastcine.auth.roles import Role
from fastcine.phantom.bench_runs import bench_run
from tests.archives import fill
from tests.certificates import make
from tests.e2e.conftest import wait_until
from tests.serving import serving

pytestmark = [pytest.mark.e2e, pytest.mark.soak]
PASSWORD = "an angiogram a day"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sign-in")
    name, run = bench_run("xa512x60", frames=6)
    (folder / name).write_bytes(run)
    (receipt,) = fill(folder / "data", [folder / name])
    index = Index(DataFolder(folder / "data").index_path)
    accounts.add(index, "dr.smith", Role.READER, password=PASSWORD)
    index.close()
    certificate, key = make(folder, "localhost")
    secure = ("--tls-certificate", str(certificate), "--tls-key", str(key))
    with serving(folder / "data", "--sign-in", "yes", *secure) as server:
        yield server, receipt


def test_a_link_to_a_study_leads_through_the_form_to_its_pictures_and_out_again(browser, served):
    server, receipt = served
    context = browser.new_context(ignore_https_errors=True, viewport={"width": 1280, "height": 900})
    page, errors = context.new_page(), []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    try:
        page.goto(f"{server.url}/view/{receipt.study_instance_uid}")
        assert page.url.startswith(f"{server.url}/sign-in?next=/view/")
        page.fill("#name", "dr.smith")
        page.fill("#password", "a wrong password")
        page.press("#password", "Enter")
        page.wait_for_load_state()
        assert page.text_content("[role=alert]") == "That name and password do not go together."
        assert page.input_value("#name") == "dr.smith" and page.input_value("#password") == ""
        assert page.evaluate("document.activeElement.id") == "password"
        errors.clear()  # the browser tells of the 401
        page.fill("#password", PASSWORD)
        page.press("#password", "Enter")
        page.wait_for_url(f"**/view/{receipt.study_instance_uid}")
        wait_until(page, "window.fastcine && fastcine.player.stats().frames_exact === 6")
        cookie = context.cookies()[0]
        assert (cookie["name"], cookie["secure"], cookie["httpOnly"]) == ("__Host-fastcine", True, True)
        page.goto(server.url)
        assert page.text_content(".account span") == "dr.smith"
        assert not page.is_visible("#add-files"), "a reader adds nothing"
        wait_until(page, "document.querySelectorAll('#rows tr').length === 1")
        # Another tab goes on playing; signing out ends it there too.
        other = context.new_page()
        other.goto(f"{server.url}/view/{receipt.study_instance_uid}")
        wait_until(other, "window.fastcine && fastcine.player.stats().frames_exact === 6")
        third = context.new_page()
        third.goto(server.url)
        wait_until(third, "document.querySelectorAll('#rows tr').length === 1")
        page.click("text=Sign out")
        page.wait_for_url("**/sign-in")
        third.wait_for_url("**/sign-in", timeout=20_000)  # a worklist that lies open, by itself
        wait_until(other, "document.body.innerText.includes('to sign in again')")
        page.goto(server.url)
        assert page.url.startswith(f"{server.url}/sign-in")
        assert errors == []
    finally:
        context.close()
