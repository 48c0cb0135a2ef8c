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

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageOps

from training.errors import DataError
from training.labels import parse_labels, plan_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

    from training.labels import Boxes

PICTURE_ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".webp"})
SPLIT_FOLDERS = ("train", "valid", "val")
NAMES_SHOWN = 10
ORIENTATION, FIRST_ON_ITS_SIDE = 0x0112, 5  # Exif 2.3: values 5 to 8 lie on a side


@dataclass(frozen=True, slots=True)
class Entry:
    """One labeled picture.

    Attributes:
        picture: Its file.
        boxes_xywhn: float32, shape ``(n, 4)``, center x, center y, width, height as fractions of
            the upright picture, inside 0 to 1. ``n`` may be 0.
        plan: The plan that it shows; pictures of one plan stay together.
        family: Kind of drawing, free text, may be empty.
        source_set: The folder that it came from, as it was given.
        weight: How often an epoch draws it on average; greater than 0.
        size_hw: Height and width in pixels, upright.
        is_complete: Whether each of its rooms is known to be labeled.
    """

    picture: Path
    boxes_xywhn: Boxes
    plan: str
    family: str
    source_set: str
    weight: float
    size_hw: tuple[int, int]
    is_complete: bool = False


@dataclass(frozen=True, slots=True)
class PlanSet:
    """Labeled pictures of one or several folders, sorted by folder and file name.

    Attributes:
        entries: The pictures.
        dropped_boxes: Labels left out because nothing of them lies inside the picture.
    """

    entries: tuple[Entry, ...]
    dropped_boxes: int = 0

    @property
    def rooms(self) -> int:
        """Number of boxes."""
        return sum(len(entry.boxes_xywhn) for entry in self.entries)


@dataclass(frozen=True, slots=True)
class Split:
    """What is trained on and what is held out; no plan is in both."""

    train: tuple[Entry, ...]
    held_out: tuple[Entry, ...]


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
        tuple(entry for one in sets for entry in one.entries),
        sum(one.dropped_boxes for one in sets),
    )


def read_plan_set(folder: Path, weight: float = 1.0) -> PlanSet:
    """Read one folder.

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
    entries: list[Entry] = []
    dropped = 0
    problems: list[str] = []
    for place in places:
        index = _read_index(place / "index.jsonl")
        for picture in _pictures(place / "images"):
            try:
                entry, lost = _read_entry(picture, index.get(picture.name, {}))
            except DataError as err:
                problems.append(str(err))
                continue
            entries.append(replace(entry, source_set=str(folder), weight=weight))
            dropped += lost
    if problems:
        raise DataError(_listed(f"{folder}: {len(problems)} pictures cannot be used", problems))
    if not entries:
        raise DataError(f"{folder}: images/ holds no {', '.join(sorted(PICTURE_ENDINGS))}")
    return PlanSet(tuple(entries), dropped)


def _pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in PICTURE_ENDINGS)


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


def _read_entry(picture: Path, row: Mapping[str, Any]) -> tuple[Entry, int]:
    labels = picture.parent.parent / "labels" / f"{picture.stem}.txt"
    if labels.exists():
        boxes_xywhn, dropped = parse_labels(labels.read_text(encoding="utf-8"), name=str(labels))
    elif row.get("rooms") == 0:
        boxes_xywhn, dropped = np.zeros((0, 4), np.float32), 0
    else:
        raise DataError(
            f"{picture.name}: no {labels.name}; an empty file means that it has no rooms"
        )
    entry = Entry(
        picture=picture,
        boxes_xywhn=boxes_xywhn,
        plan=str(row.get("plan") or plan_of(picture.stem)),
        family=str(row.get("family") or ""),
        source_set="",
        weight=1.0,
        size_hw=_upright_size_hw(picture),
        is_complete=row.get("complete") is True,
    )
    return entry, dropped


def _upright_size_hw(picture: Path) -> tuple[int, int]:
    """Size without decoding the pixels; damage further inside shows when they are decoded."""
    try:
        with Image.open(picture) as image:
            turned = image.getexif().get(ORIENTATION, 1) >= FIRST_ON_ITS_SIDE
            width, height = image.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as err:
        raise DataError(f"{picture.name}: no readable picture: {err}") from err
    return (width, height) if turned else (height, width)


def read_picture(picture: Path, longest_px: int) -> npt.NDArray[np.uint8]:
    """Decode a picture, upright, reduced or enlarged so that its longer side is ``longest_px``.

    It is reduced as the server reduces (averaged, then bilinear), so that thin walls survive.

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


def split_by_plan(entries: Iterable[Entry], *, held_out: float, seed: int, most: int) -> Split:
    """Hold out a share of the plans; a plan's side depends on nothing but its id and the seed.

    Args:
        entries: Pictures of any sets; a plan that occurs in several sets stays whole.
        held_out: Share of the plans to hold out, greater than 0, below 1. One is always held out.
        seed: Chooses which.
        most: At most this many held-out pictures are kept; the others are not trained on either.

    Raises:
        DataError: If there are fewer than two plans.
    """
    everything = tuple(entries)
    places = {plan: _place(plan, seed) for plan in {entry.plan for entry in everything}}
    if len(places) < 2:  # noqa: PLR2004 - one to train on, one to hold out
        raise DataError(f"{len(places)} plan is too few: one is trained on, another held out")
    ordered = sorted(places, key=lambda plan: places[plan])
    chosen = {plan for plan in ordered if places[plan] < held_out} or {ordered[0]}
    chosen.discard(ordered[-1])
    train = tuple(entry for entry in everything if entry.plan not in chosen)
    out = [entry for entry in everything if entry.plan in chosen]
    out.sort(key=lambda entry: _place(entry.picture.name, seed))
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
