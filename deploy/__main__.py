# SPDX-License-Identifier: AGPL-3.0-or-later
"""``python -m deploy …``: run the room detector here, make its image, check what SageMaker gets."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from deploy import cli
from deploy.account import commands as account
from deploy.batch import commands as batch
from deploy.contract import commands as contract
from deploy.endpoint import commands as endpoint
from deploy.image import commands as image
from sagemaker_local import commands as sagemaker
from serving import commands as serving
from serving.console import Parser

_VERSION_FILE = Path(__file__).parents[1] / "handler" / "roomdet" / "__init__.py"
_EPILOG = """\
the first deployment, in this order:
  make venv-deploy                                what these commands need
  python -m deploy bootstrap --write deploy.yaml  bucket, repository and role
  python -m deploy image push                     the image
  python -m deploy doctor                         is all well?
  python -m deploy plan                           what would be done
  python -m deploy apply                          the endpoint

exit status: 0 done, 1 failed, 2 bad usage, 3 something is left to do or under way, 130 interrupted.
The result is on stdout, progress on stderr. docs/endpoint.md says more.
"""


def build_parser() -> Parser:
    """All commands of all areas."""
    about = "Run the room detector here, make its image, take it to SageMaker."
    parser = Parser(prog="python -m deploy", description=about, epilog=_EPILOG)
    version = re.search(r'^__version__ = "(.+)"', _VERSION_FILE.read_text("utf-8"), re.M)
    assert version  # ours
    parser.add_argument("--version", action="version", version=f"roomdet {version[1]}")
    areas = parser.add_subparsers(dest="area", required=True, metavar="COMMAND")
    about = "TorchServe on this machine, and SageMaker's calls"
    local = areas.add_parser("local", help=about, description=f"{about}.")
    here = local.add_subparsers(dest="local_command", required=True, metavar="COMMAND")
    serving.add_commands(here)
    sagemaker.add_commands(here)
    about = "the SageMaker image and its manifest"
    image.add_commands(areas.add_parser("image", help=about, description=f"Make {about}."))
    contract.add_commands(areas)
    account.add_commands(areas)
    endpoint.add_commands(areas)
    about = "whole archives, without an endpoint"
    batch.add_commands(areas.add_parser("batch", help=about, description=f"Find {about}."))
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run the command line; its exit status."""
    return cli.run(build_parser().parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
