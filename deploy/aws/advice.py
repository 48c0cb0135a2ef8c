# SPDX-License-Identifier: AGPL-3.0-or-later
"""The next step after an error of AWS's: a table from codes and wording to advice.

Nothing here calls AWS.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import starmap

from deploy.aws import codes
from deploy.aws.wording import BY_WORDING


@dataclass(frozen=True, slots=True)
class Rule:
    """Advice for an error with one of these codes (none: any), whose reason has this wording.

    The advice may name groups of the wording, and ``{operation}``.
    """

    codes: set[str]
    wording: str
    advice: str


_AGAIN = "run the same command again"
_LOG_IN = "Log in (`aws sso login`, `aws login`), or set AWS_PROFILE or the keys in the environment"
_WHOSE = "`aws sts get-caller-identity` shows whose credentials these are"
_ONE_REGION = "endpoint, bucket and image must lie in one region"

_ACCESS = (
    (codes.NO_CREDENTIALS, "", f"{_LOG_IN}."),
    ({"ProfileNotFound"}, "", "Set AWS_PROFILE to a profile of ~/.aws/config, or unset it."),
    (codes.EXPIRED, "", f"Log in again (`aws sso login`, or assume the role anew), then {_AGAIN}."),
    (codes.NOT_RETRIEVED, "", f"{_LOG_IN}: the source that boto3 asked gives no credentials."),
    (
        codes.UNKNOWN_KEY,
        "",
        "AWS does not know the access key: it was deleted, is of another partition (China, "
        f"GovCloud), or is temporary and lacks its session token. {_LOG_IN}.",
    ),
    (
        codes.BAD_SIGNATURE,
        "",
        "Either this machine's clock is wrong, or the secret key is not that of the access key.",
    ),
    (  # aws/amazon-sagemaker-feedback#61
        codes.NOT_ALLOWED,
        r"perform: iam:PassRole on resource: (?P<role>\S+)",
        "The role is fine, but who deploys may not hand it to SageMaker: allow iam:PassRole on "
        f"{{role}} with the condition iam:PassedToService = sagemaker.amazonaws.com. {_WHOSE}.",
    ),
    (
        codes.NOT_ALLOWED,
        r"perform: (?P<action>\S+).*with an explicit deny",
        "A policy denies {action} explicitly (the organization's, a permissions boundary or the "
        "resource's own), so that allowing it does not help: ask who manages the account.",
    ),
    (
        codes.NOT_ALLOWED,
        r"perform: (?P<action>\S+) on resource: (?P<resource>\S+)",
        f"Allow {{action}} on {{resource}}. {_WHOSE}.",
    ),
    (codes.NOT_ALLOWED, r"perform: (?P<action>\S+)", f"Allow {{action}}. {_WHOSE}."),
    (
        {"403"},
        "",
        "Allow s3:GetObject on the object and s3:ListBucket on the bucket: without the latter S3 "
        "says 403 of an object that is not there, too. Or the bucket is another account's.",
    ),
    (
        {"AccessDenied"},
        r"^Access Denied",
        f"Allow s3:{{operation}} on the bucket's objects. {_WHOSE}. Or the bucket is another "
        "account's, or its own policy or its key refuses.",
    ),
    (codes.NOT_ALLOWED, "", f"Allow the call {{operation}}. {_WHOSE}."),
    (
        {"FailedResourceAccessException"},
        "",
        "Allow cloudwatch:DescribeAlarms, and iam:CreateServiceLinkedRole for autoscaling's role.",
    ),
    (
        codes.NOT_OPTED_IN,
        "",
        "Enable this region for the account, or name another: --region …",
    ),
)
_LIMITS = (
    (  # aws/amazon-sagemaker-examples#307 for the form, users of serverless endpoints for 3072 MB
        codes.QUOTA,
        r"service limit '(?P<quota>Memory size in MB per serverless endpoint)' is (?P<limit>\d+)",
        "Want less (--set serverless.memory_mb={limit}), or ask for more of “{quota}”: in Service "
        "Quotas, or by a support case.",
    ),
    (
        codes.QUOTA,
        r"service limit '(?P<quota>[^']+)'",
        "Ask for more of “{quota}” in Service Quotas, for this region; or want less (another "
        "instance type, fewer instances, a smaller serverless.max_concurrency); or delete what is "
        "unused.",
    ),
    (
        codes.QUOTA,
        "",
        "A quota of the account is used up: ask for more in Service Quotas, for this region, or "
        "delete what is unused.",
    ),
    (
        codes.THROTTLED,
        "",
        "The account makes more calls than AWS takes, and trying again did not help: wait some "
        f"minutes, then {_AGAIN}.",
    ),
)
_PLACES = (
    (
        codes.ELSEWHERE,
        r"expecting '(?P<region>[a-z0-9-]+)'",
        f"The bucket lies in {{region}}; {_ONE_REGION}: name another bucket, or say --set "
        "region={region} and an image of that region.",
    ),
    (
        codes.ELSEWHERE,
        "",
        f"The bucket lies in another region; {_ONE_REGION}: name another bucket, or that region.",
    ),
    (
        {"NoSuchBucket"},
        "",
        "`python -m deploy bootstrap` makes the bucket; or correct `artifacts`.",
    ),
    (
        codes.NO_REGION,
        "",
        "Name the region: --region eu-central-1, or in the configuration, or AWS_REGION.",
    ),
    (
        codes.UNREACHABLE,
        "",
        "Look whether the region in the address exists, and whether this machine reaches it "
        f"(network, proxy, --endpoint-url); then {_AGAIN}.",
    ),
    ({"ProxyConnectionError", "InvalidProxiesConfigError"}, "", "Correct HTTPS_PROXY."),
    (
        {"SSLError"},
        "",
        "Something on the way has another certificate than AWS: if it is your organization's "
        "proxy, let AWS_CA_BUNDLE name its certificates.",
    ),
    (
        {"ValueError"},
        "",
        "Correct --endpoint-url or AWS_ENDPOINT_URL: http://HOST:PORT or https://HOST.",
    ),
    (codes.ABSENT, "", f"It is not there: look at name, region and account. {_WHOSE}."),
)
_IN_USE = (
    (
        {"ResourceInUse", "ResourceInUseException"},
        "transform-job/",
        f"Another `submit` of this batch was faster: `batch status` shows it, then {_AGAIN}.",
    ),
    (
        {"ResourceInUse", "ResourceInUseException"},
        "",
        "Something uses it: `python -m deploy status` shows which configuration serves.",
    ),
    (codes.BUSY, "", f"Something else changes the same thing: wait a minute, then {_AGAIN}."),
    (codes.AWS_BROKEN, "", f"AWS failed on its own side: wait some minutes, then {_AGAIN}."),
    (
        codes.NOT_KNOWN,
        "",
        "boto3 does not know the call or a parameter: `make venv-deploy` installs the right one; "
        "otherwise this is a bug of ours.",
    ),
)
RULES = tuple(starmap(Rule, (*BY_WORDING, *_ACCESS, *_LIMITS, *_PLACES, *_IN_USE)))


def next_step(operation: str, code: str, reason: str) -> str:
    """What to do about an error; empty if there is nothing to say beyond AWS's own reason.

    Args:
        operation: AWS's name of the call.
        code: AWS's, or the name of botocore's exception.
        reason: AWS's.
    """
    for rule in RULES:
        found = re.search(rule.wording, reason)
        if found and (not rule.codes or code in rule.codes):
            return rule.advice.format(operation=operation, **found.groupdict())
    return ""
