"""The DICOM receiver of `fastcine serve`: takes the listening socket from its supervisor, serves until told to stop."""

from __future__ import annotations

import argparse
import asyncio
import gc
import socket
import ssl
import sys
import threading

from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.archive.recovery import recover_incoming
from fastcine.archive.removal import finish_removals
from fastcine.cli.processes import exit_code_of, serve_until_told, settings_from_text
from fastcine.config import Settings
from fastcine.dimse.peers import Peer, parse_peer
from fastcine.dimse.receiver import Receiver, Secure
from fastcine.dimse.secure import trust
from fastcine.server import logs
from fastcine.server.tls import Certificate, calling_context, renew


def _secure(settings: Settings, peers: tuple[Peer, ...], listening: socket.socket | None) -> Secure | None:
    """TLS where we have a certificate; it is renewed while we run. Raises UsageError."""
    if not settings.tls_certificate:
        return None
    certificate = Certificate(settings.tls_certificate, settings.tls_key, prepare=lambda context: trust(context, peers))
    threading.Thread(target=lambda: asyncio.run(renew(certificate)), name="certificate", daemon=True).start()

    def calling(peer: Peer) -> ssl.SSLContext | None:
        if not peer.certificate:
            return None
        context = calling_context(settings.tls_certificate, settings.tls_key)
        trust(context, [peer])
        return context

    return Secure(listening, certificate.context, calling)


def receive(settings: Settings, listening: socket.socket | None, listening_tls: socket.socket | None) -> None:
    """Until told to stop. Raises StorageUnavailable when the folder cannot be had."""
    peers = tuple(map(parse_peer, settings.dicom_peers))
    folder = DataFolder(settings.data, reserve_bytes=settings.reserve_bytes, durable=settings.durable)
    index = Index(folder.index_path, durable=settings.durable)
    # One before us may have been killed: what it left is put right, what is alive elsewhere is not disturbed.
    finish_removals(folder, index, site_timezone=settings.site_timezone)
    recover_incoming(folder, index, site_timezone=settings.site_timezone)
    receiver = Receiver(
        folder,
        index,
        listening,
        ae_title=settings.ae_title,
        peers=peers,
        site_timezone=settings.site_timezone,
        most_associations=settings.max_associations,
        secure=_secure(settings, peers, listening_tls),
    )
    gc.collect()
    gc.freeze()  # pynetdicom collects garbage every few seconds: a fifth of a second with all modules looked at again
    serve_until_told(receiver.stop)
    receiver.run()
    receiver.close()
    index.close()


def main() -> int:
    """Run by the supervisor only."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--settings", required=True)
    parser.add_argument("--fd", type=int)
    parser.add_argument("--tls-fd", type=int)
    args = parser.parse_args()
    settings = settings_from_text(args.settings)
    logs.set_up(settings.log_level, settings.log_format)
    doors = [None if fd is None else socket.socket(fileno=fd) for fd in (args.fd, args.tls_fd)]
    return exit_code_of(lambda: receive(settings, *doors))


if __name__ == "__main__":
    sys.exit(main())
