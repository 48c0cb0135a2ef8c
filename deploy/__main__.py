# SPDX-License-Identifier: AGPL-3.0-or-later
"""``python -m deploy …``: run the room detector here, make its image, check what SageMaker gets."""

from __future__ import annotations

import argparse
import sys
import traceback
from pathlib import Path

from deploy.account import commands as account
from deploy.batch import commands as batch
from deploy.contract import commands as contract
from deploy.endpoint import commands as endpoint
from deploy.image import commands as image
from sagemaker_local import commands as sagemaker
from serving import commands as serving

_OURS = {"deploy", "serving", "sagemaker_local"}


def build_parser() -> argparse.ArgumentParser:
    """All commands of all areas."""
    parser = argparse.ArgumentParser(prog="python -m deploy", description=__doc__)
    areas = parser.add_subparsers(dest="area", required=True)
    local = areas.add_parser("local", help="TorchServe on this machine")
    here = local.add_subparsers(dest="local_command", required=True)
    serving.add_commands(here)
    sagemaker.add_command(
        here.add_parser("sagemaker", help="SageMaker's calls on this machine, until Ctrl-C")
    )
    image.add_commands(areas.add_parser("image", help="the SageMaker image and its manifest"))
    contract.add_command(
        areas.add_parser("contract", help="does a container keep SageMaker's hosting rules?")
    )
    endpoint.add_commands(areas)
    account.add_bootstrap(areas.add_parser("bootstrap", help="bucket, repository and role"))
    account.add_doctor(areas.add_parser("doctor", help="what is wrong, and the next step"))
    batch.add_commands(areas.add_parser("batch", help="whole archives, without an endpoint"))
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run the command line; 0 done, 1 failed or not acceptable, 2 bad usage, 3 would change."""
    args = build_parser().parse_args(argv)
    try:
        status: int = args.run(args)
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        return 1
    except Exception as err:  # noqa: BLE001 - what no command foresaw, such as a server's nonsense
        print(f"error: {unforeseen(err)}", file=sys.stderr)
        return 1
    return status


def unforeseen(err: Exception) -> str:
    """What happened and where, in one line; not the message, which may hold a token."""
    frames = traceback.extract_tb(err.__traceback__)
    frame = next((f for f in reversed(frames) if _OURS & {*Path(f.filename).parts}), frames[-1])
    return (
        f"{type(err).__name__} in {Path(frame.filename).name}, line {frame.lineno}, which no "
        "command foresaw; a server may have answered nonsense, or this is a bug"
    )


if __name__ == "__main__":
    sys.exit(main())
