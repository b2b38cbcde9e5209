"""`fastcine user`: who may sign in, and machines with tokens."""

from __future__ import annotations

import argparse
import getpass
import sys
import time
from datetime import UTC, datetime
from typing import Any

from fastcine.archive import account_rows, audit_log
from fastcine.archive.audit_log import AuditEntry, AuditEvent
from fastcine.archive.folder import DataFolder
from fastcine.archive.index import Index
from fastcine.auth import accounts
from fastcine.auth.roles import Role
from fastcine.cli.folder_options import add_data_option, folder_settings
from fastcine.errors import UsageError

DAY_S = 86_400.0

EPILOG = """\
roles:
  reader          searches and looks
  technologist    also adds objects, and rejects them
  administrator   also deletes

examples:
  fastcine user add dr.smith --role reader               asks for the password
  fastcine user add gateway --role technologist --token  for a machine: shows its token once
  fastcine user add guest --role reader --patient-id P7  sees this patient only
  fastcine user list

The server need not be stopped. Where sign-in is asked for: see `fastcine serve --help`.
"""


def add_parser(subparsers: Any) -> None:
    """The command's options."""
    parser = subparsers.add_parser(
        "user",
        help="who may sign in",
        description="Users and machines that may come in where sign-in is asked for, and what each of them may do.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, call, text in (
        ("add", _add, "a new user, or with --token a machine"),
        ("list", _list, "all of them"),
        ("role", _role, "another role; open sessions end"),
        ("password", _password, "another password; open sessions end"),
        ("token", _token, "another token; the one before counts no more"),
        ("remove", _remove, "take one away; open sessions end"),
    ):
        action = actions.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        add_data_option(action)
        if name != "list":
            action.add_argument("name", metavar="NAME")
        if name in ("add", "role"):
            action.add_argument("--role", required=True, choices=[str(role) for role in Role])
        if name == "add":
            action.add_argument("--token", action="store_true", help="a machine: it gets a token and no password")
            action.add_argument(
                "--patient-id", action="append", default=[], metavar="ID", help="sees only this patient"
            )
        if name in ("add", "token"):
            action.add_argument("--days", type=int, default=0, metavar="N", help="the token ends after N days (never)")
        action.set_defaults(run=run, call=call)


def run(args: argparse.Namespace) -> int:
    """Do it, and write it down in the audit record."""
    folder = DataFolder(folder_settings(args).data)
    index = Index(folder.index_path)
    try:
        args.call(index, args)
        if args.action != "list":
            detail = {"action": args.action, "user": args.name}
            if getattr(args, "role", None):
                detail["role"] = args.role
            event = AuditEvent.ACCOUNT_CHANGED
            who = getpass.getuser()
            entry = AuditEntry(at=datetime.now(UTC), event=event, who=who, by_way_of="command", detail=detail)
            audit_log.append(index, [entry])
    finally:
        index.close()
    return 0


def _new_password() -> str:
    """Typed twice at a terminal; else the first line of what is piped in."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("The same again: ") != password:
        raise UsageError("the two passwords differ")
    return password


def _expires(args: argparse.Namespace) -> float:
    if args.days < 0:
        raise UsageError("--days is a number of days from today on")
    return time.time() + args.days * DAY_S if args.days else 0.0


def _show_token(token: str) -> None:
    print(f"Its token, shown this once (send it as “Authorization: Bearer …”):\n{token}")


def _add(index: Index, args: argparse.Namespace) -> None:
    if args.days and not args.token:
        raise UsageError("--days is about a token: say --token too")
    password = None if args.token else _new_password()
    token = accounts.add(
        index,
        args.name,
        Role(args.role),
        password=password,
        patient_ids=args.patient_id,
        token_expires=_expires(args),
    )
    print(f"{args.name} may come in as {args.role}.")
    if token:
        _show_token(token)


def _list(index: Index, args: argparse.Namespace) -> None:
    found = account_rows.accounts(index)
    if not found:
        print("There is no user yet. Add one: fastcine user add NAME --role administrator")
        return
    width = max(len(account.name) for account in found)
    for account in found:
        means = [] if not account.password_hash else ["password"]
        if account.token_sha256 is not None:
            until = account.token_expires
            means.append(f"token until {datetime.fromtimestamp(until, UTC):%Y-%m-%d}" if until else "token")
        only = f", only patient {', '.join(account.patient_ids)}" if account.patient_ids else ""
        print(f"{account.name:<{width}}  {account.role:<13}  {' and '.join(means)}{only}")


def _role(index: Index, args: argparse.Namespace) -> None:
    accounts.set_role(index, args.name, Role(args.role))
    print(f"{args.name} is {args.role} now.")


def _password(index: Index, args: argparse.Namespace) -> None:
    accounts.set_password(index, args.name, _new_password())
    print(f"{args.name} has another password; open sessions end within seconds.")


def _token(index: Index, args: argparse.Namespace) -> None:
    _show_token(accounts.set_token(index, args.name, expires=_expires(args)))


def _remove(index: Index, args: argparse.Namespace) -> None:
    account_rows.remove_account(index, args.name)
    print(f"{args.name} may come in no more; open sessions end within seconds.")
