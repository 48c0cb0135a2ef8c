# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the commands ``plan``, ``apply``, ``rollback``, ``delete``, ``versions``, ``status`` do."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.aws.errors import WaitTimeout
from deploy.cli import confirm, show
from deploy.endpoint.actions import as_document, as_text
from deploy.endpoint.apply import Operator
from deploy.endpoint.cautions import warnings
from deploy.endpoint.execution import Executor
from deploy.endpoint.image import find_image
from deploy.endpoint.plan import plan
from deploy.endpoint.reading import read_spec
from deploy.endpoint.release import candidate_name, read_release
from deploy.endpoint.remote import (
    IN_TRANSIT,
    RemoteState,
    read_endpoint,
    read_remote,
    read_versions,
)
from deploy.endpoint.role import check_role
from deploy.endpoint.status import exit_status, read_status
from deploy.endpoint.target import open_endpoint, open_target
from serving.console import WOULD_CHANGE, say, tell
from serving.errors import ToolError
from serving.golden import read_golden
from serving.polling import poll

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from deploy.endpoint.actions import Action
    from deploy.endpoint.apply import Outcome
    from deploy.endpoint.release import Release
    from deploy.endpoint.spec import Spec
    from serving.golden import Golden


def run_plan(args: argparse.Namespace) -> int:
    """Print what is left to do; 0, or with --check 3 if anything is."""
    actions = _plan(args)
    if args.output == "json":
        show([as_document(action) for action in actions], args)
    else:
        tell(as_text(actions))
    return WOULD_CHANGE if actions and args.check else 0


def _plan(args: argparse.Namespace) -> list[Action]:
    with_candidate = not args.no_candidate
    if args.new:
        spec = read_spec(args.config.read_text("utf-8"), args.changes)
        release, _ = _read(spec, spec.image)
        return plan(release, RemoteState(), with_candidate=with_candidate)
    spec, account = open_target(args)
    _warn(spec)
    check_role(account, spec.role, say)
    release, _ = _read(spec, find_image(account, spec, say))
    remote = read_remote(account, spec.endpoint, release.place)
    for found in (remote.endpoint, remote.candidate):
        if found and found.status in IN_TRANSIT:
            say(f"note: {found.name} is {found.status}: `apply` waits for that, and plans then")
    return plan(release, remote, with_candidate=with_candidate)


def run_apply(args: argparse.Namespace) -> int:
    """Bring an endpoint to what is wanted."""
    spec, account = open_target(args)
    _warn(spec)
    check_role(account, spec.role, say)
    release, golden = _read(spec, find_image(account, spec, say))
    operator = Operator(account, spec.endpoint, say, args.timeout_s, _approve(args))
    return _tell(args, operator.apply(release, golden, with_candidate=not args.no_candidate))


def run_rollback(args: argparse.Namespace) -> int:
    """Bring an endpoint back to a version of before."""
    outcome = _operator(args).roll_back(args.to)
    say(f"{outcome.endpoint} serves {outcome.version} ({outcome.config}) now.")
    say(_what_is_wanted(args, outcome))
    return _tell(args, outcome)


def _what_is_wanted(args: argparse.Namespace, outcome: Outcome) -> str:
    """The next `apply` would bring back what was left."""
    try:
        spec = read_spec(args.config.read_text("utf-8"), args.changes)
        wanted = read_golden(Path(spec.archive)).version
    except (ToolError, OSError):  # what a `rollback` need not have
        wanted = ""
    if not wanted or wanted == outcome.version:
        return "The configuration may want otherwise: look at `plan` before the next `apply`."
    return (
        f"The configuration still wants {wanted} ({spec.archive}), and the next `apply` brings it "
        f"back: name an archive of {outcome.version} there until it is mended."
    )


def run_delete(args: argparse.Namespace) -> int:
    operator = _operator(args)
    return _tell(args, operator.delete(operator.place))


def run_versions(args: argparse.Namespace) -> int:
    """Print the versions, newest first."""
    operator = _operator(args)
    endpoint = read_endpoint(operator.account, operator.endpoint)
    versions, _ = read_versions(operator.account, operator.endpoint)
    places = {} if endpoint is None else {
        endpoint.previous: "previous", endpoint.last_good: "proved", endpoint.config: "serving",
    }  # fmt: skip
    show([asdict(v) | {"state": places.get(v.config)} for v in versions], args)
    return 0


def run_status(args: argparse.Namespace) -> int:
    """Print how an endpoint is; 0 if it serves, 3 while it changes, or somebody changes it."""
    target, account = open_endpoint(args)
    names = [candidate_name(target.endpoint), target.endpoint]
    told = None
    for waited_s in poll(args.timeout_s if args.wait else 0.0, 1.0, 15.0):
        if args.wait:
            with suppress(WaitTimeout):  # then it says how far it is
                Executor(account, None, say, args.timeout_s - waited_s).settle(names)
        document = read_status(account, target.endpoint, target.place)
        if exit_status(document) != WOULD_CHANGE:
            break
        if args.wait and document["changed_by"] not in {None, told}:
            told = document["changed_by"]
            say(f"waiting for {told}")
    show(document, args)
    return exit_status(document)


def _operator(args: argparse.Namespace) -> Operator:
    target, account = open_endpoint(args)
    timeout_s = getattr(args, "timeout_s", 0)
    return Operator(account, target.endpoint, say, timeout_s, _approve(args), target.place)


def _approve(args: argparse.Namespace) -> Callable[[str], None] | None:
    """Who is asked; nobody with --yes, and with what changes nothing."""
    return None if getattr(args, "yes", True) else partial(confirm, args)


def _warn(spec: Spec) -> None:
    for text in warnings(spec):
        say(f"note: {text}")


def _read(spec: Spec, image: str) -> tuple[Release, Golden]:
    """The release, whose archive is told by the digest that packing it has printed."""
    release, golden = read_release(spec, image)
    artifact = release.artifact
    say(f"{spec.archive}: version {artifact.version}, sha256 {artifact.sha256}")
    return release, golden


def _tell(args: argparse.Namespace, outcome: Outcome) -> int:
    show(asdict(outcome), args)
    return 0
