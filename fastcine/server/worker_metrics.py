"""Metrics of all web workers in one answer: whichever took the request asks the others, at ports of their own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import aiohttp
from aiohttp import web

from fastcine.server.context import CONTEXT

log = logging.getLogger(__name__)

ASK_S = 2.0
"""A worker that does not answer in this time is left out: it may just be starting anew."""


def merged(answers: Sequence[tuple[int, str]]) -> str:
    """Expositions (Prometheus text format) of workers by number as one, each sample labelled with its worker. Pure."""
    heads: dict[str, list[str]] = {}
    samples: dict[str, list[str]] = {}
    for worker, text in answers:
        family = ""
        for line in text.splitlines():
            if line.startswith("#"):
                family = line.split(" ", 3)[2]
                known = heads.setdefault(family, [])
                if line not in known and len(known) < 2:
                    known.append(line)
            elif line:
                samples.setdefault(family, []).append(_labelled(line, worker))
    lines = [line for family, head in heads.items() for line in (*head, *samples.get(family, []))]
    return "\n".join(lines) + "\n"


def _labelled(sample: str, worker: int) -> str:
    name, space, value = sample.rpartition(" ")
    if name.endswith("}"):
        return f'{name[:-1]},worker="{worker}"}}{space}{value}'
    return f'{name}{{worker="{worker}"}}{space}{value}'


def own_app(app: web.Application) -> web.Application:
    """What a worker answers at its own port, to its siblings: its metrics alone. `app` is the worker's real one."""

    async def own(request: web.Request) -> web.Response:
        return web.Response(body=app[CONTEXT].metrics.text())

    inner = web.Application()
    inner.router.add_get("/metrics", own)
    return inner


async def all_workers(ports: Sequence[int]) -> str:
    """The metrics of the workers that answer at these ports of loopback's."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=ASK_S)) as session:
        answers = await asyncio.gather(*(_ask(session, port) for port in ports))
    return merged([(worker, text) for worker, text in enumerate(answers) if text is not None])


async def _ask(session: aiohttp.ClientSession, port: int) -> str | None:
    try:
        async with session.get(f"http://127.0.0.1:{port}/metrics") as answer:
            return await answer.text()
    except (aiohttp.ClientError, TimeoutError):
        log.warning("a web worker does not tell its metrics")
        return None
