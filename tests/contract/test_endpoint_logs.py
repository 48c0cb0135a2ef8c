# SPDX-License-Identifier: AGPL-3.0-or-later
"""`python -m deploy logs`, with boto3, on a server that answers like CloudWatch."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any

import pytest

from deploy.__main__ import main
from deploy.endpoint import log_group, logs
from deploy.endpoint.log_lines import Errors, Line, cause_of, parse_line
from serving.errors import BadUsage
from tests.contract.account_setup import environ
from tests.contract.aws_failures import CREDENTIALS
from tests.contract.aws_server import Answer, serve_aws
from tests.unit.closed_account import ClosedAccount

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

GOOD = '{"time":"2026-11-24T18:00:00.000Z","level":"INFO","event":"request","status":200}'
BAD = '{"time":"2026-11-24T18:00:01.000Z","level":"INFO","event":"request","status":400}'
TRACE = (
    '{"time":"2026-11-24T18:00:02.000Z","level":"ERROR","event":"log","message":"Request id-1",'
    '"trace":"Traceback (most recent call last):\\n  File\\nValueError: 1"}'
)
WARNING = '{"time":"2026-11-24T18:00:02.000Z","level":"WARN","event":"log","logger":"io.netty"}'
REFUSED = '{"time":"2026-11-24T18:00:02.000Z","level":"INFO","event":"refused","reason":"x"}'
NO_GROUP = Answer(400, "ResourceNotFoundException", "The specified log group does not exist.")


def event(number: int, message: str) -> dict[str, Any]:
    """A line, written so many seconds after 18:00."""
    return {
        "eventId": f"id{number}",
        "timestamp": 1000 * number,
        "logStreamName": "AllTraffic/i-0",
        "message": message,
    }


def command(url: str, *args: str) -> int:
    """Run the command as `python -m deploy` does."""
    where = [f"--endpoint-url={url}", "--set=region=eu-central-1", "--since=1h"]
    return main(["logs", *args, *where])


def asked_of(answers: Sequence[Answer], *args: str) -> tuple[int, list[tuple[str, bytes]]]:
    """Exit status of the command, and what was called."""
    asked: list[tuple[str, bytes]] = []
    with environ(CREDENTIALS), serve_aws(answers, asked) as url:
        return command(url, *args), asked


def test_lines_of_all_pages_are_printed_by_time(capsys: pytest.CaptureFixture[str]) -> None:
    """Those of the endpoint's group, of the last hour."""
    pages = [
        Answer(200, fields={"events": [event(3, TRACE), event(1, f"{GOOD}\n")], "nextToken": "t"}),
        Answer(200, fields={"events": [event(2, BAD)]}),
    ]
    status, asked = asked_of(pages)

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    named = [{"stream": "AllTraffic/i-0", **json.loads(line)} for line in (GOOD, BAD, TRACE)]
    assert (0, named) == (status, lines)
    assert ["FilterLogEvents"] * 2 == [name for name, _ in asked]
    params = json.loads(asked[1][1])
    assert ("/aws/sagemaker/Endpoints/rooms", "t") == (params["logGroupName"], params["nextToken"])
    assert params["startTime"] > 10**12


def test_only_what_went_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    """Each thing once: not what callers did wrong, nor what Java says of every machine."""
    access = (
        '{"time":"2026-11-24T18:00:02.000Z","level":"INFO","event":"access","path":"/invocations"'
    )
    good = [
        GOOD, "", BAD, f'{access},"status":400}}', WARNING,
        "WARNING: sun.reflect.Reflection.getCallerClass is not supported.",
    ]  # fmt: skip
    bad = [TRACE, REFUSED, "exec format error", f'{access},"status":503}}']
    again = [TRACE.replace("id-1", "id-2"), REFUSED, f'{access},"status":503}}']
    events = [event(number, line) for number, line in enumerate([*good, *bad, *again])]
    status, _ = asked_of([Answer(200, fields={"events": events})], "--errors")

    shown = capsys.readouterr()
    assert (0, "3 more lines say the same again") == (status, shown.err.splitlines()[-1])
    lines = [json.loads(line) for line in shown.out.splitlines()]
    assert {"AllTraffic/i-0"} == {line.pop("stream") for line in lines}
    assert [json.loads(TRACE), json.loads(REFUSED)] == lines[:2]
    assert ["exec format error", 503] == [lines[2]["message"], lines[3]["status"]]


