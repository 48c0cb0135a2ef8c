# SPDX-License-Identifier: AGPL-3.0-or-later
"""The local SageMaker's asynchronous endpoints: requests, answers, failures, notifications."""

from __future__ import annotations

import base64
import json
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from sagemaker_local.asynchronous import MAX_INLINE_BYTES
from tests.contract.local_sagemaker import DEADLINE_S, REGION, played_lab

if TYPE_CHECKING:
    from tests.contract.local_sagemaker import Harness


class Listener:
    """A queue that hears what two topics are told."""

    def __init__(self, lab: Harness) -> None:
        self._lab, self._sqs, sns = lab, lab.client("sqs"), lab.client("sns")
        name = lab.name("heard")
        self._url = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        self.topics = {
            kind: sns.create_topic(Name=f"{name}-{kind}")["TopicArn"] for kind in ("good", "bad")
        }
        for topic in self.topics.values():
            sns.subscribe(
                TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:123456789012:{name}"
            )

    def config(self, *included: str) -> dict[str, Any]:
        """NotificationConfig."""
        topics = {"SuccessTopic": self.topics["good"], "ErrorTopic": self.topics["bad"]}
        return {**topics, "IncludeInferenceResponseIn": list(included)}

    def hear(self) -> tuple[str, dict[str, Any]]:
        """The next message, and the topic that it came from."""
        deadline = time.monotonic() + DEADLINE_S
        while not (found := self._sqs.receive_message(QueueUrl=self._url).get("Messages")):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=found[0]["ReceiptHandle"])
        envelope = json.loads(found[0]["Body"])
        (kind,) = [kind for kind, arn in self.topics.items() if arn == envelope["TopicArn"]]
        return kind, json.loads(envelope["Message"])


def refusal(lab: Harness, endpoint: str, **more: Any) -> tuple[str, str]:
    """Code and message of a request that is not queued."""
    with pytest.raises(ClientError) as caught:
        lab.client("sagemaker-runtime").invoke_endpoint_async(EndpointName=endpoint, **more)
    error = caught.value.response["Error"]
    assert 400 == caught.value.response["ResponseMetadata"]["HTTPStatusCode"]
    return str(error["Code"]), str(error["Message"])


def test_an_answer_is_put_where_it_was_said(lab: Harness) -> None:
    """Under a name of its own, with the container's type; nothing lies among the failures."""
    endpoint = lab.async_endpoint(NAME="one")
    found = lab.queue(endpoint, b"a plan", Accept="application/json", InferenceId="mine")

    assert ("mine", 202) == (found["InferenceId"], found["ResponseMetadata"]["HTTPStatusCode"])
    assert found["OutputLocation"].startswith(f"{lab.account.artifacts}/answers/")
    assert found["FailureLocation"].startswith(f"{lab.account.artifacts}/failures/")
    assert "mine" not in found["OutputLocation"]
    assert "one 6 application/json" == lab.awaited(found["OutputLocation"])
    assert lab.content(found["FailureLocation"]) is None
    key = found["OutputLocation"].removeprefix(f"{lab.account.artifacts}/")
    head = lab.client("s3").head_object(Bucket=lab.repository, Key=key)
    assert "text/plain" == head["ContentType"]


def test_a_body_can_come_along(lab: Harness) -> None:
    """Up to 128,000 bytes; the answer's place and name can be chosen, too."""
    endpoint = lab.async_endpoint(NAME="inline")
    found = lab.client("sagemaker-runtime").invoke_endpoint_async(
        EndpointName=endpoint, Body=b"x" * MAX_INLINE_BYTES, S3OutputPathExtension="house/3",
        Filename="cellar.json",
    )  # fmt: skip
    assert f"{lab.account.artifacts}/answers/house/3/cellar.json" == found["OutputLocation"]
    assert f"inline {MAX_INLINE_BYTES} -" == lab.awaited(found["OutputLocation"])


def test_a_failure_is_put_elsewhere(lab: Harness) -> None:
    """As the container wrote it; the log has the request's id."""
    endpoint = lab.async_endpoint(NAME="bad")
    found = lab.queue(endpoint, b"BAD", InferenceId="request-7")

    assert "bad 3 -" == lab.awaited(found["FailureLocation"])
    assert lab.content(found["OutputLocation"]) is None
    logs = lab.client("logs")
    events = logs.filter_log_events(logGroupName=f"/aws/sagemaker/Endpoints/{endpoint}")["events"]
    (event,) = [event for event in events if event["logStreamName"].endswith("/data-log")]
    told = '[sagemaker logs] [request-7] Received client error (400) from primary with message "bad'
    assert told in event["message"]


def test_without_a_failure_path_none_is_named(lab: Harness) -> None:
    """And nothing is written."""
    config = lab.async_config()
    del config["OutputConfig"]["S3FailurePath"]
    found = lab.queue(lab.async_endpoint(config=config), b"BAD")
    assert "FailureLocation" not in found


