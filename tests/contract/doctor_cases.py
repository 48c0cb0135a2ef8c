# SPDX-License-Identifier: AGPL-3.0-or-later
"""Accounts and set-ups that are broken in one way each, for `doctor` to find."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from deploy.account.places import PREFIXES
from deploy.account.policies import OF_BATCHES
from deploy.aws.s3 import split_address
from tests.contract.account_setup import Setup, healthy
from tests.contract.aws_account import aws_lab

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sagemaker_local.local_sagemaker import LocalSageMaker

# Each case has a region of its own, so that it is alone in its account.
REGIONS = (
    "af-south-1", "ap-east-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1",
    "ap-south-2", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4",
    "ca-central-1", "ca-west-1", "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2",
    "eu-west-1", "eu-west-2", "eu-west-3", "il-central-1", "me-central-1", "me-south-1",
    "sa-east-1", "us-east-2", "us-west-1", "us-west-2", "mx-central-1",
    "ap-southeast-5", "ap-southeast-7", "ap-southeast-6",
)  # fmt: skip
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@dataclass(frozen=True)
class Case:
    """A set-up that is broken in one way.

    Attributes:
        title: What is wrong.
        check: Which finds it.
        spoil: Breaks it.
        level: How bad it is.
        without: Actions that whoever deploys may not.
        also: Checks that fail, too, since what is named is not what permissions are for.
        in_account: Whether it lies in the account; else in what is said of it.
    """

    title: str
    check: str
    spoil: Callable[[Setup], Any] = lambda _: None
    level: str = "failure"
    without: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    in_account: bool = True


def _change(**settings: str) -> Callable[[Setup], None]:
    return lambda setup: setup.settings.update(settings)


def _forget(*names: str) -> Callable[[Setup], None]:
    def spoil(setup: Setup) -> None:
        for names_of in (setup.settings, setup.environ):
            for name in names:
                names_of.pop(name, None)

    return spoil


def _bucket_elsewhere(setup: Setup) -> None:
    name, there = f"far-{setup.lab.region}", "us-east-1"
    assert setup.lab.region != there
    setup.lab.client("s3", there).create_bucket(Bucket=name)
    setup.settings["artifacts"] = f"s3://{name}"


def _open_bucket(setup: Setup) -> None:
    s3 = setup.lab.client("s3")
    s3.delete_public_access_block(Bucket=setup.bucket)
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
                 "Resource": f"arn:aws:s3:::{setup.bucket}/*"}  # fmt: skip
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    s3.put_bucket_policy(Bucket=setup.bucket, Policy=json.dumps(policy))


def _no_versions(setup: Setup) -> None:
    versioning = {"Status": "Suspended"}
    setup.lab.client("s3").put_bucket_versioning(
        Bucket=setup.bucket, VersioningConfiguration=versioning
    )


def _push(**how: str) -> Callable[[Setup], None]:
    def spoil(setup: Setup) -> None:
        setup.lab.push("rooms", "2.0", **how)
        setup.settings["image"] = setup.settings["image"].replace(":1.0", ":2.0")

    return spoil


def _mutable(setup: Setup) -> None:
    setup.lab.client("ecr").put_image_tag_mutability(
        repositoryName="rooms", imageTagMutability="MUTABLE"
    )


def _wrong_trust(setup: Setup) -> None:
    principal = {"Service": "ec2.amazonaws.com"}
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    setup.lab.client("iam").update_assume_role_policy(
        RoleName=_role(setup), PolicyDocument=json.dumps(document)
    )


def _role_without(sid: str) -> Callable[[Setup], None]:
    def spoil(setup: Setup) -> None:
        iam, names = setup.lab.client("iam"), {"PolicyName": "roomdet-endpoint"}
        policy = iam.get_role_policy(RoleName=_role(setup), **names)["PolicyDocument"]
        policy["Statement"] = [s for s in policy["Statement"] if s["Sid"] != sid]
        iam.put_role_policy(RoleName=_role(setup), PolicyDocument=json.dumps(policy), **names)

    return spoil


def _async_elsewhere(setup: Setup) -> None:
    """Answers go where `bootstrap` was not told of."""
    setup.settings.update(
        {
            "mode": "async",
            "serverless": "null",
            "async.instance_type": "ml.c6i.large",
            "async.output": "s3://drawings/answers",
            "async.failures": "s3://drawings/failures",
        }
    )


def _role(setup: Setup) -> str:
    return setup.settings["role"].rpartition("/")[2]


def _replace_model(setup: Setup) -> None:
    bucket, key = split_address(setup.deploy())
    setup.lab.client("s3").put_object(Bucket=bucket, Key=key, Body=b"another model")


def _remove_model(setup: Setup) -> None:
    bucket, key = split_address(setup.deploy())
    setup.lab.client("s3").delete_object(Bucket=bucket, Key=key)


def _small_quota(setup: Setup) -> None:
    setup.lab.quotas["Memory size in MB per serverless endpoint"] = 1024.0


def _failed(setup: Setup) -> None:
    setup.deploy(START="fail")


def _unproved(setup: Setup) -> None:
    setup.deploy()
    sagemaker = setup.lab.client("sagemaker")
    arn = sagemaker.describe_endpoint(EndpointName="rooms")["EndpointArn"]
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["roomdet:last-good"])


def _ringing(setup: Setup) -> None:
    setup.settings |= {"mode": "realtime", "realtime.instance_type": "ml.c6i.large",
                       "serverless": "null"}  # fmt: skip
    setup.deploy()
    setup.lab.client("cloudwatch").set_alarm_state(
        AlarmName="rooms-5xx", StateValue="ALARM", StateReason="a test"
    )


def _interrupted(setup: Setup) -> None:
    setup.settings |= {"mode": "realtime", "realtime.instance_type": "ml.c6i.large",
                       "serverless": "null"}  # fmt: skip
    setup.deploy()
    sagemaker = setup.lab.client("sagemaker")
    config = sagemaker.describe_endpoint(EndpointName="rooms")["EndpointConfigName"]
    sagemaker.create_endpoint(EndpointName="rooms-candidate", EndpointConfigName=config)


_OF_ANOTHER_BUCKET = ("permissions", "role-permissions")
CASES = (
    Case(
        "Nothing is configured",
        "configuration",
        _forget("artifacts", "role", "image"),
        in_account=False,
    ),
    Case(
        "A key is misspelled",
        "configuration",
        _change(roel="arn:aws:iam::1:role/rooms"),
        in_account=False,
    ),
    Case("No region is named", "region", _forget("region"), in_account=False),
    Case(
        "There are no credentials",
        "credentials",
        _forget("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        in_account=False,
    ),
    Case(
        "The credentials are another account's",
        "credentials",
        _change(role="arn:aws:iam::210987654321:role/rooms"),
        in_account=False,
    ),
    Case(
        "Whoever deploys may not hand the role to SageMaker",
        "permissions",
        without=("iam:PassRole",),
    ),
    Case(
        "Whoever deploys may not push images",
        "permissions",
        level="warning",
        without=("ecr:PutImage",),
    ),
    Case(
        "Nobody may ask IAM for permissions",
        "permissions",
        lambda setup: setup.lab.deny("simulate_principal_policy"),
        level="unknown",
    ),
    Case(
        "There is no bucket",
        "bucket",
        _change(artifacts="s3://nobody-has-this/models"),
        also=_OF_ANOTHER_BUCKET,
        in_account=False,
    ),
    Case("The bucket lies in another region", "bucket", _bucket_elsewhere, also=_OF_ANOTHER_BUCKET),
    Case("The bucket is public", "bucket", _open_bucket),
    Case("The bucket keeps no versions", "bucket", _no_versions, level="warning"),
    Case("Tags can be moved", "repository", _mutable, level="warning"),
    Case(
        "The image was not pushed",
        "image",
        lambda setup: setup.settings.update(image=setup.settings["image"] + ".1"),
        in_account=False,
    ),
    Case("The image's manifest is of OCI's form", "image", _push(kind=OCI_MANIFEST)),
    Case("The image is for ARM", "image", _push(platform="arm64")),
    Case(
        "There is no role",
        "role",
        lambda setup: setup.settings.update(role=setup.settings["role"] + "-of-before"),
        also=("permissions",),
        in_account=False,
    ),
    Case("The role trusts EC2 alone", "role", _wrong_trust),
    Case("The role may not read models", "role-permissions", _role_without("ReadModels")),
    Case(
        "The role may not write the answers of batches",
        "role-permissions",
        _role_without(OF_BATCHES),
        level="warning",
    ),
    Case(
        "The role may not write asynchronous answers",
        "role-permissions",
        _async_elsewhere,
        also=("permissions",),
        in_account=False,
    ),
    Case(
        "The role may not read plans that the container is to fetch",
        "role-permissions",
        lambda setup: setup.settings.update({f"environment.{PREFIXES}": "s3://drawings/in/"}),
        in_account=False,
    ),
    Case(
        "There is no archive", "archive", _change(archive="model_store/none.mar"), in_account=False
    ),
    Case("The model in S3 was replaced", "model", _replace_model),
    Case("The model in S3 was deleted", "model", _remove_model),
    Case("The quota is smaller than what is wanted", "quotas", _small_quota),
    Case("The container does not answer /ping", "endpoint", _failed),
    Case("What serves was not tested", "endpoint", _unproved, level="warning"),
    Case("An alarm is in ALARM", "endpoint", _ringing, level="warning"),
    Case("An `apply` was interrupted", "endpoint", _interrupted, level="warning"),
)


class Diagnoses(dict[Case, tuple[int, list[dict[str, str]]]]):
    """Exit status and findings of `doctor`, case by case; each is made once, when it is asked for.

    Cases that do not lie in the account share one. It is closed in the end.

    Args:
        place: Where the accounts lie.
        archive: What is to be deployed.
    """

    def __init__(self, place: LocalSageMaker, archive: Path) -> None:
        super().__init__()
        self._place, self._archive = place, archive
        self._stack = ExitStack()

    @cached_property
    def _sound(self) -> Setup:
        lab = self._stack.enter_context(aws_lab(self._place, REGIONS[0]))
        return healthy(lab, self._archive)

    def __missing__(self, case: Case) -> tuple[int, list[dict[str, str]]]:
        if case.in_account:
            with aws_lab(self._place, REGIONS[CASES.index(case)]) as lab:
                setup = healthy(lab, self._archive, *case.without)
                case.spoil(setup)
                self[case] = setup.doctor()
        else:
            sound = self._sound
            setup = Setup(sound.lab, dict(sound.settings), dict(sound.environ))
            case.spoil(setup)
            self[case] = setup.doctor()
        return self[case]

    def close(self) -> None:
        """Leave the shared account."""
        self._stack.close()
