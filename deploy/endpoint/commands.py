# SPDX-License-Identifier: AGPL-3.0-or-later
"""The commands ``plan``, ``apply``, ``rollback``, ``delete``, ``versions`` and ``status``."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from deploy.console import guarded, say
from deploy.endpoint import invoke, logs
from deploy.endpoint.target import add_target_options, open_endpoint, open_target

if TYPE_CHECKING:
    import argparse

    from deploy.endpoint.actions import Action
    from deploy.endpoint.apply import Operator, Outcome
    from deploy.endpoint.spec import Spec

WOULD_CHANGE = 3


def add_commands(areas: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the commands and what runs them."""
    plan = areas.add_parser("plan", help="what an endpoint still needs; nothing is changed")
    add_target_options(plan)
    _add_release_options(plan)
    plan.add_argument("--new", action="store_true", help="ask no account: as if it were empty")
    plan.add_argument("--check", action="store_true", help=f"exit {WOULD_CHANGE} if not up to date")
    plan.add_argument("--json", action="store_true", help="one JSON document on stdout")
    plan.set_defaults(run=guarded(run_plan))
    apply = areas.add_parser("apply", help="do what plan says, test it, go back if it fails")
    add_target_options(apply)
    _add_release_options(apply)
    _add_timeout(apply)
    apply.set_defaults(run=guarded(run_apply))
    rollback = areas.add_parser("rollback", help="back to a version of before")
    add_target_options(rollback)
    rollback.add_argument("--to", default="", help="a version, or a name that `versions` shows")
    _add_timeout(rollback)
    rollback.set_defaults(run=guarded(run_rollback))
    delete = areas.add_parser("delete", help="remove an endpoint and all that was made for it")
    add_target_options(delete)
    delete.add_argument("--yes", action="store_true", help="without it, say what would be removed")
    _add_timeout(delete)
    delete.set_defaults(run=guarded(run_delete))
    versions = areas.add_parser("versions", help="what an endpoint can go back to")
    add_target_options(versions)
    versions.set_defaults(run=guarded(run_versions))
    status = areas.add_parser("status", help="how an endpoint is, and what serves")
    add_target_options(status)
    status.set_defaults(run=guarded(run_status))
    invoke.add_command(areas.add_parser("invoke", help="find the rooms of a plan"))
    logs.add_command(areas.add_parser("logs", help="what an endpoint's containers print"))


def _add_release_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--no-candidate", action="store_true",
        help="do not try the version on a temporary endpoint first",
    )  # fmt: skip


def _add_timeout(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--timeout-s", type=seconds, default=3600.0, help="of each wait")


def seconds(text: str) -> float:
    """A time to wait that ends.

    Raises:
        ValueError: If it is none.
    """
    value = float(text)
    if not 0 < value < math.inf:
        raise ValueError(text)
    return value


def run_plan(args: argparse.Namespace) -> int:
    """Print what is left to do; 0, or with --check 3 if anything is."""
    from deploy.endpoint.actions import as_text  # noqa: PLC0415

    actions = _plan(args)
    if args.json:
        print(json.dumps([as_document(action) for action in actions], indent=2))
    else:
        print(as_text(actions))
    return WOULD_CHANGE if actions and args.check else 0


def _plan(args: argparse.Namespace) -> list[Action]:
    from deploy.endpoint.plan import plan  # noqa: PLC0415  # PyYAML
    from deploy.endpoint.reading import read_spec  # noqa: PLC0415
    from deploy.endpoint.release import read_release  # noqa: PLC0415
    from deploy.endpoint.remote import Remote, read_remote  # noqa: PLC0415

    with_candidate = not args.no_candidate
    if args.new:
        spec = read_spec(args.config.read_text("utf-8"), args.changes)
        release, _ = read_release(spec, spec.image)
        return plan(release, Remote(), with_candidate=with_candidate)
    from deploy.endpoint.image import find_image  # noqa: PLC0415  # boto3, which --new needs not

    spec, account = open_target(args)
    _warn(spec)
    release, _ = read_release(spec, find_image(account, spec, say))
    remote = read_remote(account, spec.endpoint, release.place)
    return plan(release, remote, with_candidate=with_candidate)


def run_apply(args: argparse.Namespace) -> int:
    """Bring an endpoint to what is wanted."""
    from deploy.endpoint.apply import Operator  # noqa: PLC0415
    from deploy.endpoint.image import find_image  # noqa: PLC0415
    from deploy.endpoint.release import read_release  # noqa: PLC0415

    spec, account = open_target(args)
    _warn(spec)
    release, golden = read_release(spec, find_image(account, spec, say))
    operator = Operator(account, spec.endpoint, say, args.timeout_s)
    return _tell(operator.apply(release, golden, with_candidate=not args.no_candidate))


def run_rollback(args: argparse.Namespace) -> int:
    """Bring an endpoint back to a version of before."""
    return _tell(_operator(args).roll_back(args.to))


def run_delete(args: argparse.Namespace) -> int:
    """Remove an endpoint; without --yes say what that would be, and exit 3."""
    from deploy.endpoint.actions import as_text  # noqa: PLC0415
    from deploy.endpoint.apply import Operator  # noqa: PLC0415
    from deploy.endpoint.remote import read_remote  # noqa: PLC0415
    from deploy.endpoint.way_back import dismantle  # noqa: PLC0415

    target, account = open_endpoint(args)
    if args.yes:
        return _tell(Operator(account, target.endpoint, say, args.timeout_s).delete(target.place))
    remote = read_remote(account, target.endpoint, target.place, is_new=False)
    actions = dismantle(remote, target.endpoint)
    print(as_text(actions))
    return WOULD_CHANGE if actions else 0


def run_versions(args: argparse.Namespace) -> int:
    """Print the versions, newest first, as JSON."""
    from deploy.endpoint.remote import read_endpoint, read_versions  # noqa: PLC0415

    operator = _operator(args)
    endpoint = read_endpoint(operator.account, operator.endpoint)
    versions, _ = read_versions(operator.account, operator.endpoint)
    places = {} if endpoint is None else {
        endpoint.previous: "previous", endpoint.proved: "proved", endpoint.config: "serving",
    }  # fmt: skip
    print(json.dumps([asdict(v) | {"role": places.get(v.config)} for v in versions], indent=2))
    return 0


def run_status(args: argparse.Namespace) -> int:
    """Print how an endpoint is, as JSON; 0 if it serves."""
    from deploy.endpoint.status import read_status  # noqa: PLC0415

    operator = _operator(args)
    document = read_status(operator.account, operator.endpoint)
    print(json.dumps(document, indent=2))
    return 0 if document["status"] == "InService" else 1


def _operator(args: argparse.Namespace) -> Operator:
    from deploy.endpoint.apply import Operator  # noqa: PLC0415

    target, account = open_endpoint(args)
    return Operator(account, target.endpoint, say, getattr(args, "timeout_s", 0))


def _warn(spec: Spec) -> None:
    from deploy.endpoint.cautions import warnings  # noqa: PLC0415

    for text in warnings(spec):
        say(f"note: {text}")


def _tell(outcome: Outcome) -> int:
    print(json.dumps(asdict(outcome), indent=2))
    return 0


def as_document(action: Action) -> dict[str, Any]:
    """An action as JSON."""
    return {"action": type(action).__name__.lower(), **asdict(action)}
