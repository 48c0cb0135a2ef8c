# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a request may ask and what an answer says, as values and as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from roomdet.errors import ValidationError
from roomdet.scale_notes import asked_scale

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from roomdet.errors import RequestError
    from roomdet.geometry import GridBoxes, Scores
    from roomdet.scale_notes import Scale


class Detail(StrEnum):
    """How closely a page is to be looked at."""

    AUTO = "auto"  # as closely as what is on it asks for
    PAGE = "page"  # once, as a whole
    SHEET = "sheet"  # on all levels that it holds and the operator grants


class Include(StrEnum):
    """What an answer may say of a room beside its box; the boxes are the same without it."""

    NAME = "name"
    POLYGON = "polygon"
    AREA = "area"


@dataclass(frozen=True, slots=True)
class RequestOptions:
    """Options of one request, checked.

    Attributes:
        confidence: Rooms below this confidence are not answered; 0.01 to 1.
        iou: Of two boxes that overlap more than this (intersection over union, 0 to 1), only the
            more confident one is answered.
        max_rooms: At most this many rooms, the most confident first; 1 to 1000.
        page: Page of a document, counted from 1.
        detail: How closely the page is looked at.
        include: What else is answered of each room.
        scale: In which the page is drawn, such as ``1:100``; empty where the page states it.
    """

    confidence: float = 0.25
    iou: float = 0.45
    max_rooms: int = 300
    page: int = 1
    detail: Detail = Detail.AUTO
    include: frozenset[Include] = frozenset()
    scale: str = ""

    def __post_init__(self) -> None:
        _check_number("confidence", self.confidence, 0.01, 1.0)
        _check_number("iou", self.iou, 0.0, 1.0)
        _check_integer("max_rooms", self.max_rooms, 1, 1000)
        _check_integer("page", self.page, 1, None)
        _check_choice("detail", self.detail, Detail)
        _check_scale(self.scale)

    @property
    def asked_scale(self) -> Scale | None:
        """The scale that the request states, if it does."""
        return asked_scale(self.scale) if self.scale else None

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> RequestOptions:
        """Build options from values by name.

        Raises:
            ValidationError: If a key is unknown, or a value has the wrong type or range.
        """
        for name in values:
            check_option_name(name)
        options = dict(values)
        if options.get("detail") in list(Detail):
            options["detail"] = Detail(options["detail"])
        if "include" in options:
            options["include"] = _parse_include(options["include"])
        return cls(**options)


CONFIDENCE_DECIMALS = 4
OPTION_NAMES = tuple(field.name for field in fields(RequestOptions))
_WORDS = ("detail", "include", "scale")
# The longest number worth reading; int() of a longer text costs time that grows with its square.
_MAX_NUMBER_CHARS = 32


def check_option_name(name: str) -> None:
    """Refuse what is no option.

    Raises:
        ValidationError: If there is no option of that name.
    """
    if name not in OPTION_NAMES:
        raise ValidationError(
            f"unknown option {name[:_MAX_NUMBER_CHARS]!r}; known: {', '.join(OPTION_NAMES)}",
            {"option": name[:_MAX_NUMBER_CHARS], "known": list(OPTION_NAMES)},
        )


def parse_value(name: str, text: str) -> int | float | str:
    """Read an option's value from text: a word where it is one of several, else a number.

    Raises:
        ValidationError: If a number is wanted and the text is none.
    """
    text = text.strip()
    if name in _WORDS:
        return text
    if len(text) <= _MAX_NUMBER_CHARS and text.isascii() and "_" not in text:
        for kind in (int, float):
            try:
                return kind(text)
            except ValueError:
                continue
    raise ValidationError(
        f"{name} must be a number; got {_shown(text)}", {"option": name, "got": _shown(text)}
    )


def _check_number(name: str, value: object, low: float, high: float) -> None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not low <= value <= high:  # type: ignore[operator]  # NaN fails here too
        raise ValidationError(
            f"{name} must be a number from {low:g} to {high:g}; got {_shown(value)}",
            {"option": name, "got": _shown(value)},
        )


