"""`fastcine audit`: who did what when, and whether the record is whole."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from fastcine.archive import audit_log
from fastcine.archive.audit_log import AuditEvent, AuditRow
from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.cli.folder_options import add_data_option, folder_settings
from fastcine.errors import UsageError

WIDE_COLUMNS = 240
"""Of what goes into a file or another program: no line is broken."""

EPILOG = """\
examples:
  fastcine audit                              everything, oldest first; then whether the chain is whole
  fastcine audit --who dr.smith --since 2026-03-01
  fastcine audit --study 1.2.840.113619.2.55  who looked at this study
  fastcine audit --json > record.jsonl        for another program
  fastcine audit --head                       only the number of rows and the last hash: keep it elsewhere, for then
  fastcine audit --expect HASH                says whether rows up to that hash are all still there

The record holds patients' identity as the index does: words of searches.
"""


def add_parser(subparsers: Any) -> None:
    """The command's options."""
    parser = subparsers.add_parser(
        "audit",
        help="who did what when",
        description="Prints the audit record and checks its chain of hashes; exit code 1 where it is broken.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_data_option(parser)
    parser.add_argument("--who", metavar="NAME", help="of this user or AE title only")
    parser.add_argument(
        "--event", choices=[str(event) for event in AuditEvent], metavar="EVENT", help="of this kind only"
    )
    parser.add_argument("--study", metavar="UID", help="about this study only")
    parser.add_argument("--since", metavar="DATE", help="from this day or time on (UTC), such as 2026-03-01")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--head", action="store_true", help="only the last hash")
    parser.add_argument("--expect", metavar="HASH", help="a hash that --head showed earlier")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print and check; 1 where the chain is broken."""
    since = _since(args.since)
    index = Index(DataFolder.existing(folder_settings(args).data).index_path)
    try:
        check = audit_log.check_chain(index)
        missing = bool(args.expect) and not _holds(index, args.expect)
        if check.broken_at and not args.json:
            print(f"THE CHAIN IS BROKEN at row {check.broken_at}.")
        if not args.head:
            _print(index, args, since)
    finally:
        index.close()
    if args.json:
        return 1 if check.broken_at or missing else 0
    if check.broken_at:
        print(
            f"THE CHAIN IS BROKEN at row {check.broken_at}: from there on the record was changed, or rows are missing."
        )
    else:
        print(f"{check.rows} rows, the chain is whole. Last hash: {check.head.hex()}")
    if missing:
        print("THE EXPECTED HASH IS NOT THERE: rows were taken off the end, or all was written anew.")
    return 1 if check.broken_at or missing else 0


def _since(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text + "+00:00" if "T" in text else text + "T00:00:00+00:00")
    except ValueError:
        raise UsageError(f"--since {text!r} is no date such as 2026-03-01") from None


def _holds(index: Index, expected: str) -> bool:
    try:
        wanted = bytes.fromhex(expected)
    except ValueError:
        raise UsageError("--expect is the hash that --head shows: 64 hex digits") from None
    return wanted == audit_log.BEGINNING or any(row.hash == wanted for row in audit_log.rows(index))


def _wanted(row: AuditRow, args: argparse.Namespace, since: datetime | None) -> bool:
    entry = row.entry
    return (
        (args.who is None or entry.who == args.who)
        and (args.event is None or entry.event == args.event)
        and (args.study is None or entry.study_instance_uid == args.study)
        and (since is None or entry.at >= since)
    )


def _print(index: Index, args: argparse.Namespace, since: datetime | None) -> None:
    found = (row for row in audit_log.rows(index) if _wanted(row, args, since))
    if args.json:
        for row in found:
            print(json.dumps(_json(row), ensure_ascii=False))
        return
    table = Table("#", "when (UTC)", "who", "by way of", "from", "what", "study", "more", box=None)
    for row in found:
        entry = row.entry
        more = ", ".join(f"{name} {value}" for name, value in entry.detail.items())
        what = str(entry.event) + (f" ({entry.outcome})" if entry.outcome != "done" else "")
        table.add_row(
            str(row.sequence),
            f"{entry.at:%Y-%m-%d %H:%M:%S}",
            *(_plain(text) for text in (entry.who or "-", entry.by_way_of, entry.address)),
            what,
            *(_plain(text) for text in (entry.study_instance_uid, more)),
        )
    Console(width=None if sys.stdout.isatty() else WIDE_COLUMNS).print(table)


def _plain(text: str) -> str:
    """Text from outside, without what a terminal would obey, nor rich take for markup."""
    return "".join(letter if letter.isprintable() else "�" for letter in text).replace("[", "\\[")


def _json(row: AuditRow) -> dict[str, Any]:
    entry = row.entry
    return {
        "sequence": row.sequence,
        "at": entry.at.isoformat(),
        "event": str(entry.event),
        "outcome": entry.outcome,
        "who": entry.who,
        "by_way_of": entry.by_way_of,
        "address": entry.address,
        "study_instance_uid": entry.study_instance_uid,
        "detail": dict(entry.detail),
        "hash": row.hash.hex(),
    }
