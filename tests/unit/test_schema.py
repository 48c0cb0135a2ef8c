# SPDX-License-Identifier: AGPL-3.0-or-later
"""Request options and the JSON of answers."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from roomdet.errors import FileTooLarge, ValidationError
from roomdet.schema import (
    Detail,
    Include,
    RequestOptions,
    build_rooms,
    encode_answer,
    encode_error,
    parse_value,
)


def encoded(rows: list[tuple[list[int], float]], page_count: int = 1) -> dict[str, Any]:
    """The answer for rooms given as box and score."""
    answer: dict[str, Any] = json.loads(
        encode_answer(
            build_rooms(
                np.array([box for box, _ in rows], np.int64).reshape(-1, 4),
                np.array([score for _, score in rows], np.float32),
            ),
            processing_time_ms=15,
            page=2 if page_count > 1 else 1,
            page_count=page_count,
        )
    )
    return answer


def test_the_answer_is_the_documented_bytes() -> None:
    """Compact JSON with exactly the documented keys in the documented order."""
    body = encode_answer(
        build_rooms(np.array([[50, 50, 200, 300]]), np.array([0.95], np.float32)),
        processing_time_ms=15,
        page=1,
        page_count=1,
    )

    assert body == (
        b'{"status":"success","processing_time_ms":15,"detected_rooms":'
        b'[{"id":"room_001","bounding_box":[50,50,200,300],"confidence":0.95}]}'
    )


def test_no_rooms_is_success() -> None:
    """A plan without rooms is answered with an empty list."""
    assert encoded([]) == {"status": "success", "processing_time_ms": 15, "detected_rooms": []}


def test_rooms_are_ordered_by_confidence() -> None:
    """The most confident room is room_001."""
    rooms = encoded([([0, 0, 1, 1], 0.3), ([5, 5, 6, 6], 0.9)])["detected_rooms"]

    assert [("room_001", 0.9), ("room_002", 0.3)] == [
        (room["id"], room["confidence"]) for room in rooms
    ]


def test_equal_confidences_go_from_top_to_bottom_then_left_to_right() -> None:
    """Scores that are answered alike are a tie, although they differ in the fifth decimal."""
    rooms = encoded(
        [
            ([500, 100, 600, 200], 0.90001),
            ([100, 100, 200, 200], 0.90002),
            ([100, 50, 200, 80], 0.89999),
        ]
    )["detected_rooms"]

    assert [[100, 50], [100, 100], [500, 100]] == [room["bounding_box"][:2] for room in rooms]


def test_confidence_has_four_decimals() -> None:
    """Float32 noise is not answered."""
    assert encoded([([0, 0, 1, 1], 0.123456)])["detected_rooms"][0]["confidence"] == 0.1235


def test_ids_count_on_above_999() -> None:
    """The thousandth room is room_1000."""
    rooms = encoded([([0, 0, 1, 1], 0.5)] * 1000)["detected_rooms"]

    assert rooms[-1]["id"] == "room_1000"


def test_a_document_of_several_pages_names_page_and_count() -> None:
    """Both keys stand only in answers for documents of several pages."""
    assert {"page": 2, "page_count": 5}.items() <= encoded([], page_count=5).items()


def test_an_error_has_code_message_and_details() -> None:
    """Non-ASCII text stays readable."""
    body = encode_error(FileTooLarge("too large: ä", {"bytes": 5}))

    assert body.decode() == (
        '{"status":"error","error":"file_too_large","message":"too large: ä","details":{"bytes":5}}'
    )


def test_half_a_surrogate_pair_can_be_answered() -> None:
    """JSON may bring text that is no Unicode; the answer is UTF-8 all the same."""
    body = encode_error(ValidationError("got \ud800"))

    assert json.loads(body)["message"] == "got ?"


@pytest.mark.parametrize(
    "values",
    [
        pytest.param({"confidence": 0.01}, id="confidence-lowest"),
        pytest.param({"confidence": 1}, id="confidence-highest-integer"),
        pytest.param({"iou": 0}, id="iou-lowest"),
        pytest.param({"iou": 1.0}, id="iou-highest"),
        pytest.param({"max_rooms": 1}, id="max-rooms-lowest"),
        pytest.param({"max_rooms": 1000}, id="max-rooms-highest"),
        pytest.param({"page": 100_000}, id="page-any"),
        pytest.param({"detail": "auto"}, id="detail-auto"),
        pytest.param({"detail": "page"}, id="detail-page"),
        pytest.param({"detail": "sheet"}, id="detail-sheet"),
        pytest.param({}, id="none"),
    ],
)
def test_options_in_range_are_taken(values: dict[str, Any]) -> None:
    """Both ends of each range belong to it."""
    options = RequestOptions.from_values(values)

    assert values == {name: getattr(options, name) for name in values}


def test_detail_is_one_of_its_kind() -> None:
    """A word becomes a member; where nothing is said, the page decides."""
    assert RequestOptions.from_values({"detail": "sheet"}).detail is Detail.SHEET
    assert RequestOptions().detail is Detail.AUTO


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ([], set()),
        (["name"], {Include.NAME}),
        ("name", {Include.NAME}),
        (" name , name", {Include.NAME}),
    ],
)
def test_include_is_a_list_or_words_with_commas(value: object, expected: set[Include]) -> None:
    """A header and a form have no lists; what is named twice is included once."""
    assert expected == RequestOptions.from_values({"include": value}).include


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param({"confidence": 0.009}, "confidence must be", id="confidence-low"),
        pytest.param({"confidence": 1.01}, "confidence must be", id="confidence-high"),
        pytest.param({"confidence": float("nan")}, "confidence must be", id="nan"),
        pytest.param({"confidence": "0.5"}, "confidence must be a number", id="text"),
        pytest.param({"confidence": True}, "confidence must be a number", id="bool"),
        pytest.param({"confidence": None}, "confidence must be a number", id="null"),
        pytest.param({"confidence": [0.5]}, "confidence must be a number", id="list"),
        pytest.param({"iou": -0.1}, "iou must be", id="iou-low"),
        pytest.param({"iou": float("inf")}, "iou must be", id="iou-infinite"),
        pytest.param(
            {"max_rooms": 0}, "max_rooms must be an integer from 1 to 1000", id="no-rooms"
        ),
        pytest.param({"max_rooms": 1001}, "max_rooms must be", id="many-rooms"),
        pytest.param({"max_rooms": 2.5}, "max_rooms must be an integer", id="fraction"),
        pytest.param({"max_rooms": True}, "max_rooms must be an integer", id="bool-integer"),
        pytest.param({"page": 0}, "page must be an integer from 1 on", id="page-zero"),
        pytest.param({"page": -1}, "page must be", id="page-negative"),
        pytest.param({"detail": "Page"}, "detail must be one of auto, page, sheet", id="capital"),
        pytest.param({"detail": "levels"}, 'detail must be .*; got "levels"', id="other-word"),
        pytest.param({"detail": ""}, "detail must be one of", id="no-word"),
        pytest.param({"detail": 2}, "detail must be one of", id="number-for-a-word"),
        pytest.param({"detail": None}, "detail must be one of", id="null-for-a-word"),
        pytest.param({"detail": ["page"]}, "detail must be one of", id="list-of-words"),
        pytest.param({"include": ["names"]}, 'include must be one of name.*"names"', id="include"),
        pytest.param({"include": "name,"}, "include must be one of name", id="include-nothing"),
        pytest.param({"include": [["name"]]}, "include must be one of", id="include-nested"),
        pytest.param({"include": {"name": 1}}, "include must be an array of name", id="object"),
        pytest.param({"include": 7}, "include must be an array of name", id="include-number"),
        pytest.param({"include": None}, "include must be an array of name", id="include-null"),
        pytest.param({"scale": 100}, "scale must be a text such as 1:100; got 100", id="scale"),
        pytest.param({"conf": 0.5}, "unknown option 'conf'; known: confidence", id="unknown"),
    ],
)
def test_other_options_are_refused(values: dict[str, Any], message: str) -> None:
    """The message says what is allowed."""
    with pytest.raises(ValidationError, match=message):
        RequestOptions.from_values(values)


@pytest.mark.parametrize(
    ("name", "value"), [("iou", 2), ("page", 0), ("detail", "levels"), ("scale", "large")]
)
def test_details_of_a_refusal_name_the_option(name: str, value: object) -> None:
    """And what was seen, for a caller that reads no English."""
    with pytest.raises(ValidationError) as caught:
        RequestOptions.from_values({name: value})

    assert caught.value.details == {"option": name, "got": json.dumps(value)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [("3", 3), (" 0.5 ", 0.5), ("1e-1", 0.1), ("+2", 2), ("nan", None), ("-1", -1)],
)
def test_numbers_are_read_from_text(text: str, expected: float | None) -> None:
    """Integers stay integers; what Python reads as NaN is left to the range check."""
    number = parse_value("page", text)

    assert number == expected if expected is not None else number != number  # noqa: PLR0124


def test_a_word_is_read_from_text() -> None:
    """Without the spaces around it; which words there are is checked with the other options."""
    assert parse_value("detail", " sheet ") == "sheet"
    assert parse_value("detail", "2") == "2"


@pytest.mark.parametrize("text", ["", "many", "1_000", "٣", "0x10", "9" * 40, "1,5"])
def test_other_text_is_no_number(text: str) -> None:
    """Python's own liberties, such as underscores, are not part of the API."""
    with pytest.raises(ValidationError, match="page must be a number"):
        parse_value("page", text)


def test_a_long_value_is_cut_in_the_message() -> None:
    """A caller's megabyte does not come back as a megabyte."""
    with pytest.raises(ValidationError) as caught:
        RequestOptions.from_values({"confidence": "x" * 1_000_000})

    assert len(str(caught.value)) < 200
