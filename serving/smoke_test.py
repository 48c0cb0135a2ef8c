# SPDX-License-Identifier: AGPL-3.0-or-later
"""The golden proof: whether a server answers as its archive demands, here and on AWS.

It must find the rooms of the golden plan, as picture and as PDF, and refuse what is no plan: an
error must look like one, or clients read it as "no rooms".
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol

from serving.errors import WrongAnswer
from serving.golden import EXPECTED_IOU, PDF_IOU, judge_answer
from serving.golden_pdf import as_pdf

if TYPE_CHECKING:
    from collections.abc import Callable

    from serving.golden import Golden

_NO_PLAN = b"no plan"


class Answered(Protocol):
    """What a server answers."""

    @property
    def status(self) -> int:
        """HTTP status; 0 if no answer came."""
        ...

    @property
    def body(self) -> bytes: ...

    @property
    def failure(self) -> str:
        """Why no answer came; else empty."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, or why none came."""

    status: int
    body: bytes
    failure: str = ""


def smoke_test(ask: Callable[[bytes], Answered], golden: Golden, who: str = "it") -> int:
    """Send the golden plan, as PDF, too, and what is no plan; the number of rooms that were found.

    Args:
        ask: Sends a body, and returns what is answered.
        golden: What must be answered.
        who: Answers; for the errors.

    Raises:
        WrongAnswer: If an answer is not as it must be.
    """
    rooms = find_rooms(ask, golden, who)
    find_rooms_of_pdf(ask, golden, who)
    check_refusal(ask, who)
    return rooms


def find_rooms(ask: Callable[[bytes], Answered], golden: Golden, who: str = "it") -> int:
    """The first half: the number of rooms on the golden plan.

    Raises:
        WrongAnswer: If the answer is an error, or they are not the right ones.
    """
    return _judged(ask(golden.plan), golden, who, "its golden plan", EXPECTED_IOU)


def find_rooms_of_pdf(ask: Callable[[bytes], Answered], golden: Golden, who: str = "it") -> None:
    """The same of the golden plan as PDF, if it can be one.

    Raises:
        WrongAnswer: As :func:`find_rooms`.
    """
    document = as_pdf(golden.plan)
    if document is not None:
        _judged(ask(document), golden, who, "its golden plan as PDF", PDF_IOU)


def _judged(answer: Answered, golden: Golden, who: str, what: str, least_iou: float) -> int:
    if answer.status != HTTPStatus.OK:
        raise WrongAnswer(f"{who} answers {what} with {_told(answer)}")
    try:
        return judge_answer(answer.body.decode(errors="replace"), golden, least_iou)
    except WrongAnswer as err:
        raise WrongAnswer(f"{who}, {what}: {err}") from err


def check_refusal(ask: Callable[[bytes], Answered], who: str = "it") -> None:
    """The second half.

    Raises:
        WrongAnswer: If what is no plan is not refused as docs/api.md says.
    """
    refusal = ask(_NO_PLAN)
    if (refusal.status, _code(refusal)) != (HTTPStatus.BAD_REQUEST, "invalid_file_format"):
        raise WrongAnswer(
            f"{who} answers what is no plan with {_told(refusal)} instead of "
            "400 invalid_file_format"
        )


def _code(answer: Answered) -> str:
    try:
        return str(json.loads(answer.body)["error"])
    except (ValueError, KeyError, TypeError):
        return ""


def _told(answer: Answered) -> str:
    text = answer.failure or answer.body.decode(errors="replace")
    return f"{answer.status or 'no status'}: {text[:200]}"
