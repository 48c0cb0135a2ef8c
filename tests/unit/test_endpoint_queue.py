# SPDX-License-Identifier: AGPL-3.0-or-later
"""What comes of a request in a queue, in each form that it may have."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import pytest

from deploy.aws.errors import AnswerTimeout, AwsError
from deploy.endpoint.async_invoke import Sent, collect
from deploy.endpoint.queue import AsyncInvocation, look, read_failure, send, wait
from tests.unit.calls import faults
from tests.unit.closed_account import ClosedAccount

if TYPE_CHECKING:
    from collections.abc import Mapping

REFUSED = '{"status":"error","error":"file_too_large","message":"20 MiB \\"at most\\""}'
INVOCATION = AsyncInvocation("rooms", "s3://plans/answers/1.out", "s3://plans/failures/1-error.out")


class Shelf(ClosedAccount):
    """S3 and the runtime, as a dictionary; every call is checked against botocore's model."""

    def __init__(self, **objects: bytes) -> None:
        self.objects = {key.replace("_", "/", 1): body for key, body in objects.items()}
        self.calls: list[Mapping[str, Any]] = []

    def ask(
        self, service: str, operation: str, params: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        """An object, or None."""
        assert "" == faults(service, operation, dict(params))
        body = self.objects.get(params["Key"].partition(".")[0].removesuffix("-error"))
        return None if body is None else {"Body": BytesIO(body)}

    def call(self, service: str, operation: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Where an answer will be."""
        assert "" == faults(service, operation, dict(params))
        self.calls.append(params)
        return {"OutputLocation": INVOCATION.output, "InferenceId": "1"}


def test_looks_come_less_and_less_often() -> None:
    """After fractions of a second at first, after five seconds in the end."""
    shelf, pauses_s = Shelf(), list[float]()

    def sleep(seconds: float) -> None:
        pauses_s.append(seconds)
        if len(pauses_s) == 40:
            shelf.objects["answers/1"] = b"{}"

    assert 200 == wait(shelf, INVOCATION, 60.0, sleep, print).status
    assert pauses_s[0] < 0.3
    assert 3 < pauses_s[-1] <= 6


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        pytest.param(REFUSED, 413, "ModelError", id="the container's answer"),
        pytest.param(
            f'Received client error (413) from primary with message "{REFUSED}". See https://…',
            413,
            "ModelError",
            id="in SageMaker's words",
        ),
        pytest.param(
            'Received server error (500) from model with message "a "quoted" one"',
            500,
            "ModelError",
            id="to the last quotation mark",
        ),
        pytest.param("The request has expired", 0, "InferenceFailed", id="SageMaker's own"),
        pytest.param("[]", 0, "InferenceFailed", id="no object"),
        pytest.param('{"error": "other"}', 0, "InferenceFailed", id="an unknown code"),
    ],
)
def test_a_failure_is_read(content: str, status: int, code: str) -> None:
    """As the reply that it would have been at once."""
    reply = read_failure(content.encode())

    assert (status, code) == (reply.status, reply.code)
    assert bool(reply.failure) is not bool(status)
    assert status != 413 or reply.body.decode() == REFUSED


def test_an_answer_goes_before_a_failure() -> None:
    """None came, so far; then either."""
    assert look(Shelf(), INVOCATION) is None
    assert (found := look(Shelf(answers_1=b"{}"), INVOCATION))
    assert (200, b"{}", "") == (found.status, found.body, found.code)
    assert (failed := look(Shelf(failures_1=REFUSED.encode()), INVOCATION))
    assert 413 == failed.status


def test_a_wait_ends() -> None:
    """Where the answer will be is told."""
    slept: list[float] = []
    said: list[str] = []
    with pytest.raises(AnswerTimeout, match=r"nothing at s3://plans/answers/1\.out after 0 s"):
        wait(Shelf(), INVOCATION, 0, slept.append, said.append)
    assert b"{}" == wait(Shelf(answers_1=b"{}"), INVOCATION, 0, slept.append, said.append).body


def test_a_request_names_its_file() -> None:
    """And what else is said of it."""
    shelf = Shelf()
    invocation = send(
        shelf, "rooms", "s3://plans/a.png", attributes="page=2", invocation_timeout_s=60
    )

    assert ("s3://plans/answers/1.out", "") == (invocation.output, invocation.failure)
    assert ("s3://plans/a.png", "page=2", 60) == tuple(
        shelf.calls[0][key] for key in ("InputLocation", "CustomAttributes",
                                        "InvocationTimeoutSeconds")
    )  # fmt: skip


class Denied(Shelf):
    """S3 that refuses to be asked for one answer."""

    def ask(
        self, service: str, operation: str, params: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        """An object, None, or an error."""
        if params["Key"] == "answers/2.out":
            raise AwsError("GetObject", "AccessDenied", "no")
        return super().ask(service, operation, params)


def test_an_answer_that_cannot_be_asked_for_does_not_lose_the_others(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It is told as pending, with the reason, and its file is kept for whoever works on it."""
    rooms = b'{"detected_rooms":[],"processing_time_ms":1}'
    shelf = Denied(answers_1=rooms, answers_3=rooms)
    sent = [
        Sent(
            f"{n}.png",
            f"s3://plans/in/{n}.png",
            AsyncInvocation("rooms", f"s3://plans/answers/{n}.out", ""),
        )
        for n in (1, 2, 3)
    ]

    results = collect(shelf, sent, 0)

    assert ["success", "pending", "success"] == [result["status"] for result in results]
    assert "AccessDenied: no" in results[1]["message"]
    assert "s3://plans/answers/2.out" == results[1]["output"]
    assert ["in/1.png", "in/3.png"] == [params["Key"] for params in shelf.calls]
    assert "2.png: GetObject: AccessDenied: no" in capsys.readouterr().err
