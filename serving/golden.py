# SPDX-License-Identifier: AGPL-3.0-or-later
"""An archive's golden plan: what it must answer, wherever it runs.

``network.json`` in the archive names the rooms that the checkpoint finds on ``golden.png``.
The worker compares them when it loads the network; here they are compared with what arrives at a
client, so that all that lies between the two is tried as well.
"""

from __future__ import annotations

import json
import math
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from roomdet_client.answers import Room, parse_answer
from roomdet_client.errors import ClientError
from serving.errors import ArchiveError, WrongAnswer

if TYPE_CHECKING:
    from pathlib import Path

# The same limits as the worker's (handler/roomdet/network.py); a test compares them.
EXPECTED_IOU = 0.9
SURPRISE_CONFIDENCE = 0.6
GRID = 1000
# As PDF its pixels are drawn anew, which moves edges.
PDF_IOU = 0.7
# An answer is rounded to the grid, outwards or inwards.
_ROUNDING_GRID = 1.0
_CORNERS = 4

Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Golden:
    """What is known of an archive before it is served.

    Attributes:
        version: Under which TorchServe registers it.
        plan: The golden plan as PNG.
        boxes_xyxy_grid: Rooms expected on it, 0 to 1000; empty if it was exported without.
    """

    version: str
    plan: bytes
    boxes_xyxy_grid: tuple[Box, ...]


def read_golden(archive: Path) -> Golden:
    """Read an archive's version and golden plan.

    Raises:
        ArchiveError: If it is no archive of the room detector.
    """
    try:
        with zipfile.ZipFile(archive) as content:
            manifest = json.loads(content.read("MAR-INF/MANIFEST.json"))
            network = json.loads(content.read("network.json"))
            plan = content.read("golden.png")
        version = manifest["model"]["modelVersion"]
        boxes = [tuple(GRID * x for x in room["box_xyxy_norm"]) for room in network["golden"]]
    except OSError as err:
        if isinstance(err, FileNotFoundError):
            raise ArchiveError(f"there is no archive {archive}: `make archive` packs one") from err
        raise ArchiveError(f"{archive} cannot be read: {err.strerror}") from err
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError) as err:
        raise ArchiveError(f"{archive} is no archive of the room detector: {err}") from err
    if not isinstance(version, str) or any(len(box) != _CORNERS for box in boxes):
        raise ArchiveError(f"{archive} is no archive of the room detector: its form is unknown")
    return Golden(version, plan, tuple(boxes))


def judge_answer(body: str, golden: Golden, least_iou: float = EXPECTED_IOU) -> int:
    """Compare an answer to the golden plan with the expected rooms.

    Args:
        body: A successful answer, with the default options.
        golden: The plan that was sent.
        least_iou: By which a room is the expected one.

    Returns:
        The number of rooms in the answer.

    Raises:
        WrongAnswer: If an expected room is missing, or an unexpected one is too certain.
    """
    try:
        rooms = parse_answer(body).rooms
        expected = golden.boxes_xyxy_grid
        missed = [box for box in expected if not any(_is_at(r, box, least_iou) for r in rooms)]
        surprises = [
            room
            for room in rooms
            if room.confidence > SURPRISE_CONFIDENCE
            and not any(_is_at(room, box, least_iou) for box in expected)
        ]
    except (ClientError, TypeError, ValueError) as err:
        raise WrongAnswer(f"the golden plan is answered in another form: {body[:200]}") from err
    if missed or (surprises and golden.boxes_xyxy_grid):
        raise WrongAnswer(
            f"the golden plan is answered wrongly: {len(missed)} of {len(golden.boxes_xyxy_grid)} "
            f"expected rooms missed, {len(surprises)} unexpected rooms"
        )
    return len(rooms)


def _is_at(room: Room, box: Box, least_iou: float) -> bool:
    """Whether a room overlaps a box as much as it must, rounding apart."""
    found = [_without_rounding(x, at) for x, at in zip(room.box_xyxy_grid, box, strict=True)]
    width = min(found[2], box[2]) - max(found[0], box[0])
    height = min(found[3], box[3]) - max(found[1], box[1])
    common = max(width, 0) * max(height, 0)
    return common >= least_iou * (_area(found) + _area(box) - common) > 0


def _without_rounding(found: float, expected: float) -> float:
    off = found - expected
    return expected + math.copysign(max(abs(off) - _ROUNDING_GRID, 0), off)


def _area(box: Box | list[float]) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
