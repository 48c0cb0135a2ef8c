# SPDX-License-Identifier: AGPL-3.0-or-later
"""`python -m deploy bootstrap`: from an empty account to one that can be deployed to."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import yaml

from deploy.account import desired_state
from deploy.account.bootstrap import bootstrap, notes, read_found
from deploy.account.reading import Found
from deploy.aws.client import AwsAccount
from deploy.aws.errors import AwsError
from deploy.cli import TEMPLATE
from deploy.errors import PlanError
from tests.contract.account_setup import environ, run
from tests.contract.aws_account import NUMBER, AwsLab, aws_lab, aws_place
from tests.contract.aws_server import Answer, serve_aws
from tests.contract.bootstrapping import REGION, gateway, make, of_name, operations
from tests.unit.calls import faults

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sagemaker_local.local_sagemaker import LocalSageMaker


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


def command(name: str, *args: str) -> tuple[int, str, str]:
    """`python -m deploy bootstrap`, with the credentials of the test."""
    return typed("--name", name, "--region", REGION, *args)


def typed(*args: str) -> tuple[int, str, str]:
    """The same, and nothing is named."""
    variables = {key: value for key, value in os.environ.items() if key.startswith("AWS_")}
    return run(["bootstrap", *args], variables)


def test_every_call_is_one_of_botocores() -> None:
    """Names, types and values of its parameters."""
    steps = bootstrap(of_name("rooms"), Found())

    assert [faults(step.service, step.operation, step.params) for step in steps] == [""] * 10


def test_what_is_made(lab: AwsLab) -> None:
    """Bucket, repository and role, each as it shall be, and each with our tag."""
    names = of_name("made")
    make(lab, names)
    found = read_found(gateway(lab), names)

    assert found.bucket
    assert found.repository
    assert found.role
    ours = {desired_state.BOOTSTRAP_TAG: "made"}
    assert [ours] * 3 == [found.bucket.tags, found.repository.tags, found.role.tags]
    assert found.bucket.public_access == desired_state.PUBLIC_ACCESS
    assert (found.bucket.algorithm, found.bucket.versioning) == ("AES256", "Enabled")
    assert {rule["ID"] for rule in found.bucket.lifecycle} == {
        "roomdet-noncurrent", "roomdet-uploads",
    }  # fmt: skip
    assert (found.repository.mutability, found.repository.is_scanned) == ("IMMUTABLE", True)
    assert found.role.arn == names.role_arn
    assert found.role.policy == desired_state.role_policy(names)
    assert notes(names, found) == []


def test_the_bucket_refuses_who_comes_without_tls(lab: AwsLab) -> None:
    """As this test does; moto decides that itself."""
    names = of_name("tls")
    make(lab, names)
    params = {"Bucket": names.bucket, "Key": "models/a", "Body": b"a"}

    with pytest.raises(AwsError, match="403"):
        gateway(lab).call("s3", "put_object", params)
    lab.client("s3").delete_bucket_policy(Bucket=names.bucket)
    gateway(lab).call("s3", "put_object", params)


@pytest.mark.parametrize("most", range(10))
def test_a_run_that_was_stopped_goes_on(lab: AwsLab, most: int) -> None:
    """After any number of calls the next run makes the rest, and a third has nothing to do."""
    names = of_name(f"stopped-{most}")
    all_steps = make(lab, names, most)
    rest = make(lab, names)

    assert all_steps[most:] == rest
    assert make(lab, names) == []


def test_what_is_stronger_stays(lab: AwsLab) -> None:
    """A key of one's own, another rule, another statement and rules of one's own."""
    names, s3 = of_name("stronger"), lab.client("s3")
    make(lab, names)
    kms = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "alias/mine"}
    s3.put_bucket_encryption(
        Bucket=names.bucket,
        ServerSideEncryptionConfiguration={"Rules": [{"ApplyServerSideEncryptionByDefault": kms}]},
    )
    rule = {
        "ID": "roomdet-noncurrent", "Status": "Enabled", "Filter": {"Prefix": ""},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 3650},
    }  # fmt: skip
    s3.put_bucket_lifecycle_configuration(
        Bucket=names.bucket, LifecycleConfiguration={"Rules": [rule]}
    )
    deny = {"Sid": "Mine", "Effect": "Deny", "Principal": "*", "Action": "s3:DeleteBucket",
            "Resource": f"arn:aws:s3:::{names.bucket}"}  # fmt: skip
    policy = {"Version": "2012-10-17", "Statement": [deny]}
    s3.put_bucket_policy(Bucket=names.bucket, Policy=json.dumps(policy))

    assert operations(make(lab, names)) == [
        "put_bucket_policy", "put_bucket_lifecycle_configuration",
    ]  # fmt: skip
    bucket = read_found(gateway(lab), names).bucket
    assert bucket
    assert bucket.algorithm == "aws:kms"
    assert bucket.policy
    assert [entry["Sid"] for entry in bucket.policy["Statement"]] == ["Mine", "TlsOnly"]
    days = [
        r.get("NoncurrentVersionExpiration", {}).get("NoncurrentDays") for r in bucket.lifecycle
    ]
    assert days == [3650, None]


def test_what_was_weakened_is_mended(lab: AwsLab) -> None:
    """Access of the public, versions and tags of images."""
    names, s3, ecr = of_name("weakened"), lab.client("s3"), lab.client("ecr")
    make(lab, names)
    s3.delete_public_access_block(Bucket=names.bucket)
    suspended = {"Status": "Suspended"}
    s3.put_bucket_versioning(Bucket=names.bucket, VersioningConfiguration=suspended)
    ecr.put_image_tag_mutability(repositoryName=names.name, imageTagMutability="MUTABLE")

    assert operations(make(lab, names)) == [
        "put_public_access_block", "put_bucket_versioning", "put_image_tag_mutability",
    ]  # fmt: skip
    assert make(lab, names) == []


def test_what_the_role_may_changes_in_the_open(lab: AwsLab) -> None:
    """The plan says what it may more, and what no longer; trust that was changed is left."""
    names = of_name("role")
    make(lab, names)
    with_more = replace(names, plans=("s3://drawings/in",), outputs=("s3://answers",))
    (more,) = make(lab, with_more)
    left = make(lab, names)
    found = read_found(gateway(lab), names)
    kept = notes(names, found)
    (less,) = make(lab, names, is_pruned=True)
    ec2 = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"},
           "Action": "sts:AssumeRole"}  # fmt: skip
    other = {"Version": "2012-10-17", "Statement": [ec2]}
    lab.client("iam").update_assume_role_policy(
        RoleName=names.role, PolicyDocument=json.dumps(other)
    )

    changes = [
        "s3:GetObject on arn:aws:s3:::drawings/in/*",
        "s3:PutObject on arn:aws:s3:::answers/*",
    ]
    assert more.why.endswith("; ".join(f"it may also {change}" for change in changes))
    assert left == []
    assert [
        change in note and "--prune" in note for change, note in zip(changes, kept, strict=True)
    ]
    assert less.why.endswith("; ".join(f"no longer {change}" for change in changes))
    assert make(lab, names) == []
    (note,) = notes(names, read_found(gateway(lab), names))
    assert "was changed by hand and is left so" in note


@pytest.mark.parametrize("kind", ["bucket", "full bucket", "repository", "role"])
def test_what_is_not_ours_is_not_touched(lab: AwsLab, kind: str) -> None:
    """Whatever of the name has no tag of ours ends the run before any call."""
    names = of_name(f"others-{kind.replace(' ', '-')}")
    where = {"LocationConstraint": REGION}
    if "bucket" in kind:
        s3 = lab.client("s3")
        s3.create_bucket(Bucket=names.bucket, CreateBucketConfiguration=where)
        if kind == "bucket":
            tags = {"TagSet": [{"Key": "owner", "Value": "somebody"}]}
            s3.put_bucket_tagging(Bucket=names.bucket, Tagging=tags)
        else:
            s3.put_object(Bucket=names.bucket, Key="theirs", Body=b"theirs")
    elif kind == "repository":
        lab.client("ecr").create_repository(repositoryName=names.name)
    else:
        lab.client("iam").create_role(RoleName=names.role, AssumeRolePolicyDocument="{}")

    status, out, err = command(names.name, "--yes")

    assert (status, out) == (1, "")
    assert "was not made by this tool" in err
    with pytest.raises(PlanError):
        make(lab, names)


@pytest.mark.usefixtures("lab")
def test_another_accounts_bucket_is_not_touched() -> None:
    """Its owner is expected in each call, so S3 says 403 to the first; moto knows no owners."""
    asked: list[tuple[str, bytes]] = []
    with (
        serve_aws([Answer(403)], asked) as url,
        pytest.raises(PlanError, match="is another account's"),
    ):
        read_found(AwsAccount(REGION, url), of_name("taken"))

    assert [name for name, _ in asked] == [f"/taken-{NUMBER}-{REGION}"]
    steps = bootstrap(of_name("taken"), Found())
    owners = [s.params.get("ExpectedBucketOwner") for s in steps if s.service == "s3"]
    assert owners == [None, *[NUMBER] * 6]  # who makes a bucket owns it


@pytest.mark.usefixtures("lab")
def test_the_command() -> None:
    """Says what it would do with status 3, does it, and has nothing left to do."""
    would, plan, said = command("spoken")
    listed = json.loads(command("spoken", "--json")[1])
    did, out, err = command("spoken", "--yes")
    again, nothing, _ = command("spoken")
    _, table, _ = command("spoken", "--output", "table")

    assert (would, did, again) == (3, 0, 0)
    assert len(plan.splitlines()) == len(listed) == 9  # without TLS, no policy that demands it
    assert "Nothing was changed; --yes does it." in said
    assert "S3 is spoken to without TLS" in err
    assert f"artifacts         s3://spoken-{NUMBER}-{REGION}/models\n" in table
    made, rest = json.loads(out), json.loads(nothing)
    assert (len(made["calls"]), rest["calls"]) == (9, [])
    settings = {key: made[key] for key in ("set", "image_repository")}
    assert settings == {key: rest[key] for key in settings}
    assert f"artifacts=s3://spoken-{NUMBER}-{REGION}/models" in made["set"]
    assert f"role: arn:aws:iam::{NUMBER}:role/spoken-sagemaker-{REGION}" in err


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize(
    "args",
    [
        pytest.param(["--plans", "drawings"], id="no address"),
        pytest.param(["--outputs", "s3://answers/*"], id="a wildcard"),
        pytest.param(["--name", "Rooms"], id="a capital letter"),
        pytest.param(["--name", "r" * 33], id="too long"),
        pytest.param(["--endpoint-url", "localhost"], id="no server"),
    ],
)
def test_bad_usage(args: list[str]) -> None:
    """Nothing is asked."""
    status, out, err = command("rooms", *args)

    assert (status, out) == (2, "")
    assert "\nerror: " in err


@pytest.mark.usefixtures("lab")
def test_the_configuration_says_what_the_role_may(tmp_path: Path) -> None:
    """Answers of async and plans by reference are in there; a run without them takes nothing."""
    config = tmp_path / "async.yaml"
    config.write_text(
        "endpoint: queue\nmode: async\narchive: rooms.mar\n"
        "async: {instance_type: ml.c6i.large, output: s3://out/a, failures: s3://out/f}\n"
        "environment: {ROOMDET_IMAGE_URL_PREFIXES: s3://inbox/plans/}\n",
        "utf-8",
    )
    command("queue", "--config", str(config), "--yes")
    again = typed("--config", str(config), "--region", REGION)
    without, pruned = command("queue"), command("queue", "--prune")

    assert (0, []) == (again[0], json.loads(again[1])["calls"])
    assert (0, []) == (without[0], json.loads(without[1])["calls"])
    lost = ("s3:PutObject on arn:aws:s3:::out/f/*", "s3:GetObject on arn:aws:s3:::inbox/plans/*")
    for what in lost:
        assert f"may also {what}, which nothing here asks for; --prune takes it away" in without[2]
        assert f"no longer {what}" in pruned[1]


@pytest.mark.usefixtures("lab")
def test_a_configuration_is_written(tmp_path: Path) -> None:
    """With what was made and all comments; what is there and another stays, and is told."""
    path = tmp_path / "deploy.yaml"
    command("written", "--yes", "--write", str(path))
    first = path.read_text("utf-8")
    role = "arn:aws:iam::123456789012:role/mine"
    path.write_text(re.sub("^role: .*", f"role: {role}", first, flags=re.MULTILINE), "utf-8")
    status, _, said = command("written", "--write", str(path))
    found = yaml.safe_load(path.read_text("utf-8"))

    assert "region: ap-northeast-1" in first
    assert "# name of the endpoint; models and configurations get names of their own" in first
    assert f"Next: `python -m deploy image push --config {path} --region {REGION}`" in said
    assert (0, "written", role) == (status, found["endpoint"], found["role"])
    assert f"note: role is {role} in the configuration and stays" in said
    assert found["artifacts"] == f"s3://written-{NUMBER}-{REGION}/models"
    assert found["image"] == f"{NUMBER}.dkr.ecr.{REGION}.amazonaws.com/written"


@pytest.mark.usefixtures("lab")
def test_values_go_into_the_file_that_is_there(tmp_path: Path) -> None:
    """What it says stays, though another configuration says what is made."""
    config, path = tmp_path / "a.yaml", tmp_path / "b.yaml"
    config.write_text("mode: serverless\narchive: a.mar\nendpoint: a\n", "utf-8")
    before = "endpoint: live  # of mine\nmode: realtime\nimage: 1.dkr/x@sha256:1\n# the end\n"
    path.write_text(before, "utf-8")
    sets = ("--region", REGION, "--set", "endpoint=there")
    status, _, said = typed("--config", str(config), "--write", str(path), *sets, "--yes")
    after = path.read_text("utf-8")

    assert 0 == status
    assert after.startswith(before)
    assert {"artifacts", "role", "region"} == {*yaml.safe_load(after)} - {*yaml.safe_load(before)}
    assert "note: endpoint is live in the configuration and stays; `bootstrap` makes there" in said
    assert f"image push --config {path} --region {REGION} --set endpoint=there`" in said


@pytest.mark.usefixtures("lab")
@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("none/deploy.yaml", None, "there is no folder"),
        ("", None, "it is no file"),
        ("deploy.yaml", "{endpoint: rooms}", "put in by hand: "),
        ("deploy.yaml", "roles: [", "put in by hand: "),
    ],
)
def test_nothing_is_made_that_cannot_be_written_down(
    tmp_path: Path, name: str, text: str | None, why: str
) -> None:
    """It is looked at first."""
    path = tmp_path / name
    if text:
        path.write_text(text, "utf-8")
    from_template = ("--config", str(TEMPLATE), "--write", str(path))
    status, out, said = command("unwritten", *from_template, "--yes")

    assert (2, "") == (status, out)
    assert f"error: --write {path}: " in said
    assert why in said
    assert 3 == command("unwritten")[0]  # all is left to make
