# SPDX-License-Identifier: AGPL-3.0-or-later
"""What an operator should know of a configuration that is not wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.endpoint.capacity import Traffic
from deploy.image.names import parse_name

if TYPE_CHECKING:
    from deploy.endpoint.asynchronous import Asynchronous
    from deploy.endpoint.capacity import Realtime, Serverless
    from deploy.endpoint.spec import Spec
    from deploy.endpoint.thresholds import Alarms

_LARGE_SHEET_MS = 500  # an A1 sheet of 300 dpi as PNG on 2 cores (docs/operations.md)
_LATE_S = 60  # CloudWatch has a minute's values about a minute later


def warnings(spec: Spec) -> list[str]:
    """Sentences for people; the plan goes on."""
    found = _of_image(spec)
    if spec.serverless:
        found += _of_serverless(spec.serverless)
    if spec.async_:
        found += _of_queue(spec.async_)
    if spec.realtime:
        found += _of_realtime(spec.realtime, spec.alarms)
    return found


def _of_image(spec: Spec) -> list[str]:
    found = []
    if not parse_name(spec.image).digest:
        found.append(
            f"image is {spec.image}: a tag can be moved, and then a later run deploys another image"
        )
    owner = spec.image_place.account
    if owner == spec.account:
        return found
    return [
        *found,
        f"the image is of the account {owner}, the role of {spec.account}: the repository's policy "
        f"must let {spec.account} ecr:BatchGetImage, ecr:GetDownloadUrlForLayer and "
        "ecr:BatchCheckLayerAvailability, or SageMaker cannot take it",
    ]


def _of_serverless(serverless: Serverless) -> list[str]:
    found = [
        "no alarm takes back an update of a serverless endpoint: the candidate, which is tried "
        "before, and the test after it are the guard"
    ]
    if serverless.provisioned_concurrency:
        count = serverless.provisioned_concurrency
        found.append(f"serverless.provisioned_concurrency: {count} kept warm cost while idle, too")
    return found


def _of_queue(queue: Asynchronous) -> list[str]:
    found = [
        "no alarm takes back an update of an asynchronous endpoint: the candidate, which is tried "
        "before, and the test after it are the guard"
    ]
    if queue.scales_to_zero:
        found.append(
            "async.autoscaling.min_instances is 0: the first request after a pause waits for an "
            "instance, which takes minutes"
        )
    elif queue.autoscaling is None:
        found.append(
            "there is no async.autoscaling: the instances cost while no request waits, too"
        )
    return found


def _of_realtime(realtime: Realtime, alarms: Alarms | None) -> list[str]:
    found = []
    if realtime.rollout is Traffic.ALL_AT_ONCE:
        found.append(
            "realtime.rollout is all-at-once: every request is with the new version before an "
            "alarm can go to ALARM; two instances and `canary` try it with some of them first"
        )
    names = ("errors_5xx_percent", "model_errors_percent", "latency_p95_ms", "memory_percent")
    if alarms is None or all(getattr(alarms, name) is None for name in names):
        found.append("there are no alarms: SageMaker takes no update back by itself")
        return found
    needed_s = 60 * alarms.minutes + _LATE_S
    if realtime.rollout is not Traffic.ALL_AT_ONCE and realtime.wait_s < needed_s:
        found.append(
            f"realtime.wait_s is {realtime.wait_s}: the next step comes before an alarm can go to "
            f"ALARM, which takes {needed_s} s (alarms.minutes, and one until CloudWatch has the "
            "values)"
        )
    if realtime.termination_wait_s < needed_s:
        found.append(
            f"realtime.termination_wait_s is {realtime.termination_wait_s}: the old instances end "
            f"before an alarm about the last step can go to ALARM, which takes {needed_s} s"
        )
    limit_ms = alarms.latency_p95_ms
    if limit_ms is not None and limit_ms < _LARGE_SHEET_MS:
        found.append(
            f"alarms.latency_p95_ms is {limit_ms}: one A1 sheet of 300 dpi takes about "
            f"{_LARGE_SHEET_MS} ms on 2 cores, so large sheets alone can take an update back"
        )
    return found
