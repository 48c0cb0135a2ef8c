# SPDX-License-Identifier: AGPL-3.0-or-later
"""The command ``python -m deploy logs``: what the endpoint's containers wrote."""

from __future__ import annotations

import json
import re
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from deploy.aws.codes import is_absent
from deploy.aws.errors import AwsError
from deploy.endpoint.target import open_endpoint
from deploy.errors import LogsMissing
from serving.errors import BadUsage

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from deploy.aws.api import AwsApi

_SINCE = re.compile(r"(?P<number>[0-9]{1,6})(?P<unit>[smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_POLL_S = 2.0
# CloudWatch shows a line some seconds after it was written, and not always in order.
_LATE_MS = 30_000
# Levels of Python's logging and of log4j.
_BAD_LEVELS = {"WARN", "WARNING", "ERROR", "CRITICAL", "FATAL"}
# Lines of serving/log4j2.xml, and an answer of 400 or more as TorchServe's access log has it.
_FOR_PEOPLE = re.compile(r"[0-9:.]+ (?P<level>[A-Z]+) +\S+ - (?P<text>.*)", re.DOTALL)
_REFUSAL = re.compile(r"\" [45][0-9]{2} [0-9]+$")


def run_logs(args: argparse.Namespace) -> int:
    """Print the lines; 0 also when --follow was interrupted."""
    since_s = parse_since(args.since)
    target, account = open_endpoint(args)
    start_ms = int((time.time() - since_s) * 1000)
    lines = read_lines(account, target.endpoint, start_ms, is_endless=args.follow)
    try:
        for line in only_bad(lines) if args.errors else lines:
            print(line, flush=args.follow)
    except KeyboardInterrupt:
        if not args.follow:
            raise
    return 0


def parse_since(text: str) -> int:
    """Seconds of ``10m`` and the like.

    Raises:
        BadUsage: If it is not of that form.
    """
    found = _SINCE.fullmatch(text)
    if not found:
        raise BadUsage(f"--since {text!r} is not a number with s, m, h or d, such as 10m")
    return int(found["number"]) * _SECONDS[found["unit"]]


def group_of(endpoint: str) -> str:
    """The log group that SageMaker writes to."""
    return f"/aws/sagemaker/Endpoints/{endpoint}"


def read_lines(
    account: AwsApi,
    endpoint: str,
    start_ms: int,
    *,
    is_endless: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[str]:
    """The lines of all containers, by time; without end if so wanted.

    Args:
        account: Whom to ask.
        endpoint: Its name.
        start_ms: From when on, milliseconds since 1970.
        is_endless: Look for new lines again and again.
        sleep: Waits so many seconds.

    Raises:
        AwsError: If AWS refuses.
        LogsMissing: If there is no log.
    """
    seen: dict[str, int] = {}
    while True:
        for event in _events(account, endpoint, start_ms):
            if event["eventId"] not in seen:
                seen[event["eventId"]] = event["timestamp"]
                yield str(event["message"]).rstrip("\n")
        if not is_endless:
            return
        start_ms = max([start_ms, *(at - _LATE_MS for at in seen.values())])
        seen = {name: at for name, at in seen.items() if at >= start_ms}
        sleep(_POLL_S)


def _events(account: AwsApi, endpoint: str, start_ms: int) -> list[Mapping[str, Any]]:
    params = {"logGroupName": group_of(endpoint), "startTime": start_ms}
    try:
        events = account.pages("logs", "filter_log_events", params, "events")
    except AwsError as err:
        if not is_absent(err.code, err.reason):
            raise
        raise LogsMissing(_why_missing(account, endpoint)) from err
    return sorted(events, key=lambda event: int(event["timestamp"]))


def _why_missing(account: AwsApi, endpoint: str) -> str:
    found = account.ask("sagemaker", "describe_endpoint", {"EndpointName": endpoint})
    if found is None:
        return (
            f"there is no endpoint {endpoint} in {account.region}, and no log group "
            f"{group_of(endpoint)}: look at name, region and account "
            "(`aws sts get-caller-identity`)"
        )
    status, reason = found["EndpointStatus"], found.get("FailureReason", "")
    return (
        f"endpoint {endpoint} is {status}, but has no log group {group_of(endpoint)} in "
        f"{account.region}: none of its containers has written a line yet"
        + (f". {reason}" if reason else "")
    )


def only_bad(lines: Iterable[str]) -> Iterator[str]:
    """The lines that tell of something that went wrong."""
    is_shown, is_for_people = True, False
    for line in lines:
        has_head = bool(_FOR_PEOPLE.fullmatch(line))
        # A line for people goes on in the next one, such as with a trace.
        if has_head or not is_for_people or _event(line) is not None:
            is_shown, is_for_people = is_bad(line), has_head
        if is_shown:
            yield line


def is_bad(line: str) -> bool:
    """Whether a line tells of something that went wrong.

    Of the container's events (docs/operations.md) these are answers of 400 or more, a worker that
    refuses to start, and whatever is logged as a warning or worse; likewise of the lines for people
    that TorchServe writes outside a container. Anything else was written past the log, which
    happens when it does not come that far.
    """
    found = _FOR_PEOPLE.fullmatch(line)
    event = _event(found["text"] if found else line)
    if event is not None:
        status = event.get("status", 0)
        is_refused = isinstance(status, int) and status >= HTTPStatus.BAD_REQUEST
        return is_refused or event["event"] == "refused" or event.get("level") in _BAD_LEVELS
    if found:
        return found["level"] in _BAD_LEVELS or bool(_REFUSAL.search(found["text"]))
    return bool(line.strip())


def _event(text: str) -> dict[str, Any] | None:
    try:
        event = json.loads(text)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "event" in event else None
