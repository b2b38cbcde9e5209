"""A real server in processes of its own, for tests: started on a free port, stopped by its id."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import orjson

ROOT = Path(__file__).parents[1]


class Server:
    """`fastcine serve` on a data folder."""

    def __init__(self, data, *options, env=None):
        self.data = Path(data)
        self.lines = []
        self.dicom_port = self.dicom_tls_port = None
        if "--dicom-port" not in options:
            options = (*options, "--dicom-port", "-1")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "fastcine.cli.main", "serve", "--data", str(data), "--port", "0", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
            env={**os.environ, **(env or {})},
        )
        self.url = self._wait_for_url()
        self._drain = threading.Thread(target=self._read, daemon=True)
        self._drain.start()

    def _wait_for_url(self):
        for line in self.process.stdout:
            self.lines.append(line)
            received = re.search(r"receives DICOM( with TLS)? as \S+ at \S+:(\d+)", line)
            if received and received[1]:
                self.dicom_tls_port = int(received[2])
            elif received:
                self.dicom_port = int(received[2])
            found = re.search(r"https?://\S+", line)
            if found:
                return found.group()
        raise AssertionError("the server did not start:\n" + "".join(self.lines))

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line)

    def json(self, path, body=None):
        data = None if body is None else orjson.dumps(body)
        request = urllib.request.Request(self.url + path, data=data)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return orjson.loads(answer.read())

    def upload(self, file):
        """One file, as the worklist sends it; what became of it."""
        headers = {"Content-Type": "application/dicom"}
        request = urllib.request.Request(self.url + "/api/upload", data=Path(file).read_bytes(), headers=headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return orjson.loads(answer.read())

    def wait_until_made(self, timeout_s=120):
        """Until every run of every study is ready or failed."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            studies = self.json("/api/worklist", {"limit": 200})["studies"]
            tiles = [
                tile
                for study in studies
                for tile in self.json(f"/api/studies/{study['study_instance_uid']}")["tiles"]
                if tile["kind"] != "other"
            ]
            if studies and all(tile["state"] in ("ready", "failed") for tile in tiles):
                return tiles
            time.sleep(0.1)
        raise AssertionError("ingest did not end in time:\n" + "".join(self.lines[-20:]))

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._drain.join(5)
        self.process.stdout.close()


@contextmanager
def serving(data, *options, env=None):
    server = Server(data, *options, env=env)
    try:
        yield server
    finally:
        server.stop()


def command(*words, check=True, timeout_s=300, env=None):
    """Run `fastcine …`; the finished process with its text."""
    done = subprocess.run(
        [sys.executable, "-m", "fastcine.cli.main", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=timeout_s,
        cwd=ROOT,
        env={**os.environ, **(env or {})},
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done
