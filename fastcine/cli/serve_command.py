"""`fastcine serve`: the server, and the supervisor of its processes."""

from __future__ import annotations

import argparse
import errno
import os
import signal
import socket
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from fastcine.archive.account_rows import accounts
from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.cli.processes import Child, Family, settings_to_text
from fastcine.config import Settings, describe, resolve
from fastcine.dimse.peers import parse_peer
from fastcine.dimse.secure import certificates_of
from fastcine.errors import StorageFull, UsageError
from fastcine.server import logs
from fastcine.server.tls import server_context

TEND_PERIOD_S = 0.5

OPTIONS = (
    ("--data", "data", "DIR", "the data folder (fastcine-data)"),
    ("--host", "host", "ADDRESS", "address to listen on (127.0.0.1)"),
    ("--port", "port", "N", "web port (8080; 0 takes a free one)"),
    ("--dicom-host", "dicom_host", "ADDRESS", "address to receive DICOM on (127.0.0.1)"),
    ("--dicom-port", "dicom_port", "N", "DICOM port (11112; 0 takes a free one, -1 none)"),
    ("--dicom-tls-port", "dicom_tls_port", "N", "DICOM port for callers with TLS (-1: none; usually 2762)"),
    ("--ae-title", "ae_title", "TITLE", "our AE title (FASTCINE)"),
    ("--dicom-peers", "dicom_peers", "PEERS", "known peers as AETITLE@host:port, comma separated"),
    ("--workers", "workers", "N", "web worker processes (1)"),
    ("--sign-in", "sign_in", "WHEN", "auto: off loopback without a proxy; yes: always (auto)"),
    ("--tls-certificate", "tls_certificate", "FILE", "the web's certificate, PEM"),
    ("--tls-key", "tls_key", "FILE", "its private key, PEM"),
    ("--allowed-hosts", "allowed_hosts", "NAMES", "names the server may be called by, comma separated"),
    ("--site-timezone", "site_timezone", "ZONE", "time zone of objects that carry none (UTC)"),
    ("--max-viewers", "max_viewers", "N", "viewers at once in one worker (4000)"),
    ("--ingest-threads", "ingest_threads", "N", "threads that code frames (0: one a core)"),
    ("--log-level", "log_level", "LEVEL", "debug, info, warning or error (info)"),
    ("--log-format", "log_format", "FORM", "text or json (text)"),
)


def add_parser(subparsers: Any) -> None:
    """The command's options."""
    parser = subparsers.add_parser(
        "serve",
        help="serve the archive to browsers",
        description="Serves the archive at http://127.0.0.1:8080. On loopback no sign-in is asked for, unless "
        "--sign-in yes. On any other address it is, and the server refuses to start without users (fastcine user add) "
        "and a certificate, or a proxy in front that does both (--behind-proxy). Every option is a setting too: "
        "FASTCINE_PORT=8081, or port = 8081 in a TOML file.",
    )
    for flag, name, metavar, text in OPTIONS:
        parser.add_argument(flag, dest=name, metavar=metavar, help=text)
    parser.add_argument("--behind-proxy", action="store_const", const="yes", help="a proxy in front does TLS, sign-in")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings in TOML")
    parser.add_argument("--print-config", action="store_true", help="print the settings in force, and stop")
    parser.add_argument("--ingest", type=Path, metavar="PATH", help="take this file or folder in while serving")
    parser.add_argument("--phantom", action="store_true", help="make the synthetic patient if it is not there")
    parser.set_defaults(run=run)


def settings_of(args: argparse.Namespace) -> tuple[Settings, dict[str, str]]:
    """The settings in force and where they come from. Raises UsageError."""
    toml, name = None, "fastcine.toml"
    if args.config is not None:
        try:
            toml, name = args.config.read_bytes(), str(args.config)
        except OSError as error:
            raise UsageError(f"cannot read {args.config}: {error.strerror}") from None
    options = {setting: getattr(args, setting) for _, setting, _, _ in OPTIONS}
    return resolve({**options, "behind_proxy": args.behind_proxy}, os.environ, toml, toml_name=name)


