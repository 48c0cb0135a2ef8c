# SPDX-License-Identifier: AGPL-3.0-or-later
"""``python -m client detect PLAN``: send a plan to a server, print the answer, draw the rooms."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from client.api import ClientError, detect
from client.draw import draw_rooms
from roomdet.errors import ValidationError
from roomdet.schema import OPTION_NAMES, parse_value


def main(argv: list[str] | None = None) -> int:
    """Run the command line; 0 when rooms were answered, 1 when not."""
    parser = argparse.ArgumentParser(prog="python -m client", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("detect", help="find the rooms of one plan")
    command.add_argument("plan", type=Path, help="picture or PDF")
    command.add_argument("--url", default="http://127.0.0.1:8080", help="address of the server")
    command.add_argument("--draw", type=Path, help="write the plan with its rooms to this file")
    for name in OPTION_NAMES:
        command.add_argument(f"--{name.replace('_', '-')}", dest=name, help="see docs/api.md")
    args = parser.parse_args(argv)
    given = {name: value for name in OPTION_NAMES if (value := getattr(args, name)) is not None}
    try:
        options = {name: parse_value(name, value) for name, value in given.items()}
        data = args.plan.read_bytes()
        answer = detect(data, url=args.url, options=options)
    except (OSError, ClientError, ValidationError) as err:
        print(f"error: {err}", file=sys.stderr)
        return 1
    print(answer.body)
    if args.draw:
        draw_rooms(data, answer.rooms, page=int(options.get("page", 1))).save(args.draw)
        print(f"{args.draw}: {len(answer.rooms)} rooms drawn", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
