"""`fastcine user` and `fastcine audit`: what an administrator types and reads."""

import json
import sqlite3
import subprocess
import sys

import pytest

from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.auth.accounts import Accounts
from fastcine.auth.roles import Role
from fastcine.auth.rules import SessionRules
from tests.serving import ROOT, command

PASSWORD = "an angiogram a day"


def user(data, *words, typed="", check=True):
    done = subprocess.run(
        [sys.executable, "-m", "fastcine.cli.main", "user", *map(str, words), "--data", str(data)],
        input=typed + "\n", capture_output=True, text=True, cwd=ROOT, timeout=60,
    )  # fmt: skip
    assert not check or done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    data = tmp_path_factory.mktemp("users") / "data"
    user(data, "add", "dr.smith", "--role", "administrator", typed=PASSWORD)
    return data


def test_what_is_added_may_come_in(data):
    token = user(data, "add", "gateway", "--role", "technologist", "--token", "--days", "3").stdout.split()[-1]
    index = Index(DataFolder(data).index_path)
    provider = Accounts(index, SessionRules(most_s=10, idle_s=10))
    now = __import__("time").time()
    assert provider.sign_in("dr.smith", PASSWORD, "::1", now)[1].role is Role.ADMINISTRATOR
    assert provider.of_token(token, now).role is Role.TECHNOLOGIST and provider.of_token(token, now + 4 * 86400) is None
    newer = user(data, "token", "gateway").stdout.split()[-1]
    assert provider.of_token(token, now) is None and provider.of_token(newer, now) is not None
    user(data, "role", "gateway", "--role", "reader")
    assert provider.of_token(newer, now).role is Role.READER
    index.close()
    shown = user(data, "list").stdout
    assert "dr.smith  administrator  password" in shown and "gateway   reader         token" in shown
    user(data, "remove", "gateway")
    assert "gateway" not in user(data, "list").stdout


@pytest.mark.parametrize(
    ("words", "typed", "said"),
    [
        (("add", "dr.smith", "--role", "reader"), PASSWORD, "already"),
        (("add", "x", "--role", "reader"), "short", "characters"),
        (("add", "x", "--role", "king"), PASSWORD, "invalid choice"),
        (("add", "x", "--role", "administrator", "--patient-id", "P1"), PASSWORD, "reader"),
        (("add", "x", "--role", "reader", "--days", "3"), PASSWORD, "--token"),
        (("password", "nobody"), PASSWORD, "no user"),
        (("remove", "nobody"), "", "no user"),
    ],
)
def test_what_is_wrong_is_said(data, words, typed, said):
    done = user(data, *words, typed=typed, check=False)
    assert done.returncode in (1, 2) and said in done.stderr and "Traceback" not in done.stderr


def test_the_record_says_who_changed_what_and_shows_when_it_was_changed(data):
    done = command("audit", "--data", data)
    assert "account changed" in done.stdout and "the chain is whole" in done.stdout and PASSWORD not in done.stdout
    rows = [json.loads(line) for line in command("audit", "--data", data, "--json").stdout.splitlines()]
    assert rows[0]["detail"] == {"action": "add", "user": "dr.smith", "role": "administrator"}
    assert command("audit", "--data", data, "--json", "--since", "2999-01-01").stdout == ""
    head = command("audit", "--data", data, "--head").stdout.split()[-1]
    assert head == rows[-1]["hash"] and command("audit", "--data", data, "--head", "--expect", head).returncode == 0
    assert command("audit", "--data", data, "--head", "--expect", "00" * 31 + "01", check=False).returncode == 1
    assert command("audit", "--data", data, "--expect", "x", check=False).returncode == 2
    connection = sqlite3.connect(data / "index.sqlite")
    connection.execute("DROP TRIGGER audit_is_not_changed")
    connection.execute("UPDATE audit SET event = 'nothing', detail = '{', at = 'x', hash = 1 WHERE sequence = 1")
    connection.commit()
    connection.close()
    for words in ((), ("--json",), ("--expect", head)):
        done = command("audit", "--data", data, *words, check=False)
        assert done.returncode == 1 and "Traceback" not in done.stderr
        assert words == ("--json",) or "BROKEN at row 1" in done.stdout


def test_no_folder_is_made_for_a_record_that_is_not_there(tmp_path):
    assert command("audit", "--data", tmp_path / "none", check=False).returncode in (1, 2)
    assert not (tmp_path / "none").exists()
