"""Settings: strength of the sources, words to values, what is refused, and how it is shown."""

import dataclasses
import tomllib

import pytest

from fastcine.config import LOOPBACK, SETTINGS, Settings, describe, resolve
from fastcine.errors import UsageError


def test_defaults_without_anything():
    settings, sources = resolve({}, {})
    assert settings == Settings()
    assert set(sources.values()) == {"default"}
    assert settings.host in LOOPBACK and not settings.behind_proxy


def test_the_command_line_is_stronger_than_the_environment_and_that_than_the_file():
    toml = b"port = 1\nworkers = 2\nmax_viewers = 3\n"
    environment = {"FASTCINE_PORT": "4", "FASTCINE_WORKERS": "5", "OTHER": "x"}
    settings, sources = resolve({"port": "6", "data": None}, environment, toml, toml_name="site.toml")
    assert (settings.port, settings.workers, settings.max_viewers) == (6, 5, 3)
    assert (sources["port"], sources["workers"], sources["max_viewers"]) == ("command line", "environment", "site.toml")
    assert sources["data"] == "default"


@pytest.mark.parametrize(
    ("name", "word", "value"),
    [
        ("port", "0", 0),
        ("port", "65535", 65535),
        ("behind_proxy", "Yes", True),
        ("behind_proxy", "0", False),
        ("behind_proxy", "", False),
        ("allowed_hosts", "A.example.org, b.example.org,", ("a.example.org", "b.example.org")),
        ("allowed_hosts", "", ()),
        ("site_timezone", "Europe/Berlin", "Europe/Berlin"),
        ("log_level", "DEBUG", "debug"),
        ("log_format", "json", "json"),
        ("data", "/a b/ü", "/a b/ü"),
    ],
)
def test_words_become_values(name, word, value):
    settings, _ = resolve({}, {f"FASTCINE_{name.upper()}": word})
    assert getattr(settings, name) == value


def test_toml_has_its_own_types():
    settings, _ = resolve({}, {}, b'allowed_hosts = ["a", "b"]\nbehind_proxy = true\nport = 81\nhost = "0.0.0.0"')
    assert settings.allowed_hosts == ("a", "b")
    assert (settings.behind_proxy, settings.port, settings.host) == (True, 81, "0.0.0.0")


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("port", "-1"),
        ("port", "65536"),
        ("port", "http"),
        ("port", "80.5"),
        ("workers", "0"),
        ("behind_proxy", "perhaps"),
        ("site_timezone", "Mars/Olympus"),
        ("site_timezone", "../../etc/passwd"),
        ("log_level", "loud"),
        ("log_format", "xml"),
        ("reserve_bytes", "-5"),
    ],
)
def test_a_bad_value_is_refused_with_source_and_name(name, word):
    with pytest.raises(UsageError) as caught:
        resolve({}, {f"FASTCINE_{name.upper()}": word})
    assert str(caught.value).startswith(f"environment: {name} = {word!r}: ")


def test_an_unknown_setting_is_refused_by_name():
    with pytest.raises(UsageError, match=r"site\.toml: there is no setting 'prot'"):
        resolve({}, {}, b"prot = 8080", toml_name="site.toml")


@pytest.mark.parametrize("toml", [b"port =", b"port = 1\nport = 2", b"\xff\xfe"])
def test_a_broken_file_is_refused_by_name(toml):
    with pytest.raises(UsageError, match=r"^site\.toml: "):
        resolve({}, {}, toml, toml_name="site.toml")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "cine.example.org"])
def test_off_loopback_it_is_refused_without_a_proxy(host):
    with pytest.raises(UsageError, match="--behind-proxy"):
        resolve({"host": host}, {})
    settings, _ = resolve({"host": host, "behind_proxy": "yes"}, {})
    assert settings.host == host


@pytest.mark.parametrize("host", sorted(LOOPBACK))
def test_loopback_needs_no_proxy(host):
    assert resolve({"host": host}, {})[0].host == host


def test_what_is_shown_is_a_toml_file_that_gives_the_same_settings():
    given = {
        "data": 'a "quoted" \\ folder',
        "host": "0.0.0.0",
        "behind_proxy": "yes",
        "allowed_hosts": "a,b",
        "port": "81",
        "log_format": "json",
    }
    settings, sources = resolve(given, {"FASTCINE_WORKERS": "3"})
    text = describe(settings, sources)
    assert set(tomllib.loads(text)) == {setting.name for setting in SETTINGS}
    again, _ = resolve({}, {}, text.encode())
    assert again == settings
    lines = {line.split(" = ")[0]: line for line in text.splitlines()}
    assert "# command line" in lines["port"]
    assert "# environment" in lines["workers"]
    assert "# default" in lines["max_viewers"]


def test_settings_do_not_change_afterwards():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().port = 1
