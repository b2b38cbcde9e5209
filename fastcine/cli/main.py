"""The `fastcine` command: finds the sub-command, turns our errors into one clear line and an exit code.

Exit codes: 0 done, 1 done with refusals or failed, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

from fastcine import __version__
from fastcine.errors import FastcineError, UsageError

COMMANDS = ("serve", "ingest", "pull", "inspect", "verify", "reindex", "user", "audit", "bench", "phantom")
"""Sub-commands, each in `fastcine/cli/<name>_command.py` with `add_parser(subparsers)` and `run(args) -> int`."""

EPILOG = """\
examples:
  fastcine serve --data ./archive            serve at http://127.0.0.1:8080
  fastcine ingest --data ./archive /mnt/cd   files and folders into the archive
  fastcine inspect loop.dcm                  what a file holds and how it will be played

Not a medical device.
"""


def parser(only: str | None = None) -> argparse.ArgumentParser:
    """The whole command line, or (quicker to start) that of one sub-command."""
    top = argparse.ArgumentParser(
        prog="fastcine",
        description="An open cardiology PACS whose cine loops play the instant they are opened.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"fastcine {__version__}")
    subparsers = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name in COMMANDS if only is None else (only,):
        importlib.import_module(f"fastcine.cli.{name}_command").add_parser(subparsers)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    only = words[0] if words and words[0] in COMMANDS else None
    args = parser(only).parse_args(words)
    try:
        code: int = args.run(args)
        return code
    except UsageError as error:
        print(f"fastcine {args.command}: {error}", file=sys.stderr)
        return 2
    except FastcineError as error:
        print(f"fastcine {args.command}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
