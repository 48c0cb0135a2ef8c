# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is not wrong, but should be known before it runs."""

from __future__ import annotations

import pytest

from deploy.endpoint.cautions import warnings
from deploy.endpoint.reading import read_spec
from tests.unit.test_endpoint_spec import ACCOUNT, IMAGE, INSTANCES, LINEAR, QUEUE, SHIPPED

OTHER_ROLE = "role=arn:aws:iam::210987654321:role/rooms"
ALL_OFF = [
    f"alarms.{name}=null"
    for name in ("errors_5xx_percent", "model_errors_percent", "latency_p95_ms", "memory_percent")
]


def test_a_careful_configuration_has_nothing_to_say() -> None:
    """Two instances, step by step, with alarms that have the time to ring."""
    assert [] == warnings(read_spec(SHIPPED, (*INSTANCES, *LINEAR)))


def test_a_serverless_endpoint_has_the_test_alone() -> None:
    """No alarm takes its update back."""
    (said,) = warnings(read_spec(SHIPPED, ACCOUNT))

    assert "no alarm takes back an update of a serverless endpoint" in said


@pytest.mark.parametrize(
    ("start", "changes", "part"),
    [
        (ACCOUNT, [OTHER_ROLE], "must let 210987654321 ecr:BatchGetImage"),
        (ACCOUNT, [f"image={IMAGE}:1"], "a tag can be moved"),
        (ACCOUNT, [f"image={IMAGE}"], "a tag can be moved"),
        (ACCOUNT, ["serverless.provisioned_concurrency=2"], "2 kept warm cost while idle"),
        (QUEUE, [], "no alarm takes back an update of an asynchronous endpoint"),
        (QUEUE, [], "the instances cost while no request waits"),
        (QUEUE, ["async.autoscaling.max_instances=2"], "the first request after a pause waits"),
        (INSTANCES, [], "rollout is all-at-once: every request is with the new version"),
        (INSTANCES, [*LINEAR, "alarms=null"], "there are no alarms"),
        (INSTANCES, [*LINEAR, *ALL_OFF], "there are no alarms"),
        (INSTANCES, [*LINEAR, "realtime.wait_s=179"], "wait_s is 179: the next step comes before"),
        (INSTANCES, [*LINEAR, "realtime.termination_wait_s=179"], "termination_wait_s is 179"),
        (INSTANCES, [*LINEAR, "alarms.latency_p95_ms=400"], "one A1 sheet of 300 dpi takes about"),
    ],
)
def test_what_surprises_is_said(start: tuple[str, ...], changes: list[str], part: str) -> None:
    """Once."""
    assert 1 == sum(part in said for said in warnings(read_spec(SHIPPED, (*start, *changes))))


@pytest.mark.parametrize("key", ["realtime.wait_s", "realtime.termination_wait_s"])
def test_an_alarm_needs_its_minutes_and_one_more(key: str) -> None:
    """CloudWatch has a minute's values when it is over."""
    changes = (*INSTANCES, *LINEAR, "alarms.minutes=4")

    assert [] == warnings(read_spec(SHIPPED, (*changes, f"{key}=300")))
    (said,) = warnings(read_spec(SHIPPED, (*changes, f"{key}=299")))
    assert "300 s" in said
