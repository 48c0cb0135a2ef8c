# SPDX-License-Identifier: AGPL-3.0-or-later
"""The port to AWS: all that the rest of this package asks of an account, without boto3."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

OCTETS = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of invoking an endpoint.

    Attributes:
        status: What the container answered, or SageMaker in its place; 0 if no answer came.
        body: Likewise.
        content_type: Of a success.
        attributes: Custom attributes of a success.
        failure: Why no answer came, or SageMaker's own error; else empty.
        code: Of an error, such as ``ModelError`` or ``ThrottlingException``, or the name of
            botocore's exception; empty for a success.
        request_id: AWS's id of the request; empty if no answer came.
    """

    status: int
    body: bytes
    content_type: str = ""
    attributes: str = ""
    failure: str = ""
    code: str = ""
    request_id: str = ""


class AwsApi(Protocol):
    """One account in one region; :class:`deploy.aws.client.AwsAccount` is it, through boto3.

    Services and operations have boto3's names, such as ``sagemaker`` and ``create_model``. Each
    call raises an AwsError where AWS refuses it or does not answer.
    """

    @property
    def region(self) -> str:
        """Where it is asked."""
        ...

    def brief(self) -> AwsApi:
        """The same account, whose calls end soon where AWS does not answer."""
        ...

    def ask(
        self, service: str, operation: str, params: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        """The answer of a call; None if what it names is not there."""
        ...

    def call(self, service: str, operation: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer of a call; a ``Body`` in it has been received as a whole."""
        ...

    def pages(self, service: str, operation: str, params: Mapping[str, Any], key: str) -> list[Any]:
        """All items of a call whose answer comes in pages; ``key`` is their name in it."""
        ...

    def invoke(
        self, endpoint: str, body: bytes, content_type: str = OCTETS, attributes: str = ""
    ) -> Reply:
        """What an endpoint answers; an error of its container or of this request is a reply."""
        ...
