# SPDX-License-Identifier: AGPL-3.0-or-later
"""Accounts of a local SageMaker, and archives that tests deploy there, through boto3."""

from __future__ import annotations

import hashlib
import json
import time
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from deploy.aws.s3 import split_address
from deploy.image.model_tar import pack_model
from sagemaker_local.aws_clients import ACCOUNT
from sagemaker_local.seeding import Account, put_image
from serving.errors import WrongAnswer
from serving.golden import Golden, judge_answer

if TYPE_CHECKING:
    from pathlib import Path

    from sagemaker_local.aws_clients import AwsClients

REGION = "eu-central-1"
DEADLINE_S = 120.0
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "sagemaker.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


def bare_account(aws: AwsClients, region: str, name: str = "rooms") -> Account:
    """A bucket, a role and an image of one name, and no more: nothing that `bootstrap` adds."""
    s3 = aws.client("s3", region)
    if region == "us-east-1":
        s3.create_bucket(Bucket=name)
    else:
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
    role = aws.client("iam", region).create_role(
        RoleName=name, AssumeRolePolicyDocument=json.dumps(_TRUST)
    )["Role"]["Arn"]
    aws.client("ecr", region).create_repository(repositoryName=name)
    digest = put_image(aws, region, name)
    image = f"{ACCOUNT}.dkr.ecr.{region}.amazonaws.com/{name}@{digest}"
    return Account(f"s3://{name}", role, image, region)


def clients(url: str) -> tuple[Any, ...]:
    """Of SageMaker, its runtime, S3, CloudWatch and its logs."""

    def client(service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}),
        )

    return tuple(map(client, ("sagemaker", "sagemaker-runtime", "s3", "cloudwatch", "logs")))


class Deployment:
    """What is deployed to a local SageMaker.

    Args:
        url: Its address.
        account: Bucket, role and image.
        folder: For files.
    """

    def __init__(self, url: str, account: dict[str, str], folder: Path) -> None:
        self.sagemaker, self.runtime, self.s3, self.cloudwatch, self.logs = clients(url)
        self.account, self.folder = account, folder

    def model(self, archive: Path, name: str, *, sha256: str = "") -> str:
        """Put an archive there as a model of a name; the name."""
        packed = self.folder / f"{name}.tar.gz"
        pack_model(archive, packed)
        address = f"{self.account['artifacts']}/{packed.name}"
        bucket, key = split_address(address)
        self.s3.put_object(Bucket=bucket, Key=key, Body=packed.read_bytes())
        digest = sha256 or hashlib.sha256(archive.read_bytes()).hexdigest()
        self.sagemaker.create_model(
            ModelName=name,
            ExecutionRoleArn=self.account["role"],
            PrimaryContainer={
                "Image": self.account["image"],
                "ModelDataUrl": address,
                "Environment": {"ROOMDET_ARCHIVE_SHA256": digest},
            },
        )
        return name

    def config(
        self,
        archive: Path,
        name: str,
        *,
        sha256: str = "",
        concurrency: int = 0,
        asynchronous: dict[str, Any] | None = None,
    ) -> str:
        """Put an archive there as a model and a configuration of a name; the name."""
        self.model(archive, name, sha256=sha256)
        variant: dict[str, Any] = {"VariantName": "AllTraffic", "ModelName": name}
        if concurrency:
            settings = {"MemorySizeInMB": 2048, "MaxConcurrency": concurrency}
            variant["ServerlessConfig"] = settings
        else:
            variant |= {"InstanceType": "ml.c6i.large", "InitialInstanceCount": 2}
        beside = {"AsyncInferenceConfig": asynchronous} if asynchronous else {}
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=name, ProductionVariants=[variant], **beside
        )
        return name

    def put(self, key: str, body: bytes) -> str:
        """An object in the bucket; its address."""
        bucket = self.account["artifacts"].removeprefix("s3://")
        self.s3.put_object(Bucket=bucket, Key=key, Body=body)
        return f"{self.account['artifacts']}/{key}"

    def awaited(self, url: str) -> str:
        """An object as text, as soon as it is there."""
        bucket, _, key = url.removeprefix("s3://").partition("/")
        deadline = time.monotonic() + DEADLINE_S
        while True:
            try:
                return str(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode())
            except self.s3.exceptions.NoSuchKey:
                assert time.monotonic() < deadline, url
                time.sleep(0.05)

    def settled(self, *progress: str) -> dict[str, Any]:
        """The endpoint, when it is no longer in one of these states."""
        deadline = time.monotonic() + DEADLINE_S
        while (found := self.sagemaker.describe_endpoint(EndpointName="rooms"))[
            "EndpointStatus"
        ] in progress:
            assert time.monotonic() < deadline, found
            time.sleep(0.05)
        described: dict[str, Any] = found
        return described

    def ask(self, body: bytes) -> str:
        """The answer to a plan."""
        answer = self.runtime.invoke_endpoint(
            EndpointName="rooms", Body=body, ContentType="application/octet-stream"
        )
        return str(answer["Body"].read().decode())

    def verdicts(self, golden: Golden, count: int) -> list[bool]:
        """Whether the golden plan is answered as it must be, so often."""

        def is_right() -> bool:
            try:
                return judge_answer(self.ask(golden.plan), golden) > 0
            except WrongAnswer:
                return False

        return [is_right() for _ in range(count)]

    def log(self) -> str:
        """Everything that servers printed so far."""
        group = "/aws/sagemaker/Endpoints/rooms"
        pages = self.logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        return "\n".join(event["message"] for page in pages for event in page["events"])


def values(account: Account) -> dict[str, str]:
    """By name."""
    return dict(setting.split("=", 1) for setting in account.settings())
