# SPDX-License-Identifier: AGPL-3.0-or-later
"""One row of a batch on its way from request to answer."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

from roomdet.errors import ProcessingFailed, RequestError
from roomdet.geometry import Detections, fractions_to_grid
from roomdet.schema import RequestOptions, build_rooms, encode_answer, encode_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from roomdet.page import Page

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Item:
    """What is known of one row so far.

    Attributes:
        request_id: TorchServe's id of the request; in the log beside whatever goes wrong.
        options: Checked options.
        page: The page, once it is read.
        found: Rooms on it, boxes as fractions of the page, once they are detected.
        error: What ended the work on this row, if anything did.
        busy_s: Seconds spent on this row alone.
    """

    request_id: str
    options: RequestOptions = field(default_factory=RequestOptions)
    page: Page | None = None
    found: Detections | None = None
    error: RequestError | None = None
    busy_s: float = 0.0

    @contextmanager
    def step(self) -> Iterator[None]:
        """Count the time of a step and keep its failure from the rest of the batch."""
        started_s = time.perf_counter()
        try:
            yield
        except RequestError as err:
            # The frames of its trace hold the file's bytes and this item: a cycle that would keep
            # them until some later garbage collection.
            err.__traceback__ = err.__cause__ = err.__context__ = None
            self.error = err
        except Exception:
            logger.exception("Request %s failed", self.request_id)
            self.error = ProcessingFailed(
                "the picture could not be processed; the server's log says why",
                {"request_id": self.request_id},
            )
        finally:
            self.busy_s += time.perf_counter() - started_s

    def encode(self) -> tuple[bytes, HTTPStatus]:
        """Encode the answer: JSON and its HTTP status."""
        rooms: list[dict[str, object]] = []
        if self.error is None:
            with self.step():
                assert self.found is not None  # without an error it was detected
                rooms = build_rooms(fractions_to_grid(self.found.boxes_xyxy), self.found.scores)
        if self.error is not None:
            return encode_error(self.error), HTTPStatus(self.error.status)
        assert self.page is not None
        answer = encode_answer(
            rooms,
            processing_time_ms=round(self.busy_s * 1000),
            page=self.page.number,
            page_count=self.page.count,
        )
        return answer, HTTPStatus.OK
