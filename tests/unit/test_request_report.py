# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is told of a request: enough to find it, nothing of what was on the picture."""

from __future__ import annotations

import numpy as np
import pytest

from roomdet.errors import FileTooLarge, RequestError
from roomdet.geometry import Detections
from roomdet.item import Item, Step
from roomdet.page import Page
from roomdet.report import METRICS, OUTCOMES, initial_values, measurements, request_fields


def served() -> Item:
    """A request for page 2 of 3 of a document, with one room, and times for its steps."""
    item = Item("id-1", bytes_in=1234)
    item.page = Page(np.zeros((4, 6, 3), np.uint8), (400.5, 600.5), 24, number=2, count=3)
    item.found = Detections(np.array([[0, 0, 0.5, 1]], np.float32), np.array([0.9], np.float32))
    item.encode()
    item.seconds = {Step.DECODE: 0.0151234, Step.DETECT: 0.25, Step.ENCODE: 0.0002}
    return item


def refused() -> Item:
    """A request whose file was too large."""
    item = Item("id-2", bytes_in=9)
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
        "side_px": 6,
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
