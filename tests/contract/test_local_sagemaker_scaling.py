# SPDX-License-Identifier: AGPL-3.0-or-later
"""The local SageMaker does what application-autoscaling would do to asynchronous endpoints."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.contract.local_sagemaker import DEADLINE_S, REGION, Harness, played_lab

if TYPE_CHECKING:
    from collections.abc import Iterator

_DIMENSION = "sagemaker:variant:DesiredInstanceCount"


@pytest.fixture
def fast() -> Iterator[Harness]:
    """A lab in which a quarter of an hour lasts less than two seconds."""
    with played_lab(scale=0.002) as lab:
        yield lab


class Scaled:
    """An asynchronous endpoint that is scaled."""

    def __init__(
        self, lab: Harness, least: int = 0, most: int = 3, name: str = "", delay_s: float = 0
    ) -> None:
        self.lab, self.name = lab, lab.async_endpoint(NAME=name, DELAY_S=str(delay_s))
        self._scaling = lab.client("application-autoscaling")
        resource = f"endpoint/{self.name}/variant/AllTraffic"
        self._target = {
            "ServiceNamespace": "sagemaker",
            "ResourceId": resource,
            "ScalableDimension": _DIMENSION,
        }
        self._scaling.register_scalable_target(**self._target, MinCapacity=least, MaxCapacity=most)

    def metric(self, name: str = "ApproximateBacklogSizePerInstance") -> dict[str, Any]:
        """A metric of the queue."""
        return {
            "Namespace": "AWS/SageMaker", "MetricName": name,
            "Dimensions": [{"Name": "EndpointName", "Value": self.name}],
        }  # fmt: skip

    def track(self, value: float) -> None:
        """Put a policy that tracks the backlog."""
        self._scaling.put_scaling_policy(
            **self._target,
            PolicyName="track",
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={
                "TargetValue": value,
                "CustomizedMetricSpecification": {**self.metric(), "Statistic": "Average"},
            },
        )

    def step(self) -> None:
        """Put a policy that adds an instance when something waits and nobody serves."""
        step = {"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}
        policy = self._scaling.put_scaling_policy(
            **self._target,
            PolicyName="step",
            PolicyType="StepScaling",
            StepScalingPolicyConfiguration={
                "AdjustmentType": "ChangeInCapacity", "StepAdjustments": [step], "Cooldown": 300,
            },
        )  # fmt: skip
        self.lab.client("cloudwatch").put_metric_alarm(
            AlarmName=f"{self.name}-backlog", **self.metric("HasBacklogWithoutCapacity"),
            Statistic="Average", Period=60, EvaluationPeriods=2, DatapointsToAlarm=2, Threshold=1,
            ComparisonOperator="GreaterThanOrEqualToThreshold", TreatMissingData="missing",
            AlarmActions=[policy["PolicyARN"]],
        )  # fmt: skip

    def counts(self) -> tuple[int, int]:
        """How many instances there are, and how many there shall be."""
        (variant,) = self.lab.describe(self.name)["ProductionVariants"]
        return variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]

    def wait_count(self, count: int) -> None:
        """Wait until it has so many instances and has settled."""
        deadline = time.monotonic() + DEADLINE_S
        while self.counts() != (count, count) or self.status() != "InService":
            assert time.monotonic() < deadline, (self.counts(), self.status())
            time.sleep(0.02)

    def status(self) -> str:
        """Of the endpoint."""
        return str(self.lab.describe(self.name)["EndpointStatus"])

    def shown(self, name: str) -> set[float]:
        """Values of a metric of the queue in CloudWatch."""
        data = self.lab.client("cloudwatch").get_metric_statistics(
            **self.metric(name), Statistics=["Maximum", "Minimum"], Period=1,
            StartTime=time.time() - 600, EndTime=time.time() + 60,
        )["Datapoints"]  # fmt: skip
        return {point[kind] for point in data for kind in ("Maximum", "Minimum")}


def test_to_zero_and_back(fast: Harness) -> None:
    """Idle for a quarter of an hour, the server ends; one request brings another one."""
    scaled = Scaled(fast, name="sleeper")
    scaled.track(5)
    scaled.step()
    pool = fast.place.backend.pool
    before = pool.running()
    scaled.wait_count(0)
    assert before - 1 == pool.running()

    found = fast.queue(scaled.name)
    assert fast.content(found["OutputLocation"]) is None
    assert "sleeper 4 -" == fast.awaited(found["OutputLocation"])
    assert before == pool.running()
    assert {0.0, 1.0} == scaled.shown("HasBacklogWithoutCapacity")
    scaled.wait_count(1)
    scaled.wait_count(0)
    streams = fast.client("logs").describe_log_streams(
        logGroupName=f"/aws/sagemaker/Endpoints/{scaled.name}"
    )
    assert 2 == len(streams["logStreams"])


def test_without_the_step_a_few_requests_wait(fast: Harness) -> None:
    """A target alone brings an endpoint back only when more than the target wait."""
    scaled = Scaled(fast)
    scaled.track(2)
    scaled.wait_count(0)
    found = [fast.queue(scaled.name) for _ in range(2)]
    time.sleep(1.4)  # more than ten minutes
    assert (0, 0) == scaled.counts()
    found.append(fast.queue(scaled.name))
    for one in found:
        fast.awaited(one["OutputLocation"])


def test_as_many_as_the_backlog_needs(fast: Harness) -> None:
    """Within the bounds, and back."""
    scaled = Scaled(fast, least=1, most=3, delay_s=0.4)
    scaled.track(2)
    found = [fast.queue(scaled.name) for _ in range(20)]
    scaled.wait_count(3)
    for one in found:
        fast.awaited(one["OutputLocation"])
    scaled.wait_count(1)
    sizes = scaled.shown("ApproximateBacklogSize")
    assert 0 == min(sizes)
    assert 6 < max(sizes) <= 20
    assert max(scaled.shown("ApproximateAgeOfOldestRequest")) > 1


def test_bounds_bring_instances_themselves(lab: Harness) -> None:
    """Without any policy; on its way the endpoint is Updating."""
    scaled = Scaled(lab, least=2, most=3)
    lab.wait(scaled.name, lambda found: found["EndpointStatus"] == "Updating")
    assert (1, 2) == scaled.counts()
    scaled.wait_count(2)


def test_by_hand(fast: Harness) -> None:
    """UpdateEndpointWeightsAndCapacities ends the last server and starts the first."""
    endpoint, pool = fast.async_endpoint(NAME="hand"), fast.place.backend.pool
    wanted = [{"VariantName": "AllTraffic", "DesiredInstanceCount": 0}]
    update = fast.sagemaker.update_endpoint_weights_and_capacities
    running = pool.running()
    update(EndpointName=endpoint, DesiredWeightsAndCapacities=wanted)
    variant = fast.settled(endpoint)["ProductionVariants"][0]
    assert (0, running - 1) == (variant["CurrentInstanceCount"], pool.running())
    found = fast.queue(endpoint)
    wanted[0]["DesiredInstanceCount"] = 1
    update(EndpointName=endpoint, DesiredWeightsAndCapacities=wanted)
    assert "hand 4 -" == fast.awaited(found["OutputLocation"])
    with pytest.raises(ClientError, match="Only an asynchronous endpoint"):
        update(
            EndpointName=fast.endpoint(),
            DesiredWeightsAndCapacities=[{"VariantName": "AllTraffic", "DesiredInstanceCount": 0}],
        )


def test_a_server_that_does_not_come_back(fast: Harness) -> None:
    """Leaves the request waiting, and is told as the endpoint's FailureReason."""
    endpoint = fast.async_endpoint()
    update = fast.sagemaker.update_endpoint_weights_and_capacities
    wanted = {"VariantName": "AllTraffic", "DesiredInstanceCount": 0}
    update(EndpointName=endpoint, DesiredWeightsAndCapacities=[wanted])
    fast.settled(endpoint)
    live = fast.place.backend.region(REGION).endpoints[endpoint].live
    assert live
    environ: Any = live.variants[0].launch.environ
    environ["START"] = "fail"
    wanted["DesiredInstanceCount"] = 1
    update(EndpointName=endpoint, DesiredWeightsAndCapacities=[wanted])
    found = fast.settled(endpoint)
    assert "did not pass the ping health check" in found["FailureReason"]
    assert 0 == found["ProductionVariants"][0]["CurrentInstanceCount"]


