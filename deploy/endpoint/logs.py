# SPDX-License-Identifier: AGPL-3.0-or-later
"""The command ``python -m deploy logs``: what the endpoint's containers wrote."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from deploy.endpoint.log_group import read_lines
from deploy.endpoint.log_lines import Errors
from deploy.endpoint.release import candidate_name
from deploy.endpoint.target import open_endpoint
from serving.console import say, tell
from serving.errors import BadUsage

if TYPE_CHECKING:
    import argparse

_SINCE = re.compile(r"(?P<number>[0-9]{1,6})(?P<unit>[smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def run_logs(args: argparse.Namespace) -> int:
    """Print the lines, each as JSON with its stream; 0 also when --follow was interrupted."""
    since_s = parse_since(args.since)
    target, account = open_endpoint(args)
    name = candidate_name(target.endpoint) if args.candidate else target.endpoint
    start_ms = int((time.time() - since_s) * 1000)
    errors = Errors()
    try:
        for lines in read_lines(account, name, start_ms, is_endless=args.follow):
            for line in errors.of(lines, goes_on=args.follow) if args.errors else lines:
                tell(line)
    except KeyboardInterrupt:
        if not args.follow:
            raise
        for line in errors.of([]):  # what it was in the middle of
            tell(line)
    if errors.repeated:
        say(f"{errors.repeated} more lines say the same again")
    return 0


def parse_since(text: str) -> int:
    """Seconds of ``10m`` and the like.

    Raises:
        BadUsage: If it is not of that form.
    """
    found = _SINCE.fullmatch(text)
    if not found:
        raise BadUsage(f"--since {text!r} is not a number with s, m, h or d, such as 10m")
    return int(found["number"]) * _SECONDS[found["unit"]]
