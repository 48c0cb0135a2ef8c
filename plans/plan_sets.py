# SPDX-License-Identifier: AGPL-3.0-or-later
"""Plan sets: folders of labeled plans, read, checked and split by plan.

A plan set is ``images/*.{png,jpg,webp}`` with ``labels/<stem>.txt`` (YOLO text: ``0 cx cy w h``, or
a polygon; every class is a room) and, optionally, ``index.jsonl`` with one object per picture:
``{"image": file name, "plan": plan id, "family": text, "rooms": count, "complete": true}``. A YOLO
export with ``train/`` and ``valid/`` (or ``val/``) inside is read as one set; its ``test/`` is left
alone.

Pictures of one plan are never separated between training and validation.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from PIL import Image, ImageOps

from plans.errors import DataError
from plans.labels import centers_to_corners, corners_to_centers, parse_labels, plan_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

    from roomdet.geometry import Boxes, Pixels

_Item = TypeVar("_Item")

PICTURE_ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".webp"})
SPLIT_FOLDERS = ("train", "valid", "val")
NAMES_SHOWN = 10
ORIENTATION, FIRST_ON_ITS_SIDE = 0x0112, 5  # Exif 2.3: values 5 to 8 lie on a side


@dataclass(frozen=True, slots=True)
class Sample:
    """One labeled picture.

    Attributes:
        path: Its file.
        boxes_xywhn: float32, shape ``(n, 4)``, center x, center y, width, height as fractions of
            the upright picture, inside 0 to 1. ``n`` may be 0.
        size_hw: Height and width in pixels, upright.
        plan: The plan that it shows; pictures of one plan stay together.
        family: Kind of drawing, free text, may be empty.
        source_set: The folder that it came from, as it was given.
        weight: How often an epoch draws it on average; greater than 0.
        is_complete: Whether each of its rooms is known to be labeled.
    """

    path: Path
    boxes_xywhn: Boxes
    size_hw: tuple[int, int]
    plan: str = ""
    family: str = ""
    source_set: str = ""
    weight: float = 1.0
    is_complete: bool = False

    @classmethod
    def of_corners(cls, path: Path, corners_xyxyn: Boxes, size_hw: tuple[int, int]) -> Sample:
        """A picture whose rooms are known by their corners, as fractions of it."""
        return cls(path, corners_to_centers(corners_xyxyn), size_hw)

    @property
    def boxes_xyxyn(self) -> Boxes:
        """The rooms' corners as fractions of the picture; float32, shape ``(n, 4)``."""
        return centers_to_corners(self.boxes_xywhn)

    def boxes_xyxy_px(self, size_wh: tuple[float, float]) -> Boxes:
        """The rooms on a rendering of the picture, in its pixels."""
        return self.boxes_xyxyn * np.array([*size_wh, *size_wh], np.float32)


@dataclass(frozen=True, slots=True)
class PlanSet:
    """Labeled pictures of one or several folders, sorted by folder and file name.

    Attributes:
        samples: The pictures.
        dropped_boxes: Labels left out because nothing of them lies inside the picture.
    """

    samples: tuple[Sample, ...]
    dropped_boxes: int = 0

    @property
    def rooms(self) -> int:
        """Number of boxes."""
        return sum(len(sample.boxes_xywhn) for sample in self.samples)


@dataclass(frozen=True, slots=True)
class Split:
    """What is trained on and what is held out; no plan is in both."""

    train: tuple[Sample, ...]
    val: tuple[Sample, ...]


def parse_source(text: str) -> tuple[Path, float]:
    """Take ``DIR`` or ``DIR:WEIGHT`` apart.

    Raises:
        DataError: If the weight is not greater than 0.
    """
    folder, colon, number = text.rpartition(":")
    try:
        weight = float(number) if colon and not Path(text).exists() else None
    except ValueError:
        weight = None
    if weight is None:
        return Path(text), 1.0
    if not (0 < weight < float("inf")):
        raise DataError(f"{text}: the weight of a set is a number greater than 0")
    return Path(folder), weight


