"""The DICOM receiver of `fastcine serve`: takes the listening socket from its supervisor, serves until told to stop."""

from __future__ import annotations

import argparse
import gc
import socket
import sys

from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.archive.recovery import recover_incoming
from fastcine.archive.removal import finish_removals
from fastcine.cli.processes import exit_code_of, serve_until_told, settings_from_text
from fastcine.config import Settings
from fastcine.dimse.peers import parse_peer
from fastcine.dimse.receiver import Receiver
from fastcine.server import logs


def receive(settings: Settings, listening: socket.socket) -> None:
    """Until told to stop. Raises StorageUnavailable when the folder cannot be had."""
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
        peers=tuple(map(parse_peer, settings.dicom_peers)),
        site_timezone=settings.site_timezone,
        most_associations=settings.max_associations,
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
    parser.add_argument("--fd", type=int, required=True)
    args = parser.parse_args()
    settings = settings_from_text(args.settings)
    logs.set_up(settings.log_level, settings.log_format)
    return exit_code_of(lambda: receive(settings, socket.socket(fileno=args.fd)))


if __name__ == "__main__":
    sys.exit(main())