def listen(host: str, port: int, *, option: str) -> socket.socket:
    """A listening socket, inherited by those who serve it. Raises UsageError when the port cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            variable = option.upper().replace("-", "_")
            raise UsageError(
                f"port {port} is taken: stop what uses it, or serve on another (--{option} {port + 1}; "
                f"make run {variable}={port + 1})"
            ) from None
        raise UsageError(f"cannot listen on {host} port {port}: {error.strerror}") from None
    listening.listen(1024)
    return listening


def run(args: argparse.Namespace) -> int:
    """Serve until stopped."""
    settings, sources = settings_of(args)
    if args.print_config:
        print(describe(settings, sources))
        return 0
    logs.set_up(settings.log_level, settings.log_format)
    folder = DataFolder(settings.data, reserve_bytes=settings.reserve_bytes)
    _check_space(folder, settings)
    check_sign_in(folder, settings)
    if args.ingest is not None and not args.ingest.exists():
        raise UsageError(f"there is no {args.ingest} to take in")
    check_peers(settings)
    with ExitStack() as sockets:
        web = sockets.enter_context(listen(settings.host, settings.port, option="port"))
        dicom = {
            flag: sockets.enter_context(listen(settings.dicom_host, port, option=option))
            for flag, port, option in (
                ("--fd", settings.dicom_port, "dicom-port"),
                ("--tls-fd", settings.dicom_tls_port, "dicom-tls-port"),
            )
            if port >= 0
        }
        return _supervise(settings, web, dicom, args)


def _check_space(folder: DataFolder, settings: Settings) -> None:
    room = os.statvfs(folder.root)
    free_bytes = room.f_bavail * room.f_frsize
    if free_bytes < settings.reserve_bytes:
        raise StorageFull(
            f"only {free_bytes >> 20} MB are free for {folder.root} (the cache roughly doubles what is stored): "
            "free some space, or use another folder (--data DIR)"
        )


def check_sign_in(folder: DataFolder, settings: Settings) -> None:
    """Says what is missing before anything starts. Raises UsageError."""
    if settings.tls_certificate:
        server_context(settings.tls_certificate, settings.tls_key)
    if not settings.asks_sign_in:
        return
    index = Index(folder.index_path)
    try:
        if not accounts(index):
            add = f"fastcine user add NAME --role administrator --data {settings.data}"
            raise UsageError(f"nobody could sign in: add a user first ({add})")
    finally:
        index.close()


def check_peers(settings: Settings) -> None:
    """Says what is wrong with them before anything starts. Raises UsageError."""
    for peer in map(parse_peer, settings.dicom_peers):
        certificates_of(peer)
        if peer.certificate and not settings.tls_certificate:
            raise UsageError(f"{peer.ae_title} speaks TLS: name a certificate of ours too (tls_certificate, tls_key)")


def _web_workers(settings: Settings, listening: socket.socket) -> list[Child]:
    """Several share the port, and tell each other their metrics at ports of their own."""
    fd, text = listening.fileno(), settings_to_text(settings)
    common = ("--settings", text, "--fd", str(fd))
    if settings.workers == 1:
        return [Child("fastcine.cli.web_process", common, (fd,))]
    inner = [socket.create_server(("127.0.0.1", 0)) for _ in range(settings.workers)]
    ports = [str(each.getsockname()[1]) for each in inner]
    # Open for as long as we live: a worker that is started anew takes the same one.
    fds = [each.detach() for each in inner]
    return [
        Child("fastcine.cli.web_process", (*common, "--inner-fd", str(own), "--worker-ports", *ports), (fd, own))
        for own in fds
    ]


def _receivers(settings: Settings, dicom: dict[str, socket.socket]) -> list[Child]:
    """They share the listening sockets, which are given by the options of receiver_process."""
    if not dicom:
        return []
    arguments = ["--settings", settings_to_text(settings)]
    for flag, listening in dicom.items():
        arguments += [flag, str(listening.fileno())]
    fds = tuple(listening.fileno() for listening in dicom.values())
    return [Child("fastcine.cli.receiver_process", tuple(arguments), fds) for _ in range(settings.dicom_receivers)]


def _shown(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _supervise(
    settings: Settings, listening: socket.socket, dicom: dict[str, socket.socket], args: argparse.Namespace
) -> int:
    owner = Child("fastcine.cli.owner_process", ("--settings", settings_to_text(settings)))
    family = Family([owner, *_web_workers(settings, listening), *_receivers(settings, dicom)])
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        if not family.start():
            return 1
        if not settings.durable:
            print("fastcine syncs nothing to disk (durable = no): for measurements only", flush=True)
        for flag, door in dicom.items():
            how = " with TLS" if flag == "--tls-fd" else ""
            print(f"fastcine receives DICOM{how} as {settings.ae_title} at {_shown(door)}", flush=True)
        scheme = "https" if settings.tls_certificate else "http"
        print(f"fastcine serves at {scheme}://{_shown(listening)}  (Ctrl-C stops it; not a medical device)", flush=True)
        feeder = _start_feeder(settings, args, stop)
        while not stop.wait(TEND_PERIOD_S):
            family.tend()
        if feeder is not None:
            feeder.join(2.0)
    finally:
        family.stop()
    return 0


def _start_feeder(settings: Settings, args: argparse.Namespace, stop: threading.Event) -> threading.Thread | None:
    """Ingest of the given path, or of the phantom, beside serving."""
    if args.ingest is None and not args.phantom:
        return None
    from fastcine.cli import feeding

    def feed() -> None:
        if args.ingest is not None:
            feeding.feed_path(settings, args.ingest, stop)
        else:
            feeding.feed_phantom(settings, stop)

    thread = threading.Thread(target=feed, name="feeder", daemon=True)
    thread.start()
    return thread
