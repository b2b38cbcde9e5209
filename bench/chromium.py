"""Chromium, driven with as little as it takes: the DevTools protocol without its Network domain.

Playwright listens to the network of every page: each message of a WebSocket is turned into text for it, in the page's
own thread, which takes more of two cores than playing does. What is to be measured is driven from here.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

from tests.e2e.conftest import CHROMIUM_NAMES, FLAGS

VIEWPORT = {"width": 1280, "height": 900}
STARTS_WITHIN_S = 20.0
ENDS_WITHIN_S = 10.0
ALWAYS_AT_WORK = (
    "--headless=new",
    "--remote-debugging-port=0",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--hide-scrollbars",
    "--mute-audio",
    "--password-store=basic",
)


class ChromiumError(RuntimeError):
    """The browser, or a script in its page, said no; the text is its own."""


def chromium_path() -> str | None:
    """The system's Chromium, None where there is none."""
    return next((found for name in CHROMIUM_NAMES if (found := shutil.which(name))), None)


class Wire:
    """Commands and their answers, and events, over the browser's WebSocket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.heard: dict[str, Callable[[str, dict[str, Any]], None]] = {}
        """By session: what is told of its events."""
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self._socket:
            said = json.loads(message.data)
            if (waiting := self._waiting.pop(said.get("id", 0), None)) is not None:
                if not waiting.done():
                    waiting.set_result(said)
            elif (hears := self.heard.get(said.get("sessionId", ""))) is not None:
                hears(said["method"], said["params"])
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(ChromiumError("the browser has gone"))

    async def ask(self, method: str, session: str = "", **words: Any) -> dict[str, Any]:
        """One command. Raises ChromiumError."""
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        where = {"sessionId": session} if session else {}
        await self._socket.send_str(json.dumps({"id": number, "method": method, "params": words, **where}))
        said = await answer
        if "error" in said:
            raise ChromiumError(f"{method}: {said['error'].get('message', said['error'])}")
        result: dict[str, Any] = said["result"]
        return result

    async def close(self) -> None:
        """No more of either."""
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading


class Page:
    """One tab."""

    def __init__(self, wire: Wire, target: str, session: str) -> None:
        self._wire, self._target, self._session = wire, target, session
        self.errors: list[str] = []
        """What the page said wrong."""
        self.screen: list[tuple[float, str]] = []
        """While `record` runs: when Chromium put a picture on the screen, ms since 1970, and the picture as base64."""
        self._acknowledging: set[asyncio.Task[Any]] = set()
        wire.heard[session] = self._hear

    async def ask(self, method: str, **words: Any) -> dict[str, Any]:
        """A command of this page. Raises ChromiumError."""
        return await self._wire.ask(method, self._session, **words)

    def _hear(self, event: str, words: dict[str, Any]) -> None:
        if event == "Page.screencastFrame":
            self.screen.append((words["metadata"]["timestamp"] * 1000, words["data"]))
            task = asyncio.ensure_future(self._acknowledge(words["sessionId"]))
            self._acknowledging.add(task)
            task.add_done_callback(self._acknowledging.discard)
        elif event == "Runtime.exceptionThrown":
            self.errors.append(_thrown(words["exceptionDetails"]))
        elif event == "Runtime.consoleAPICalled" and words["type"] == "error":
            self.errors.append(" ".join(str(each.get("value", each.get("description", ""))) for each in words["args"]))
        elif event == "Log.entryAdded" and words["entry"]["level"] == "error":
            self.errors.append(f"{words['entry']['text']} {words['entry'].get('url', '')}")

    async def _acknowledge(self, number: int) -> None:
        with suppress(ChromiumError):  # the page was closed meanwhile
            await self.ask("Page.screencastFrameAck", sessionId=number)

    async def goto(self, url: str) -> None:
        """Until the navigation is committed. Raises ChromiumError."""
        answer = await self.ask("Page.navigate", url=url)
        if "errorText" in answer:
            raise ChromiumError(f"{url}: {answer['errorText']}")

    async def evaluate(self, function: str, words: Any = None) -> Any:
        """What the function (JavaScript text, async or not) returns for `words`. Raises ChromiumError."""
        expression = f"({function})({json.dumps(words)})"
        answer = await self.ask("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise ChromiumError(_thrown(answer["exceptionDetails"]))
        return answer["result"].get("value")

    async def record(self, *, on: bool) -> None:
        """Take pictures of the screen into `screen`, or end it."""
        if on:
            await self.ask("Page.startScreencast", format="jpeg", quality=85, everyNthFrame=1)
        else:
            await self.ask("Page.stopScreencast")

    async def close(self) -> None:
        """The tab is gone when this returns."""
        with suppress(ChromiumError):
            await self._wire.ask("Target.closeTarget", targetId=self._target)
        self._wire.heard.pop(self._session, None)


def _thrown(details: dict[str, Any]) -> str:
    return str(details.get("exception", {}).get("description") or details.get("text", "an exception"))


class Chromium:
    """A browser that runs."""

    def __init__(self, wire: Wire, scripts: Sequence[str]) -> None:
        self.wire, self._scripts = wire, scripts

    async def new_page(self) -> Page:
        """An empty tab in front, of `VIEWPORT`'s size, in which the scripts run before a page's own."""
        target = (await self.wire.ask("Target.createTarget", url="about:blank"))["targetId"]
        session = (await self.wire.ask("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        page = Page(self.wire, target, session)
        for domain in ("Page", "Runtime", "Log"):
            await page.ask(f"{domain}.enable")
        await page.ask("Emulation.setDeviceMetricsOverride", **VIEWPORT, deviceScaleFactor=1, mobile=False)
        await page.ask("Emulation.setFocusEmulationEnabled", enabled=True)
        for script in self._scripts:
            await page.ask("Page.addScriptToEvaluateOnNewDocument", source=script)
        return page


@asynccontextmanager
async def running(profile: Path, *, scripts: Sequence[Path] = (), extra: Sequence[str] = ()) -> AsyncIterator[Chromium]:
    """A browser with a profile of its own on disk: HTTP cache and compiled-code cache work as a reader's do."""
    process, address = await asyncio.to_thread(_started, profile, extra)
    try:
        async with aiohttp.ClientSession() as client, client.ws_connect(address, max_msg_size=0) as socket:
            wire = Wire(socket)
            try:
                yield Chromium(wire, [script.read_text() for script in scripts])
            finally:
                with suppress(ChromiumError, ConnectionError):
                    await wire.ask("Browser.close")  # what it has to keep is on the disk then
                await wire.close()
    finally:
        await asyncio.to_thread(_ended, process)


def _started(profile: Path, extra: Sequence[str]) -> tuple[subprocess.Popen[bytes], str]:
    """The browser, and the address of its socket, which it writes into its profile."""
    path = chromium_path()
    if path is None:
        raise ChromiumError("Chromium is not installed: sudo apt-get install chromium")
    profile.mkdir(parents=True, exist_ok=True)
    told = profile / "DevToolsActivePort"
    told.unlink(missing_ok=True)
    size = f"--window-size={VIEWPORT['width']},{VIEWPORT['height']}"
    command = [path, *ALWAYS_AT_WORK, *FLAGS, size, f"--user-data-dir={profile}", *extra, "about:blank"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < until and process.poll() is None:
        words = told.read_text().split() if told.is_file() else []
        if len(words) == 2:
            return process, f"ws://127.0.0.1:{words[0]}{words[1]}"
        time.sleep(0.05)
    process.kill()
    process.wait()
    raise ChromiumError(f"Chromium did not start in {STARTS_WITHIN_S:g} s")


def _ended(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
