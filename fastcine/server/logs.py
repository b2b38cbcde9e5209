"""Log lines: text for people, JSON for machines. No identity in either: handlers log UIDs and routes only."""

from __future__ import annotations

import logging
import sys
import time

import orjson
from aiohttp.http_exceptions import HttpProcessingError


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Time (UTC), level, logger, message, and the trace where there is one."""
        body = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "pid": record.process,
            "message": record.getMessage(),
        }
        if record.exc_info:
            body["trace"] = self.formatException(record.exc_info)
        return orjson.dumps(body).decode()


def without_what_came(record: logging.LogRecord) -> bool:
    """A filter for aiohttp's log: of a request that is no HTTP it shows lines, and they could name a patient."""
    if record.exc_info and isinstance(record.exc_info[1], HttpProcessingError):
        record.levelno, record.levelname = logging.WARNING, logging.getLevelName(logging.WARNING)
        record.msg, record.args = "a request that is no HTTP was refused", ()
        record.exc_info = record.exc_text = None
    return True


def set_up(level: str, form: str) -> None:
    """Logging of this process, to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    if form == "json":
        handler.setFormatter(JsonLines())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(name)s[%(process)d] %(message)s"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("pydicom").setLevel(logging.ERROR)
    logging.getLogger("aiohttp.server").addFilter(without_what_came)
    logging.getLogger("aiohttp.websocket").setLevel(logging.ERROR)  # its warnings repeat headers
    if level != "debug":
        # One line a request is for debugging; refusals and failures are logged where they happen.
        logging.getLogger("fastcine.access").setLevel(logging.WARNING)
        logging.getLogger("aiohttp").setLevel(logging.WARNING)