WORKER = [
    "Backend worker process died.", "Traceback (most recent call last):",
    '  File "model_loader.py", line 108, in load', "    module = self._load_handler_file(handler)",
    "ModuleNotFoundError: No module named 'nothing'", "",
    "During handling of the above exception, another exception occurred:", "",
    "Traceback (most recent call last):", '  File "model_service_worker.py", line 301',
    "ModuleNotFoundError: No module named 'ts.torch_handler.room_handler'", "Torch worker started.",
]  # fmt: skip


def worker_lines() -> list[Line]:
    """A handler that cannot be imported, line by line as TorchServe's worker prints it, twice."""
    head = {"time": "2026-11-24T18:00:02.000Z", "level": "INFO", "event": "log"}
    other = Line("b", head | {"logger": "org.pytorch.serve.wlm.WorkerThread", "message": "Retry"})
    lines = [Line("a", head | {"logger": "MODEL_LOG", "message": text}) for text in WORKER]
    return [*lines[:3], other, *lines[3:], *lines]


def test_a_trace_that_comes_line_by_line_is_one_line() -> None:
    """It is told once, with the exception that it began with: what follows it is TorchServe's."""
    errors = Errors()
    (line,) = errors.of(worker_lines())

    assert ("a", 1) == (line.stream, errors.repeated)
    assert (
        "ModuleNotFoundError: No module named 'nothing' (model_loader.py, line 108)" == line.message
    )
    assert WORKER[1:-1] == line.trace.splitlines()
    assert line.message == cause_of(worker_lines())


def test_a_trace_that_comes_in_two_looks_is_one_line() -> None:
    """It is told when its worker has nothing new, whatever others write; or at the end."""
    errors = Errors()
    lines = [line for line in worker_lines()[: len(WORKER)] if line.stream == "a"]
    other = parse_line(event(1, GOOD))
    looks = [lines[:4], lines[4:7], lines[7:], [other], []]
    (line,) = [line for look in looks for line in errors.of(look, goes_on=True)]
    assert WORKER[1:-1] == line.trace.splitlines()

    errors = Errors()
    assert [] == list(errors.of(lines[:4], goes_on=True))
    assert [] == list(errors.of(lines[4:6], goes_on=True))
    (line,) = errors.of([other], goes_on=True)
    assert WORKER[1:5] == line.trace.splitlines()
    errors = Errors()
    assert [] == list(errors.of(lines[:4], goes_on=True))
    (line,) = errors.of([])
    assert WORKER[1:4] == line.trace.splitlines()


def test_a_refusal_says_more_than_its_trace() -> None:
    """Which is that of the worker that ended because of it."""
    lines = [parse_line(event(number, line)) for number, line in enumerate([REFUSED, TRACE])]

    assert "x" == cause_of(lines)
    assert "ValueError: 1" == cause_of(lines[1:])
    long = Line("a", {"event": "refused", "reason": f"cannot load:\n{'Check failed ' * 100}"})
    assert cause_of([long]).startswith("cannot load: Check failed Check")
    assert len(cause_of([long])) <= 400
    printed = parse_line(event(1, "exec format error"))
    assert ("exec format error", "") == (cause_of([printed]), cause_of([printed], has_started=True))


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
    found = log_group.read_lines(account, "rooms", 5000, is_endless=True, sleep=slept.append)

    assert [["100"], [], ["90"], ["200"], ["201"]] == [
        [line.message for line in lines] for lines in islice(found, 5)
    ]
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
