"""Accounts: what passwords, tokens and sessions let in, and for how long."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest

from fastcine.archive import account_rows
from fastcine.archive.index import Index
from fastcine.auth import accounts, passwords
from fastcine.auth.accounts import TRY_RULES, Accounts
from fastcine.auth.provider import IdentityProvider
from fastcine.auth.roles import GRANTS, Permission, Role
from fastcine.auth.rules import (
    FORGOTTEN_S,
    FREE_TRIES,
    FREE_TRIES_OF_ADDRESS,
    LONGEST_WAIT_S,
    SessionRules,
    failures_left,
    keys_of_try,
    wait_s,
)
from fastcine.errors import NotFound, NotSignedIn, StorageFull, TooManyTries, UsageError

PASSWORD = "an angiogram a day"
NOW = 1_800_000_000.0
HERE = "10.0.0.7"


@pytest.fixture
def index(tmp_path):
    index = Index(tmp_path / "index.sqlite", durable=False)
    accounts.add(index, "dr.smith", Role.READER, password=PASSWORD)
    yield index
    index.close()


@pytest.fixture
def provider(index) -> IdentityProvider:
    return Accounts(index, SessionRules(most_s=3600, idle_s=600))


def test_name_and_password_give_a_session_whatever_the_names_case(provider):
    cookie, identity = provider.sign_in("Dr.Smith", PASSWORD, HERE, NOW)
    assert (identity.name, identity.role) == ("dr.smith", Role.READER)
    assert provider.of_cookie(cookie, NOW + 1) == identity
    assert provider.of_cookie(cookie + "x", NOW + 1) is None
    assert provider.of_token(cookie, NOW) is None


@pytest.mark.parametrize(("name", "password"), [("dr.smith", "an angiogram a Day"), ("nobody", PASSWORD), ("", "")])
def test_nothing_else_does(provider, name, password):
    with pytest.raises(NotSignedIn):
        provider.sign_in(name, password, HERE, NOW)


def test_an_empty_password_never_opens_a_machines_account(index, provider):
    accounts.add(index, "gateway", Role.TECHNOLOGIST, password=None)
    for password in ("", "\0"):
        with pytest.raises(NotSignedIn):
            provider.sign_in("gateway", password, HERE, NOW)


def test_neither_password_nor_secret_is_kept(index, provider, tmp_path):
    cookie, _ = provider.sign_in("dr.smith", PASSWORD, HERE, NOW)
    token = accounts.add(index, "gateway", Role.TECHNOLOGIST, password=None)
    connection = sqlite3.connect(tmp_path / "index.sqlite")
    everything = "\n".join(connection.iterdump())
    connection.close()
    for secret in (PASSWORD, cookie, token, cookie.encode().hex().upper()):
        assert secret not in everything
    assert "$argon2id$" in everything


def test_a_session_ends_with_its_time(provider):
    cookie, _ = provider.sign_in("dr.smith", PASSWORD, HERE, NOW)
    used = NOW
    while used + 500 < NOW + 3600:
        used += 500
        assert provider.of_cookie(cookie, used) is not None, "it was used all the time"
    assert provider.of_cookie(cookie, NOW + 3600) is None
    assert provider.of_cookie(cookie, used + 1) is not None, "asking too late changes nothing"


def test_a_session_ends_when_it_is_not_used_and_watching_is_using(provider):
    cookie, _ = provider.sign_in("dr.smith", PASSWORD, HERE, NOW)
    assert provider.still_valid({cookie}, NOW + 590) == {cookie}
    assert provider.of_cookie(cookie, NOW + 1100) is not None
    assert provider.of_cookie(cookie, NOW + 1100 + 601) is None


def test_signing_out_ends_this_session_only(provider):
    one, _ = provider.sign_in("dr.smith", PASSWORD, HERE, NOW)
    other, _ = provider.sign_in("dr.smith", PASSWORD, HERE, NOW)
    assert one != other
    provider.sign_out(one)
    assert provider.of_cookie(one, NOW) is None and provider.of_cookie(other, NOW) is not None
    assert provider.still_valid({one, other}, NOW) == {other}


@pytest.mark.parametrize("change", ["password", "role", "remove"])
def test_what_changes_an_account_ends_its_sessions(index, provider, change):
    cookie, _ = provider.sign_in("dr.smith", PASSWORD, HERE, NOW)
    if change == "password":
        accounts.set_password(index, "dr.smith", "another angiogram")
    elif change == "role":
        accounts.set_role(index, "dr.smith", Role.ADMINISTRATOR)
    else:
        account_rows.remove_account(index, "dr.smith")
    assert provider.of_cookie(cookie, NOW) is None
    if change == "remove":
        with pytest.raises(NotSignedIn):
            provider.sign_in("dr.smith", PASSWORD, HERE, NOW)


def test_a_token_counts_until_its_end_or_until_there_is_another(index, provider):
    token = accounts.add(index, "gateway", Role.TECHNOLOGIST, password=None, token_expires=NOW + 100)
    assert token.startswith(passwords.TOKEN_MARK)
    assert provider.of_token(token, NOW).role is Role.TECHNOLOGIST
    assert provider.of_cookie(token, NOW) is None, "a token is no cookie"
    assert provider.of_token(token, NOW + 100) is None
    newer = accounts.set_token(index, "gateway")
    assert provider.of_token(token, NOW) is None and provider.of_token(newer, NOW + 1e9) is not None
    assert provider.still_valid({token, newer}, NOW) == {newer}


def test_guessing_gets_slower_and_a_right_one_is_forgotten_about(provider):
    for _ in range(FREE_TRIES):
        with pytest.raises(NotSignedIn):
            provider.sign_in("dr.smith", "wrong" * 3, HERE, NOW)
    with pytest.raises(TooManyTries) as refused:
        provider.sign_in("dr.smith", PASSWORD, HERE, NOW)
    assert 0 < refused.value.retry_after_s <= 1
    assert provider.sign_in("dr.smith", PASSWORD, "10.0.0.8", NOW)[1].name == "dr.smith", "nobody locks another out"
    assert provider.sign_in("dr.smith", PASSWORD, HERE, NOW + 2)[1].name == "dr.smith"
    with pytest.raises(NotSignedIn):
        provider.sign_in("dr.smith", "wrong" * 3, HERE, NOW + 2)


def try_once(index, name, address, now, *, good=False):
    own, shared = keys_of_try(name, address)
    wait = account_rows.count_try(index, (own, shared), TRY_RULES, now=now)
    if good and wait == 0:
        account_rows.count_success(index, own=own, shared=shared, latest=now - LONGEST_WAIT_S)
    return wait


def test_an_address_that_tries_many_names_is_slowed_down_too(index):
    waits = [try_once(index, f"name{number}", HERE, NOW) for number in range(FREE_TRIES_OF_ADDRESS)]
    assert waits == [0] * FREE_TRIES_OF_ADDRESS
    assert try_once(index, "another", HERE, NOW) == 1
    network = [f"2001:db8::{number:x}:1" for number in range(FREE_TRIES_OF_ADDRESS)]
    assert all(try_once(index, f"name{number}", each, NOW) == 0 for number, each in enumerate(network))
    assert try_once(index, "another", "2001:db8::ffff", NOW) == 1, "the same 64 bits"
    assert try_once(index, "another", "2001:db8:1::1", NOW) == 0


def test_a_hospital_behind_one_address_signs_in_day_after_day(index):
    """40 people, each twice a day within two hours; every fifth mistypes once before."""
    refused = []
    for day in range(5):
        for number in range(80):
            now, name = NOW + day * 86400 + number * 90, f"user{number % 40}"
            if number % 5 == 0:
                try_once(index, name, HERE, now)
            refused.append(try_once(index, name, HERE, now + 4, good=True) > 0)
    assert not any(refused)


def test_what_nobody_tries_any_more_is_forgotten(index):
    for number in range(50):
        try_once(index, f"name{number}", f"10.1.0.{number}", NOW)
    try_once(index, "name", HERE, NOW + FORGOTTEN_S + 1)
    assert index.read(lambda c: c.execute("SELECT count(*) FROM sign_in_failure").fetchone()[0]) == 2


def test_tries_side_by_side_are_all_counted(index):
    with ThreadPoolExecutor(16) as pool:
        tries = list(pool.map(lambda _: try_once(index, "dr.smith", HERE, NOW), range(40)))
    assert tries.count(0) == FREE_TRIES


def test_the_wait_doubles_up_to_a_quarter_of_an_hour():
    key = keys_of_try("a", HERE)[0]
    waits = [wait_s(key, failures, 0.0) for failures in range(FREE_TRIES + 40)]
    assert waits[: FREE_TRIES + 3] == [0.0] * FREE_TRIES + [1.0, 2.0, 4.0]
    assert waits[-1] == LONGEST_WAIT_S and waits == sorted(waits)
    assert 0.49 < wait_s(key, FREE_TRIES + 1, 1.5) <= 0.5
    assert wait_s(key, FREE_TRIES, 700) == 0 and failures_left(key, 3, 700) < 2


def test_looking_needs_no_disk_that_can_be_written(index, provider, monkeypatch):
    cookie, _ = provider.sign_in("dr.smith", PASSWORD, HERE, NOW)

    def full(*_):
        raise StorageFull("the disk is full")

    monkeypatch.setattr(index, "write", full)
    assert provider.of_cookie(cookie, NOW + 500) is not None
    assert provider.still_valid({cookie}, NOW + 900) == {cookie}
    assert provider.of_cookie(cookie, NOW + 1400) is not None, "it was in use, written down or not"
    monkeypatch.undo()
    provider.still_valid({cookie}, NOW + 1900)
    assert Accounts(index, SessionRules(most_s=3600, idle_s=600)).of_cookie(cookie, NOW + 2400) is not None


@pytest.mark.parametrize("name", ["", "two words", "a/b", "a\\b", "a\nb", "x" * 65, "fct_x"])
def test_names_that_cannot_be_one(index, name):
    with pytest.raises(UsageError):
        accounts.add(index, name, Role.READER, password=PASSWORD)


@pytest.mark.parametrize(
    "password", ["short", "dr.smith12345", "1234567890", "aaaaaaaaaaaa", "x" * 1001, "password1234!"]
)
def test_passwords_that_are_too_easy(index, password):
    with pytest.raises(UsageError):
        accounts.set_password(index, "dr.smith", password)


def test_a_name_is_taken_once_and_the_unknown_cannot_be_changed(index):
    with pytest.raises(UsageError, match="already"):
        accounts.add(index, "DR.SMITH", Role.READER, password=PASSWORD)
    for change in (
        lambda: accounts.set_password(index, "who", PASSWORD),
        lambda: accounts.set_role(index, "who", Role.READER),
        lambda: account_rows.remove_account(index, "who"),
    ):
        with pytest.raises(NotFound):
            change()


def test_only_a_reader_is_kept_to_some_patients(index, provider):
    with pytest.raises(UsageError, match="reader"):
        accounts.add(index, "tech", Role.TECHNOLOGIST, password=PASSWORD, patient_ids=["P1"])
    token = accounts.add(index, "guest", Role.READER, password=None, patient_ids=["P1", "P2", "P1"])
    guest = provider.of_token(token, NOW)
    assert guest.may_see("P1") and not guest.may_see("P3") and not guest.may_see("")
    with pytest.raises(UsageError, match="reader"):
        accounts.set_role(index, "guest", Role.ADMINISTRATOR)


def test_each_role_may_what_the_one_below_may():
    assert GRANTS[Role.READER] < GRANTS[Role.TECHNOLOGIST] < GRANTS[Role.ADMINISTRATOR] == frozenset(Permission)
