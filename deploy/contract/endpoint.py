# SPDX-License-Identifier: AGPL-3.0-or-later
"""A live endpoint, whose container answers through SageMaker."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deploy.aws import invoke_endpoint
from deploy.contract.answers import ATTRIBUTES, Answer, Sample

if TYPE_CHECKING:
    from types_boto3_sagemaker_runtime import SageMakerRuntimeClient


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint.

    Attributes:
        client: boto3's.
        name: The endpoint's.
    """

    client: SageMakerRuntimeClient
    name: str

    def invoke(self, sample: Sample) -> Answer:
        """Ask it; what the container answered, where SageMaker tells it."""
        started_s = time.monotonic()
        reply = invoke_endpoint(
            self.client, self.name, sample.body, sample.content_type, sample.attributes
        )
        headers = {"content-type": reply.content_type} if reply.content_type else {}
        if reply.attributes:
            headers[ATTRIBUTES.lower()] = reply.attributes
        seconds = time.monotonic() - started_s
        return Answer(reply.status, reply.body, headers, seconds, failure=reply.failure)