def read_sources(sources: Sequence[str]) -> PlanSet:
    """Read several folders, each given as ``DIR`` or ``DIR:WEIGHT``.

    Raises:
        DataError: If a folder is no plan set, or pictures or labels cannot be read.
    """
    sets = [read_plan_set(*parse_source(text)) for text in sources]
    return PlanSet(
        tuple(sample for one in sets for sample in one.samples),
        sum(one.dropped_boxes for one in sets),
    )


def named_set(text: str) -> tuple[str, Path, str]:
    """Take ``NAME=DIR`` or ``NAME=DIR:PREFIX`` of a command line apart.

    Raises:
        argparse.ArgumentTypeError: If it is neither.
    """
    name, equals, place = text.partition("=")
    folder, _, prefix = place.partition(":")
    if not (name and equals and folder):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=DIR or NAME=DIR:PREFIX")
    return name, Path(folder), prefix


def read_plan_set(folder: Path, weight: float = 1.0, *, prefix: str = "") -> PlanSet:
    """Read one folder, or its pictures whose file names start with ``prefix``.

    Labels that reach over the picture's edge are clipped; what has no area left is dropped and
    counted. A picture without a labels file is an error, unless the index says that it has 0 rooms.

    Raises:
        DataError: If the folder is no plan set, or pictures or labels cannot be read.
    """
    places = [folder / name for name in SPLIT_FOLDERS if (folder / name / "images").is_dir()]
    if (folder / "images").is_dir():
        places.insert(0, folder)
    if not places:
        raise DataError(f"{folder} holds neither images/ nor train/images/")
    samples: list[Sample] = []
    dropped = 0
    problems: list[str] = []
    for place in places:
        index = _read_index(place / "index.jsonl")
        for picture in find_pictures(place / "images", f"{prefix}*"):
            try:
                sample, lost = _read_entry(picture, index.get(picture.name, {}))
            except DataError as err:
                problems.append(str(err))
                continue
            samples.append(replace(sample, source_set=str(folder), weight=weight))
            dropped += lost
    if problems:
        raise DataError(_listed(f"{folder}: {len(problems)} pictures cannot be used", problems))
    if not samples:
        kinds = ", ".join(sorted(PICTURE_ENDINGS))
        named = f" named {prefix}*" if prefix else ""
        raise DataError(f"{folder}: images/ holds no picture{named} ({kinds})")
    return PlanSet(tuple(samples), dropped)


def find_pictures(folder: Path, pattern: str) -> list[Path]:
    """The pictures of a folder whose paths match a glob pattern, sorted; perhaps none."""
    return sorted(path for path in folder.glob(pattern) if path.suffix.lower() in PICTURE_ENDINGS)


