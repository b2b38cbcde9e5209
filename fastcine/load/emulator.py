"""A link between a client here and a server on loopback: over TUN where that is allowed, else by a TCP relay."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from fastcine.load.link import Link

STOP_S = 5.0


@dataclass(slots=True)
class Emulated:
    """How the server is reached: connect to `host` and `port`, saying what it is called as if there were no link."""

    host: str
    port: int
    how: str
    """``loopback``, ``tun`` or ``tcp relay``."""
    totals: dict[str, Any] = field(default_factory=dict)
    """What passed in each direction; filled when the link is taken down."""
    unsupported: tuple[str, ...] = ()
    """What of the link is not emulated this way."""


def _start(module: str, *arguments: str) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def _stop(process: subprocess.Popen[str]) -> dict[str, Any]:
    try:
        out, _ = process.communicate(timeout=STOP_S)
        return dict(json.loads(out.splitlines()[-1])) if out.strip() else {}
    except (subprocess.TimeoutExpired, ValueError):
        process.kill()
        process.wait()
        return {}


@contextmanager
def emulated(link: Link | None, port: int, *, tun: bool = True) -> Iterator[Emulated]:
    """The link in front of the server on loopback's `port`, as long as the context lasts."""
    if link is None:
        yield Emulated("127.0.0.1", port, "loopback")
        return
    process, said = _start("fastcine.load.tun", str(link)) if tun else (None, "")
    found = Emulated(said.removeprefix("ready "), port, "tun")
    if not said.startswith("ready ") or process is None:
        if process is not None:
            process.wait(STOP_S)
        process, said = _start("fastcine.load.tcp_relay", str(link), str(port))
        unsupported = ("loss",) if link.loss else ()
        found = Emulated("127.0.0.1", int(said.removeprefix("ready ")), "tcp relay", unsupported=unsupported)
    try:
        yield found
    finally:
        found.totals = _stop(process)
