# SPDX-License-Identifier: AGPL-3.0-or-later
"""One row of a batch on its way from request to answer."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING

from roomdet.errors import ProcessingFailed, RequestError
from roomdet.facts import Description
from roomdet.geometry import Detections, fit_within, fractions_to_grid
from roomdet.images import LargePage
from roomdet.schema import RequestOptions, build_rooms, encode_answer, encode_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from roomdet.geometry import Pixels
    from roomdet.inspection import Inspection
    from roomdet.page import Page

logger = logging.getLogger(__name__)

SUCCESS = "success"


class Step(StrEnum):
    """Parts of the work on a row.

    A file that comes with the request is not fetched, and rooms are described where something more
    than boxes is asked for.
    """

    FETCH = "fetch"
    DECODE = "decode"
    DETECT = "detect"
    DESCRIBE = "describe"
    ENCODE = "encode"


@dataclass(slots=True)
class BatchItem:
    """What is known of one row so far.

    Attributes:
        request_id: TorchServe's id of the request; in the log beside whatever goes wrong.
        bytes_in: Bytes of the body, form and base64 included.
        bytes_fetched: Bytes of the file that the body only names, once they are there.
        options: Checked options.
        read_at: Reads the page, for a longer side of so many pixels, once there is a file.
        page: The page on the first level, once it is read.
        large_page: The same page as large as it may be asked for, once that is.
        inspection: What was looked at, once detection began.
        found: Rooms on it, boxes as fractions of the page, once they are detected.
        description: What else is answered of each, where that was asked for.
        error: What ended the work on this row, if anything did.
        room_count: Rooms that are answered, once they are encoded.
        seconds: What each step took that was begun, with the wait for a large picture of another
            row; decoding and detection may be begun again.
    """

    request_id: str
    bytes_in: int = 0
    bytes_fetched: int | None = None
    options: RequestOptions = field(default_factory=RequestOptions)
    read_at: Callable[[int], Page] | None = None
    page: Page | None = None
    large_page: LargePage | None = None
    inspection: Inspection | None = None
    found: Detections | None = None
    description: Description = field(default_factory=Description)
    error: RequestError | None = None
    room_count: int = 0
    seconds: dict[Step, float] = field(default_factory=dict)

    @property
    def outcome(self) -> str:
        """``success``, or the code of the error."""
        return SUCCESS if self.error is None else self.error.code

    @contextmanager
    def step(self, step: Step) -> Iterator[None]:
        """Time a step and keep its failure from the rest of the batch."""
        started_s = time.perf_counter()
        try:
            yield
        except RequestError as err:
            # The frames of its trace hold the file's bytes and this item: a cycle that would keep
            # them until some later garbage collection.
            err.__traceback__ = err.__cause__ = err.__context__ = None
            self.error = err
            if err.reason:
                logger.warning("Request %s: %s", self.request_id, err.reason)
            if isinstance(err, ProcessingFailed):
                err.details["request_id"] = self.request_id
        except Exception:
            logger.exception("Request %s failed", self.request_id)
            self.error = ProcessingFailed(
                "the picture could not be processed; the server's log says why",
                {"request_id": self.request_id},
            )
        finally:
            self._add_seconds(step, time.perf_counter() - started_s)

    def read(self, side_px: int) -> Page:
        """Read the page; errors as :meth:`roomdet.isolation.IsolatedReader.read_page`."""
        assert self.read_at is not None  # there is a file
        return self.read_at(side_px)

    def level_pixels(self, side_px: int, deepest_px: int) -> Pixels:
        """The page at a level beyond the first; the file is read once for all of them.

        Args:
            side_px: Longer side of the level.
            deepest_px: Longer side of the largest level that may be asked for.

        Returns:
            uint8 RGB, shape ``(height, width, 3)``.

        Raises:
            RequestError: As :meth:`roomdet.isolation.IsolatedReader.read_page`.
        """
        if self.large_page is None:
            self.large_page = LargePage(self.read(deepest_px).pixels)
        assert self.page is not None
        return self.large_page.at(fit_within(self.page.source_wh, side_px))

    def sharp_pixels(self, most_px: int) -> Pixels:
        """The page as sharp as it is held already, or as it can be read.

        Args:
            most_px: Longer side of the page, where it is read for this; of a page that is held and
                larger than that, its own.

        Returns:
            uint8 RGB, shape ``(height, width, 3)``.

        Raises:
            RequestError: As :meth:`roomdet.isolation.IsolatedReader.read_page`.
        """
        assert self.page is not None
        side_px = int(min(most_px, self.page.native_px))
        if self.large_page is not None and self.large_page.side_px >= side_px:
            return self.large_page.whole()
        seen_px = max(self.page.pixels.shape)
        return self.read(side_px).pixels if side_px != seen_px else self.page.pixels

    def forget(self) -> None:
        """Let go of the file and of the page at its largest, once the rooms are found."""
        self.read_at = self.large_page = None

    def encode(self) -> tuple[bytes, HTTPStatus]:
        """Encode the answer: JSON and its HTTP status."""
        started_s = time.perf_counter()
        rooms: list[dict[str, object]] = []
        if self.error is None:
            with self.step(Step.ENCODE):
                assert self.found is not None  # without an error it was detected
                boxes_grid = fractions_to_grid(self.found.boxes_xyxy)
                rooms = build_rooms(boxes_grid, self.found.scores, self.description.rooms)
        if self.error is not None:
            return encode_error(self.error), HTTPStatus(self.error.status)
        assert self.page is not None
        self.room_count = len(rooms)
        processing_s = sum(self.seconds.values()) - self.seconds.get(Step.FETCH, 0.0)
        answer = encode_answer(
            rooms,
            processing_time_ms=round(processing_s * 1000),
            page=self.page.number,
            page_count=self.page.count,
        )
        self.seconds[Step.ENCODE] = time.perf_counter() - started_s
        return answer, HTTPStatus.OK

    def _add_seconds(self, step: Step, taken_s: float) -> None:
        self.seconds[step] = self.seconds.get(step, 0.0) + taken_s
