# SPDX-License-Identifier: AGPL-3.0-or-later
"""`python -m deploy invoke`, with boto3, on a server that answers like SageMaker."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import botocore.session
import pytest

from deploy.__main__ import main
from deploy.aws.api import Reply
from deploy.aws.errors import InvocationFailed
from deploy.endpoint import invocation
from deploy.endpoint.async_invoke import read_sent
from deploy.endpoint.invoke import MOST_BYTES
from deploy.endpoint.options import REQUEST_OPTIONS
from deploy.endpoint.spec import Mode
from roomdet.schema import OPTION_NAMES
from serving.errors import BadUsage
from tests.contract.account_setup import environ
from tests.contract.aws_failures import CREDENTIALS
from tests.contract.aws_server import Answer, serve_aws
from tests.unit.closed_account import ClosedAccount

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ROOMS = {
    "detected_rooms": [{"id": "room_001", "bounding_box": [0, 0, 10, 10], "confidence": 0.9}],
    "processing_time_ms": 12,
}
FOUND = Reply(200, json.dumps(ROOMS).encode())
STARTING = Reply(429, b"not ready", failure="SageMaker's own", code="ModelNotReadyException")
THROTTLED = Reply(400, b"", failure="SageMaker's own", code="ThrottlingException")
FULL = Reply(503, b'{"code":503,"type":"ServiceUnavailableException","message":"full"}')


class Scripted(ClosedAccount):
    """Invokes nothing; gives one reply after the other."""

    def __init__(self, replies: Sequence[Reply]) -> None:
        self.replies = list(replies)
        self.attributes: list[str] = []

    def invoke(
        self, endpoint: str, body: bytes, content_type: str = "", attributes: str = ""
    ) -> Reply:
        """The next reply."""
        assert (endpoint, body, content_type) == ("rooms", b"plan", "application/octet-stream")
        self.attributes.append(attributes)
        return self.replies.pop(0)


def command(*args: str) -> int:
    """Run the command as `python -m deploy` does."""
    return main(["invoke", *args])


def test_rooms_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The answer as it came on stdout, the rest on stderr."""
    (tmp_path / "plan.png").write_bytes(b"plan")
    asked: list[tuple[str, bytes]] = []
    with environ(CREDENTIALS), serve_aws([Answer(200, fields=ROOMS)], asked) as url:
        where = ("--set=region=eu-central-1", f"--endpoint-url={url}")
        status = command(str(tmp_path / "plan.png"), "--confidence=0.5", "--detail=sheet", *where)

    output = capsys.readouterr()
    assert status == 0
    assert json.loads(output.out) == ROOMS
    assert output.err.endswith("yaml\n1 rooms, in 12 ms of the container\n")
    assert [("/endpoints/rooms/invocations", b"plan")] == asked


