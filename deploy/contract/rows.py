# SPDX-License-Identifier: AGPL-3.0-or-later
"""The rules, in the order in which they are reported, and what was found of each.

Source: SageMaker developer guide, "Custom inference code with hosting services" (port, ping,
times, SIGTERM), "Serverless endpoint operations" and "Troubleshoot a serverless endpoint" (4 MB,
3 minutes, only /tmp can be written, any user); botocore's model of InvokeEndpoint (6 MB, custom
attributes).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """What was found."""

    PASSED = "passed"
    FAILED = "FAILED"
    NOT_JUDGED = "not judged"


RULES = {
    "start": "answers /ping with 200 within 3 minutes",
    "ping-honest": "/ping is not 200 before it can answer",
    "ping-time": "/ping answers within 2 s, also while it is busy",
    "accept": "accepts a connection within 250 ms",
    "invocations": "POST /invocations answers the sample with 2xx",
    "concurrency": "answers several requests at once as it answers one",
    "payload-0": "answers an empty body, and lives on",
    "payload-4mb": "takes 4 MiB, a serverless endpoint's limit",
    "payload-6mb": "takes 6 MiB, an endpoint's limit",
    "payload-over": "survives a body that is larger",
    "content-types": "answers whatever media type is named, or none",
    "attributes-in": "copes with custom attributes and unknown headers",
    "attributes-out": "sets custom attributes only as SageMaker forwards them",
    "client-errors": "answers a body that is no input with 4xx, briefly",
    "routes": "answers other paths and methods with 4xx",
    "answer-time": "answers within 60 s",
    "sigterm": "after SIGTERM answers what it has, and ends within 30 s",
    "read-only-root": "works with a read-only root",
    "any-user": "works as any user, without capabilities",
    "writes": "writes below /tmp only",
    "memory": "stays within the chosen memory",
    "rooms-answer": "answers the sample plans as docs/openapi.yaml says",
    "rooms-options": "heeds options, as JSON and as custom attributes",
    "rooms-errors": "answers mistakes with the API's codes and statuses",
}

# What needs the image itself, and what SageMaker hides of an endpoint's container.
NOT_OF_AN_ADDRESS = frozenset(
    {"start", "sigterm", "read-only-root", "any-user", "writes", "memory"}
)
NOT_OF_AN_ENDPOINT = NOT_OF_AN_ADDRESS | {"ping-honest", "ping-time", "accept", "routes"}


@dataclass(frozen=True, slots=True)
class Row:
    """What was found of one rule.

    Attributes:
        rule: A key of ``RULES``.
        verdict: The result.
        reason: What was seen, or why it could not be judged.
    """

    rule: str
    verdict: Verdict
    reason: str

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise ValueError(f"no rule {self.rule!r}")


def passed(rule: str, reason: str) -> Row:
    """A rule that is kept."""
    return Row(rule, Verdict.PASSED, reason)


def failed(rule: str, reason: str) -> Row:
    """A rule that is broken."""
    return Row(rule, Verdict.FAILED, reason)


def not_judged(rule: str, reason: str) -> Row:
    """A rule about which nothing can be said here."""
    return Row(rule, Verdict.NOT_JUDGED, reason)


def from_problems(rule: str, problems: list[str], seen: str) -> Row:
    """Failed with the problems if there are any, else passed with what was seen."""
    return failed(rule, "; ".join(problems)) if problems else passed(rule, seen)


def in_order(rows: list[Row], reason: str) -> list[Row]:
    """One row for each rule, in the order of the rules; those that are missing get the reason."""
    found = {row.rule: row for row in rows}
    return [found.get(rule) or not_judged(rule, reason) for rule in RULES]
