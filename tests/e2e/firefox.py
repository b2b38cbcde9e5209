"""Firefox by WebDriver BiDi (W3C), under an X server of its own: a page with the few calls that `looking` makes."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import aiohttp

NAMES = ("firefox-esr", "firefox")
START_S = 60.0
ANSWER_S = 60.0
# Nothing that calls home, asks, or waits for a first run; playing needs no gesture.
PREFERENCES = {
    "browser.shell.checkDefaultBrowser": False,
    "browser.aboutwelcome.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
    "app.normandy.enabled": False,
    "app.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,",
    "remote.active-protocols": 1,
}


def missing():
    """What is not installed; "" where all is."""
    firefox = next((name for name in NAMES if shutil.which(name)), "")
    return "" if firefox and shutil.which("Xvfb") else "Firefox or Xvfb (apt-get install firefox-esr xvfb)"


@contextmanager
def display():
    """An X server on a display that is free."""
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1400x1000x24", "-nolisten", "tcp"],
        pass_fds=(write,),
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    try:
        with os.fdopen(read) as told:
            yield f":{told.readline().strip()}"
    finally:
        server.terminate()
        server.wait()


def _started(profile, screen):
    """The process and the address of its BiDi server."""
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in PREFERENCES.items()]
    (profile / "user.js").write_text("\n".join(lines))
    program = next(name for name in NAMES if shutil.which(name))
    words = [program, "--no-remote", "--profile", profile, "--remote-debugging-port", "0", "about:blank"]
    environment = {**os.environ, "DISPLAY": screen, "HOME": str(profile), "MOZ_CRASHREPORTER_DISABLE": "1"}
    log = profile / "log.txt"
    with open(log, "wb") as out:
        process = subprocess.Popen(words, stdout=out, stderr=out, env=environment)
    until = time.monotonic() + START_S
    while time.monotonic() < until and process.poll() is None:
        found = re.search(r"WebDriver BiDi listening on (ws://\S+)", log.read_text(errors="replace"))
        if found:
            return process, found[1]
        time.sleep(0.1)
    process.kill()
    process.wait()
    raise RuntimeError(f"Firefox does not start: {log.read_text(errors='replace')[-2000:]}")


class Page:
    """One tab. `errors`: what it said wrong on its console."""

    def __init__(self, address):
        self.errors = []
        self._answers, self._last = {}, 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._run(self._connect(address))
        self.ask("session.new", capabilities={})
        self.ask("session.subscribe", events=["log.entryAdded"])
        self.context = self.ask("browsingContext.getTree")["contexts"][0]["context"]
        self.version = self.evaluate("navigator.userAgent")

    def _run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(ANSWER_S)

    async def _connect(self, address):
        self._session = aiohttp.ClientSession()
        self._socket = await self._session.ws_connect(address + "/session", max_msg_size=0)
        self._listening = asyncio.ensure_future(self._listen())

    async def _listen(self):
        async for message in self._socket:
            told = json.loads(message.data)
            if told.get("id") in self._answers:
                self._answers.pop(told["id"]).set_result(told)
            elif told.get("method") == "log.entryAdded" and told["params"]["level"] == "error":
                self.errors.append(told["params"].get("text"))

    async def _ask(self, method, parameters):
        self._last += 1
        answer = self._answers[self._last] = self._loop.create_future()
        await self._socket.send_json({"id": self._last, "method": method, "params": parameters})
        return await answer

    def ask(self, method, **parameters):
        """A command of the protocol; its result."""
        told = self._run(self._ask(method, parameters))
        if told["type"] == "error":
            raise RuntimeError(f"{method}: {told['message']}")
        return told["result"]

    def goto(self, url):
        self.ask("browsingContext.navigate", context=self.context, url=url, wait="complete")

    def evaluate(self, text, argument=None):
        """As Playwright's: an expression, or a function of one JSON value; what comes of it, a promise awaited."""
        function = text if re.match(r"\s*(async\s*)?\(", text) and "=>" in text.split("\n")[0] else f"() => ({text})"
        result = self.ask(
            "script.callFunction",
            functionDeclaration=f"async (told) => JSON.stringify((await ({function})(JSON.parse(told))) ?? null)",
            arguments=[{"type": "string", "value": json.dumps(argument)}],
            awaitPromise=True,
            target={"context": self.context},
        )
        if result["type"] == "exception":
            raise RuntimeError(result["exceptionDetails"]["text"])
        return json.loads(result["result"]["value"])

    def press(self, key):
        """One key, down and up."""
        strokes = [{"type": kind, "value": key} for kind in ("keyDown", "keyUp")]
        self.ask(
            "input.performActions", context=self.context, actions=[{"type": "key", "id": "keys", "actions": strokes}]
        )

    def wait_for_timeout(self, timeout_ms):
        time.sleep(timeout_ms / 1000)

    def close(self):
        async def end():
            await self._socket.close()
            await self._session.close()

        with suppress(Exception):
            self._run(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@contextmanager
def firefox():
    """A started Firefox's page."""
    with display() as screen, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        process, address = _started(Path(folder), screen)
        try:
            page = Page(address)
            try:
                yield page
            finally:
                page.close()
        finally:
            process.terminate()
            process.wait()
