# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is told of a request: enough to find it, nothing of what was on the picture."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from roomdet.errors import FileTooLarge, RequestError
from roomdet.geometry import Detections
from roomdet.inspection import Ceiling, Inspection
from roomdet.item import BatchItem, Step
from roomdet.page import Page
from roomdet.report import METRICS, OUTCOMES, initial_values, measurements, request_fields
from roomdet.schema import Detail, RequestOptions
from tests.looking import ToldDetector

if TYPE_CHECKING:
    from roomdet.geometry import Pixels


def paper(side_px: int) -> Pixels:
    """A page with a black line."""
    pixels = np.full((side_px, 3 * side_px // 4, 3), 255, np.uint8)
    pixels[side_px // 2 : side_px // 2 + 8] = 0
    return pixels


def served() -> BatchItem:
    """A request for page 2 of 3 of a document, seen on two levels, with one room, and times."""
    item = BatchItem("id-1", bytes_in=1234)
    item.page = Page(paper(640), (480, 640), 1280, 24, number=2, count=3)
    options = RequestOptions(detail=Detail.SHEET)
    item.inspection = Inspection(ToldDetector(), item.page, options, Ceiling(4, math.inf))
    while side_px := item.inspection.next_side_px():
        item.inspection.look(paper(side_px))
    item.found = Detections(np.array([[0, 0, 0.5, 1]], np.float32), np.array([0.9], np.float32))
    item.encode()
    item.seconds = {Step.DECODE: 0.0151234, Step.DETECT: 0.25, Step.ENCODE: 0.0002}
    return item


def refused() -> BatchItem:
    """A request whose file was too large."""
    item = BatchItem("id-2", bytes_in=9)
    with item.step(Step.DECODE):
        raise FileTooLarge("the file has a secret name", {"limit": 1})
    item.seconds = {Step.DECODE: 0.001}
    return item


def test_a_served_request_is_told_with_sizes_and_times() -> None:
    """Numbers only, but for its id."""
    assert request_fields(served(), status=200, answer=b"12345") == {
        "id": "id-1",
        "status": 200,
        "outcome": "success",
        "bytes_in": 1234,
        "bytes_out": 5,
        "pixels": 24,
        "page": 2,
        "page_count": 3,
        "side_px": 1280,
        "levels": 2,
        "slices": 2,
        "rooms": 1,
        "decode_ms": 15.12,
        "detect_ms": 250.0,
        "encode_ms": 0.2,
    }


def test_a_fetched_file_is_told_with_its_size_and_time() -> None:
    """The body itself is small."""
    item = served()
    item.bytes_fetched, item.seconds[Step.FETCH] = 12_000_000, 0.3
    fields = request_fields(item, status=200, answer=b"12345")

    assert (fields["bytes_in"], fields["bytes_fetched"], fields["fetch_ms"]) == (
        1234,
        12_000_000,
        300,
    )
    assert ("roomdet_fetch_seconds", 0.3, []) in measurements(item)


def test_an_inspection_that_was_cut_short_is_told() -> None:
    """In the log and in the metrics; of one that was not, nothing is said in the log."""
    item = served()
    assert item.page is not None
    assert "cut_short" not in request_fields(item, status=200, answer=b"")
    item.inspection = Inspection(ToldDetector(), item.page, item.options, Ceiling(4, -math.inf))
    assert item.inspection.next_side_px() is None

    fields = request_fields(item, status=200, answer=b"")

    told = {name: fields[name] for name in ("side_px", "levels", "slices", "cut_short")}
    assert told == {"side_px": 640, "levels": 1, "slices": 1, "cut_short": True}
    assert ("roomdet_cut_short_total", 1, []) in measurements(item)


def test_a_refused_request_is_told_by_its_code() -> None:
    """The message may repeat what the caller sent, so it is left out."""
    assert request_fields(refused(), status=413, answer=b"{}") == {
        "id": "id-2",
        "status": 413,
        "outcome": "file_too_large",
        "bytes_in": 9,
        "bytes_out": 2,
        "decode_ms": 1.0,
    }


def test_a_served_request_counts_everywhere() -> None:
    """One request, its rooms and pixels, and a time for each step, in seconds."""
    assert measurements(served()) == [
        ("roomdet_requests_total", 1, ["success"]),
        ("roomdet_pixels_total", 24, []),
        ("roomdet_levels_total", 2, []),
        ("roomdet_slices_total", 2, []),
        ("roomdet_cut_short_total", 0, []),
        ("roomdet_rooms_total", 1, []),
        ("roomdet_decode_seconds", 0.015123, []),
        ("roomdet_detect_seconds", 0.25, []),
        ("roomdet_encode_seconds", 0.0002, []),
    ]


def test_a_refused_request_counts_under_its_code() -> None:
    """It has neither rooms nor pixels."""
    assert measurements(refused()) == [
        ("roomdet_requests_total", 1, ["file_too_large"]),
        ("roomdet_decode_seconds", 0.001, []),
    ]


def test_every_code_is_an_outcome_that_starts_at_zero() -> None:
    """A rate() sees the first error only if the counter was there before."""
    started = {labels[0] for _, value, labels in initial_values() if labels and value == 0}

    assert {"success", *(error.code for error in RequestError.__subclasses__())} == started
    assert set(OUTCOMES) == started


@pytest.mark.parametrize("values", [initial_values(), measurements(served())])
def test_every_measurement_is_declared(values: list[tuple[str, float, list[str]]]) -> None:
    """With as many labels as were declared."""
    declared = {metric.name: len(metric.labels) for metric in METRICS}

    assert all(declared[name] == len(labels) for name, _, labels in values)
