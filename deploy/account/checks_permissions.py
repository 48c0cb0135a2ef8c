# SPDX-License-Identifier: AGPL-3.0-or-later
"""Permissions that are needed against those that are held.

IAM itself is asked (SimulatePrincipalPolicy), with the very policies that would be enough. Where
that is not allowed, calls that change nothing are tried.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from deploy.account import policies
from deploy.account.deployer import OF_INSTANCES, SPARE, deployer_policy
from deploy.account.diagnosis import Result, fails, ok, unknown, warning
from deploy.account.places import beside
from deploy.aws.errors import AwsDenied, AwsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from deploy.account.context import DoctorContext
    from deploy.account.policies import Policy

_SAMPLE = "doctor"  # stands for what a policy leaves open
_SHOWN = 4
_ATTACH = (
    "Attach the policy that `python -m deploy bootstrap --print deployer-policy` prints to whoever "
    "deploys; with one of its own already, look for an explicit deny or a permissions boundary"
)
_ROLE_ATTACH = (
    "`python -m deploy bootstrap --yes` lets a role that it has made; compare a role of your own "
    "with docs/bootstrap.md"
)
_OF_SPARE = "`image push`, large plans or `doctor`"


def check_permissions(context: DoctorContext) -> Result:
    """Whoever deploys may make each call of `python -m deploy`."""
    principal = _principal(context)
    if principal.endswith(":root"):
        return warning(
            "this is the account's root user, which may do everything",
            "Deploy as a user or role that has no more than `python -m deploy bootstrap --print "
            "deployer-policy`",
        )
    plans, outputs = beside(context.spec)
    wanted = deployer_policy(context.places, plans, outputs)["Statement"]
    if not context.spec.fleet:
        wanted = [statement for statement in wanted if statement["Sid"] not in OF_INSTANCES]
    needed = [statement for statement in wanted if statement["Sid"] not in SPARE]
    spare = [statement for statement in wanted if statement["Sid"] in SPARE]
    try:
        missing = _missing(context, principal, needed) if principal else None
        unseen = _missing(context, principal, spare) if principal else []
    except AwsError as err:
        return _try_reading(context, f"IAM does not answer ({err.code})")
    if missing is None:
        return _try_reading(context, f"IAM does not simulate {context.identity}")
    if missing:
        return fails(f"{principal} may not {_listed(missing)}", _ATTACH)
    if unseen:
        text = f"{principal} may release, but not {_listed(unseen)}, for {_OF_SPARE}"
        return warning(text, _ATTACH)
    return ok(f"{principal} may make all calls")


def check_role(context: DoctorContext) -> Result:
    """The role may read models, pull the image and write logs."""
    plans, outputs = beside(context.spec)
    wanted = policies.execution_policy(context.places, plans, outputs)["Statement"]
    needed = [statement for statement in wanted if statement["Sid"] != policies.OF_BATCHES]
    spare = [statement for statement in wanted if statement["Sid"] == policies.OF_BATCHES]
    role = context.places.role
    try:
        missing = _missing(context, role, needed)
        unseen = _missing(context, role, spare)
    except AwsError as err:
        return unknown(
            f"IAM does not say what {role} may do ({err.code})",
            "Allow iam:SimulatePrincipalPolicy, or compare its policy with docs/bootstrap.md",
        )
    if missing:
        return fails(f"{role} may not {_listed(missing)}", _ROLE_ATTACH)
    if unseen:
        text = f"{role} may serve, but not {_listed(unseen)}, for `batch`"
        return warning(text, _ROLE_ATTACH)
    read = "models and plans" if plans else "models"
    return ok(f"it may read {read}, pull the image, write logs and metrics")


def _principal(context: DoctorContext) -> str:
    """The user or role behind the credentials; empty if it is none that IAM simulates."""
    identity = context.identity
    if re.search(r":(user/.+|root)$", identity) and ":iam::" in identity:
        return identity
    session = re.search(r":sts::\d+:assumed-role/(?P<role>[^/]+)/", identity)
    if session is None:
        return ""
    name = session["role"]
    try:  # a role may have a path, which the session does not tell
        found = context.aws.ask("iam", "get_role", {"RoleName": name})
    except AwsDenied:
        found = None
    return found["Role"]["Arn"] if found else context.account.iam_arn(f"role/{name}")


def _missing(context: DoctorContext, principal: str, wanted: Sequence[Policy]) -> list[str]:
    """What statements would allow, and IAM says no to: actions with what they are about."""
    missing = []
    for statement in wanted:
        params: dict[str, Any] = {
            "PolicySourceArn": principal,
            "ActionNames": statement["Action"],
            "ContextEntries": _context(statement.get("Condition", {})),
        }
        # IAM takes no wildcards here.
        samples = [what.replace("*", _SAMPLE) for what in statement["Resource"] if what != "*"]
        if samples:
            params["ResourceArns"] = samples
        for found in context.aws.pages(
            "iam", "simulate_principal_policy", params, "EvaluationResults"
        ):
            if found["EvalDecision"] != "allowed":
                missing.append(f"{found['EvalActionName']} on {found['EvalResourceName']}")
    return missing


def _context(condition: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Values that a condition asks for, as a true call would have them."""
    entries = []
    for pairs in condition.values():
        for key, value in pairs.items():
            first = value[0] if isinstance(value, list) else value
            entries.append(
                {
                    "ContextKeyName": key,
                    "ContextKeyValues": [first.replace("*", _SAMPLE)],
                    "ContextKeyType": "string",
                }
            )
    return entries


def _try_reading(context: DoctorContext, why: str) -> Result:
    """Calls that change nothing tell what may not be read, and nothing of the rest."""
    denied, tried = [], _harmless(context)
    for service, operation, params in tried:
        try:
            context.aws.ask(service, operation, params)
        except AwsDenied as err:
            denied.append(f"{service}:{err.operation}")
    if denied:
        return fails(f"{context.identity} may not {_listed(denied)}; {why}", _ATTACH)
    return unknown(
        f"reading works ({len(tried)} calls), whether changes are allowed is unknown; {why}",
        "Allow iam:SimulatePrincipalPolicy, or compare with `python -m deploy bootstrap --print "
        "deployer-policy`",
    )


def _harmless(context: DoctorContext) -> list[tuple[str, str, dict[str, Any]]]:
    spec = context.spec
    return [
        ("sagemaker", "list_endpoints", {"MaxResults": 1}),
        ("sagemaker", "list_models", {"MaxResults": 1}),
        ("sagemaker", "describe_endpoint", {"EndpointName": spec.endpoint}),
        ("s3", "list_objects_v2", {"Bucket": context.places.bucket, "MaxKeys": 1}),
        ("cloudwatch", "describe_alarms", {"MaxRecords": 1}),
        (
            "application-autoscaling",
            "describe_scalable_targets",
            {"ServiceNamespace": "sagemaker", "MaxResults": 1},
        ),
    ]


def _listed(missing: list[str]) -> str:
    more = len(missing) - _SHOWN
    return ", ".join(missing[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
