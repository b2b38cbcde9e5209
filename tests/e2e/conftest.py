"""A real browser, and the bench runs served to it."""

import shutil

import pytest
from playwright.sync_api import sync_playwright

from tests.serving import command, serving

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
]


def chromium_path():
    for name in CHROMIUM_NAMES:
        found = shutil.which(name)
        if found:
            return found
    pytest.fail("the browser tests need Chromium: apt-get install chromium (`make test` does it where it may)")


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        yield chromium
        chromium.close()


def wait_until(page, expression, timeout_ms=20_000):
    """Until `expression` is true in the page. (Playwright's own waiting evaluates text there, which the CSP forbids.)"""
    for _ in range(timeout_ms // 50):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"{expression} did not become true within {timeout_ms} ms")


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("console", lambda message: page.errors.append(message.text) if message.type == "error" else None)
    yield page
    context.close()


@pytest.fixture(scope="session")
def bench_server(tmp_path_factory):
    """The bench runs 512x512x60 and 1024x1024x120 at 15 and 30 frames a second, wholly made."""
    folder = tmp_path_factory.mktemp("bench")
    files = folder / "files"
    for name in ("xa512x60", "xa1024x120"):
        for fps in (15, 30):
            command("phantom", files, "--force", "--bench", name, "--fps", fps)
    command("ingest", "--data", folder / "data", files)
    with serving(folder / "data") as server:
        server.tiles = server.wait_until_made()
        yield server
