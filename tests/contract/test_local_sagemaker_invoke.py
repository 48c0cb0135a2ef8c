# SPDX-License-Identifier: AGPL-3.0-or-later
"""The local SageMaker's runtime: limits, errors, and what is counted of them."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from sagemaker_local.fleets import Share
from sagemaker_local.invoke import MAX_BYTES, MAX_SERVERLESS_BYTES
from tests.contract.local_sagemaker import DEADLINE_S

if TYPE_CHECKING:
    from tests.contract.local_sagemaker import Harness


def failure(lab: Harness, endpoint: str, body: bytes = b"plan", **more: Any) -> dict[str, Any]:
    """The answer to an invocation that fails."""
    with pytest.raises(ClientError) as caught:
        lab.invoke(endpoint, body, **more)
    return dict(caught.value.response)


def streams_of(lab: Harness, endpoint: str, message: str) -> set[str]:
    """The log streams of an endpoint that have a line."""
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    events = lab.client("logs").filter_log_events(logGroupName=group)["events"]
    return {event["logStreamName"] for event in events if event["message"] == message}


def test_an_answer(lab: Harness) -> None:
    """Attributes go there and back; the rest of the headers as SageMaker names them."""
    endpoint = lab.endpoint(NAME="one")
    found = lab.invoke(endpoint, CustomAttributes="page=2", Accept="application/json")

    assert ("one 4 application/json", "text/plain") == (found["Text"], found["ContentType"])
    assert ("page=2", "AllTraffic") == (
        found["CustomAttributes"], found["InvokedProductionVariant"],
    )  # fmt: skip
    assert "CustomAttributes" not in lab.invoke(endpoint)


def test_an_endpoint_that_is_not_there(lab: Harness) -> None:
    """Is told in the runtime's own way, which is not that of the control plane."""
    found = failure(lab, "nobody")
    assert ("ValidationError", 400) == (
        found["Error"]["Code"], found["ResponseMetadata"]["HTTPStatusCode"],
    )  # fmt: skip
    assert "Endpoint nobody of account 123456789012 not found." == found["Error"]["Message"]


@pytest.mark.parametrize(("status", "side"), [("400", "client"), ("503", "server")])
def test_an_error_of_the_container(lab: Harness, status: str, side: str) -> None:
    """Comes as a ModelError with 424, with all of the original in it."""
    endpoint = lab.endpoint(NAME="bad", STATUS=status)
    found = failure(lab, endpoint)

    assert ("ModelError", 424) == (
        found["Error"]["Code"], found["ResponseMetadata"]["HTTPStatusCode"],
    )  # fmt: skip
    assert (int(status), "bad 4 -") == (found["OriginalStatusCode"], found["OriginalMessage"])
    assert found["LogStreamArn"].endswith(f":log-group:/aws/sagemaker/Endpoints/{endpoint}")
    told = f'Received {side} error ({status}) from primary with message "bad 4 -". See https://'
    assert found["Error"]["Message"].startswith(told)


def test_an_answer_that_takes_too_long(lab: Harness) -> None:
    """Is a ModelError without a status."""
    found = failure(lab, lab.endpoint(DELAY_S="6"))
    assert ("ModelError", 0) == (found["Error"]["Code"], found["OriginalStatusCode"])
    assert found["OriginalMessage"].startswith("Your invocation timed out while waiting")


