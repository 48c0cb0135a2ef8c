# SPDX-License-Identifier: AGPL-3.0-or-later
"""Policies of role, bucket and whoever deploys: enough for what the code does, and no more."""

from __future__ import annotations

import json
from typing import Any

import pytest

from deploy.account import policies
from deploy.account.deployer import OF_INSTANCES, SPARE, bootstrap_policy, deployer_policy
from deploy.account.places import Account, Names
from tests.contract.deploy_calls import DEPLOY, actions, calls, sources
from tests.contract.templates import lint
from tests.iam import ALLOWED, DENIED, NOTHING, decide

NUMBER, REGION = "123456789012", "eu-central-1"
ACCOUNT = Account("aws", REGION, NUMBER)
NAMES = Names(
    ACCOUNT, plans=("s3://drawings/in",), outputs=(f"s3://rooms-{NUMBER}-{REGION}/answers/",)
)
PLACES = NAMES.places()
TRUST = policies.trust_policy(ACCOUNT)
ROLE = policies.execution_policy(PLACES, NAMES.plans, NAMES.outputs)
DEPLOYER = deployer_policy(PLACES, NAMES.plans, NAMES.outputs)
BUCKET = policies.bucket_policy(ACCOUNT, NAMES.bucket)
BOOTSTRAP = bootstrap_policy(PLACES, NAMES.role)
# AWS's own code asks for these of whoever makes a call that ours makes (comments in policies.py).
ASKED_BY_AWS = {
    "iam:CreateServiceLinkedRole", "sagemaker:UpdateEndpointWeightsAndCapacities",
}  # fmt: skip
_BOOTSTRAP_FILES = ("account/bootstrap", "account/reading")
_SAGEMAKER = f"arn:aws:sagemaker:{REGION}:{NUMBER}"
_MODELS = f"arn:aws:s3:::{NAMES.bucket}/models"
_PASSED = {"iam:PassedToService": "sagemaker.amazonaws.com"}
_IMAGE = f"arn:aws:ecr:{REGION}:{NUMBER}:repository"


def allowed_actions(policy: policies.Policy) -> set[str]:
    """All actions that statements name."""
    return {action for statement in policy["Statement"] for action in statement["Action"]}


def test_whoever_deploys_may_make_each_call_of_the_code_and_no_other() -> None:
    """A call that is added without its action fails here, and an action without a call."""
    made = calls(sources("contract", *_BOOTSTRAP_FILES))
    needed = actions(made)

    assert len(made) > 40
    assert needed | ASKED_BY_AWS == allowed_actions(DEPLOYER)


def test_answers_that_are_not_there_yet_can_be_told_from_denied_ones() -> None:
    """S3 says 403 instead of 404 to whoever may not list the bucket, and the wait would end."""
    policy = deployer_policy(PLACES, (), ("s3://answers/good", "s3://answers/bad"))

    assert ALLOWED == decide([policy], "s3:ListBucket", "arn:aws:s3:::answers")
    assert NOTHING == decide([DEPLOYER], "s3:ListBucket", "arn:aws:s3:::answers")


def test_statements_that_can_be_spared_exist() -> None:
    """By these names `doctor` knows them."""
    sids = [statement["Sid"] for statement in DEPLOYER["Statement"]]

    assert set(sids) >= SPARE | OF_INSTANCES
    assert len(sids) == len(set(sids))


def test_bootstrap_needs_what_its_policy_says() -> None:
    """Likewise, in the files of `bootstrap`."""
    files = [
        path
        for path in sources()
        if path.relative_to(DEPLOY).as_posix().startswith(_BOOTSTRAP_FILES)
    ]

    assert actions(calls(files)) == allowed_actions(BOOTSTRAP)


