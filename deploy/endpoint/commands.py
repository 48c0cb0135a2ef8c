# SPDX-License-Identifier: AGPL-3.0-or-later
"""The commands about one endpoint, from ``plan`` to ``logs``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from deploy.endpoint.options import REQUEST_OPTIONS, add_target_options, seconds
from serving.console import WOULD_CHANGE, Run

if TYPE_CHECKING:
    import argparse


def add_commands(areas: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the commands and what runs them."""
    plan = areas.add_parser("plan", help="what an endpoint still needs; nothing is changed")
    add_target_options(plan)
    _add_release_options(plan)
    plan.add_argument("--new", action="store_true", help="ask no account: as if it were empty")
    plan.add_argument("--check", action="store_true", help=f"exit {WOULD_CHANGE} if not up to date")
    plan.add_argument("--json", action="store_true", help="one JSON document on stdout")
    plan.set_defaults(run=Run("deploy.endpoint.run:run_plan"))
    apply = areas.add_parser("apply", help="do what plan says, test it, go back if it fails")
    add_target_options(apply)
    _add_release_options(apply)
    _add_timeout(apply)
    apply.set_defaults(run=Run("deploy.endpoint.run:run_apply"))
    rollback = areas.add_parser("rollback", help="back to a version of before")
    add_target_options(rollback)
    rollback.add_argument("--to", default="", help="a version, or a name that `versions` shows")
    _add_timeout(rollback)
    rollback.set_defaults(run=Run("deploy.endpoint.run:run_rollback"))
    delete = areas.add_parser("delete", help="remove an endpoint and all that was made for it")
    add_target_options(delete)
    delete.add_argument("--yes", action="store_true", help="without it, say what would be removed")
    _add_timeout(delete)
    delete.set_defaults(run=Run("deploy.endpoint.run:run_delete"))
    versions = areas.add_parser("versions", help="what an endpoint can go back to")
    add_target_options(versions)
    versions.set_defaults(run=Run("deploy.endpoint.run:run_versions"))
    status = areas.add_parser("status", help="how an endpoint is, and what serves")
    add_target_options(status)
    status.set_defaults(run=Run("deploy.endpoint.run:run_status"))
    add_invoke(areas.add_parser("invoke", help="find the rooms of a plan"))
    add_logs(areas.add_parser("logs", help="what an endpoint's containers print"))


def add_invoke(parser: argparse.ArgumentParser) -> None:
    """Declare `invoke` and what runs it."""
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="picture or PDF")
    parser.add_argument("--async", action="store_true", dest="is_async", help="through the queue "
                        "of an endpoint of mode async, which does so by itself")  # fmt: skip
    parser.add_argument("--no-wait", action="store_true", help="say where answers will be, and end")
    parser.add_argument("--timeout-s", type=float, default=1800.0, help="for all answers together")
    for name, kind in REQUEST_OPTIONS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, help="see docs/api.md")
    add_target_options(parser)
    parser.set_defaults(run=Run("deploy.endpoint.invoke:run_invoke"))


def add_logs(parser: argparse.ArgumentParser) -> None:
    """Declare `logs` and what runs it."""
    parser.add_argument("--since", default="10m", help="such as 30s, 10m, 2h or 1d; default 10m")
    parser.add_argument("--follow", action="store_true", help="go on until interrupted")
    parser.add_argument("--errors", action="store_true", help="only what went wrong")
    add_target_options(parser)
    parser.set_defaults(run=Run("deploy.endpoint.logs:run_logs"))


def _add_release_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--no-candidate", action="store_true",
        help="do not try the version on a temporary endpoint first",
    )  # fmt: skip


def _add_timeout(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--timeout-s", type=seconds, default=3600.0, help="of each wait")
