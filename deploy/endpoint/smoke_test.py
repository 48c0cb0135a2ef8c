# SPDX-License-Identifier: AGPL-3.0-or-later
"""How an endpoint under test is asked, at once or through its queue, and what it must answer."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.aws.codes import THROTTLED
from deploy.aws.s3 import discard, put, split_address
from deploy.endpoint.queue import send, wait
from deploy.image.model_tar import unpack_model
from serving.errors import ArchiveError
from serving.golden import read_golden

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploy.aws.api import AwsApi, Reply
    from deploy.endpoint.actions import TryAsync
    from deploy.endpoint.remote import Version
    from serving.golden import Golden

# What passes by itself: a container that starts, a capacity that is full; and no answer at all.
_BUSY = {0, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
_TRIES = 12
_PAUSE_S = 5.0


def stored_golden(aws: AwsApi, address: str, version: Version) -> Golden:
    """The golden plan of a version that was deployed, out of its model's file.

    Raises:
        ArchiveError: If the file is not what it was when it was deployed.
        AwsError: If it cannot be read.
    """
    bucket, key = split_address(address)
    found = aws.call("s3", "get_object", {"Bucket": bucket, "Key": key})
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder, "rooms.mar")
        sha256 = unpack_model(found["Body"].read(), archive)
        if version.sha256 and sha256 != version.sha256:
            raise ArchiveError(f"{address} has sha256 {sha256}; {version.sha256} was deployed")
        return read_golden(archive)


@dataclass(frozen=True, slots=True)
class AtOnce:
    """An endpoint that answers at once; what is busy is asked again."""

    aws: AwsApi
    endpoint: str
    sleep: Callable[[float], None]

    def __call__(self, body: bytes) -> Reply:
        reply = self.aws.invoke(self.endpoint, body)
        for _ in range(_TRIES):
            if reply.status not in _BUSY and reply.code not in THROTTLED:
                break
            self.sleep(_PAUSE_S)
            reply = self.aws.invoke(self.endpoint, body)
        return reply


@dataclass(frozen=True, slots=True)
class Queue:
    """An endpoint that takes its requests from a queue; nothing of a test stays in S3.

    It may have no instance: then the answer takes as long as one takes to come.
    """

    aws: AwsApi
    test: TryAsync
    timeout_s: float
    sleep: Callable[[float], None]
    say: Callable[[str], None]

    def __call__(self, body: bytes) -> Reply:
        address = f"{self.test.inbox}{hashlib.sha256(body).hexdigest()[:8]}"
        put(self.aws, address, body)
        try:
            invocation = send(self.aws, self.test.endpoint, address)
            reply = wait(self.aws, invocation, self.timeout_s, self.sleep, self.say)
            discard(self.aws, *invocation.addresses)
        finally:
            discard(self.aws, address)
        return reply
