"""Control messages of `fastcine.v1` (docs/protocol.md, sections 2 and 3): JSON text to values and back. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from fastcine.cine.wire import VERSION, Tier, run_name
from fastcine.errors import PeerError

MAX_TEXT_BYTES = 65_536
"""A control message at most; larger ones close with 4413."""
MAX_FRAMES = 1 << 24


class Wish(StrEnum):
    """What the viewer does with a run just now."""

    PLAY = "play"
    PAUSE = "pause"
    PREFETCH = "prefetch"
    HIDDEN = "hidden"


class Loop(StrEnum):
    """How play goes on at the out point."""

    LOOP = "loop"
    SWEEP = "sweep"
    ONCE = "once"


@dataclass(frozen=True, slots=True)
class Hello:
    """First message: the version, and how many bytes may be sent before the next `credit`."""

    version: int
    granted_bytes: int


@dataclass(frozen=True, slots=True)
class Open:
    """Start or resume a run; `have`: frames held whole as (tier, first, last), `partial`: (tier, frame, offset)."""

    run: int
    have: tuple[tuple[int, int, int], ...] = ()
    partial: tuple[tuple[int, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Want:
    """The newest wish for a run; it replaces the one before. `last` of -1 means the last frame."""

    run: int
    state: Wish
    frame: int
    rate_fps: float = 0.0
    first: int = 0
    last: int = -1
    loop: Loop = Loop.LOOP
    max_tier: int = Tier.EXACT
    weight: float = 1.0
    starting: bool = False
    """The viewer's decoders are not all up yet."""


@dataclass(frozen=True, slots=True)
class Credit:
    """Totals since the connection began: bytes the server may send, bytes received."""

    granted_bytes: int
    received_bytes: int


@dataclass(frozen=True, slots=True)
class Damaged:
    """A frame whose CRC did not match, or (`lost`) a sound one that is no longer there, as when its decoder died."""

    run: int
    tier: int
    frame: int
    lost: bool = False


@dataclass(frozen=True, slots=True)
class CloseRun:
    """The run is no longer needed."""

    run: int


@dataclass(frozen=True, slots=True)
class Ping:
    """Answered with the same `t`."""

    t: float


ClientMessage = Hello | Open | Want | Credit | Damaged | CloseRun | Ping


def _integer(body: Mapping[str, Any], name: str, low: int, high: int, default: int | None = None) -> int:
    value = body.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise PeerError(f"{name} must be a whole number from {low} to {high}")
    return value


def _number(body: Mapping[str, Any], name: str, low: float, high: float, default: float | None = None) -> float:
    value = body.get(name, default)
    if not isinstance(value, int | float) or isinstance(value, bool) or not math.isfinite(value):
        raise PeerError(f"{name} must be a number")
    if not low <= value <= high:
        raise PeerError(f"{name} must lie from {low} to {high}")
    return float(value)


def _flag(body: Mapping[str, Any], name: str) -> bool:
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise PeerError(f"{name} must be true or false")
    return value


def _run(body: Mapping[str, Any]) -> int:
    value = body.get("run")
    if not isinstance(value, str) or len(value) != 16 or value.strip("0123456789abcdef"):
        raise PeerError("run must be 16 lower-case hex digits")
    return int(value, 16)


def _triples(body: Mapping[str, Any], name: str) -> tuple[tuple[int, int, int], ...]:
    rows = body.get(name, [])
    if not isinstance(rows, list):
        raise PeerError(f"{name} must be a list")
    out = []
    for row in rows:
        if not (isinstance(row, list) and len(row) == 3 and all(type(v) is int and 0 <= v < 1 << 31 for v in row)):
            raise PeerError(f"{name} must hold lists of three whole numbers")
        if row[0] > Tier.EXACT:
            raise PeerError(f"{name} names an unknown tier")
        out.append((row[0], row[1], row[2]))
    return tuple(out)


def _hello(body: Mapping[str, Any]) -> Hello:
    version = _integer(body, "version", 0, 1 << 31)
    if version != VERSION:
        raise PeerError(f"version {version} is not spoken here, {VERSION} is", close_code=4406)
    return Hello(version, _integer(body, "granted_bytes", 0, 1 << 53))


def _want(body: Mapping[str, Any]) -> Want:
    try:
        state, loop = Wish(body.get("state", "")), Loop(body.get("loop", "loop"))
    except ValueError:
        raise PeerError("unknown state or loop in want") from None
    return Want(
        run=_run(body),
        state=state,
        frame=_integer(body, "frame", 0, MAX_FRAMES),
        rate_fps=_number(body, "rate_fps", -1000.0, 1000.0, 0.0),
        first=_integer(body, "first", 0, MAX_FRAMES, 0),
        last=_integer(body, "last", -1, MAX_FRAMES, -1),
        loop=loop,
        max_tier=_integer(body, "max_tier", 0, 2, 2),
        weight=_number(body, "weight", 0.001, 1000.0, 1.0),
        starting=_flag(body, "starting"),
    )


_PARSERS: dict[str, Callable[[Mapping[str, Any]], ClientMessage]] = {
    "hello": _hello,
    "open": lambda body: Open(_run(body), _triples(body, "have"), _triples(body, "partial")),
    "want": _want,
    "credit": lambda body: Credit(
        _integer(body, "granted_bytes", 0, 1 << 53), _integer(body, "received_bytes", 0, 1 << 53)
    ),
    "damaged": lambda body: Damaged(
        _run(body), _integer(body, "tier", 0, 2), _integer(body, "frame", 0, MAX_FRAMES), _flag(body, "lost")
    ),
    "close": lambda body: CloseRun(_run(body)),
    "ping": lambda body: Ping(_number(body, "t", -1e300, 1e300)),
}


def parse_client_message(text: str | bytes) -> ClientMessage:
    """One JSON text message as a value.

    Raises PeerError: 4413 when longer than `MAX_TEXT_BYTES`, 4406 for a foreign version, else 4400.
    """
    if len(text) > MAX_TEXT_BYTES:
        raise PeerError("control message too large", close_code=4413)
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise PeerError("a control message is no JSON") from None
    if not isinstance(body, dict):
        raise PeerError("a control message is no JSON object")
    kind = body.get("type")
    parser = _PARSERS.get(kind) if isinstance(kind, str) else None
    if parser is None:
        raise PeerError("unknown message type")
    return parser(body)


def welcome(server: str) -> dict[str, Any]:
    """Answer to `hello`."""
    return {"type": "welcome", "version": VERSION, "server": server}


def run_opened(run: int, description: Mapping[str, Any], ready: tuple[int, int, int], complete: bool) -> dict[str, Any]:
    """Answer to `open`: the run as it stands."""
    return {"type": "run", "run": run_name(run), "description": description, "ready": ready, "complete": complete}


def progress(run: int, ready: tuple[int, int, int], complete: bool) -> dict[str, Any]:
    """The cache has grown."""
    return {"type": "progress", "run": run_name(run), "ready": ready, "complete": complete}


def error(code: str, message: str, run: int | None = None) -> dict[str, Any]:
    """A request failed; the connection stays."""
    body: dict[str, Any] = {"type": "error", "code": code, "message": message}
    return body if run is None else {**body, "run": run_name(run)}


def goaway(reason: str, retry_ms: int) -> dict[str, Any]:
    """The server goes down or is full."""
    return {"type": "goaway", "reason": reason, "retry_ms": retry_ms}


def pong(t: float) -> dict[str, Any]:
    """Answer to `ping`."""
    return {"type": "pong", "t": t}
