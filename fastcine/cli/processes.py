"""Child processes of `fastcine serve`: started, watched, started again, stopped."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from fastcine.config import Settings
from fastcine.errors import FastcineError

log = logging.getLogger(__name__)

RESTART_PAUSE_S = 0.5
STOP_S = 8.0


def settings_to_text(settings: Settings) -> str:
    """Settings for a child's command line."""
    return json.dumps(asdict(settings))


def settings_from_text(text: str) -> Settings:
    """The reverse."""
    body: dict[str, Any] = json.loads(text)
    for name in ("allowed_hosts", "dicom_peers"):
        body[name] = tuple(body[name])
    return Settings(**body)


def stop_with_parent(stop: Callable[[], None]) -> None:
    """Call `stop` when the supervisor is gone: its end of our standard input closes, however it died."""

    def watch() -> None:
        # Not sys.stdin: its lock, held by a daemon thread, would break the interpreter's end.
        while os.read(0, 4096):
            pass
        stop()

    threading.Thread(target=watch, name="parent", daemon=True).start()


def serve_until_told(stop: Callable[[], None]) -> None:
    """Call `stop` on SIGTERM, SIGINT and at the supervisor's end; from now on this child is ready."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop())
    stop_with_parent(stop)
    print("ready", flush=True)


def exit_code_of(work: Callable[[], None]) -> int:
    """Do a child's work; an error of ours is one clear line."""
    try:
        work()
    except FastcineError as error:
        print(f"fastcine serve: {error}", file=sys.stderr)
        return 1
    return 0


@dataclass
class Child:
    """One child process and how to start it."""

    module: str
    arguments: tuple[str, ...]
    fds: tuple[int, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0

    def start(self) -> None:
        """Start it; its standard input is the life line, its standard output says `ready`."""
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", self.module, *self.arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=self.fds,
            # Ctrl-C reaches the supervisor alone, which then stops its children in order.
            start_new_session=True,
        )

    def wait_ready(self) -> bool:
        """Block until the child says `ready`; False when it ended instead."""
        assert self.process is not None and self.process.stdout is not None
        return self.process.stdout.readline().strip() == b"ready"

    def ended(self) -> int | None:
        """Its exit code, or None while it runs."""
        return None if self.process is None else self.process.poll()

    def stop(self) -> None:
        """Ask it to stop."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def reap(self, deadline: float) -> None:
        """Wait until `deadline` (monotonic), then kill."""
        if self.process is None:
            return
        try:
            self.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()


class Family:
    """All children."""

    def __init__(self, children: list[Child]) -> None:
        self.children = children

    def start(self) -> bool:
        """Start all at once; True when every one is ready."""
        for child in self.children:
            child.start()
        ready = [child.wait_ready() for child in self.children]
        return all(ready)

    def tend(self) -> None:
        """Start again what has died (kill -9, a defect): the rest goes on meanwhile."""
        for child in self.children:
            code = child.ended()
            if code is None:
                continue
            if time.monotonic() - child.started_at < RESTART_PAUSE_S:
                time.sleep(RESTART_PAUSE_S)
            log.warning("%s ended with code %d and is started again", child.module, code)
            child.reap(time.monotonic())
            child.start()

    def stop(self) -> None:
        """Stop all, in time."""
        for child in self.children:
            child.stop()
        deadline = time.monotonic() + STOP_S
        for child in self.children:
            child.reap(deadline)