def test_topics_are_told(lab: Harness) -> None:
    """Success to one, failure to the other, in SageMaker's own form."""
    listener = Listener(lab)
    config = lab.async_config(NotificationConfig=listener.config("SUCCESS_NOTIFICATION_TOPIC"))
    endpoint = lab.async_endpoint(config=config, NAME="told")
    found = lab.queue(endpoint, InferenceId="a", ContentType="image/png", CustomAttributes="page=2")
    kind, heard = listener.hear()
    assert "good" == kind
    asked = heard.pop("requestParameters")
    assert asked.pop("inputLocation").startswith(f"{lab.account.artifacts}/inputs/")
    assert {"contentType": "image/png", "customAttributes": "page=2",
            "endpointName": endpoint} == asked  # fmt: skip
    answer = base64.b64decode(heard.pop("responseBody")["content"])
    assert b"told 4 -" == answer
    times = [heard.pop(name) for name in ("receivedTime", "eventTime")]
    assert times == sorted(times)
    assert all(at.endswith("Z") for at in times)
    assert {
        "awsRegion": REGION,
        "invocationStatus": "Completed",
        "responseParameters": {
            "contentType": "text/plain", "outputLocation": found["OutputLocation"],
        },
        "inferenceId": "a",
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    } == heard  # fmt: skip

    found = lab.queue(endpoint, b"WORSE")
    kind, heard = listener.hear()
    assert ("bad", "Failed") == (kind, heard["invocationStatus"])
    told = (
        "ClientError: Received server error (500) from model. See the SageMaker Endpoint logs in "
        "your account for more information."
    )
    assert told == heard["failureReason"]
    assert found["FailureLocation"] == heard["responseParameters"]["outputLocation"]
    assert "responseBody" not in heard


@pytest.mark.parametrize(
    ("delay_s", "status", "told"),
    [
        pytest.param("3", "200", "timed out while waiting for a response", id="late"),
        pytest.param("0", "0", "ConnectionRefusedError", id="gone"),
    ],
)
def test_a_container_that_does_not_answer(
    lab: Harness, delay_s: str, status: str, told: str
) -> None:
    """Within InvocationTimeoutSeconds, or at all, is a failure."""
    endpoint = lab.async_endpoint(DELAY_S=delay_s, STATUS=status)
    found = lab.queue(endpoint, InvocationTimeoutSeconds=1)
    assert told in lab.awaited(found["FailureLocation"])


def test_places_that_are_not_there(lab: Harness) -> None:
    """An input that is gone is a failure; so is a bucket for answers that is not there."""
    runtime = lab.client("sagemaker-runtime")
    where = f"{lab.account.artifacts}/inputs/none"
    endpoint = lab.async_endpoint()
    found = runtime.invoke_endpoint_async(EndpointName=endpoint, InputLocation=where)
    assert f"Could not download the request from {where}" in lab.awaited(found["FailureLocation"])

    config = lab.async_config(S3OutputPath="s3://nobodys-bucket/answers")
    found = lab.queue(lab.async_endpoint(config=config))
    assert "Could not upload the response" in lab.awaited(found["FailureLocation"])


def test_a_request_can_wait_for_too_long(lab: Harness) -> None:
    """Its TTL is over before an instance has time for it."""
    endpoint = lab.async_endpoint(DELAY_S="1.5")
    first = lab.queue(endpoint)
    second = lab.queue(endpoint, RequestTTLSeconds=60)  # 0.6 s here
    assert "longer than its TTL" in lab.awaited(second["FailureLocation"])
    assert lab.awaited(first["OutputLocation"])
    assert lab.content(second["OutputLocation"]) is None


def test_instances_take_so_many_at_a_time(lab: Harness) -> None:
    """Two instances with two each: of eight requests, four are done at once, then four."""
    endpoint = lab.async_endpoint(instances=2, config=lab.async_config(per_instance=2), DELAY_S="1")
    started_s = time.monotonic()
    found = [lab.queue(endpoint) for _ in range(8)]
    variant = lab.place.backend.region(REGION).endpoints[endpoint].live
    assert variant
    assert 4 == variant.variants[0].in_flight
    for one in found:
        lab.awaited(one["OutputLocation"])
    assert 2.0 <= time.monotonic() - started_s < 4.0


