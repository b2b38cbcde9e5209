"""`fastcine pull`: play a loop headlessly through the real protocol."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Any

from rich.progress import Progress

from fastcine.client.pull import PullRequest, pull
from fastcine.errors import UsageError


def add_parser(subparsers: Any) -> None:
    """The command's options."""
    parser = subparsers.add_parser(
        "pull",
        help="play a loop headlessly and keep its exact frames",
        description="Plays a loop through the real protocol and writes frames.npy (the stored samples of every frame) "
        "or, where the source is JPEG baseline, the original bitstreams frame_0001.jpg …, and report.json with "
        "time to first frame, stalls, time to exact and bytes by tier.",
    )
    parser.add_argument("url", metavar="URL", help="server, such as http://127.0.0.1:8080")
    parser.add_argument("--run", dest="sop_instance_uid", required=True, metavar="SOPUID", help="SOP Instance UID")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder for the results")
    parser.add_argument("--timeout", type=float, default=300.0, metavar="S", help="give up after S seconds (300)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Pull one run; print what was measured."""
    if args.timeout <= 0:
        raise UsageError("--timeout must be positive")
    request = PullRequest(args.url, args.sop_instance_uid, args.out, timeout_s=args.timeout)
    with Progress(transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("exact frames", total=None)
        try:
            report = asyncio.run(pull(request, lambda done, total: progress.update(task, completed=done, total=total)))
        except TimeoutError:
            raise UsageError(f"not all was exact within {args.timeout:g} s; --timeout allows more") from None
    resumed = report["connections"] - 1
    print(
        f"{report['frames_exact']} of {report['frames_total']} frames exact in {report['all_exact_ms']:.0f} ms, "
        f"first frame after {report['first_frame_ms']:.0f} ms, {report['stalls']} stalls, "
        f"{report['bytes_t0']} bytes of first pass, {report['bytes_t1']} of exact"
        + (f"; resumed after {resumed} lost connections" if resumed else "")
    )
    return 0