@pytest.mark.parametrize("policy", [ROLE, DEPLOYER, BOOTSTRAP], ids=["role", "deployer", "boot"])
def test_no_action_is_open(policy: policies.Policy) -> None:
    """No wildcard in an action, and ``*`` as resource where AWS has none (or lists)."""
    wide = {
        action
        for statement in policy["Statement"]
        for action in statement["Action"]
        if "*" in statement["Resource"]
    }

    assert [action for action in allowed_actions(policy) if "*" in action] == []
    assert wide <= {
        "ecr:GetAuthorizationToken", "cloudwatch:DescribeAlarms", "cloudwatch:PutMetricData",
        "sagemaker:ListEndpoints", "sagemaker:ListEndpointConfigs", "sagemaker:ListModels",
        "application-autoscaling:DescribeScalableTargets",
        "application-autoscaling:DescribeScalingPolicies", "servicequotas:ListServiceQuotas",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("expected", "action", "resource", "context"),
    [
        (ALLOWED, "s3:GetObject", f"{_MODELS}/rooms/rooms-1.0-12345678.tar.gz", {}),
        (ALLOWED, "s3:GetObject", "arn:aws:s3:::drawings/in/a.pdf", {}),
        (ALLOWED, "s3:PutObject", f"arn:aws:s3:::{NAMES.bucket}/answers/a.json", {}),
        (ALLOWED, "s3:PutObject", f"{_MODELS}/rooms/batch/archive/output/a.png.out", {}),
        (ALLOWED, "ecr:BatchGetImage", f"{_IMAGE}/rooms", {}),
        (ALLOWED, "ecr:GetAuthorizationToken", "*", {}),
        (ALLOWED, "logs:PutLogEvents",
         f"arn:aws:logs:{REGION}:{NUMBER}:log-group:/aws/sagemaker/Endpoints/rooms:log-stream:a",
         {}),
        (ALLOWED, "cloudwatch:PutMetricData", "*",
         {"cloudwatch:namespace": "/aws/sagemaker/Endpoints"}),
        (ALLOWED, "cloudwatch:DescribeAlarms", "*", {}),
        (NOTHING, "cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": "AWS/EC2"}),
        (NOTHING, "cloudwatch:PutMetricData", "*", {}),
        (NOTHING, "s3:GetObject", f"arn:aws:s3:::{NAMES.bucket}/models-of-others/a", {}),
        (NOTHING, "s3:GetObject", f"arn:aws:s3:::{NAMES.bucket}/answers/a.json", {}),
        (NOTHING, "s3:GetObject", "arn:aws:s3:::drawings/input/a.pdf", {}),
        (NOTHING, "s3:PutObject", f"{_MODELS}/rooms/rooms-1.0-12345678.tar.gz", {}),
        (NOTHING, "s3:PutObject", f"{_MODELS}/rooms/batch/archive/input/a.png", {}),
        (NOTHING, "s3:PutObject", f"{_MODELS}/others/batch/archive/output/a.png.out", {}),
        (NOTHING, "s3:DeleteObject", f"{_MODELS}/a", {}),
        (NOTHING, "s3:ListBucket", f"arn:aws:s3:::{NAMES.bucket}", {}),
        (NOTHING, "ecr:BatchGetImage", f"{_IMAGE}/rooms-of-others", {}),
        (NOTHING, "ecr:PutImage", f"{_IMAGE}/rooms", {}),
        (NOTHING, "logs:PutLogEvents", f"arn:aws:logs:{REGION}:{NUMBER}:log-group:/aws/lambda/x",
         {}),
        (NOTHING, "sagemaker:CreateEndpoint", f"{_SAGEMAKER}:endpoint/rooms", {}),
        (NOTHING, "iam:PassRole", NAMES.role_arn, _PASSED),
    ],
)  # fmt: skip
def test_what_the_role_may(
    expected: str, action: str, resource: str, context: dict[str, str]
) -> None:
    """Fetch model, plans and image, write answers, logs and metrics; nothing else."""
    assert expected == decide([ROLE], action, resource, context)


