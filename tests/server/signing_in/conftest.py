"""An archive with users, served in this process to those who sign in."""

import shutil

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.auth import accounts
from fastcine.auth.roles import Role
from fastcine.config import Settings
from fastcine.server.app import make_app
from tests.archive.factories import part10
from tests.archives import fill
from tests.server.signing_in.users import PASSWORD, USERS


@pytest.fixture(scope="module")
def template(tmp_path_factory, small_run):
    """An archive with a run, a study of another patient, and users."""
    folder = tmp_path_factory.mktemp("sign-in")
    other = folder / "other.dcm"
    other.write_bytes(part10("1.2.3.9.1", StudyInstanceUID="1.2.3.9", PatientID="OTHER"))
    receipt, _ = fill(folder / "data", [small_run, other])
    index = Index(DataFolder(folder / "data").index_path)
    for name, role in USERS.items():
        accounts.add(index, name, role, password=PASSWORD)
    tokens = {name: accounts.add(index, f"{name}-machine", role, password=None) for name, role in USERS.items()}
    patient = index.study_row(receipt.study_instance_uid).patient_and_study.patient_id
    tokens["guest"] = accounts.add(index, "guest", Role.READER, password=None, patient_ids=[patient])
    index.close()
    return folder / "data", receipt, tokens


@pytest.fixture
def data(template, tmp_path):
    """A copy of it: folder, receipt of the run, tokens, index."""
    root, receipt, tokens = template
    shutil.copytree(root, tmp_path / "data")
    index = Index(DataFolder(tmp_path / "data").index_path)
    yield tmp_path / "data", receipt, tokens, index
    index.close()


@pytest.fixture
async def client(data):
    root, receipt, tokens, _ = data
    server = TestServer(make_app(Settings(data=str(root), sign_in="yes")))
    await server.start_server(access_log=None)
    async with TestClient(server, cookie_jar=aiohttp.CookieJar(unsafe=True)) as client:
        client.receipt, client.tokens = receipt, tokens
        yield client