def evenly_thinned(items: Sequence[_Item], at_most: int) -> list[_Item]:
    """Every k-th one, with the smallest k that leaves no more than ``at_most``."""
    step = max(1, -(-len(items) // at_most))
    return list(items[::step])


def _listed(headline: str, lines: Sequence[str]) -> str:
    more = [f"and {len(lines) - NAMES_SHOWN} more"] if len(lines) > NAMES_SHOWN else []
    return "\n  ".join([f"{headline}:", *lines[:NAMES_SHOWN], *more])


def _read_index(path: Path) -> dict[str, dict[str, Any]]:
    """Rows of the index by picture name; empty if there is no index."""
    if not path.exists():
        return {}
    rows: dict[str, dict[str, Any]] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            rows[str(row["image"])] = row
        except (ValueError, KeyError, TypeError) as err:
            raise DataError(
                f"{path}, line {number}: no JSON object with an image: {err!r}"
            ) from err
    return rows


def _read_entry(picture: Path, row: Mapping[str, Any]) -> tuple[Sample, int]:
    labels = picture.parent.parent / "labels" / f"{picture.stem}.txt"
    if labels.exists():
        try:
            text = labels.read_text(encoding="utf-8")
        except (OSError, ValueError) as err:
            raise DataError(f"{labels} cannot be read: {err}") from err
        boxes_xywhn, dropped = parse_labels(text, name=str(labels))
    elif row.get("rooms") == 0:
        boxes_xywhn, dropped = np.zeros((0, 4), np.float32), 0
    else:
        raise DataError(
            f"{picture.name}: no {labels.name}; an empty file means that it has no rooms"
        )
    sample = Sample(
        path=picture,
        boxes_xywhn=boxes_xywhn,
        size_hw=_upright_size_hw(picture),
        plan=str(row.get("plan") or plan_of(picture.stem)),
        family=str(row.get("family") or ""),
        is_complete=row.get("complete") is True,
    )
    return sample, dropped


def _upright_size_hw(picture: Path) -> tuple[int, int]:
    """Size without decoding the pixels; damage further inside shows when they are decoded."""
    try:
        with Image.open(picture) as image:
            turned = image.getexif().get(ORIENTATION, 1) >= FIRST_ON_ITS_SIDE
            width, height = image.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as err:
        raise DataError(f"{picture.name}: no readable picture: {err}") from err
    return (width, height) if turned else (height, width)


def read_picture(picture: Path, longest_px: int) -> Pixels:
    """Decode a picture, upright, reduced or enlarged so that its longer side is ``longest_px``.

    It is reduced as the server reduces (averaged, then bilinear), so that thin walls survive. With
    Pillow alone, so that a lent machine needs no more; a test holds it to the server's decoder.

    Returns:
        uint8, shape ``(height, width, 3)``, RGB.

    Raises:
        DataError: If it cannot be decoded to its end.
    """
    try:
        with Image.open(picture) as image:
            image.draft("RGB", (2 * longest_px, 2 * longest_px))
            upright = ImageOps.exif_transpose(image)
            if upright.mode in {"P", "LA", "RGBA", "PA"}:
                upright = upright.convert("RGBA")
                white = Image.new("RGBA", upright.size, "white")
                upright = Image.alpha_composite(white, upright)
            upright = upright.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as err:
        raise DataError(f"{picture}: no readable picture: {err}") from err
    factor = longest_px / max(upright.size)
    width, height = upright.size
    target_wh = max(1, round(width * factor)), max(1, round(height * factor))
    if target_wh != upright.size:
        upright = upright.resize(target_wh, Image.Resampling.BILINEAR, reducing_gap=2.0)
    return np.asarray(upright)


def split_by_plan(samples: Iterable[Sample], *, held_out: float, seed: int, most: int) -> Split:
    """Hold out a share of the plans; a plan's side depends on nothing but its id and the seed.

    Args:
        samples: Pictures of any sets; a plan that occurs in several sets stays whole.
        held_out: Share of the plans to hold out, greater than 0, below 1. One is always held out.
        seed: Chooses which.
        most: At most this many held-out pictures are kept; the others are not trained on either.

    Raises:
        DataError: If there are fewer than two plans.
    """
    everything = tuple(samples)
    places = {plan: _place(plan, seed) for plan in {sample.plan for sample in everything}}
    if len(places) < 2:  # noqa: PLR2004 - one to train on, one to hold out
        raise DataError(f"{len(places)} plan is too few: one is trained on, another held out")
    ordered = sorted(places, key=lambda plan: places[plan])
    chosen = {plan for plan in ordered if places[plan] < held_out} or {ordered[0]}
    chosen.discard(ordered[-1])
    train = tuple(sample for sample in everything if sample.plan not in chosen)
    out = [sample for sample in everything if sample.plan in chosen]
    out.sort(key=lambda sample: _place(sample.path.name, seed))
    return Split(train, tuple(out[:most]))


def _place(name: str, seed: int) -> float:
    """A number in [0, 1) that depends on the name and the seed alone."""
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    return int.from_bytes(digest[:6]) / 2**48


def epoch_picks(weights: Sequence[float], *, seed: int, epoch: int) -> npt.NDArray[np.int64]:
    """Which pictures an epoch draws, and in which order.

    A picture of weight 2.3 is drawn twice, and a third time in 30 % of the epochs.

    Returns:
        int64 positions in ``weights``, shuffled; the same for the same seed and epoch.
    """
    generator = np.random.default_rng((seed, epoch))
    whole = np.floor(weights).astype(np.int64)
    times = whole + (generator.random(len(weights)) < np.asarray(weights) - whole)
    picks: npt.NDArray[np.int64] = generator.permutation(np.repeat(np.arange(len(weights)), times))
    return picks