@pytest.mark.parametrize(
    ("expected", "action", "resource", "context"),
    [
        (ALLOWED, "sagemaker:CreateEndpoint", f"{_SAGEMAKER}:endpoint/rooms", {}),
        (ALLOWED, "sagemaker:CreateEndpoint", f"{_SAGEMAKER}:endpoint/rooms-candidate", {}),
        (ALLOWED, "sagemaker:CreateModel", f"{_SAGEMAKER}:model/rooms-1-0-12345678", {}),
        (ALLOWED, "sagemaker:DescribeEndpoint", f"{_SAGEMAKER}:endpoint/of-others", {}),
        (ALLOWED, "iam:PassRole", NAMES.role_arn, _PASSED),
        (ALLOWED, "s3:PutObject", f"{_MODELS}/rooms/a.tar.gz", {}),
        (ALLOWED, "s3:GetObject", f"arn:aws:s3:::{NAMES.bucket}/answers/a.out", {}),
        (ALLOWED, "s3:DeleteObject", f"arn:aws:s3:::{NAMES.bucket}/answers/a.out", {}),
        (ALLOWED, "s3:PutObject", "arn:aws:s3:::drawings/in/invoke/0123", {}),
        (ALLOWED, "s3:DeleteObject", "arn:aws:s3:::drawings/in/invoke/0123", {}),
        (NOTHING, "s3:PutObject", f"arn:aws:s3:::{NAMES.bucket}/answers/a.out", {}),
        (NOTHING, "s3:DeleteObject", "arn:aws:s3:::drawings/in/a.pdf", {}),
        (ALLOWED, "ecr:PutImage", f"{_IMAGE}/rooms", {}),
        (ALLOWED, "cloudwatch:PutMetricAlarm",
         f"arn:aws:cloudwatch:{REGION}:{NUMBER}:alarm:rooms-5xx", {}),
        (ALLOWED, "logs:FilterLogEvents",
         f"arn:aws:logs:{REGION}:{NUMBER}:log-group:/aws/sagemaker/Endpoints/rooms", {}),
        (ALLOWED, "application-autoscaling:RegisterScalableTarget",
         f"arn:aws:application-autoscaling:{REGION}:{NUMBER}:scalable-target/0123", {}),
        (ALLOWED, "iam:CreateServiceLinkedRole",
         f"arn:aws:iam::{NUMBER}:role/aws-service-role/sagemaker.application-autoscaling.amazonaws"
         ".com/AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint",
         {"iam:AWSServiceName": "sagemaker.application-autoscaling.amazonaws.com"}),
        (NOTHING, "logs:FilterLogEvents",
         f"arn:aws:logs:{REGION}:{NUMBER}:log-group:/aws/sagemaker/Endpoints/roomservice", {}),
        (NOTHING, "sagemaker:DeleteEndpoint", f"{_SAGEMAKER}:endpoint/of-others", {}),
        (NOTHING, "sagemaker:DeleteEndpoint", f"{_SAGEMAKER}:endpoint/roomservice", {}),
        (NOTHING, "sagemaker:DeleteEndpoint",
         f"arn:aws:sagemaker:us-east-1:{NUMBER}:endpoint/rooms", {}),
        (NOTHING, "sagemaker:InvokeEndpoint", f"{_SAGEMAKER}:endpoint/of-others", {}),
        (NOTHING, "sagemaker:CreateTrainingJob", f"{_SAGEMAKER}:training-job/rooms-1", {}),
        (NOTHING, "iam:PassRole", NAMES.role_arn, {"iam:PassedToService": "ec2.amazonaws.com"}),
        (NOTHING, "iam:PassRole", f"arn:aws:iam::{NUMBER}:role/Administrator", _PASSED),
        (NOTHING, "iam:CreateServiceLinkedRole",
         f"arn:aws:iam::{NUMBER}:role/aws-service-role/ecs.amazonaws.com/x",
         {"iam:AWSServiceName": "ecs.amazonaws.com"}),
        (NOTHING, "iam:PutRolePolicy", NAMES.role_arn, {}),
        (NOTHING, "s3:PutBucketPolicy", f"arn:aws:s3:::{NAMES.bucket}", {}),
        (NOTHING, "s3:DeleteBucket", f"arn:aws:s3:::{NAMES.bucket}", {}),
        (NOTHING, "ecr:DeleteRepository", f"{_IMAGE}/rooms", {}),
        (NOTHING, "cloudwatch:DeleteAlarms",
         f"arn:aws:cloudwatch:{REGION}:{NUMBER}:alarm:of-others", {}),
    ],
)  # fmt: skip
def test_what_whoever_deploys_may(
    expected: str, action: str, resource: str, context: dict[str, str]
) -> None:
    """Their endpoint, models and images; nothing of others, and no new rights."""
    assert expected == decide([DEPLOYER], action, resource, context)


