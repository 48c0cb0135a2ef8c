# SPDX-License-Identifier: AGPL-3.0-or-later
"""The log that SageMaker keeps of an endpoint or a job: its lines, and why something failed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from deploy.aws.codes import is_absent
from deploy.aws.errors import AwsError
from deploy.endpoint.log_lines import Line, cause_of, parse_line
from deploy.errors import LogsMissing
from serving.polling import poll

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from deploy.aws.api import AwsApi

_POLL_S = 2.0
# CloudWatch shows a line some seconds after it was written, and not always in order.
_LATE_MS = 30_000


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
) -> Iterator[list[Line]]:
    """The lines of all containers, by time; without end if so wanted.

    Yields:
        What is new, each time that it is looked for.

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
        fresh = [e for e in _events(account, endpoint, start_ms) if e["eventId"] not in seen]
        seen |= {event["eventId"]: event["timestamp"] for event in fresh}
        yield [parse_line(event) for event in fresh]
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


def read_cause(
    account: AwsApi,
    group: str,
    streams: str = "",
    *,
    start_ms: int = 0,
    has_started: bool = False,
    wait_s: float = 0.0,
) -> str:
    """Why a container failed, as its log says; empty if it does not.

    What went wrong with the log itself is told in the place of the cause: it is no reason to tell
    nothing of what failed.

    Args:
        account: Whom to ask.
        group: Name of the log group.
        streams: What the names of its log streams begin with.
        start_ms: From when on, milliseconds since 1970.
        has_started: Once it has, what it prints beside its log tells nothing.
        wait_s: How long it is looked for: a line is seen some seconds after it was written.
    """
    params: dict[str, Any] = {"logGroupName": group, "startTime": start_ms}
    params |= {"logStreamNamePrefix": streams} if streams else {}
    for _ in poll(wait_s, 1.0):
        try:
            events = account.pages("logs", "filter_log_events", params, "events")
        except AwsError as err:
            if is_absent(err.code, err.reason):
                continue
            return f"(it cannot be read: {err.operation}: {err.code}: {err.reason})"
        lines = [parse_line(event) for event in sorted(events, key=lambda e: int(e["timestamp"]))]
        # What SageMaker says of each object of a batch is in streams of its own.
        own = [line for line in lines if not line.stream.endswith("/data-log")]
        if cause := cause_of(own, has_started=has_started):
            return cause
    return ""
