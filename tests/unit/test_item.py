# SPDX-License-Identifier: AGPL-3.0-or-later
"""A row's failures stay with the row and show nothing of the inside."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import numpy as np

from roomdet.errors import InvalidFileFormat, ProcessingFailed, ValidationError
from roomdet.geometry import Detections, fit_within
from roomdet.item import BatchItem, Step
from roomdet.page import Page

if TYPE_CHECKING:
    import pytest


def served_item() -> BatchItem:
    """An item whose page was read and on which one room was found."""
    item = BatchItem("r1")
    item.page = Page(np.zeros((4, 4, 3), np.uint8), (4, 4), 4, 16, number=1, count=1)
    item.found = Detections(np.array([[0, 0, 0.5, 1]], np.float32), np.array([0.9], np.float32))
    return item


def test_a_served_item_is_200() -> None:
    """Page and rooms make an answer."""
    body, status = served_item().encode()

    assert status == 200
    assert json.loads(body)["detected_rooms"][0]["bounding_box"] == [0, 0, 500, 1000]


def test_a_refused_item_keeps_its_code() -> None:
    """The first thing that went wrong is answered."""
    item = BatchItem("r1")
    with item.step(Step.DECODE):
        raise InvalidFileFormat("no picture")

    body, status = item.encode()

    assert status == 400
    assert json.loads(body)["error"] == "invalid_file_format"


def test_an_unforeseen_failure_is_500_without_its_reason(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The caller gets a request id, the log the trace under the same id."""
    item = BatchItem("request-7")
    with caplog.at_level(logging.ERROR), item.step(Step.DECODE):
        raise RuntimeError("/secret/path broke")

    body, status = item.encode()
    answer = json.loads(body)

    assert status == 500
    assert answer["error"] == "processing_failed"
    assert answer["details"] == {"request_id": "request-7"}
    assert "secret" not in body.decode()
    assert "request-7" in caplog.text
    assert "/secret/path broke" in caplog.text


def test_a_foreseen_failure_names_the_request_too(caplog: pytest.LogCaptureFixture) -> None:
    """Whoever asks the operator has an id for the log, which knows more than the answer."""
    item = BatchItem("request-8")
    with item.step(Step.FETCH):
        raise ProcessingFailed("try again", reason="S3: a time-out")

    body, status = item.encode()
    answer = json.loads(body)

    assert status == 500
    assert (answer["message"], answer["details"]) == ("try again", {"request_id": "request-8"})
    assert caplog.messages == ["Request request-8: S3: a time-out"]


def test_a_reason_is_for_the_log_alone(caplog: pytest.LogCaptureFixture) -> None:
    """Also where the caller is to blame; without a reason there is nothing to log."""
    told, silent = BatchItem("request-9"), BatchItem("request-10")
    with told.step(Step.FETCH):
        raise ValidationError("no", reason="S3 said 403")
    with silent.step(Step.FETCH):
        raise ValidationError("no")

    assert told.encode() == silent.encode()
    assert caplog.messages == ["Request request-9: S3 said 403"]


def test_a_refused_item_lets_go_of_the_file() -> None:
    """The error keeps no trace, whose frames would hold the file's bytes."""
    item = BatchItem("r1")
    with item.step(Step.DECODE):
        try:
            int("x")
        except ValueError as err:
            raise InvalidFileFormat("no picture") from err

    assert item.error is not None
    assert item.error.__traceback__ is None
    assert item.error.__cause__ is None
    assert item.error.__context__ is None


def test_further_levels_are_read_once() -> None:
    """As large as the largest of them, which the others are reduced from; all of the same form."""
    asked: list[int] = []

    def read_at(side_px: int) -> Page:
        asked.append(side_px)
        pixels = np.zeros((*fit_within((400, 300), side_px)[::-1], 3), np.uint8)
        pixels[:, : pixels.shape[1] // 4] = 200
        return Page(pixels, (400, 300), 400, 120_000, number=1, count=1)

    item = BatchItem("r1", read_at=read_at)
    item.page = item.read(64)
    middle, largest = (item.level_pixels(side_px, 384) for side_px in (128, 384))

    assert asked == [64, 384]
    assert (middle.shape, largest.shape) == ((96, 128, 3), (288, 384, 3))
    assert (middle[:, :32] == 200).all()
    assert (middle[:, 32:] == 0).all()

    item.forget()

    assert item.read_at is None
    assert item.large_page is None


def test_a_failure_of_the_encoder_is_500_too() -> None:
    """Rooms that cannot be encoded never leave half an answer."""
    item = served_item()
    item.found = None

    body, status = item.encode()

    assert status == 500
    assert json.loads(body)["error"] == "processing_failed"


def test_time_adds_up_over_steps() -> None:
    """Each step of a row counts, and only those that were begun."""
    item = served_item()
    item.seconds[Step.DECODE] = 1.5
    with item.step(Step.DETECT):
        pass

    body, _ = item.encode()

    assert list(item.seconds) == [Step.DECODE, Step.DETECT, Step.ENCODE]
    assert 0 < item.seconds[Step.DETECT] < 1
    assert 1500 <= json.loads(body)["processing_time_ms"] < 2500


def test_a_step_that_is_begun_twice_adds_up() -> None:
    """Decoding goes on after a fetch."""
    item = served_item()
    item.seconds[Step.DECODE] = 1.5
    with item.step(Step.DECODE):
        pass

    assert 1.5 < item.seconds[Step.DECODE] < 2.5


def test_a_fetch_is_no_processing_time() -> None:
    """It is the network's and S3's; the log has it apart."""
    item = served_item()
    item.seconds |= {Step.FETCH: 7.0, Step.DECODE: 1.5}

    body, _ = item.encode()

    assert 1500 <= json.loads(body)["processing_time_ms"] < 2500
    assert item.seconds[Step.FETCH] == 7.0