@pytest.mark.parametrize(
    ("concurrency", "code", "status"),
    [
        pytest.param(1, "ModelNotReadyException", 429, id="serverless"),
        pytest.param(0, "ServiceUnavailable", 503, id="instances"),
    ],
)
def test_a_container_that_is_not_there(
    lab: Harness, concurrency: int, code: str, status: int
) -> None:
    """Serverless hosting says that it is being made; instances are unavailable."""
    found = failure(lab, lab.endpoint(concurrency=concurrency, STATUS="0"))
    assert (code, status) == (
        found["Error"]["Code"], found["ResponseMetadata"]["HTTPStatusCode"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("concurrency", "most", "code", "told"),
    [
        pytest.param(
            1, MAX_SERVERLESS_BYTES, "ValidationError", "has oversize body.", id="serverless"
        ),
        pytest.param(0, MAX_BYTES, "413", f"exceeded {MAX_BYTES} bytes.", id="instances"),
    ],
)
def test_bodies_that_are_too_large(
    lab: Harness, concurrency: int, most: int, code: str, told: str
) -> None:
    """By one byte."""
    endpoint = lab.endpoint(concurrency=concurrency, NAME="one")
    assert f"one {most} -" == lab.invoke(endpoint, b"x" * most)["Text"]
    found = failure(lab, endpoint, b"x" * (most + 1))
    assert code == found["Error"]["Code"]
    assert found["Error"]["Message"].endswith(told)


def test_attributes_that_are_refused(lab: Harness) -> None:
    """Longer than 1024 characters."""
    endpoint = lab.endpoint()
    assert lab.invoke(endpoint, CustomAttributes="x" * 1024)["CustomAttributes"] == "x" * 1024
    found = failure(lab, endpoint, CustomAttributes="x" * 1025)
    assert "ValidationError" == found["Error"]["Code"]
    assert "customAttributes" in found["Error"]["Message"]


def test_a_serverless_endpoint_has_a_concurrency(lab: Harness) -> None:
    """What is above it is throttled at once, without a word; the others are answered."""
    endpoint = lab.endpoint(concurrency=2, NAME="busy", DELAY_S="0.5")
    with ThreadPoolExecutor(5) as pool:
        futures = [pool.submit(lab.invoke, endpoint) for _ in range(5)]
        errors = [error for future in futures if (error := future.exception())]
    assert 3 == len(errors)
    for error in errors:
        assert isinstance(error, ClientError)
        assert "ThrottlingException" == error.response["Error"]["Code"]
        assert 400 == error.response["ResponseMetadata"]["HTTPStatusCode"]
    assert "busy 4 -" == lab.invoke(endpoint)["Text"]


def test_instances_take_what_comes(lab: Harness) -> None:
    """There is no such limit."""
    endpoint = lab.endpoint(DELAY_S="0.2")
    with ThreadPoolExecutor(8) as pool:
        assert 8 == len(list(pool.map(lambda _: lab.invoke(endpoint), range(8))))


def test_a_variant_can_be_chosen(lab: Harness) -> None:
    """By name; without one, each gets its part."""
    names = {"A": (lab.model(NAME="a"), 1.0), "B": (lab.model(NAME="b"), 3.0)}
    variants = [
        {"VariantName": name, "ModelName": model, "InitialVariantWeight": weight,
         "InstanceType": "ml.c6i.large", "InitialInstanceCount": 1}
        for name, (model, weight) in names.items()
    ]  # fmt: skip
    config, endpoint = lab.name(), lab.name()
    lab.sagemaker.create_endpoint_config(EndpointConfigName=config, ProductionVariants=variants)
    lab.sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    lab.settled(endpoint)

    assert "a 4 -" == lab.invoke(endpoint, TargetVariant="A")["Text"]
    seen = [lab.invoke(endpoint)["InvokedProductionVariant"] for _ in range(100)]
    assert abs(seen.count("A") - 25) <= 2
    assert "ValidationError" == failure(lab, endpoint, TargetVariant="C")["Error"]["Code"]


@pytest.mark.parametrize("concurrency", [1, 0], ids=["serverless", "instances"])
def test_a_container_that_dies_is_replaced(lab: Harness, concurrency: int) -> None:
    """The endpoint stays in service, and answers again; its log says that another one started."""
    endpoint = lab.endpoint(concurrency=concurrency, NAME="mortal")
    with pytest.raises(ClientError):
        lab.invoke(endpoint, b"DIE")

    deadline = time.monotonic() + DEADLINE_S
    found, logged = "", 0
    while not found or not logged:
        assert "InService" == lab.describe(endpoint)["EndpointStatus"]
        assert time.monotonic() < deadline
        with suppress(ClientError):
            found = lab.invoke(endpoint)["Text"]
        logged = len(streams_of(lab, endpoint, "mortal starts")) - 1
        time.sleep(0.02)

    assert found.startswith("mortal")


def test_shares_are_exact() -> None:
    """Whatever they are, also when they change on the way."""
    share = Share()
    for percent in (0, 1, 10, 33, 50, 100):
        assert percent == sum(share.takes(percent) for _ in range(100))


def test_what_is_counted(lab: Harness) -> None:
    """One good answer, and two bad ones of a canary's kind, in CloudWatch."""
    endpoint = lab.endpoint(STATUS="500")
    for _ in range(2):
        failure(lab, endpoint)
    cloudwatch = lab.client("cloudwatch")

    def total(
        metric: str, statistic: str = "Sum", namespace: str = "AWS/SageMaker"
    ) -> float | None:
        points = cloudwatch.get_metric_statistics(
            Namespace=namespace, MetricName=metric, Statistics=[statistic], Period=3600,
            StartTime=time.time() - 3600, EndTime=time.time() + 60,
            Dimensions=[{"Name": "EndpointName", "Value": endpoint},
                        {"Name": "VariantName", "Value": "AllTraffic"}],
        )["Datapoints"]  # fmt: skip
        return sum(point[statistic] for point in points) if points else None

    deadline = time.monotonic() + 10
    while (
        total("Invocations") != 2
        or total("MemoryUtilization", "Maximum", "/aws/sagemaker/Endpoints") != 25.0
    ):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert (2, 2, 0) == tuple(
        total(name)
        for name in ("Invocation5XXErrors", "InvocationModelErrors", "Invocation4XXErrors")
    )
    assert 500_000 == total("ModelLatency", "Maximum")


def test_what_servers_print(lab: Harness) -> None:
    """Is in CloudWatch Logs, each line once."""
    endpoint = lab.endpoint(NAME="talker")
    lab.invoke(endpoint)
    logs, group = lab.client("logs"), f"/aws/sagemaker/Endpoints/{endpoint}"
    shown: list[dict[str, Any]] = []
    for count in (2, 3):  # the third is there when the others have been looked at again
        deadline = time.monotonic() + 10
        while len(shown) < count:
            assert time.monotonic() < deadline
            time.sleep(0.05)
            shown = logs.filter_log_events(logGroupName=group)["events"]
        if count == 2:
            lab.invoke(endpoint)
    assert ["talker starts", *["one request"] * 2] == [event["message"] for event in shown]
    assert shown[0]["logStreamName"].startswith("AllTraffic/i-")