def test_what_is_counted_of_requests(fast: Harness) -> None:
    """By variant, as the developer guide lists it; nothing that it says is not there."""
    endpoint = fast.async_endpoint()
    for body in (b"plan", b"BAD"):
        found = fast.queue(endpoint, body)
    fast.awaited(found["FailureLocation"])
    cloudwatch = fast.client("cloudwatch")

    def total(name: str) -> float:
        points = cloudwatch.get_metric_statistics(
            Namespace="AWS/SageMaker", MetricName=name, Statistics=["Sum"], Period=3600,
            StartTime=time.time() - 3600, EndTime=time.time() + 60,
            Dimensions=[{"Name": "EndpointName", "Value": endpoint},
                        {"Name": "VariantName", "Value": "AllTraffic"}],
        )["Datapoints"]  # fmt: skip
        return float(sum(point["Sum"] for point in points))

    deadline = time.monotonic() + DEADLINE_S
    while total("InvocationsProcessed") < 2:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert (1, 1, 0) == tuple(
        total(name) for name in ("InvocationFailures", "Invocation4XXErrors", "ExpiredRequests")
    )
    assert all(total(name) > 0 for name in ("TimeInBacklog", "TotalProcessingTime", "ModelLatency"))
    assert 0 == total("Invocations")
