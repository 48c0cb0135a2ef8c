# SPDX-License-Identifier: AGPL-3.0-or-later
"""`python -m deploy logs`, with boto3, on a server that answers like CloudWatch."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest

from deploy.__main__ import main
from deploy.endpoint import logs
from serving.errors import BadUsage
from tests.contract.aws_failures import CREDENTIALS
from tests.contract.aws_messages import environment
from tests.contract.aws_server import Answer, serve_aws
from tests.unit.closed_account import ClosedAccount

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

GOOD = '{"time":"2026-11-24T18:00:00.000Z","level":"INFO","event":"request","status":200}'
BAD = '{"time":"2026-11-24T18:00:01.000Z","level":"INFO","event":"request","status":400}'
TRACE = '{"time":"2026-11-24T18:00:02.000Z","level":"ERROR","event":"log","trace":"…"}'
REFUSED = '{"time":"2026-11-24T18:00:02.000Z","level":"INFO","event":"refused","reason":"x"}'
NO_GROUP = Answer(400, "ResourceNotFoundException", "The specified log group does not exist.")


def event(number: int, message: str) -> dict[str, Any]:
    """A line, written so many seconds after 18:00."""
    return {"eventId": f"id{number}", "timestamp": 1000 * number, "message": message}


def command(url: str, *args: str) -> int:
    """Run the command as `python -m deploy` does."""
    where = [f"--endpoint-url={url}", "--set=region=eu-central-1", "--since=1h"]
    return main(["logs", *args, *where])


def asked_of(answers: Sequence[Answer], *args: str) -> tuple[int, list[tuple[str, bytes]]]:
    """Exit status of the command, and what was called."""
    asked: list[tuple[str, bytes]] = []
    with environment(CREDENTIALS), serve_aws(answers, asked) as url:
        return command(url, *args), asked


def test_lines_of_all_pages_are_printed_by_time(capsys: pytest.CaptureFixture[str]) -> None:
    """Those of the endpoint's group, of the last hour."""
    pages = [
        Answer(200, fields={"events": [event(3, TRACE), event(1, f"{GOOD}\n")], "nextToken": "t"}),
        Answer(200, fields={"events": [event(2, BAD)]}),
    ]
    status, asked = asked_of(pages)

    assert (0, f"{GOOD}\n{BAD}\n{TRACE}\n") == (status, capsys.readouterr().out)
    assert ["FilterLogEvents"] * 2 == [name for name, _ in asked]
    params = json.loads(asked[1][1])
    assert ("/aws/sagemaker/Endpoints/rooms", "t") == (params["logGroupName"], params["nextToken"])
    assert params["startTime"] > 10**12


def test_only_what_went_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    """Of our events, as a container and as TorchServe alone writes them, and of anything else."""
    access = '18:40:00.637 INFO  ACCESS_LOG - /127.0.0.1:60672 "POST /invocations HTTP/1.1"'
    good = [GOOD, "", f"18:40:00.637 INFO  MODEL_LOG - {GOOD}", f"{access} 200 43"]
    bad = [
        BAD, TRACE, REFUSED, "exec format error", '{"level":"INFO"}', "[]",
        f"18:40:01.543 INFO  MODEL_LOG - {BAD}", f"{access} 503 43",
        "18:40:01.543 WARN  org.pytorch.serve.wlm.WorkerThread - the worker ended",
    ]  # fmt: skip
    events = [event(number, line) for number, line in enumerate([*good, *bad])]
    status, _ = asked_of([Answer(200, fields={"events": events})], "--errors")

    assert (0, bad) == (status, capsys.readouterr().out.splitlines())


def test_what_follows_a_line_for_people_belongs_to_it() -> None:
    """A trace to its error, and what TorchServe says of itself to nothing."""
    head = "18:40:01.543 {} org.pytorch.serve.ModelServer - "
    lines = [
        head.format("INFO "), "Torchserve version: 0.12.0", head.format("ERROR"), "  at Main.java",
        GOOD, "exec format error",
    ]  # fmt: skip

    assert [lines[2], lines[3], lines[5]] == list(logs.only_bad(lines))


@pytest.mark.parametrize(
    ("endpoint", "told"),
    [
        (
            Answer(400, "ValidationException", 'Could not find endpoint "arn:…".'),
            "there is no endpoint rooms in eu-central-1, and no log group",
        ),
        (
            Answer(200, fields={"EndpointStatus": "Creating"}),
            "endpoint rooms is Creating, but has no log group /aws/sagemaker/Endpoints/rooms in "
            "eu-central-1: none of its containers has written a line yet\n",
        ),
        (
            Answer(200, fields={"EndpointStatus": "Failed", "FailureReason": "No capacity."}),
            "none of its containers has written a line yet. No capacity.\n",
        ),
    ],
)
def test_why_there_is_no_log(
    capsys: pytest.CaptureFixture[str], endpoint: Answer, told: str
) -> None:
    """The endpoint's state says it."""
    status, asked = asked_of([NO_GROUP, endpoint])

    assert (1, ["FilterLogEvents", "DescribeEndpoint"]) == (status, [name for name, _ in asked])
    assert told in capsys.readouterr().err


def test_a_refusal_is_not_taken_for_no_log(capsys: pytest.CaptureFixture[str]) -> None:
    """It is told with its advice."""
    refusal = Answer(
        400,
        "AccessDeniedException",
        "User: u is not authorized to perform: logs:FilterLogEvents on resource: r because …",
    )
    status, asked = asked_of([refusal])

    assert (1, 1) == (status, len(asked))
    assert "Next: Allow logs:FilterLogEvents on r." in capsys.readouterr().err


class Growing(ClosedAccount):
    """A log to which lines come, some of them late."""

    def __init__(self, answers: Sequence[list[dict[str, Any]]]) -> None:
        self.answers = list(answers)
        self.starts: list[int] = []

    def pages(self, service: str, operation: str, params: Mapping[str, Any], key: str) -> list[Any]:
        """The next answer."""
        assert (service, operation, key) == ("logs", "filter_log_events", "events")
        self.starts.append(params["startTime"])
        return self.answers.pop(0)


def test_new_lines_are_followed() -> None:
    """Each is shown once; one that comes late is not lost, and what is old is not read again."""
    first, late, next_one, last = (event(at, str(at)) for at in (100, 90, 200, 201))
    account = Growing([[first], [], [late, first], [late, first, next_one], [next_one, last]])
    slept = list[float]()
    lines = logs.read_lines(account, "rooms", 5000, is_endless=True, sleep=slept.append)

    assert ["100", "90", "200", "201"] == list(islice(lines, 4))
    assert [5000, 70_000, 70_000, 70_000, 170_000] == account.starts
    assert len(slept) == 4


@pytest.mark.parametrize(
    ("text", "seconds"), [("30s", 30), ("10m", 600), ("2h", 7200), ("1d", 86_400)]
)
def test_how_long_ago(text: str, seconds: int) -> None:
    """With one of four units."""
    assert logs.parse_since(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "m", "-1m", "1.5h", "1w", "1234567s", "10m "])
def test_no_time(text: str) -> None:
    """It is refused, with an example."""
    with pytest.raises(BadUsage, match="such as 10m"):
        logs.parse_since(text)


def test_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """It is told before anything is asked."""
    assert command("nonsense") == 2
    assert "--endpoint-url" in capsys.readouterr().err
