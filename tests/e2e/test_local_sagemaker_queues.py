# SPDX-License-Identifier: AGPL-3.0-or-later
"""Asynchronous endpoints and transform jobs of the local SageMaker, with the real archive."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import boto3
import psutil
import pytest

from sagemaker_local.local_sagemaker import LocalSageMaker, ServeWith, local_sagemaker, starter
from serving.golden import judge_answer, read_golden
from tests.deploying import DEADLINE_S, REGION, Deployment, bare_account, values

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SCALE = 0.003  # a quarter of an hour lasts less than three seconds
_TARGET = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/rooms/variant/AllTraffic",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}


@pytest.fixture
def place() -> Iterator[LocalSageMaker]:
    """A local SageMaker with real servers, whose waits are very short."""
    with local_sagemaker(starter(ServeWith.TORCHSERVE), time_scale=_SCALE) as place:
        yield place
        assert place.backend.bugs == []


def scale_to_zero(place: LocalSageMaker) -> None:
    """Register what brings the endpoint ``rooms`` to zero and back."""
    scaling, cloudwatch = (
        boto3.client(
            service, endpoint_url=place.url, region_name=REGION,
            aws_access_key_id="test", aws_secret_access_key="test",
        )
        for service in ("application-autoscaling", "cloudwatch")
    )  # fmt: skip
    dimensions = [{"Name": "EndpointName", "Value": "rooms"}]
    scaling.register_scalable_target(**_TARGET, MinCapacity=0, MaxCapacity=1)
    metric = {
        "MetricName": "ApproximateBacklogSizePerInstance", "Namespace": "AWS/SageMaker",
        "Dimensions": dimensions, "Statistic": "Average",
    }  # fmt: skip
    scaling.put_scaling_policy(
        **_TARGET, PolicyName="idle", PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 5.0, "CustomizedMetricSpecification": metric,
        },
    )  # fmt: skip
    step = {"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}
    policy = scaling.put_scaling_policy(
        **_TARGET, PolicyName="wake", PolicyType="StepScaling",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ChangeInCapacity", "StepAdjustments": [step],
        },
    )  # fmt: skip
    cloudwatch.put_metric_alarm(
        AlarmName="waiting", MetricName="HasBacklogWithoutCapacity", Namespace="AWS/SageMaker",
        Dimensions=dimensions, Statistic="Average", Period=60, EvaluationPeriods=1, Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold", AlarmActions=[policy["PolicyARN"]],
    )  # fmt: skip


def javas() -> set[int]:
    """TorchServes of this process."""
    children = psutil.Process().children(recursive=True)
    return {child.pid for child in children if "java" in child.name()}


def instances(there: Deployment) -> int:
    """How many the endpoint has."""
    found = there.sagemaker.describe_endpoint(EndpointName="rooms")["ProductionVariants"][0]
    return int(found["CurrentInstanceCount"])


def test_plans_wait_for_an_instance(place: LocalSageMaker, archive: Path, tmp_path: Path) -> None:
    """One plan and one that is none; then the server ends, and comes back for another plan."""
    account = bare_account(place.backend.aws, REGION, "rooms-queue")
    there = Deployment(place.url, values(account), tmp_path)
    golden, root = read_golden(archive), there.account["artifacts"]
    output = {"S3OutputPath": f"{root}/rooms", "S3FailurePath": f"{root}/failed"}
    before = javas()
    config = there.config(archive, "v1", asynchronous={"OutputConfig": output})
    there.sagemaker.create_endpoint(EndpointName="rooms", EndpointConfigName=config)
    assert "InService" == there.settled("Creating")["EndpointStatus"]

    def queue(body: bytes) -> dict[str, str]:
        found: dict[str, str] = there.runtime.invoke_endpoint_async(
            EndpointName="rooms", InputLocation=there.put("plan.png", body), ContentType="image/png"
        )
        return found

    found = queue(golden.plan)
    assert judge_answer(there.awaited(found["OutputLocation"]), golden) > 0
    found = queue(b"no plan")
    failure = json.loads(there.awaited(found["FailureLocation"]))
    assert ("error", "invalid_file_format") == (failure["status"], failure["error"])

    started = javas() - before
    assert len(started) == 1
    scale_to_zero(place)
    deadline = time.monotonic() + DEADLINE_S
    while instances(there) or place.backend.pool.running() or started & javas():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    found = queue(golden.plan)
    assert judge_answer(there.awaited(found["OutputLocation"]), golden) > 0


def test_an_archive_of_plans(place: LocalSageMaker, archive: Path, tmp_path: Path) -> None:
    """Five plans and one that is none: five answers, and a job that says so."""
    account = bare_account(place.backend.aws, REGION, "rooms-batch")
    there = Deployment(place.url, values(account), tmp_path)
    golden, root = read_golden(archive), there.account["artifacts"]
    for index in range(5):
        there.put(f"plans/house/{index}.png", golden.plan)
    there.put("plans/notes.txt", b"no plan")
    source = {"S3DataType": "S3Prefix", "S3Uri": f"{root}/plans/"}
    there.sagemaker.create_transform_job(
        TransformJobName="archive",
        ModelName=there.model(archive, "v1"),
        TransformInput={
            "DataSource": {"S3DataSource": source}, "ContentType": "application/octet-stream",
        },
        TransformOutput={"S3OutputPath": f"{root}/rooms", "Accept": "application/json"},
        TransformResources={"InstanceType": "ml.c6i.large", "InstanceCount": 2},
    )  # fmt: skip
    deadline = time.monotonic() + DEADLINE_S
    while (found := there.sagemaker.describe_transform_job(TransformJobName="archive"))[
        "TransformJobStatus"
    ] == "InProgress":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert ("Failed", "ClientError: See job logs for more information") == (
        found["TransformJobStatus"], found["FailureReason"],
    )  # fmt: skip
    bucket = root.removeprefix("s3://")
    listed = there.s3.list_objects_v2(Bucket=bucket, Prefix="rooms/")["Contents"]
    assert [f"rooms/house/{index}.png.out" for index in range(5)] == [e["Key"] for e in listed]
    for entry in listed:
        assert judge_answer(there.awaited(f"{root}/{entry['Key']}"), golden) > 0
    pages = there.logs.get_paginator("filter_log_events").paginate(
        logGroupName="/aws/sagemaker/TransformJobs"
    )
    text = "\n".join(event["message"] for page in pages for event in page["events"])
    assert f"{bucket}/plans/notes.txt: ClientError: 400" in text
    assert '"error":"invalid_file_format"' in text
    # What the server offers at /execution-parameters.
    assert "MaxConcurrentTransforms=3, MaxPayloadInMB=28, BatchStrategy=SINGLE_RECORD" in text