@pytest.mark.parametrize(
    ("expected", "context"),
    [
        pytest.param(ALLOWED, {"aws:SourceAccount": NUMBER}, id="for this account"),
        pytest.param(NOTHING, {"aws:SourceAccount": "210987654321"}, id="for another account"),
        pytest.param(NOTHING, {}, id="for nobody"),
    ],
)
def test_who_may_take_the_role(expected: str, context: dict[str, str]) -> None:
    """SageMaker, on behalf of this account; no confused deputy."""
    assert {"Service": "sagemaker.amazonaws.com"} == TRUST["Statement"][0]["Principal"]
    assert expected == decide([TRUST], "sts:AssumeRole", context=context)


@pytest.mark.parametrize("resource", [f"arn:aws:s3:::{NAMES.bucket}", f"{_MODELS}/a"])
def test_the_bucket_without_tls(resource: str) -> None:
    """Not even who may do everything gets in; with TLS the policy itself allows nothing."""
    everything = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    without, with_tls = {"aws:SecureTransport": "false"}, {"aws:SecureTransport": "true"}

    assert DENIED == decide([everything, BUCKET], "s3:GetObject", resource, without)
    assert ALLOWED == decide([everything, BUCKET], "s3:GetObject", resource, with_tls)
    assert NOTHING == decide([BUCKET], "s3:GetObject", resource, with_tls)


def test_aws_takes_policies_of_this_size() -> None:
    """Spaces apart: 6144 characters in a managed policy, 10240 in a role's own."""
    sizes = {
        name: len(json.dumps(policy, separators=(",", ":")))
        for name, policy in {"deployer": DEPLOYER, "boot": BOOTSTRAP, "role": ROLE}.items()
    }

    assert sizes["deployer"] < 6144
    assert sizes["boot"] < 6144
    assert sizes["role"] < 10240


@pytest.mark.parametrize("partition", ["aws-cn", "aws-us-gov"])
def test_other_partitions(partition: str) -> None:
    """No ARN is of the first partition by mistake."""
    account = Account(partition, "cn-north-1", NUMBER)
    names = Names(account)
    text = json.dumps(
        [
            deployer_policy(names.places()),
            policies.execution_policy(names.places()),
            policies.bucket_policy(account, names.bucket),
        ]
    )

    assert "arn:aws:" not in text
    assert f"arn:{partition}:" in text


def test_cfn_lint_knows_all_actions_and_forms() -> None:
    """It has AWS's own list of actions, and of the ARNs that each takes."""
    managed: dict[str, dict[str, Any]] = {
        name: {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": policy}}
        for name, policy in {"Deployer": DEPLOYER, "Boot": BOOTSTRAP, "Role": ROLE}.items()
    }
    template: dict[str, Any] = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": managed}

    assert lint(json.dumps(template)) == []
    managed["Role"]["Properties"]["PolicyDocument"] = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": ["s3:FetchObject"], "Resource": ["*"]}],
    }
    assert len(lint(json.dumps(template))) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"Effect": "Deny", "Resource": [f"arn:aws:s3:::{NAMES.bucket}/models/secret/*"]},
        {"Effect": "Allow", "NotResource": "arn:aws:s3:::others/*"},
    ],
    ids=["denies", "all but"],
)
def test_a_statement_of_ones_own_stays_as_it_is(other: dict[str, Any]) -> None:
    """Though it has a name of ours, which goes to ours; a second run changes nothing."""
    own = {"Action": ["s3:GetObject"], **other}
    found = policies.policy_of([{"Sid": "ReadModels", **own}])
    merged = policies.merged(found, ROLE)

    assert [own, *ROLE["Statement"]] == merged["Statement"]
    assert merged == policies.merged(merged, ROLE)
    if other["Effect"] == "Deny":
        assert DENIED == decide([merged], "s3:GetObject", f"{_MODELS}/secret/a")
        assert ALLOWED == decide([merged], "s3:GetObject", f"{_MODELS}/a")
