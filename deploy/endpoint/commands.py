# SPDX-License-Identifier: AGPL-3.0-or-later
"""The commands about one endpoint, from ``plan`` to ``logs``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from deploy.cli import add_output, add_target_options, add_timeout, add_yes
from deploy.endpoint.options import REQUEST_OPTIONS
from serving.console import WOULD_CHANGE, Run, add_command

if TYPE_CHECKING:
    import argparse

    from serving.console import Commands, Parser


def add_commands(commands: Commands[Parser]) -> None:
    """Declare the commands and what runs them."""
    _add_releasing(commands)
    versions = add_command(
        commands, "versions", "what an endpoint can go back to",
        Run("deploy.endpoint.run:run_versions"), examples=("versions --output table",),
    )  # fmt: skip
    add_target_options(versions)
    add_output(versions)
    status = add_command(
        commands, "status", "how an endpoint is, what serves, and what to do about it",
        Run("deploy.endpoint.run:run_status"),
        about="Exit 0 if it serves, 3 while a change goes on.",
        examples=("status", "status --wait", "status --output table"),
    )  # fmt: skip
    status.add_argument("--wait", action="store_true", help="follow a change until it has ended")
    add_timeout(status, 3600.0, "of --wait")
    add_target_options(status)
    add_output(status)
    _add_invoke(commands)
    _add_logs(commands)


def _add_releasing(commands: Commands[Parser]) -> None:
    plan = add_command(
        commands, "plan", "what an endpoint still needs; nothing is changed",
        Run("deploy.endpoint.run:run_plan"),
        examples=("plan", "plan --set serverless.memory_mb=3072", "plan --check --output json"),
    )  # fmt: skip
    add_target_options(plan)
    _add_release_options(plan)
    plan.add_argument("--new", action="store_true", help="ask no account: as if it were empty")
    plan.add_argument("--check", action="store_true", help=f"exit {WOULD_CHANGE} if not up to date")
    add_output(plan, "table")
    apply = add_command(
        commands, "apply", "do what plan says, test it, go back if it fails",
        Run("deploy.endpoint.run:run_apply"),
        about="A run that was stopped goes on with the same command.",
        examples=("apply", "apply --yes --set archive=rooms-1.2.mar"),
    )  # fmt: skip
    rollback = add_command(
        commands, "rollback", "back to a version of before",
        Run("deploy.endpoint.run:run_rollback"),
        examples=("rollback", "rollback --to 1.2 --yes"),
    )  # fmt: skip
    rollback.add_argument("--to", default="", help="a version, or a name that `versions` shows; "
                          "default: the last one that passed its test before")  # fmt: skip
    delete = add_command(
        commands, "delete", "remove an endpoint and all that was made for it",
        Run("deploy.endpoint.run:run_delete"),
        about="Bucket, repository, role and SageMaker's log stay.", examples=("delete --yes",),
    )  # fmt: skip
    for parser in (apply, rollback, delete):
        add_yes(parser)
        add_timeout(parser, 3600.0, "of each wait")
        add_target_options(parser)
        add_output(parser, None)
    _add_release_options(apply)


def _add_invoke(commands: Commands[Parser]) -> None:
    parser = add_command(
        commands, "invoke", "find the rooms of a plan", Run("deploy.endpoint.invoke:run_invoke"),
        examples=(
            "invoke plan.pdf --page 2 --draw rooms.png", "invoke plans/*.pdf --async",
            "invoke plans/*.pdf --no-wait > sent.json", "invoke --fetch sent.json",
        ),
    )  # fmt: skip
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="picture or PDF")
    parser.add_argument("--draw", type=Path, metavar="PNG", help="write the plan with its rooms")
    parser.add_argument("--async", action="store_true", dest="is_async", help="through the queue "
                        "of an endpoint of mode async, which does so by itself")  # fmt: skip
    parser.add_argument("--no-wait", action="store_true", help="say where answers will be, and end")
    parser.add_argument("--fetch", type=Path, metavar="JSON",
                        help="the answers of what --no-wait has printed; exit 3 while one is "
                        "missing")  # fmt: skip
    add_timeout(parser, 1800.0, "for all answers together")
    for name, kind in REQUEST_OPTIONS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=kind, help="see docs/api.md")
    add_target_options(parser)


def _add_logs(commands: Commands[Parser]) -> None:
    parser = add_command(
        commands, "logs", "what an endpoint's containers print",
        Run("deploy.endpoint.logs:run_logs"),
        examples=("logs --since 2h --errors", "logs --candidate"),
    )  # fmt: skip
    parser.add_argument("--since", default="10m", help="such as 30s, 10m, 2h or 1d")
    parser.add_argument("--follow", action="store_true", help="go on until interrupted")
    parser.add_argument("--errors", action="store_true", help="only what went wrong")
    parser.add_argument("--candidate", action="store_true", help="of the temporary endpoint on "
                        "which a version was tried, also after it is gone")  # fmt: skip
    add_target_options(parser)


def _add_release_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--no-candidate", action="store_true",
        help="do not try the version on a temporary endpoint first",
    )  # fmt: skip
