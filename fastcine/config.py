"""Settings: one table names them; options, environment and a TOML file are three ways to set the same things.

Pure: made from bytes and mappings. Order of strength: command line, environment (`FASTCINE_PORT` …), TOML file,
default. Every row of `SETTINGS` must stand in docs/settings.md (a test checks it).
"""

from __future__ import annotations

import re
import tomllib
import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from fastcine.errors import UsageError

ENVIRONMENT_PREFIX = "FASTCINE_"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class Settings:
    """What is in force. Sizes in bytes, times in seconds."""

    data: str = "fastcine-data"
    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    allowed_hosts: tuple[str, ...] = ()
    behind_proxy: bool = False
    sign_in: str = "auto"
    session_hours: int = 12
    idle_minutes: int = 60
    tls_certificate: str = ""
    tls_key: str = ""
    site_timezone: str = "UTC"
    dicom_host: str = "127.0.0.1"
    dicom_port: int = 11112
    dicom_tls_port: int = -1
    ae_title: str = "FASTCINE"
    dicom_peers: tuple[str, ...] = ()
    dicom_receivers: int = 2
    max_associations: int = 64
    max_viewers: int = 4000
    max_upload_bytes: int = 8 << 30
    reserve_bytes: int = 256 << 20
    cache_bytes: int = 0
    durable: bool = True
    ingest_threads: int = 0
    log_level: str = "info"
    log_format: str = "text"

    @property
    def asks_sign_in(self) -> bool:
        """Whether whoever calls has to sign in."""
        return self.sign_in == "yes" or (self.host not in LOOPBACK and not self.behind_proxy)


@dataclass(frozen=True, slots=True)
class Setting:
    """One row: how a word becomes a value, and what it means."""

    name: str
    parse: Callable[[str], Any]
    text: str


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(word: str) -> int:
        value = int(word)
        if not low <= value <= high:
            raise ValueError(f"must lie from {low} to {high}")
        return value

    return parse


def _flag(word: str) -> bool:
    lowered = word.strip().lower()
    if lowered in {"1", "true", "yes", "on"}:
        return True
    if lowered in {"0", "false", "no", "off", ""}:
        return False
    raise ValueError("must be yes or no")


def _one_of(*words: str) -> Callable[[str], str]:
    def parse(word: str) -> str:
        if word.lower() not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return word.lower()

    return parse


def _zone(word: str) -> str:
    try:
        zoneinfo.ZoneInfo(word)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("is no time zone name such as Europe/Berlin") from None
    return word


def _ae_title(word: str) -> str:
    title = word.strip()
    if not re.fullmatch(r"[ -\[\]-~]{1,16}", title):
        raise ValueError("must be 1 to 16 printable characters without a backslash")
    return title


def _peers(word: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in word.split(",") if part.strip())


def _list(word: str) -> tuple[str, ...]:
    return tuple(part.strip().lower() for part in word.split(",") if part.strip())


SETTINGS: tuple[Setting, ...] = (
    Setting("data", str, "the data folder: objects, index, cine cache"),
    Setting("host", str, "address the web server listens on; anything but loopback needs users and TLS or a proxy"),
    Setting("port", _whole(0, 65535), "web port; 0 takes a free one"),
    Setting("workers", _whole(1, 64), "web worker processes sharing the port"),
    Setting("allowed_hosts", _list, "names by which the server may be called, beside loopback (comma separated)"),
    Setting("behind_proxy", _flag, "a proxy in front does TLS, and sign-in unless sign_in = yes"),
    Setting("sign_in", _one_of("auto", "yes"), "auto asks for sign-in off loopback without a proxy, yes always"),
    Setting("session_hours", _whole(1, 24 * 30), "a sign-in lasts so long at most"),
    Setting("idle_minutes", _whole(1, 24 * 60), "and ends when it was not used for so long; watching is using"),
    Setting("tls_certificate", str, "PEM file: the web's certificate and those between it and its root"),
    Setting("tls_key", str, "PEM file: the certificate's private key"),
    Setting("site_timezone", _zone, "time zone of objects without Timezone Offset From UTC"),
    Setting("dicom_host", str, "address the DICOM receiver listens on; anything but loopback needs dicom_peers"),
    Setting("dicom_port", _whole(-1, 65535), "DICOM port; 0 takes a free one, -1 none: no DICOM network"),
    Setting(
        "dicom_tls_port", _whole(-1, 65535), "DICOM port for callers with TLS (usually 2762); 0 a free one, -1 none"
    ),
    Setting("ae_title", _ae_title, "our AE title"),
    Setting("dicom_peers", _peers, "known peers, AETITLE@host:port or …;tls=FILE: who may call, where moves go"),
    Setting("dicom_receivers", _whole(1, 64), "DICOM receiver processes sharing the port"),
    Setting("max_associations", _whole(1, 10_000), "associations at once in one receiver; more are refused for now"),
    Setting("max_viewers", _whole(1, 1_000_000), "viewers at once in one worker; more are told to come back"),
    Setting("max_upload_bytes", _whole(1, 1 << 50), "largest file that may be uploaded, bytes"),
    Setting("reserve_bytes", _whole(0, 1 << 50), "disk space that ingest leaves free, bytes"),
    Setting("cache_bytes", _whole(0, 1 << 50), "most that the cine cache takes, bytes; 0: what the disk has"),
    Setting("durable", _flag, "for measurements only: no leaves out syncing, and acknowledged is not durable then"),
    Setting("ingest_threads", _whole(0, 256), "threads that code frames; 0 takes the number of cores"),
    Setting("log_level", _one_of("debug", "info", "warning", "error"), "least level that is logged"),
    Setting("log_format", _one_of("text", "json"), "log lines for people or for machines"),
)
_BY_NAME = {setting.name: setting for setting in SETTINGS}
assert set(_BY_NAME) == {field.name for field in fields(Settings)}


