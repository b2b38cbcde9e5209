"""One web worker of `fastcine serve`: takes the listening socket from its supervisor and serves until told to stop."""

from __future__ import annotations

import argparse
import asyncio
import gc
import signal
import socket
import sys

import uvloop
from aiohttp import web

from fastcine.cli.processes import exit_code_of, settings_from_text, stop_with_parent
from fastcine.config import Settings
from fastcine.server import logs
from fastcine.server.app import make_app
from fastcine.server.tls import Certificate, renew
from fastcine.server.worker_metrics import own_app

SHUTDOWN_S = 5.0

GARBAGE_THRESHOLDS = (20_000, 20, 50)
"""Objects made and not gone before the youngest are looked at, and how many such looks until the older ones are."""


async def serve(settings: Settings, listening: socket.socket, inner: socket.socket | None, ports: list[int]) -> None:
    """Until SIGTERM or SIGINT; players are told goodbye. At `inner` the other workers are told our metrics."""
    app = make_app(settings, worker_ports=tuple(ports))
    runner = web.AppRunner(
        app, access_log=None, shutdown_timeout=SHUTDOWN_S, handle_signals=False, keepalive_timeout=75.0
    )
    await runner.setup()
    certificate = Certificate(settings.tls_certificate, settings.tls_key) if settings.tls_certificate else None
    ssl_context = None if certificate is None else certificate.context
    await web.SockSite(runner, listening, backlog=1024, ssl_context=ssl_context).start()
    renewing = None if certificate is None else asyncio.get_running_loop().create_task(renew(certificate))
    inner_runner = web.AppRunner(own_app(app), access_log=None, handle_signals=False)
    await inner_runner.setup()
    if inner is not None:
        await web.SockSite(inner_runner, inner).start()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    def orphaned() -> None:
        loop.call_soon_threadsafe(stop.set)

    stop_with_parent(orphaned)
    _settle_garbage()
    print("ready", flush=True)
    await stop.wait()
    if renewing is not None:
        renewing.cancel()
    await inner_runner.cleanup()
    await runner.cleanup()


def _settle_garbage() -> None:
    """What is here now stays for good, and thousands of viewers are no garbage: a full collection stops all of them."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)


def main() -> int:
    """Run by the supervisor only."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--settings", required=True)
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--inner-fd", type=int)
    parser.add_argument("--worker-ports", type=int, nargs="*", default=[])
    args = parser.parse_args()
    settings = settings_from_text(args.settings)
    logs.set_up(settings.log_level, settings.log_format)
    listening = socket.socket(fileno=args.fd)
    listening.setblocking(False)
    inner = None if args.inner_fd is None else socket.socket(fileno=args.inner_fd)
    return exit_code_of(lambda: uvloop.run(serve(settings, listening, inner, args.worker_ports)))


if __name__ == "__main__":
    sys.exit(main())
