# SPDX-License-Identifier: AGPL-3.0-or-later
"""deploy/account/bootstrap.yaml: the same as `bootstrap` makes by calls, as a stack."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from deploy.account.bootstrap import bootstrap, read_found
from deploy.account.reading import Found
from deploy.account.template import as_yaml, build_template
from tests.conftest import ROOT
from tests.contract.account_setup import environ, run
from tests.contract.aws_account import NUMBER, AwsLab, aws_lab, aws_place
from tests.contract.bootstrapping import REGION, gateway, make, of_name, operations
from tests.contract.templates import lint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sagemaker_local.local_sagemaker import LocalSageMaker


TEMPLATE = ROOT / "deploy" / "account" / "bootstrap.yaml"


@pytest.fixture(scope="module")
def place() -> Iterator[LocalSageMaker]:
    """A local SageMaker, where each test has a name of its own."""
    with aws_place() as found:
        yield found


@pytest.fixture
def lab(place: LocalSageMaker) -> Iterator[AwsLab]:
    """The account, and credentials of it."""
    with aws_lab(place, REGION) as found, environ(place.environ):
        yield found


def test_the_template_is_what_the_code_says() -> None:
    """And cfn-lint has nothing against it."""
    assert TEMPLATE.read_text("utf-8") == as_yaml()
    assert yaml.safe_load(as_yaml()) == build_template()
    assert lint(as_yaml()) == []
    assert run(["bootstrap", "--print", "template"], {})[1] == as_yaml()


def test_the_role_reads_and_writes_where_it_is_asked_to() -> None:
    """Plans in one place, answers in another."""
    (role,) = [
        made["Properties"]
        for made in build_template(["s3://drawings/in/"], ["s3://answers/out/"])[
            "Resources"
        ].values()
        if made["Type"] == "AWS::IAM::Role"
    ]
    (policy,) = role["Policies"]
    actions = {
        where: statement["Action"]
        for statement in policy["PolicyDocument"]["Statement"]
        for where in ("drawings/in/", "answers/out/")
        if f"{where}*" in json.dumps(statement["Resource"])
    }

    assert "s3:GetObject" in actions["drawings/in/"]
    assert "s3:PutObject" in actions["answers/out/"]


# moto's CloudFormation makes no policies of buckets, and warns.
@pytest.mark.filterwarnings("ignore:Tried to parse AWS..S3..BucketPolicy:UserWarning")
def test_a_stack_makes_the_same(lab: AwsLab) -> None:
    """Moto makes the template; what it leaves of it is what `bootstrap` goes on with."""
    by_stack, by_call = of_name("stack"), of_name("calls")
    parameters = [{"ParameterKey": "Name", "ParameterValue": "stack"}]
    cloudformation = lab.client("cloudformation")
    cloudformation.create_stack(
        StackName="stack", TemplateBody=TEMPLATE.read_text("utf-8"), Parameters=parameters,
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )  # fmt: skip
    make(lab, by_call)
    stack = cloudformation.describe_stacks(StackName="stack")["Stacks"][0]
    outputs = {entry["OutputKey"]: entry["OutputValue"] for entry in stack["Outputs"]}
    made, expected = (read_found(gateway(lab), names) for names in (by_stack, by_call))

    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert outputs == {
        "Artifacts": by_stack.artifacts,
        "Role": by_stack.role_arn,
        "ImageRepository": by_stack.repository_address,
    }
    assert made.role
    assert expected.bucket
    # moto's CloudFormation keeps a role's policy as Python writes it, not as JSON.
    made = replace(made, role=replace(made.role, policy=ast.literal_eval(str(made.role.policy))))
    assert made.bucket
    assert _renamed(made.role) == _renamed(expected.role)
    for name in ("tags", "mutability"):
        assert _renamed(getattr(made.repository, name)) == _renamed(
            getattr(expected.repository, name)
        )
    for name in ("tags", "algorithm"):
        assert _renamed(getattr(made.bucket, name)) == _renamed(getattr(expected.bucket, name))
    # moto's CloudFormation leaves these out; the next test has them.
    assert operations(bootstrap(by_stack, made)) == [
        "put_public_access_block", "put_bucket_policy", "put_bucket_versioning",
        "put_bucket_lifecycle_configuration", "put_image_scanning_configuration",
    ]  # fmt: skip


def test_a_stack_keeps_the_bucket_alike() -> None:
    """What moto leaves out is in the template as `bootstrap` says it by calls."""
    resources = build_template()["Resources"]
    properties = resources["Bucket"]["Properties"]
    steps = {s.operation: s.params for s in bootstrap(of_name("rooms"), Found())}
    rules = steps["put_bucket_lifecycle_configuration"]["LifecycleConfiguration"]["Rules"]

    assert (
        properties["PublicAccessBlockConfiguration"]
        == (steps["put_public_access_block"]["PublicAccessBlockConfiguration"])
    )
    assert (
        properties["VersioningConfiguration"]
        == (steps["put_bucket_versioning"]["VersioningConfiguration"])
    )
    assert [rule | {"Id": None} for rule in properties["LifecycleConfiguration"]["Rules"]] == [
        {key: value for key, value in rule.items() if key not in {"ID", "Filter"}} | {"Id": None}
        for rule in rules
    ]

    scanning = resources["Repository"]["Properties"]["ImageScanningConfiguration"]
    assert (
        scanning["ScanOnPush"]
        == (steps["create_repository"]["imageScanningConfiguration"]["scanOnPush"])
    )
    policy = json.dumps(resources["BucketPolicy"]["Properties"]["PolicyDocument"])
    for name, value in {
        "${AWS::Partition}": "aws", "${AWS::AccountId}": NUMBER, "${AWS::Region}": REGION,
        "${Name}": "rooms",
    }.items():  # fmt: skip
        policy = policy.replace(name, value)
    assert json.loads(re.sub(r'\{"Fn::Sub": ("[^"]*")\}', r"\1", policy)) == json.loads(
        steps["put_bucket_policy"]["Policy"]
    )


def _renamed(value: Any) -> str:
    return repr(value).replace("stack", "calls")