def test_a_refusal_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The container's own words, out of SageMaker's wrapping; stdout stays empty."""
    (tmp_path / "plan.png").write_bytes(b"plan")
    said = '{"status":"error","error":"validation_error","message":"no page 9","details":{"got":9}}'
    answer = Answer(424, "ModelError", "…", {"OriginalStatusCode": 400, "OriginalMessage": said})
    with environ(CREDENTIALS), serve_aws([answer]) as url:
        where = ("--set=region=eu-central-1", f"--endpoint-url={url}")
        status = command(str(tmp_path / "plan.png"), "--page=9", *where)

    output = capsys.readouterr()
    assert (status, output.out) == (1, "")
    assert 'error: endpoint rooms: 400 validation_error: no page 9 {"got": 9} [' in output.err


@pytest.mark.parametrize(
    ("replies", "waited_s"),
    [
        pytest.param([FOUND], [], id="at once"),
        pytest.param([STARTING, FOUND], [1.0], id="after a start"),
        pytest.param([THROTTLED, STARTING, FULL, FOUND], [1.0, 2.0, 3.0], id="after all of them"),
    ],
)
def test_what_comes_and_goes_is_asked_again(
    replies: list[Reply], waited_s: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    """With growing pauses, which are told."""
    account, slept = Scripted(replies), list[float]()
    answer = invocation.invoke(
        account, "rooms", b"plan", {"page": 2, "iou": 0.5}, pauses_s=(1, 2, 3), sleep=slept.append
    )

    assert (1, waited_s) == (len(answer.rooms), slept)
    assert ["page=2;iou=0.5"] * len(replies) == account.attributes
    assert capsys.readouterr().err.count("trying again") == len(waited_s)


def test_it_is_not_asked_again_for_ever() -> None:
    """The last refusal is the error."""
    slept = list[float]()
    with pytest.raises(InvocationFailed, match="429 ModelNotReadyException: not ready\nNext: A"):
        invocation.invoke(Scripted([STARTING] * 7), "rooms", b"plan", {}, sleep=slept.append)

    assert list(invocation.PAUSES_S) == slept


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        pytest.param(Reply(413, b""), "413 unknown: no reason was given$", id="no body"),
        pytest.param(Reply(500, b"[]"), r"500 unknown: \[\]\nNext: .*logs", id="no object"),
        pytest.param(
            Reply(400, b'{"error":"e","message":"m","details":7}'), "400 e: m$", id="details"
        ),
        pytest.param(Reply(200, b"<html>"), "200: the answer has not the documented", id="form"),
        pytest.param(
            Reply(0, b"", failure="Read timeout", code="ReadTimeoutError"),
            "no answer ReadTimeoutError: Read timeout\nNext: Look whether",
            id="no answer",
        ),
        pytest.param(
            Reply(0, b"it timed out", failure="it timed out", code="ModelError"),
            "no answer ModelError: it timed out$",
            id="the container gives none",
        ),
    ],
)
def test_what_is_no_answer_is_told(reply: Reply, message: str) -> None:
    """Whatever was sent in its place; none of it is tried again."""
    with pytest.raises(InvocationFailed, match=message):
        invocation.invoke(Scripted([reply]), "rooms", b"plan", {})


@pytest.mark.parametrize(
    ("size", "changes", "told"),
    [
        (0, (), "the file is empty"),
        (4 * 2**20 + 1, (), "4,194,304 in mode serverless; a real-time endpoint takes 6,291,456"),
        (6_291_457, (), "4,194,304 in mode serverless. Save"),
        (6_291_457, ("mode=realtime", "serverless=null", "realtime.instance_type=ml.c6i.large"),
         "6,291,456 in mode realtime. Save"),
    ],
)  # fmt: skip
def test_a_file_that_is_too_large_is_not_sent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], size: int, changes: tuple[str], told: str
) -> None:
    """SageMaker would not hand it on, and the endpoint reads nothing from S3."""
    (tmp_path / "plan.png").write_bytes(bytes(size))
    asked: list[tuple[str, bytes]] = []
    with environ(CREDENTIALS), serve_aws(served({}), asked) as url:
        sets = [f"--set={change}" for change in (*changes, "region=eu-central-1")]
        status = command(str(tmp_path / "plan.png"), f"--endpoint-url={url}", *sets)

    assert (status, [name for name, _ in asked]) == (2, DESCRIBED if size else [])
    said = capsys.readouterr().err
    assert told in said
    assert not size or "environment.ROOMDET_IMAGE_URL_PREFIXES=s3://bucket/prefix/" in said


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "name plans, or with --fetch"),
        (("a.png", "--fetch=sent.json"), "name plans, or with --fetch"),
        (("a.png", "b.png", "--draw=x.png"), "--draw is for one plan"),
        (("a.png", "--no-wait", "--draw=x.png"), "--draw is for one plan"),
        (("--fetch=sent.json",), "--async, --no-wait and --fetch are for mode async"),
    ],
)
def test_words_that_do_not_go_together(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], told: str
) -> None:
    """Nothing is asked of AWS."""
    with environ(CREDENTIALS):
        assert 2 == command(*words, "--set=region=eu-central-1")

    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("no JSON", "is not what --no-wait prints"),
        ("[1]", "is not what --no-wait prints"),
        (json.dumps([{"file": "a", "input": "s3://other/async/1.png", "output": "s3://o/1",
                      "failure": "", "inference_id": "i"}]), "is of another endpoint"),
    ],
)  # fmt: skip
def test_what_is_fetched_was_sent_there(tmp_path: Path, text: str, told: str) -> None:
    """An input is removed with its answer: none of another place is."""
    (tmp_path / "sent.json").write_text(text)

    with pytest.raises(BadUsage, match=told):
        read_sent(tmp_path / "sent.json", "rooms", "s3://rooms/async/")


def served(environment: dict[str, str]) -> list[Answer]:
    """How SageMaker describes an endpoint whose container has some variables."""
    container = {"ModelDataUrl": "s3://plans/rooms/rooms-1.tar.gz", "Environment": environment}
    return [
        Answer(200, fields={"EndpointConfigName": "rooms-serverless-1"}),
        Answer(200, fields={"ProductionVariants": [{"ModelName": "rooms-1"}]}),
        Answer(200, fields={"PrimaryContainer": container}),
    ]


DESCRIBED = ["DescribeEndpoint", "DescribeEndpointConfig", "DescribeModel"]


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        pytest.param(Answer(200, fields=ROOMS), 0, id="rooms"),
        pytest.param(
            Answer(424, "ModelError", "…", {"OriginalStatusCode": 413, "OriginalMessage": "{}"}),
            1,
            id="refused",
        ),
    ],
)
def test_a_file_that_is_too_large_is_named_instead(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], answer: Answer, status: int
) -> None:
    """Where the endpoint may read it, and it is removed again, whatever came of it."""
    (tmp_path / "plan.png").write_bytes(bytes(5 * 2**20))
    prefixes = "s3://others/ s3://plans/large/"
    answers = [
        *served({"ROOMDET_IMAGE_URL_PREFIXES": prefixes}), Answer(200), answer, Answer(204),
    ]  # fmt: skip
    asked: list[tuple[str, bytes]] = []
    with environ(CREDENTIALS), serve_aws(answers, asked) as url:
        where = ("--set=region=eu-central-1", f"--endpoint-url={url}", "--page=2")
        assert status == command(str(tmp_path / "plan.png"), *where)

    (put, _), (invoked, body), (deleted, _) = asked[len(DESCRIBED) :]
    named = json.loads(body)
    assert "/endpoints/rooms/invocations" == invoked
    assert named.pop("image_url").startswith("s3://plans/large/invoke/")
    assert {"page": 2} == named
    assert put == deleted
    assert "named instead of sent" in capsys.readouterr().err


def test_who_may_not_look_is_told_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The file is too large all the same, and nothing is sent."""
    (tmp_path / "plan.png").write_bytes(bytes(5 * 2**20))
    denied = Answer(400, "AccessDeniedException", "not authorized to perform: sagemaker:Describe")
    with environ(CREDENTIALS), serve_aws([denied]) as url:
        where = ("--set=region=eu-central-1", f"--endpoint-url={url}")
        assert 2 == command(str(tmp_path / "plan.png"), *where)

    assert "what it may read is not told: DescribeEndpoint" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("args", "status", "told"),
    [
        (["none.png", "--set=region=eu-central-1"], 2, "there is no file none.png"),
        (["none.png", "--config=none.yaml"], 2, "there is no configuration none.yaml"),
        (["none.png", "--set=endpont=x"], 2, "did you mean endpoint"),
        (["none.png"], 1, "Next: Name the region"),
        (["none.png", "--set=region=eu-central-1", "--endpoint-url=x"], 2, "--endpoint-url"),
        (["a.png", "--async", "--set=region=eu-central-1"], 2, "--fetch are for mode async"),
        (["a.png", "b.png", "--set=region=eu-central-1"], 2, "takes one at a time, mode async"),
    ],
)
def test_bad_usage(
    capsys: pytest.CaptureFixture[str], args: list[str], status: int, told: str
) -> None:
    """It is told before anything is sent."""
    with environ(CREDENTIALS):
        assert command(*args) == status

    assert told in capsys.readouterr().err


def test_limits_and_options_are_those_of_the_others() -> None:
    """Of SageMaker's model, and of the detector."""
    model = botocore.session.get_session().get_service_model("sagemaker-runtime")

    assert model.shape_for("BodyBlob").metadata["max"] == MOST_BYTES[Mode.REALTIME]
    assert tuple(REQUEST_OPTIONS) == OPTION_NAMES
