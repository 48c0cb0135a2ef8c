# SPDX-License-Identifier: AGPL-3.0-or-later
"""A live endpoint, whose container answers through SageMaker."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deploy.contract.answers import ATTRIBUTES, Answer, Sample

if TYPE_CHECKING:
    from deploy.aws.api import AwsApi


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint.

    Attributes:
        account: Whose it is.
        name: The endpoint's.
    """

    account: AwsApi
    name: str

    def invoke(self, sample: Sample) -> Answer:
        """Ask it; what the container answered, where SageMaker tells it."""
        started_s = time.monotonic()
        reply = self.account.invoke(self.name, sample.body, sample.content_type, sample.attributes)
        headers = {"content-type": reply.content_type} if reply.content_type else {}
        if reply.attributes:
            headers[ATTRIBUTES.lower()] = reply.attributes
        seconds = time.monotonic() - started_s
        return Answer(reply.status, reply.body, headers, seconds, failure=reply.failure)
