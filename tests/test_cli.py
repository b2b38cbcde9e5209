"""The command line as a person meets it: help that teaches, one clear line on failure, never a traceback."""

import errno
import logging
import shutil
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from fastcine import __version__
from fastcine.cli import serve_command
from fastcine.cli.main import COMMANDS, main, parser
from fastcine.config import SETTINGS
from fastcine.errors import StorageFull, UsageError
from tests.serving import command

NOT_SETTINGS = {"--behind-proxy", "--config", "--print-config", "--ingest", "--phantom", "--help"}


@pytest.fixture(autouse=True)
def logging_as_before():
    """`serve` sets the log up for its process, which here is that of all tests."""
    loggers = [logging.getLogger(name) for name in (None, "fastcine", "fastcine.access", "aiohttp", "pydicom")]
    before = [(logger, logger.level, logger.handlers[:]) for logger in loggers]
    yield
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers


def failure(capsys, *words, code):
    """Run a command that must fail: its one line."""
    try:
        answer = main([str(word) for word in words])
    except SystemExit as stop:
        answer = stop.code
    out, err = capsys.readouterr()
    assert answer == code, out + err
    assert "Traceback" not in err
    said = [line for line in err.splitlines() if not line.startswith(("usage:", " "))]
    assert len(said) == 1, err
    return said[0]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_teaches(name, capsys):
    with pytest.raises(SystemExit) as stop:
        main([name, "--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith(f"usage: fastcine {name}")
    options = parser(name)._subparsers._group_actions[0].choices[name]
    assert len(options.description) > 60, "a description that says what the command does"
    for action in options._actions:
        assert action.help or action.metavar, f"{name}: {action.dest} is not explained"


def test_the_whole_help_names_every_command_and_the_version():
    done = command("--help")
    assert all(f"\n    {name} " in done.stdout for name in COMMANDS)
    assert "Not a medical device" in done.stdout
    assert command("--version").stdout == f"fastcine {__version__}\n"


def test_every_setting_is_an_option_or_named_in_the_settings_file_only():
    options = {name for _, name, _, _ in serve_command.OPTIONS} | {"behind_proxy"}
    assert options <= {setting.name for setting in SETTINGS}
    for flag, name, _, _ in serve_command.OPTIONS:
        assert flag == "--" + name.replace("_", "-")


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("nonsense",),
        ("--nonsense",),
        *[(name, "--nonsense") for name in COMMANDS],
        ("ingest",),
        ("pull", "http://127.0.0.1:1"),
        ("pull", "http://127.0.0.1:1", "--run", "1.2", "--out", "x", "--timeout", "soon"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_one_line_and_exit_2(words, capsys):
    failure(capsys, *words, code=2)


def test_what_is_not_there_is_named(tmp_path, capsys):
    nothing = tmp_path / "nothing"
    assert str(nothing) in failure(capsys, "ingest", "--data", tmp_path / "d", nothing, code=2)
    assert str(nothing) in failure(capsys, "inspect", nothing, code=1)
    assert str(nothing) in failure(capsys, "serve", "--config", nothing, code=2)
    assert str(nothing) in failure(capsys, "serve", "--data", tmp_path / "d", "--ingest", nothing, code=2)
    for name in ("verify", "reindex"):
        assert "--data" in failure(capsys, name, "--data", nothing, code=2)
        assert not nothing.exists(), f"{name} has made a data folder where none was"


def test_no_server_answers(tmp_path, capsys):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        line = failure(capsys, "pull", url, "--run", "1.2", "--out", tmp_path / "o", code=1)
    assert url in line and "no fastcine server" in line


def test_a_folder_that_cannot_be_used(tmp_path, capsys):
    file = tmp_path / "file"
    file.write_text("I am no folder")
    assert "wants a folder" in failure(capsys, "serve", "--data", file, code=2)
    assert "wants a folder" in failure(capsys, "ingest", "--data", file, tmp_path, code=2)
    assert "not a folder" in failure(capsys, "phantom", file, code=2)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.doc").write_text("mine")
    assert "--force" in failure(capsys, "phantom", tmp_path / "full", code=2)


def test_a_taken_port_says_what_to_do(tmp_path, capsys):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        line = failure(capsys, "serve", "--data", tmp_path / "d", "--port", port, code=2)
    assert f"port {port} is taken" in line
    assert f"--port {port + 1}" in line and f"make run PORT={port + 1}" in line


def test_off_loopback_it_does_not_start(tmp_path, capsys):
    line = failure(capsys, "serve", "--data", tmp_path / "d", "--host", "0.0.0.0", "--port", "0", code=2)
    assert "--behind-proxy" in line and "TLS" in line
    assert not (tmp_path / "d").exists()


def test_a_full_disk_says_what_to_do(tmp_path, monkeypatch, capsys):
    free = shutil.disk_usage(tmp_path).free
    monkeypatch.setenv("FASTCINE_RESERVE_BYTES", str(free * 2))
    line = failure(capsys, "serve", "--data", tmp_path / "d", "--port", "0", code=1)
    assert "MB are free" in line and "--data" in line
    monkeypatch.setenv("FASTCINE_RESERVE_BYTES", "0")
    monkeypatch.setattr(serve_command, "DataFolder", _raiser(StorageFull("the disk is full")))
    assert failure(capsys, "serve", "--data", tmp_path / "d", code=1) == "fastcine serve: the disk is full"


def _raiser(error):
    def call(*_args, **_keywords):
        raise error

    return call


def test_an_unknown_setting_in_the_file_and_a_bad_one_in_the_environment(tmp_path, monkeypatch, capsys):
    toml = tmp_path / "site.toml"
    toml.write_text("prot = 8081\n")
    line = failure(capsys, "serve", "--config", toml, code=2)
    assert "'prot'" in line and "site.toml" in line and "--print-config" in line
    monkeypatch.setenv("FASTCINE_PORT", "eighty")
    for words in (("serve",), ("ingest", tmp_path), ("verify",), ("reindex",)):
        line = failure(capsys, *words, code=2)
        assert "environment: port = 'eighty'" in line


def test_print_config_shows_each_value_and_where_it_came_from(tmp_path, monkeypatch, capsys):
    toml = tmp_path / "site.toml"
    toml.write_text('log_level = "debug"\nport = 1\n')
    monkeypatch.setenv("FASTCINE_SITE_TIMEZONE", "Europe/Vienna")
    assert main(["serve", "--print-config", "--config", str(toml), "--port", "8181", "--data", "x"]) == 0
    text = capsys.readouterr().out
    shown = tomllib.loads(text)
    assert (shown["port"], shown["log_level"], shown["site_timezone"]) == (8181, "debug", "Europe/Vienna")
    comments = {line.split(" = ")[0]: line.rsplit("# ", 1)[1] for line in text.splitlines()}
    assert comments["port"].startswith("command line")
    assert comments["log_level"].startswith(str(toml))
    assert comments["site_timezone"].startswith("environment")
    assert comments["workers"].startswith("default")
    assert set(shown) == {setting.name for setting in SETTINGS}
    assert not Path("x").exists(), "printing makes no data folder"


def test_an_address_that_is_none_of_ours():
    # 192.0.2.0/24 is set aside for documents (RFC 5737): no machine has it.
    with pytest.raises(UsageError, match="cannot listen"):
        serve_command.listen("192.0.2.1", 0, option="port")


def test_ipv6_loopback_where_there_is_one():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError as error:
        assert error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
        pytest.skip("this machine has no IPv6")
    with serve_command.listen("::1", 0, option="port") as listening:
        assert listening.getsockname()[0] == "::1"


def test_a_closed_pipe_is_no_traceback(tmp_path):
    words = [sys.executable, "-m", "fastcine.cli.main", "inspect", "--syntaxes"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path) as process:
        process.stdout.close()
        err = process.stderr.read()
        process.wait(30)
    assert b"Traceback" not in err
