"""Options of the commands that work on a data folder, and the settings they make."""

from __future__ import annotations

import argparse
import os
from typing import Any

from fastcine.config import Settings, resolve


def add_data_option(parser: Any) -> None:
    """`--data`."""
    parser.add_argument("--data", metavar="DIR", help="the data folder (fastcine-data)")


def add_folder_options(parser: Any) -> None:
    """`--data` and `--site-timezone`."""
    add_data_option(parser)
    parser.add_argument("--site-timezone", metavar="ZONE", help="time zone of objects that carry none (UTC)")


def folder_settings(args: argparse.Namespace) -> Settings:
    """The settings in force, from these options and the environment. Raises UsageError."""
    zone = getattr(args, "site_timezone", None)
    settings, _ = resolve({"data": args.data, "site_timezone": zone}, os.environ)
    return settings