def _value(name: str, raw: object, source: str) -> Any:
    word = ",".join(map(str, raw)) if isinstance(raw, list | tuple) else str(raw)
    try:
        return _BY_NAME[name].parse(word)
    except ValueError as error:
        raise UsageError(f"{source}: {name} = {word!r}: {error}") from None


def resolve(
    options: Mapping[str, object],
    environment: Mapping[str, str],
    toml: bytes | None = None,
    *,
    toml_name: str = "fastcine.toml",
) -> tuple[Settings, dict[str, str]]:
    """The settings in force, and for each where it came from.

    `options` are those given on the command line (None means not given); `toml` is the file's content.
    Raises UsageError that names the source and the setting.
    """
    values: dict[str, Any] = {}
    sources = {setting.name: "default" for setting in SETTINGS}
    layers: list[tuple[str, dict[str, object]]] = []
    if toml is not None:
        try:
            layers.append((toml_name, dict(tomllib.loads(toml.decode("utf-8")))))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise UsageError(f"{toml_name}: {error}") from None
    from_environment: dict[str, object] = {
        setting.name: environment[ENVIRONMENT_PREFIX + setting.name.upper()]
        for setting in SETTINGS
        if ENVIRONMENT_PREFIX + setting.name.upper() in environment
    }
    layers.append(("environment", from_environment))
    layers.append(("command line", {name: value for name, value in options.items() if value is not None}))
    for source, layer in layers:
        for name, raw in layer.items():
            if name not in _BY_NAME:
                raise UsageError(f"{source}: there is no setting {name!r}; `fastcine serve --print-config` lists them")
            values[name] = _value(name, raw, source)
            sources[name] = source
    settings = Settings(**values)
    check(settings)
    return settings, sources


def check(settings: Settings) -> None:
    """Refuse what is not safe: the web off loopback in the clear. Raises UsageError."""
    if bool(settings.tls_certificate) != bool(settings.tls_key):
        raise UsageError("tls_certificate and tls_key go together: name both files, or neither")
    if settings.host not in LOOPBACK and not settings.behind_proxy and not settings.tls_certificate:
        raise UsageError(
            f"refusing to serve on {settings.host} without TLS: name a certificate and its key (--tls-certificate, "
            "--tls-key), put a proxy in front and say --behind-proxy, or serve on 127.0.0.1"
        )
    if settings.dicom_tls_port >= 0 and not settings.tls_certificate:
        raise UsageError("dicom_tls_port needs tls_certificate and tls_key: what we show to callers")
    receives = max(settings.dicom_port, settings.dicom_tls_port) >= 0
    if receives and settings.dicom_host not in LOOPBACK and not settings.dicom_peers:
        raise UsageError(
            f"refusing to receive DICOM on {settings.dicom_host} from anybody: name the peers that may call "
            "(--dicom-peers CATHLAB@10.0.0.5:104), or receive on 127.0.0.1"
        )


def describe(settings: Settings, sources: Mapping[str, str]) -> str:
    """What `serve --print-config` prints: a TOML file that says where each value came from."""
    lines = []
    for setting in SETTINGS:
        value = getattr(settings, setting.name)
        if isinstance(value, bool):
            shown = "true" if value else "false"
        elif isinstance(value, tuple):
            shown = "[" + ", ".join(f'"{part}"' for part in value) + "]"
        elif isinstance(value, str):
            shown = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        else:
            shown = str(value)
        lines.append(f"{setting.name} = {shown}  # {sources[setting.name]}: {setting.text}")
    return "\n".join(lines)
