# SPDX-License-Identifier: AGPL-3.0-or-later
"""Pages that are looked at as the handler does it, and a network that finds what it is told."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from benchmarks.in_process import find_rooms
from roomdet.config import Config, Limits
from roomdet.detector import RawPrediction, load_detector
from roomdet.geometry import Letterbox
from roomdet.images import read_page
from roomdet.item import BatchItem
from roomdet.schema import RequestOptions
from tests.conftest import NETWORK

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from roomdet.detector import Detector, OpenVinoDetector
    from roomdet.geometry import Detections, Pixels
    from roomdet.inspection import Inspection
    from roomdet.page import Page

Box: TypeAlias = tuple[float, float, float, float]
LIMITS = Limits()
SCORE = 0.9


def nothing(pixels: Pixels) -> Sequence[Box]:
    """What a network finds that knows no room."""
    del pixels
    return []


@dataclass(slots=True)
class ToldDetector:
    """Finds what it is told.

    Attributes:
        find: Corners of the rooms on what is shown, in its pixels.
        shown_wh: Sizes of what was shown so far.
        input_px: Longer side of the first level.
    """

    find: Callable[[Pixels], Sequence[Box]] = nothing
    shown_wh: list[tuple[int, int]] = field(default_factory=list)
    input_px: int = 640

    def predict(self, pixels: Pixels) -> RawPrediction:
        """All rooms are found with the confidence :data:`SCORE`."""
        size_wh = (pixels.shape[1], pixels.shape[0])
        self.shown_wh.append(size_wh)
        corners = np.array(self.find(pixels), np.float32).reshape(-1, 4)
        center, size = (corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]
        scores = np.full((len(corners), 1), SCORE, np.float32)
        output = np.concatenate([center, size, scores], axis=1, dtype=np.float32).T
        return RawPrediction(output, Letterbox(size_wh, size_wh, (0, 0)))


@dataclass(slots=True)
class File:
    """A file that is read at a size, and remembers at which.

    Attributes:
        data: The file.
        sides_px: What it was asked for.
    """

    data: bytes
    sides_px: list[int] = field(default_factory=list)

    def read_at(self, side_px: int) -> Page:
        """The page with a longer side of so many pixels."""
        self.sides_px.append(side_px)
        return read_page(self.data, page=1, side_px=side_px, limits=LIMITS)


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of a file.

    Attributes:
        sides_px: Sizes at which it was read.
        inspection: What was looked at.
        found: Its rooms, as fractions of the page.
    """

    sides_px: list[int]
    inspection: Inspection
    found: Detections


@cache
def shipped() -> OpenVinoDetector:
    """The shipped network."""
    return load_detector(NETWORK, Config())


def see(
    data: bytes,
    options: RequestOptions | None = None,
    *,
    detector: Detector | None = None,
    config: Config | None = None,
) -> Seen:
    """Look at a file as the handler does.

    Args:
        data: The file.
        options: Of the request.
        detector: Instead of the shipped network.
        config: Instead of the defaults.
    """
    file = File(data)
    row = BatchItem("seen", options=options or RequestOptions(), read_at=file.read_at)
    find_rooms(row, detector or shipped(), config or Config())
    assert row.inspection is not None
    assert row.found is not None
    return Seen(file.sides_px, row.inspection, row.found)
