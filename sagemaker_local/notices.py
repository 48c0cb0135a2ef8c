# SPDX-License-Identifier: AGPL-3.0-or-later
"""What SageMaker tells topics of SNS about asynchronous requests.

Source: messages as they were received, in aws-solutions-library-samples/osml-model-runner
(src/aws/osml/model_runner/inference) and in the developer guide, "Check prediction results".
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sagemaker_local.backlog import Task

_HINT = "Check S3 path location(if configured) or Cloudwatch for additional details."
MAX_INCLUDED_BYTES = 128 * 1024  # botocore's model of IncludeInferenceResponseIn


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a request.

    Attributes:
        body: The container's answer, or what SageMaker says in its place.
        kind: Media type of it.
        location: Where it lies in S3; empty for nowhere.
        reason: Why there is no prediction; empty if there is one.
    """

    body: bytes
    kind: str
    location: str
    reason: str = ""


def topic_of(config: Mapping[str, Any], outcome: Outcome) -> tuple[str, bool]:
    """The topic that is told, empty for none, and whether the answer is put into the message.

    Args:
        config: AsyncInferenceConfig.
        outcome: What came of the request.
    """
    notify = config["OutputConfig"].get("NotificationConfig", {})
    kind = "Error" if outcome.reason else "Success"
    included = f"{kind.upper()}_NOTIFICATION_TOPIC" in notify.get("IncludeInferenceResponseIn", [])
    return notify.get(f"{kind}Topic", ""), included


def message(region: str, task: Task, outcome: Outcome, *, is_included: bool) -> str:
    """What a topic is told."""
    content: dict[str, Any] = {
        "awsRegion": region,
        "eventTime": _text(datetime.now(UTC)),
        "receivedTime": _text(task.received),
        "invocationStatus": "Failed" if outcome.reason else "Completed",
    }
    if outcome.reason:
        content["failureReason"] = outcome.reason
    content["requestParameters"] = dict(task.shown)
    if outcome.location:
        content["responseParameters"] = {
            "contentType": outcome.kind,
            "outputLocation": outcome.location,
        }
    if is_included and len(outcome.body) <= MAX_INCLUDED_BYTES:
        content["responseBody"] = {
            "content": base64.b64encode(outcome.body).decode(),
            "message": _HINT,
            "encoding": "BASE64",
        }
    content |= {
        "inferenceId": task.inference_id,
        "eventVersion": "1.0",
        "eventSource": "aws:sagemaker",
        "eventName": "InferenceResult",
    }
    return json.dumps(content)


def _text(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
