"""`fastcine bench`: a crowd of headless viewers against a running server, over an emulated link."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console
from rich.progress import Progress

from fastcine.errors import UsageError
from fastcine.load import report
from fastcine.load.crowd import Crowd, measure
from fastcine.load.emulator import emulated
from fastcine.load.link import parse_link

TIERS = {"coarse": 0, "fine": 1, "exact": 2}
DESCRIPTION = """\
N viewers speak the real protocol to a running server and open a run again and again, as if they held nothing of it.
Says how late its frames came (arrival less the time at which play needs them), what server and client spent, and how
many bytes came of which tier. Nothing is decoded. The link is shared by all of them.
"""
EXAMPLES = """\
examples:
  fastcine bench --run 1.2.840.99 --viewers 100
  fastcine bench --run 1.2.840.99 --viewers 20 --link 8M,80ms --plot late.png
  fastcine bench --run 1.2.840.99 --viewers 3000 --max-tier fine --seconds 60 --cpu 1
"""


def add_parser(subparsers: Any) -> None:
    """The command's options."""
    parser = subparsers.add_parser(
        "bench",
        help="load a running server with headless viewers",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("url", nargs="?", default="http://127.0.0.1:8080", help="the server (http://127.0.0.1:8080)")
    parser.add_argument("--run", required=True, metavar="UID", dest="sop", help="SOP Instance UID of the run")
    parser.add_argument("--viewers", type=int, default=10, metavar="N", help="viewers at once (10)")
    parser.add_argument("--link", default="none", metavar="RATE,RTT[,LOSS]", help="as 8M,80ms or 2M,120ms,1%% (none)")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long is measured (20)")
    parser.add_argument("--every", type=float, default=4.0, metavar="S", help="each opens anew so often; 0 once (4)")
    parser.add_argument("--max-tier", choices=TIERS, default="exact", help="the best that is asked for (exact)")
    parser.add_argument("--fps", type=float, default=0.0, help="frames a second (the run's own)")
    parser.add_argument("--cpu", type=int, metavar="N", help="keep the viewers on this core")
    parser.add_argument("--tcp-relay", action="store_true", help="no TUN device, even where one may be made")
    parser.add_argument("--json", type=Path, metavar="FILE", help="all figures, second by second")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="a picture of them (needs the bench extra)")
    parser.set_defaults(run=run)


def _crowd(args: argparse.Namespace) -> Crowd:
    if args.viewers < 1 or args.seconds <= 0 or args.every < 0:
        raise UsageError("viewers and seconds must be above 0, --every not below")
    return Crowd(args.viewers, args.sop, args.seconds, args.every, TIERS[args.max_tier], args.fps)


def run(args: argparse.Namespace) -> int:
    """Measure, and say what was measured."""
    crowd, link = _crowd(args), parse_link(args.link)
    url = args.url if "://" in args.url else f"http://{args.url}"
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname not in ("127.0.0.1", "localhost"):
        raise UsageError("bench loads a server on this machine, at http://127.0.0.1:PORT")
    if args.plot is not None:
        report.need_matplotlib()
    if args.cpu is not None:
        os.sched_setaffinity(0, {args.cpu})
    console = Console(stderr=True)
    bar = Progress(console=console, transient=True, disable=not sys.stderr.isatty())
    with emulated(link, parts.port or 80, tun=not args.tcp_relay) as path, bar:
        task = bar.add_task("viewers connect", total=crowd.viewers)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            found = runner.run(measure(url, crowd, path, lambda count: bar.update(task, completed=count)))
    asked = {"viewers_asked": crowd.viewers, "max_tier": args.max_tier, "every_s": args.every, "link": args.link}
    found |= asked | {"how": path.how, "unsupported": path.unsupported, "totals": path.totals}
    for line in report.lines(found):
        print(line)
    if args.json is not None:
        args.json.write_text(json.dumps(found, indent=1) + "\n")
    if args.plot is not None:
        report.plot(found, args.plot)
    return 0


def _loop_factory() -> Any:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
