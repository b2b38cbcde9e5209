"""`fastcine verify`: checks every object, index row and cache entry; says what differs."""

from __future__ import annotations

import argparse
from contextlib import nullcontext
from typing import Any

from fastcine.archive.events import notify
from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.archive.verify import Finding, verify
from fastcine.cli.folder_options import add_folder_options, folder_settings
from fastcine.cli.progress import progress_bar


def add_parser(subparsers: Any) -> None:
    """The command's options."""
    parser = subparsers.add_parser(
        "verify",
        help="check every object, index row and cache entry",
        description="Reads everything in the archive and says what is not as it was stored: flipped bits, missing "
        "files, objects without an index row, damaged cache entries, wrong counts. Exit code 1 where something is "
        "wrong and was not repaired. May run beside a server; --repair may not.",
    )
    add_folder_options(parser)
    parser.add_argument("--repair", action="store_true", help="put right what can be made anew from the objects")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Verify; 0 where all is well."""
    settings = folder_settings(args)
    folder = DataFolder.existing(settings.data, reserve_bytes=settings.reserve_bytes)
    with folder.acquire("verify") if args.repair else nullcontext():
        index = Index(folder.index_path)
        findings: list[Finding] = []
        try:
            with progress_bar("verify") as advance:
                found = verify(
                    folder,
                    index,
                    repair=args.repair,
                    site_timezone=settings.site_timezone,
                    progress=advance,
                )
                for finding in found:
                    findings.append(finding)
                    print(f"{finding.problem}: {finding.subject}: {finding.text}{' — repaired' * finding.repaired}")
            objects = index.read(lambda connection: connection.execute("SELECT count(*) FROM instance").fetchone()[0])
        finally:
            index.close()
    notify(folder, {"type": "wake"})
    open_findings = sum(not finding.repaired for finding in findings)
    repaired = f", {len(findings) - open_findings} repaired" if args.repair else ""
    print(f"{objects} objects checked: {open_findings or 'no'} problem{'' if open_findings == 1 else 's'}{repaired}")
    return 1 if open_findings else 0
