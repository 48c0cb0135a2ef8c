# SPDX-License-Identifier: AGPL-3.0-or-later
"""Endpoints by boto3: whose error it is, what is tried again, how much may be sent."""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING

import pytest

from roomdet_client import (
    AnswerTimeout,
    ClientError,
    CredentialsRefused,
    RequestRefused,
    RoomClient,
    ServerBusy,
    ServerUnreachable,
    ValidationError,
    WorkerDied,
)
from roomdet_client.sagemaker_transport import REALTIME_BYTES, SERVERLESS_BYTES
from tests.builders import draw_plan, encode
from tests.unit.answering import ROOM, Asked, answering, found

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PLAN = encode(draw_plan(), "PNG")
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def aws() -> Iterator[Callable[[str, str], None]]:
    """Sets where AWS is, the runtime and the control plane, and puts the environment back."""
    before = dict(os.environ)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x", "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1", "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }  # fmt: skip

    def at(runtime: str, control: str = NOWHERE) -> None:
        os.environ["AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME"] = runtime
        os.environ["AWS_ENDPOINT_URL_SAGEMAKER"] = control

    yield at
    os.environ.clear()
    os.environ.update(before)


def refusal(status: int, code: str, **fields: object) -> tuple[int, bytes]:
    """An error as AWS's JSON services write it."""
    return status, json.dumps({"__type": code, "Message": "x", **fields}).encode()


def of_container(status: int, body: str) -> tuple[int, bytes]:
    """The container's error as SageMaker hands it on."""
    return refusal(424, "ModelError", OriginalStatusCode=status, OriginalMessage=body)


BAD = '{"status":"error","error":"validation_error","message":"too high","details":{"got":7}}'
DIED = '{"code": 500, "type": "InternalServerException", "message": "Worker died."}'


@pytest.mark.parametrize(
    ("answer", "kind", "status", "tries"),
    [
        (of_container(400, BAD), ValidationError, 400, 1),
        (of_container(500, DIED), WorkerDied, 500, 2),
        (of_container(507, DIED), WorkerDied, 507, 1),
        (of_container(503, '{"code":503,"type":"ServiceUnavailableException","message":"x"}'),
         ServerBusy, 503, 3),
        (refusal(400, "ThrottlingException"), ServerBusy, 400, 3),
        (refusal(429, "ModelNotReadyException"), ServerBusy, 429, 3),
        (refusal(400, "ValidationError"), RequestRefused, 400, 1),
        (refusal(403, "ExpiredTokenException"), CredentialsRefused, None, 1),
        (refusal(403, "AccessDeniedException"), RequestRefused, 403, 1),
    ],
)  # fmt: skip
def test_errors_of_an_endpoint(
    aws: Callable[[str], None], answer: tuple[int, bytes], kind: type[ClientError],
    status: int | None, tries: int,
) -> None:  # fmt: skip
    """The container's own where it is one; tried again where it is safe, by this client alone."""
    with answering(lambda *_: answer) as server:
        aws(server.url)
        with RoomClient.sagemaker("rooms", limit_bytes=10**6, retries=2) as client:
            client._sleep = lambda _: None
            with pytest.raises(ClientError) as caught:
                client.detect(PLAN)

    assert kind is type(caught.value)
    assert status == getattr(caught.value, "status", None)
    assert tries == len(server.asked)


def test_the_containers_details(aws: Callable[[str], None]) -> None:
    """Reach the program through SageMaker's wrapping."""
    with answering(lambda *_: of_container(400, BAD)) as server:
        aws(server.url)
        with (
            RoomClient.sagemaker("rooms", limit_bytes=10**6) as client,
            pytest.raises(ValidationError, match="400 validation_error: too high") as caught,
        ):
            client.detect(PLAN)
    assert {"got": 7} == caught.value.details


def test_a_request_that_timed_out_is_not_sent_again(aws: Callable[[str], None]) -> None:
    """Botocore would: the endpoint is at work on it."""
    done = threading.Event()

    def wait(*_: object) -> tuple[int, bytes]:
        done.wait(10)
        return 200, found()

    with answering(wait) as server:
        aws(server.url)
        with RoomClient.sagemaker("rooms", limit_bytes=10**6, timeout_s=0.3) as client:
            with pytest.raises(AnswerTimeout, match="endpoint rooms in time"):
                client.detect(PLAN)
            done.set()
        assert 1 == len(server.asked)


def test_nobody_asks_or_answers(aws: Callable[[str], None]) -> None:
    """Without credentials, and without a network."""
    aws(NOWHERE)
    with RoomClient.sagemaker("rooms", limit_bytes=10**6) as client:
        with pytest.raises(ServerUnreachable, match="no answer from endpoint rooms"):
            client.detect(PLAN)
        del os.environ["AWS_ACCESS_KEY_ID"]
    with (
        RoomClient.sagemaker("rooms", limit_bytes=10**6) as client,
        pytest.raises(CredentialsRefused, match="Unable to locate credentials"),
    ):
        client.detect(PLAN)
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        del os.environ[name]
    with pytest.raises(ClientError, match="You must specify a region"):
        RoomClient.sagemaker("rooms")


@pytest.mark.parametrize(
    ("variant", "limit"),
    [
        ({"CurrentServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5}},
         SERVERLESS_BYTES),
        ({"CurrentInstanceCount": 1}, REALTIME_BYTES),
        (None, SERVERLESS_BYTES),
    ],
    ids=["serverless", "realtime", "may not look"],
)  # fmt: skip
def test_how_much_may_be_sent(
    aws: Callable[[str, str], None], variant: dict[str, object] | None, limit: int
) -> None:
    """Asked once; the smaller limit where that is refused."""

    def describe(*_: object) -> tuple[int, bytes]:
        if variant is None:
            return refusal(400, "AccessDeniedException")
        variants = [{"VariantName": "AllTraffic", **variant}]
        return 200, json.dumps({"EndpointName": "rooms", "ProductionVariants": variants}).encode()

    with answering(lambda *_: (200, found(ROOM))) as runtime, answering(describe) as control:
        aws(runtime.url, control.url)
        with RoomClient.sagemaker("rooms") as client:
            for _ in range(2):
                assert 1 == len(client.detect(PLAN, confidence=0.5).rooms)
            assert limit == client._transport.limit_bytes
    asked: Asked = runtime.asked[0]

    assert 1 == len(control.asked)
    assert "/endpoints/rooms/invocations" == asked.path
    assert (PLAN, "confidence=0.5") == (asked.body, asked.options)