def _check_integer(name: str, value: object, low: int, high: int | None) -> None:
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    in_range = is_integer and value >= low and (high is None or value <= high)  # type: ignore[operator]
    if not in_range:
        allowed = f"an integer from {low} to {high}" if high else f"an integer from {low} on"
        raise ValidationError(
            f"{name} must be {allowed}; got {_shown(value)}", {"option": name, "got": _shown(value)}
        )


def _check_choice(name: str, value: object, choices: type[StrEnum]) -> None:
    if not isinstance(value, str) or value not in list(choices):
        raise ValidationError(
            f"{name} must be one of {', '.join(choices)}; got {_shown(value)}",
            {"option": name, "got": _shown(value)},
        )


def _check_scale(value: object) -> None:
    """Refuse a scale that cannot be read; an empty one says nothing."""
    reason = f"scale must be a text such as 1:100; got {_shown(value)}"
    if isinstance(value, str):
        try:
            if value:
                asked_scale(value)
        except ValueError as err:
            reason = f"{err}; got {_shown(value)}"
        else:
            return
    raise ValidationError(reason, {"option": "scale", "got": _shown(value)})


def _parse_include(value: object) -> frozenset[Include]:
    """Read what is to be included: an array of words, or words with commas between."""
    words = [word.strip() for word in value.split(",")] if isinstance(value, str) else value
    if not isinstance(words, list):
        raise ValidationError(
            f"include must be an array of {', '.join(Include)}; got {_shown(value)}",
            {"option": "include", "got": _shown(value)},
        )
    for word in words:
        _check_choice("include", word, Include)
    return frozenset(Include(word) for word in words)


def _shown(value: object) -> str:
    """Text of a caller's value, short enough for a message."""
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= _MAX_NUMBER_CHARS else text[:_MAX_NUMBER_CHARS] + "…"


def build_rooms(
    boxes_grid: GridBoxes, scores: Scores, facts: Sequence[Mapping[str, object]] = ()
) -> list[dict[str, object]]:
    """Build the rooms of an answer.

    Args:
        boxes_grid: int, shape ``(n, 4)``, corners ``x_min, y_min, x_max, y_max`` in 0 to 1000 of
            the page. ``n`` may be 0.
        scores: float, shape ``(n,)``, 0 to 1.
        facts: What else is answered of each room, by key; of none where nothing was asked.

    Returns:
        The most confident room first; equal ones (as answered, with 4 decimals) from top to
        bottom, then left to right.
    """
    confidences = [round(score, CONFIDENCE_DECIMALS) for score in scores.tolist()]
    found = sorted(
        zip(confidences, boxes_grid.tolist(), facts or [{}] * len(confidences), strict=True),
        key=lambda room: (-room[0], room[1][1], room[1][0]),
    )
    return [
        {"id": f"room_{number:03d}", "bounding_box": box, "confidence": confidence, **more}
        for number, (confidence, box, more) in enumerate(found, start=1)
    ]


def encode_answer(
    rooms: list[dict[str, object]], *, processing_time_ms: int, page: int, page_count: int
) -> bytes:
    """Encode a successful answer.

    Args:
        rooms: See :func:`build_rooms`.
        processing_time_ms: Time spent on this item.
        page: The page that was read, counted from 1.
        page_count: Pages of the document; above 1 the answer names page and count.
    """
    answer: dict[str, object] = {
        "status": "success",
        "processing_time_ms": processing_time_ms,
        "detected_rooms": rooms,
    }
    if page_count > 1:
        answer |= {"page": page, "page_count": page_count}
    return _compact(answer)


def encode_error(error: RequestError) -> bytes:
    """Encode an error answer; it goes out with ``error.status``."""
    return _compact(
        {
            "status": "error",
            "error": error.code,
            "message": str(error),
            "details": error.details,
        }
    )


def _compact(answer: Mapping[str, object]) -> bytes:
    text = json.dumps(answer, separators=(",", ":"), ensure_ascii=False)
    # JSON lets a caller send half of a surrogate pair, which no UTF-8 can repeat.
    return text.encode(errors="replace")
