# SPDX-License-Identifier: AGPL-3.0-or-later
"""The execution role's policy on moto, which decides itself, over HTTP, and as we simulate it.

moto looks at resources of S3 alone, and cannot read which call of CloudWatch's it is.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.core.authorization import enable_iam_authentication

from deploy.account import policies
from deploy.account.places import Account, Names
from tests.contract.aws_account import NUMBER, aws_lab, aws_place
from tests.iam import ALLOWED, decide

if TYPE_CHECKING:
    from collections.abc import Iterator

REGION = "us-west-1"
NAMES = Names(Account("aws", REGION, NUMBER), "hands", outputs=(f"s3://hands-{NUMBER}-out/x",))


@pytest.fixture(scope="module")
def in_the_role() -> Iterator[dict[str, Any]]:
    """boto3's clients in the execution role, on a moto that looks at policies."""
    policy = policies.execution_policy(NAMES.places(), (), NAMES.outputs)
    with aws_place() as place, aws_lab(place, REGION) as lab:
        s3, iam = lab.client("s3"), lab.client("iam")
        for bucket in (NAMES.bucket, f"hands-{NUMBER}-out"):
            where = {"LocationConstraint": REGION}
            s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=where)
        for key in ("models/a", "models-of-others/a"):
            s3.put_object(Bucket=NAMES.bucket, Key=key, Body=b"content")
        iam.create_role(
            RoleName="hands",
            AssumeRolePolicyDocument=json.dumps(policies.trust_policy(NAMES.account)),
        )
        iam.put_role_policy(RoleName="hands", PolicyName="p", PolicyDocument=json.dumps(policy))
        taken = lab.client("sts").assume_role(
            RoleArn=f"arn:aws:iam::{NUMBER}:role/hands", RoleSessionName="test"
        )["Credentials"]
        session = boto3.session.Session(
            taken["AccessKeyId"], taken["SecretAccessKey"], taken["SessionToken"], REGION
        )
        config = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
        with enable_iam_authentication():
            yield {
                name: session.client(name, endpoint_url=place.url, config=config)
                for name in ("s3", "ecr", "iam")
            }


@dataclass(frozen=True)
class Trial:
    """A call in the role, and what it is about."""

    service: str
    operation: str
    params: dict[str, Any]
    action: str
    resource: str = "*"
    is_allowed: bool = False


def in_bucket(operation: str, action: str, key: str, *, is_allowed: bool = False) -> Trial:
    """A call about an object of the artifacts' bucket."""
    params: dict[str, Any] = {"Bucket": NAMES.bucket, "Key": key}
    params |= {"Body": b"other"} if operation == "put_object" else {}
    arn = f"arn:aws:s3:::{NAMES.bucket}/{key}"
    return Trial("s3", operation, params, f"s3:{action}", arn, is_allowed)


TRIALS = (
    in_bucket("get_object", "GetObject", "models/a", is_allowed=True),
    Trial(
        "s3",
        "put_object",
        {"Bucket": f"hands-{NUMBER}-out", "Key": "x/a", "Body": b"a"},
        "s3:PutObject",
        f"arn:aws:s3:::hands-{NUMBER}-out/x/a",
        is_allowed=True,
    ),
    Trial("ecr", "get_authorization_token", {}, "ecr:GetAuthorizationToken", is_allowed=True),
    in_bucket("get_object", "GetObject", "models-of-others/a"),
    in_bucket("put_object", "PutObject", "models/a"),
    in_bucket("delete_object", "DeleteObject", "models/a"),
    Trial(
        "s3",
        "list_objects_v2",
        {"Bucket": NAMES.bucket},
        "s3:ListBucket",
        f"arn:aws:s3:::{NAMES.bucket}",
    ),
    Trial("ecr", "create_repository", {"repositoryName": "mine"}, "ecr:CreateRepository"),
    Trial("iam", "list_users", {}, "iam:ListUsers"),
)


@pytest.mark.parametrize("trial", TRIALS, ids=[f"{t.operation} {t.resource}" for t in TRIALS])
def test_moto_decides_the_same(in_the_role: dict[str, Any], trial: Trial) -> None:
    """A true call in the role is done or denied, as the simulation says."""
    policy = policies.execution_policy(NAMES.places(), (), NAMES.outputs)
    try:
        getattr(in_the_role[trial.service], trial.operation)(**trial.params)
        status = 200
    except ClientError as err:
        status = err.response["ResponseMetadata"]["HTTPStatusCode"]

    assert status == (200 if trial.is_allowed else 403)
    assert trial.is_allowed == (decide([policy], trial.action, trial.resource) == ALLOWED)
