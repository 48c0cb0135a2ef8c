# SPDX-License-Identifier: AGPL-3.0-or-later
"""What our own API promises beyond SageMaker's rules (docs/openapi.yaml)."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploy.contract.answers import OCTETS, Answer, Asker, Sample
from deploy.contract.rows import Row, from_problems

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PLANS = Path(__file__).parents[2] / "docs" / "sample"
GRID = 1000
_CODES = {
    "invalid_file_format",
    "validation_error",
    "file_too_large",
    "unsupported_media_type",
    "processing_failed",
}
_CORNERS = 4


def sample_plan() -> Sample:
    """The sample plan as a picture."""
    return Sample((_PLANS / "plan.png").read_bytes(), "image/png")


def judge_rooms(asker: Asker) -> Iterator[Row]:
    """The rows of our own API."""
    yield _answers(asker)
    yield _options(asker)
    yield _errors(asker)


def answer_problems(answer: Answer) -> list[str]:
    """How an answer differs from the documented form."""
    if answer.status != 200:  # noqa: PLR2004  # HTTP's own number
        return [f"status {answer}"]
    document = _object(answer)
    rooms = document.get("detected_rooms")
    if not isinstance(rooms, list):
        return ["detected_rooms is no list"]
    problems = [] if document.get("status") == "success" else ["status is not success"]
    if not _is_int(document.get("processing_time_ms"), 0, 60_000):
        problems.append("processing_time_ms is no integer of milliseconds")
    for number, room in enumerate(rooms, 1):
        problems += _room_problems(number, room)
    if not problems and any(a["confidence"] < b["confidence"] for a, b in pairwise(rooms)):
        problems.append("rooms are not ordered by confidence")
    return problems


def error_problems(answer: Answer, status: int, code: str) -> list[str]:
    """How an error differs from the documented form."""
    document = _object(answer)
    problems = [] if answer.status == status else [f"status {answer} instead of {status}"]
    if document.get("error") != code or code not in _CODES:
        problems.append(f"error is {document.get('error')!r} instead of {code!r}")
    if document.get("status") != "error" or not isinstance(document.get("message"), str):
        problems.append("it has not the form of an error")
    if "detected_rooms" in document:
        problems.append("it has detected_rooms, which old clients would read")
    return problems


def _answers(asker: Asker) -> Row:
    plan, pdf = sample_plan(), (_PLANS / "plan.pdf").read_bytes()
    form = (
        b'--x\r\nContent-Disposition: form-data; name="image"; filename="plan.png"\r\n'
        b"Content-Type: image/png\r\n\r\n" + plan.body + b"\r\n--x--\r\n"
    )
    requests = {
        "PNG": plan,
        "PNG as octets": replace(plan, content_type=OCTETS),
        "PDF": Sample(pdf, "application/pdf"),
        "JSON": _json(plan.body),
        "form": Sample(form, "multipart/form-data; boundary=x"),
    }
    problems, counts = [], []
    for name, sample in requests.items():
        answer = asker.invoke(sample)
        found = answer_problems(answer)
        rooms = _object(answer).get("detected_rooms")
        count = len(rooms) if isinstance(rooms, list) else 0
        if not found and not count:
            found = ["no room was found"]
        problems += [f"{name}: {problem}" for problem in found[:2]]
        counts.append(f"{name} {count}")
    return from_problems("rooms-answer", problems, f"rooms: {', '.join(counts)}")


def _options(asker: Asker) -> Row:
    plan = sample_plan()
    few = replace(plan, attributes="max_rooms=2")
    sure = replace(plan, attributes="confidence=0.9;iou=0.3")
    expected: dict[str, tuple[Sample, Callable[[list[dict[str, Any]]], bool]]] = {
        "attributes max_rooms=2": (few, lambda rooms: len(rooms) == 2),  # noqa: PLR2004
        "attributes confidence=0.9": (
            sure,
            lambda rooms: all(room["confidence"] >= 0.9 for room in rooms),  # noqa: PLR2004
        ),
        "attributes detail=page": (replace(plan, attributes="detail=page"), bool),
        "JSON max_rooms=1": (_json(plan.body, max_rooms=1), lambda rooms: len(rooms) == 1),
    }
    problems = []
    for name, (sample, is_right) in expected.items():
        answer = asker.invoke(sample)
        found = answer_problems(answer)
        if not found and not is_right(_object(answer)["detected_rooms"]):
            found = ["the option had no effect"]
        problems += [f"{name}: {problem}" for problem in found[:2]]
    return from_problems("rooms-options", problems, f"{', '.join(expected)}")


def _errors(asker: Asker) -> Row:
    plan = sample_plan()
    half = plan.body[: len(plan.body) // 2]
    bad, invalid = "invalid_file_format", "validation_error"
    requests = {
        "nothing": (replace(plan, body=b""), 400, bad),
        "text": (Sample(b"no plan", OCTETS), 400, bad),
        "half a picture": (replace(plan, body=half), 400, bad),
        "half a JSON": (Sample(b'{"image":', "application/json"), 400, invalid),
        "no image": (Sample(b"{}", "application/json"), 400, invalid),
        "an unknown option": (replace(plan, attributes="colour=red"), 400, invalid),
        "an option out of range": (replace(plan, attributes="confidence=7"), 400, invalid),
        "a page that is not there": (replace(plan, attributes="page=99"), 400, invalid),
    }
    problems = [
        f"{name}: {problem}"
        for name, (sample, status, code) in requests.items()
        for problem in error_problems(asker.invoke(sample), status, code)
    ]
    return from_problems("rooms-errors", problems, ", ".join(requests))


def _json(picture: bytes, **options: float) -> Sample:
    document = {"image": base64.b64encode(picture).decode(), **options}
    return Sample(json.dumps(document).encode(), "application/json")


def _object(answer: Answer) -> dict[str, Any]:
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _room_problems(number: int, room: object) -> Iterator[str]:
    if not isinstance(room, dict):
        yield f"room {number} is no object"
        return
    if room.get("id") != f"room_{number:03}":
        yield f"room {number} has the id {room.get('id')!r}"
    box, confidence = room.get("bounding_box"), room.get("confidence")
    if not _is_box(box):
        yield f"room {number} has the box {box!r}"
    if not _is_confidence(confidence):
        yield f"room {number} has the confidence {confidence!r}"


def _is_confidence(value: object) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return 0 <= value <= 1 and round(value, 4) == value


def _is_box(box: object) -> bool:
    if not isinstance(box, list) or len(box) != _CORNERS:
        return False
    if not all(_is_int(value, 0, GRID) for value in box):
        return False
    return bool(box[0] < box[2] and box[1] < box[3])


def _is_int(value: object, low: int, high: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