def test_requests_that_are_refused(lab: Harness) -> None:
    """Before they are queued."""
    endpoint, where = lab.async_endpoint(), lab.put("inputs/plan")
    told = "Provide exactly one of InputLocation and Body."
    assert ("ValidationError", told) == refusal(lab, endpoint)
    assert told == refusal(lab, endpoint, InputLocation=where, Body=b"x")[1]
    assert "are the most" in refusal(lab, endpoint, Body=b"x" * (MAX_INLINE_BYTES + 1))[1]
    for name, value in (
        ("InvocationTimeoutSeconds", 3601), ("RequestTTLSeconds", 21601), ("InferenceId", "x" * 65),
        ("Filename", "a.b.c"),
    ):  # fmt: skip
        assert (
            "validation error detected"
            in refusal(lab, endpoint, InputLocation=where, **{name: value})[1]
        )
    assert "not found" in refusal(lab, "nobody", InputLocation=where)[1]


def test_the_two_ways_of_asking_are_kept_apart(lab: Harness) -> None:
    """Neither kind of endpoint takes the other's call, nor becomes the other kind."""
    endpoint, where = lab.async_endpoint(), lab.put("inputs/plan")
    with pytest.raises(ClientError, match="it takes InvokeEndpointAsync") as caught:
        lab.invoke(endpoint)
    assert "ValidationError" == caught.value.response["Error"]["Code"]
    assert "it takes InvokeEndpoint." in refusal(lab, lab.endpoint(), InputLocation=where)[1]
    with pytest.raises(ClientError, match="from asynchronous to synchronous"):
        lab.sagemaker.update_endpoint(
            EndpointName=endpoint, EndpointConfigName=lab.config(lab.model())
        )


def test_configurations_that_are_refused(lab: Harness) -> None:
    """Serverless, several variants, and answers that go nowhere."""
    model, config = lab.model(), lab.async_config()
    with pytest.raises(ClientError, match="AsyncInferenceConfig is not supported for serverless"):
        lab.config(model, concurrency=1, asynchronous=config)
    with pytest.raises(ClientError, match="S3OutputPath '' is no place"):
        lab.config(model, asynchronous={"OutputConfig": {}})
    with pytest.raises(ClientError, match="less than or equal to 1000"):
        lab.config(model, asynchronous=lab.async_config(per_instance=1001))
    variants = [
        {"VariantName": name, "ModelName": model, "InstanceType": "ml.c6i.large",
         "InitialInstanceCount": 1} for name in ("A", "B")
    ]  # fmt: skip
    with pytest.raises(ClientError, match="several variants"):
        lab.sagemaker.create_endpoint_config(
            EndpointConfigName="never", ProductionVariants=variants, AsyncInferenceConfig=config
        )


def test_an_update_takes_the_queue_over(lab: Harness) -> None:
    """What waits is answered by the new side, once it has the traffic."""
    config = lab.async_config()
    endpoint = lab.async_endpoint(config=config, NAME="old")
    new = lab.config(lab.model(NAME="new"), asynchronous=config)
    lab.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=new)
    assert config == lab.settled(endpoint)["AsyncInferenceConfig"]
    assert "new 4 -" == lab.awaited(lab.queue(endpoint)["OutputLocation"])


def test_a_canary_gets_its_share_of_the_queue(lab: Harness) -> None:
    """Half of what comes, exactly, while it is watched."""
    config = lab.async_config()
    endpoint = lab.async_endpoint(config=config, NAME="old")
    size = {"Type": "CAPACITY_PERCENT", "Value": 50}
    traffic = {"Type": "CANARY", "CanarySize": size, "WaitIntervalInSeconds": 1000}
    new = lab.config(lab.model(NAME="new"), asynchronous=config)
    lab.sagemaker.update_endpoint(
        EndpointName=endpoint,
        EndpointConfigName=new,
        DeploymentConfig={"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": traffic}},
    )
    lab.wait(endpoint, lambda found: found["ProductionVariants"][0]["CurrentWeight"] == 0.5)
    found = [lab.queue(endpoint)["OutputLocation"] for _ in range(6)]
    assert {"old 4 -": 3, "new 4 -": 3} == Counter(map(lab.awaited, found))


def test_all_ends_while_requests_are_worked_on() -> None:
    """Nothing is left, and nobody is told of a failure that is none."""
    started_s = time.monotonic()
    with played_lab() as lab:
        endpoint = lab.async_endpoint(DELAY_S="1")
        found = [lab.queue(endpoint) for _ in range(30)]
    assert time.monotonic() < started_s + 20
    assert 30 == len({one["OutputLocation"] for one in found})


def test_an_endpoint_is_deleted_with_what_waits(lab: Harness) -> None:
    """What is worked on is finished; the rest is never answered."""
    endpoint = lab.async_endpoint(DELAY_S="1")
    first, second = lab.queue(endpoint), lab.queue(endpoint)
    lab.sagemaker.delete_endpoint(EndpointName=endpoint)
    assert lab.awaited(first["OutputLocation"])
    with pytest.raises(ClientError, match="Could not find endpoint"):
        lab.wait(endpoint, lambda _: False)
    assert lab.content(second["OutputLocation"]) is None
