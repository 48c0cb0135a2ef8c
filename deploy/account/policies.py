# SPDX-License-Identifier: AGPL-3.0-or-later
"""What SageMaker's role and the bucket allow, as policies: places in, documents out, no boto3.

Source of actions and of the resources that each takes: AWS's service authorization reference and
"How to use SageMaker AI execution roles" (SageMaker developer guide), read 2026-11.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from deploy.account.places import Account, Places

SAGEMAKER = "sagemaker.amazonaws.com"
TLS_SID = "TlsOnly"
OF_BATCHES = "WriteAnswersOfBatches"  # an endpoint serves without it
# SageMaker's own namespaces; nobody else's figures can be written.
_NAMESPACES = ["/aws/sagemaker/*", "aws/sagemaker/*", "AWS/SageMaker"]
PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
_KIND = ("Effect", "Action", "Condition")  # what makes a statement another one, resources aside
Policy = dict[str, Any]


def trust_policy(account: Account) -> Policy:
    """Who may assume the execution role: SageMaker, on behalf of this account alone.

    Without the condition another account could let SageMaker assume it (the confused deputy).
    """
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": SAGEMAKER},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": account.number}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def execution_policy(
    places: Places, plans: Sequence[str] = (), outputs: Sequence[str] = ()
) -> Policy:
    """What SageMaker may do in the role: fetch model and image, write logs, metrics and answers.

    Args:
        places: What it is for.
        plans: S3 addresses that plans may be read under.
        outputs: S3 addresses that answers may be written under.
    """
    account = places.account
    readable = [under(account, address) for address in (places.artifacts, *plans)]
    logs = [account.arn("logs", "log-group:/aws/sagemaker/*")]
    statements = [
        allow("ReadModels", ["s3:GetObject"], readable),
        allow("PullImage", PULL, [places.repository]),
        # These take no resource: a login is for the whole registry, an alarm is found by listing.
        allow("LogInToRegistry", ["ecr:GetAuthorizationToken"], ["*"]),
        allow("WatchAlarmsOfUpdates", ["cloudwatch:DescribeAlarms"], ["*"]),
        allow(
            "WriteLogs",
            [
                "logs:CreateLogGroup",
                "logs:CreateLogStream",
                "logs:DescribeLogStreams",
                "logs:PutLogEvents",
            ],
            logs,
        ),
        allow(
            "WriteMetrics",
            ["cloudwatch:PutMetricData"],
            ["*"],
            {"StringLike": {"cloudwatch:namespace": _NAMESPACES}},
        ),
    ]
    if outputs:
        writable = [under(account, address) for address in outputs]
        statements.append(allow("WriteAnswers", ["s3:PutObject"], writable))
    batches = under(account, f"{places.artifacts}/{places.endpoint}/batch/*/output")
    statements.append(allow(OF_BATCHES, ["s3:PutObject"], [batches]))
    return policy_of(statements)


def bucket_policy(account: Account, bucket: str) -> Policy:
    """Nobody reaches the bucket without TLS."""
    statement = {
        "Sid": TLS_SID,
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [account.s3_arn(bucket), account.s3_arn(f"{bucket}/*")],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return policy_of([statement])


def under(account: Account, address: str) -> str:
    """All that lies under an S3 address; `models` does not mean `models-of-others`."""
    return account.s3_arn(f"{address.rstrip('/')}/*")


def allow(
    sid: str,
    actions: Sequence[str],
    resources: Sequence[str],
    condition: Mapping[str, Mapping[str, Any]] | None = None,
) -> Policy:
    """A statement that allows actions on resources."""
    statement: Policy = {
        "Sid": sid,
        "Effect": "Allow",
        "Action": sorted(actions),
        "Resource": list(resources),
    }
    return statement | ({"Condition": condition} if condition else {})


def merged(found: Mapping[str, Any] | None, wanted: Policy) -> Policy:
    """A policy that allows what is wanted and takes nothing from what is there.

    Args:
        found: What is there; None for nothing.
        wanted: What must be allowed.
    """
    if found is None:
        return wanted
    kept = [dict(entry) for entry in listed(found.get("Statement", []))]
    for ours in wanted["Statement"]:
        same = next((entry for entry in kept if entry.get("Sid") == ours["Sid"]), None)
        if (
            same is None
            or "Resource" not in same
            or any(_differs(same, ours, key) for key in _KIND)
        ):
            if same is not None:
                del same["Sid"]  # a name is for one statement alone
            kept.append(ours)
        elif more := [what for what in ours["Resource"] if what not in listed(same["Resource"])]:
            same["Resource"] = [*listed(same["Resource"]), *more]
    return {**found, "Statement": kept}


def _differs(one: Mapping[str, Any], other: Mapping[str, Any], key: str) -> bool:
    values = (entry.get(key) for entry in (one, other))
    first, second = (sorted(listed(value)) if key == "Action" else value for value in values)
    return bool(first != second)


def listed(value: Any) -> list[Any]:
    """What a policy says of one thing by itself and of several as a list."""
    return list(value) if isinstance(value, list) else [value]


def policy_of(statements: Sequence[Policy]) -> Policy:
    """A document of statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}
