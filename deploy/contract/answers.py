# SPDX-License-Identifier: AGPL-3.0-or-later
"""A request, an answer, and whom one asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"
OCTETS = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Sample:
    """A body that the container answers with 2xx.

    Attributes:
        body: The bytes.
        content_type: Their media type; empty for none at all.
        attributes: Custom attributes sent with it; empty for none.
        headers: Further headers.
    """

    body: bytes = field(repr=False)
    content_type: str
    attributes: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def padded(self, size_bytes: int) -> Sample:
        """As long as that: JSON and text with spaces, anything else with zeros at its end."""
        is_text = self.content_type.startswith("text/") or "json" in self.content_type
        filler = b" " if is_text else b"\0"
        body = self.body + filler * (size_bytes - len(self.body))
        return Sample(body[:size_bytes], self.content_type, self.attributes, self.headers)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a request.

    Attributes:
        status: HTTP status; 0 if no answer came.
        body: Of the answer.
        headers: Of the answer, names in lower case.
        seconds: From the connection to the end of the answer.
        connect_s: Until the connection was there.
        failure: Why no answer came, or what answered in the container's place; else empty.
    """

    status: int
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    seconds: float = 0.0
    connect_s: float = 0.0
    failure: str = ""

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300  # noqa: PLR2004  # HTTP's own numbers

    @property
    def is_refusal(self) -> bool:
        """Whether the status is 4xx: the caller's mistake."""
        return 400 <= self.status < 500  # noqa: PLR2004

    def __str__(self) -> str:
        if not self.status:
            return f"no answer ({self.failure})"
        return f"{self.status} ({self.failure})" if self.failure else str(self.status)


class Asker(Protocol):
    """Whatever answers invocations."""

    def invoke(self, sample: Sample) -> Answer:
        """Send a body to /invocations, directly or through SageMaker."""
