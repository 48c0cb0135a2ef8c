# SPDX-License-Identifier: AGPL-3.0-or-later
"""The exported network as it lies in the archive: files, digests and the golden plan.

``network.json`` names every file of the network with its sha256, and the rooms that the
checkpoint finds on the golden plan, computed in fp32 when the network was exported.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from roomdet.errors import ModelError
from roomdet.geometry import Boxes, Detections, Scores, iou_matrix

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = "network.json"
TOPOLOGY = "network.xml"
WEIGHTS = "network.bin"
GOLDEN_PLAN = "golden.png"
FORMAT = 2  # since 2 the network takes canvases of any form
INT8 = "int8"

EXPECTED_CONFIDENCE = 0.5  # a room that the reference finds with this must be found again …
EXPECTED_IOU = 0.9  # … and overlap at least this much,
SURPRISE_CONFIDENCE = 0.6  # while nothing else may be found with more than this.


@dataclass(frozen=True, slots=True)
class GoldenRoom:
    """A room that the checkpoint finds on the golden plan.

    Attributes:
        box_xyxy_norm: Corners as fractions of the plan, 0 to 1.
        confidence: 0.5 to 1.
    """

    box_xyxy_norm: tuple[float, float, float, float]
    confidence: float


@dataclass(frozen=True, slots=True)
class NetworkManifest:
    """Content of ``network.json``.

    Attributes:
        input_px: Longest side of a page that the network sees, in pixels.
        classes: Names of the classes; every class is a room.
        checkpoint_sha256: Digest of the checkpoint that was exported.
        exported_with: Name and version of the software that exported it.
        files: sha256 of each of the other files.
        golden: Rooms expected on the golden plan; empty only by explicit wish at export.
        precision: Numbers in which the network is stored: fp32, fp16, or int8 for its convolutions.
    """

    input_px: int
    classes: tuple[str, ...]
    checkpoint_sha256: str
    exported_with: dict[str, str]
    files: dict[str, str]
    golden: tuple[GoldenRoom, ...]
    precision: str = "fp16"

    @classmethod
    def read(cls, folder: Path) -> NetworkManifest:
        """Read ``network.json`` and check the digest of every file that it names.

        Raises:
            ModelError: If a file is missing, damaged, or not named.
        """
        manifest = cls._parse(folder / MANIFEST)
        for name in (TOPOLOGY, WEIGHTS, GOLDEN_PLAN):
            if name not in manifest.files:
                raise ModelError(f"{MANIFEST} names no {name}")
        for name, expected in manifest.files.items():
            found = sha256_of(folder / name)
            if found != expected:
                raise ModelError(f"{name} has sha256 {found}; {MANIFEST} says {expected}")
        return manifest

    @classmethod
    def _parse(cls, path: Path) -> NetworkManifest:
        try:
            raw = json.loads(path.read_text("utf-8"))
            if raw.pop("format") != FORMAT:
                raise ModelError(f"{MANIFEST} has a format that is not {FORMAT}; export it again")
            raw["classes"] = tuple(raw["classes"])
            raw["golden"] = tuple(
                GoldenRoom(tuple(room["box_xyxy_norm"]), room["confidence"])
                for room in raw["golden"]
            )
            return cls(**raw)
        except FileNotFoundError as err:
            raise ModelError(f"{MANIFEST} is missing") from err
        except (ValueError, TypeError, KeyError, AttributeError) as err:
            raise ModelError(f"{MANIFEST} cannot be read: {err}") from err

    def write(self, folder: Path) -> None:
        """Write ``network.json``, byte for byte the same for the same content."""
        text = json.dumps({"format": FORMAT, **asdict(self)}, indent=1, sort_keys=True)
        (folder / MANIFEST).write_text(text + "\n", "utf-8")


def sha256_of(path: Path) -> str:
    """Hexadecimal sha256 of a file.

    Raises:
        ModelError: If it is missing.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError as err:
        raise ModelError(f"{path.name} is missing") from err


def check_golden(found: Detections, expected: tuple[GoldenRoom, ...]) -> None:
    """Compare what a loaded network finds on the golden plan with what it must find.

    Args:
        found: Rooms on the golden plan, boxes as fractions of the plan.
        expected: Rooms of the checkpoint.

    Raises:
        ModelError: If an expected room is not found again, or an unexpected one is too certain.
    """
    boxes: Boxes = np.array([room.box_xyxy_norm for room in expected], np.float32).reshape(-1, 4)
    same = iou_matrix(boxes, found.boxes_xyxy) >= EXPECTED_IOU
    missed = [room for room, row in zip(expected, same, strict=True) if not row.any()]
    unexpected: Scores = found.scores[~same.any(axis=0)]
    surprises = unexpected[unexpected > SURPRISE_CONFIDENCE]
    if missed or surprises.size:
        raise ModelError(
            f"the network does not find the golden plan's rooms: {len(missed)} of "
            f"{len(expected)} expected rooms missed, {surprises.size} unexpected rooms"
        )
