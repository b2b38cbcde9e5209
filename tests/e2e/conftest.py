"""A real browser, and the bench runs served to it."""

import shutil
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from playwright.sync_api import Error, sync_playwright

from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.archive.record import IndexRecord, PatientAndStudy, StoredAs
from tests.archives import fill
from tests.e2e import made_objects, plane_objects, table_objects
from tests.e2e.morning import make_morning
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


SOFTWARE_GL = [
    *(flag for flag in FLAGS if flag != "--disable-gpu"),
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]


@pytest.fixture(scope="session")
def gl_browser(browser):
    """A browser that has WebGL2, drawn by the processor."""
    chromium = browser.browser_type.launch(executable_path=chromium_path(), args=SOFTWARE_GL)
    yield chromium
    chromium.close()


def wait_until(page, expression, timeout_ms=20_000):
    """Until `expression` is true in the page. (Playwright's own waiting evaluates text, which the CSP forbids.)"""
    for _ in range(timeout_ms // 50):
        try:
            if page.evaluate(expression):
                return
        except Error as error:
            if "context was destroyed" not in str(error):  # it is going to another page
                raise
        page.wait_for_timeout(50)
    raise AssertionError(f"{expression} did not become true within {timeout_ms} ms")


@contextmanager
def opened_page(browser, *, width=1280, height=900):
    """A page of a browser context of its own; `page.errors` is what it said wrong on its console."""
    context = browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("console", lambda message: page.errors.append(message.text) if message.type == "error" else None)
    try:
        yield page
    finally:
        context.close()


@pytest.fixture
def quiet_page(page):
    """A page that must not say an error on its console."""
    yield page
    assert page.errors == []


@pytest.fixture
def page(browser):
    with opened_page(browser) as page:
        yield page


@pytest.fixture(scope="session")
def bench_server(request, tmp_path_factory):
    """The bench runs that the selected tests ask for by `name` and `fps`, wholly made."""
    folder = tmp_path_factory.mktemp("bench")
    files = folder / "files"
    asking = [item.callspec.params for item in request.session.items if "bench_server" in item.fixturenames]
    for name, fps in sorted({(asked["name"], asked["fps"]) for asked in asking}):
        command("phantom", files, "--force", "--bench", name, "--fps", fps)
    command("ingest", "--data", folder / "data", files)
    with serving(folder / "data") as server:
        server.tiles = server.wait_until_made()
        yield server


MADE_UP_STUDIES = 120


def add_made_up_studies(root):
    """Studies that are rows of the index only, one a day, of the year 2019: far down in the worklist."""
    index = Index(DataFolder(root, durable=False).index_path, durable=False)
    for number in range(MADE_UP_STUDIES):
        moment = datetime(2019, 1, 1, 8, tzinfo=UTC) + timedelta(days=number)
        study = PatientAndStudy(
            study_instance_uid=f"1.2.3.{number}",
            patient_id=f"MU-{number:03d}",
            patient_name=f"Made^Up {number:03d}",
            birth_date="1950-02-03",
            study_datetime=moment,
            study_date_text=moment.strftime("%Y-%m-%d %H:%M"),
            description="Made up",
        )
        record = IndexRecord(
            patient_and_study=study,
            series_instance_uid=f"1.2.3.{number}.1",
            sop_instance_uid=f"1.2.3.{number}.1.1",
            sop_class_uid="1.2.840.10008.5.1.4.1.1.88.11",
            transfer_syntax_uid="1.2.840.10008.1.2.1",
            modality="SR",
            label="Report (SR)",
        )
        digest = sha256(record.sop_instance_uid.encode()).digest()
        stored = StoredAs(
            location="nowhere", file_bytes=1, data_set_offset=0, head_sha256=digest, data_set_sha256=digest
        )
        index.add_instance(record, stored)
    index.close()


@pytest.fixture(scope="session")
def archive(tmp_path_factory):
    """One server with the made objects, by name in `archive.made`, and a few pages of made-up studies; all prepared."""
    folder = tmp_path_factory.mktemp("archive")
    studies = (
        made_objects.heart(),
        made_objects.colour_study(),
        made_objects.subtraction_study(),
        made_objects.named_studies(),
        table_objects.tables(),
        plane_objects.planes(),
    )
    made = {one.name: one for study in studies for one in study}
    paths = [folder / f"{name}.dcm" for name in made]
    for path in paths:
        path.write_bytes(made[path.stem].data)
    fill(folder / "data", reversed(paths))  # not in the order of acquisition
    add_made_up_studies(folder / "data")
    with serving(folder / "data") as server:
        server.made = made
        yield server


@pytest.fixture(scope="session")
def morning(tmp_path_factory):
    """One server with an echo reader's morning, wholly made: 20 studies of 50 loops each, in `morning.studies`."""
    folder = tmp_path_factory.mktemp("morning")
    data, studies = make_morning(folder)
    with serving(data) as server:
        server.folder, server.studies = folder, studies
        yield server
