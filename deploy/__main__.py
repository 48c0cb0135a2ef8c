# SPDX-License-Identifier: AGPL-3.0-or-later
"""``python -m deploy …``: run the room detector here, make its image, check what SageMaker gets."""

from __future__ import annotations

import argparse
import sys

from deploy.contract import commands as contract
from deploy.endpoint import commands as endpoint
from deploy.image import commands as image
from deploy.local import commands as local


def build_parser() -> argparse.ArgumentParser:
    """All commands of all areas."""
    parser = argparse.ArgumentParser(prog="python -m deploy", description=__doc__)
    areas = parser.add_subparsers(dest="area", required=True)
    local.add_commands(areas.add_parser("local", help="TorchServe on this machine"))
    image.add_commands(areas.add_parser("image", help="the SageMaker image and its manifest"))
    contract.add_command(
        areas.add_parser("contract", help="does a container keep SageMaker's hosting rules?")
    )
    endpoint.add_command(areas.add_parser("plan", help="the calls that an endpoint still needs"))
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run the command line; 0 done, 1 failed or not acceptable, 2 bad usage, 3 would change."""
    args = build_parser().parse_args(argv)
    status: int = args.run(args)
    return status


if __name__ == "__main__":
    sys.exit(main())
