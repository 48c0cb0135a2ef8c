# SPDX-License-Identifier: AGPL-3.0-or-later
"""Corrected plans as a folder that trains: pictures, YOLO labels and COCO.

``images/NAME.png`` with ``labels/NAME.txt`` and ``index.jsonl`` is what ``make train DATA=FOLDER``
takes; ``annotations.json`` is the same in COCO's form. ``viewer.json`` keeps what these have no
place for, above all drafts, and is what the other files are written from.
"""

from __future__ import annotations

import json
import math
import re
import threading
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roomdet_client.exports.coco import annotation
from roomdet_client.facts import parse_facts
from roomdet_client.sheet import GRID
from roomdet_client.viewer.errors import ViewerError

if TYPE_CHECKING:
    from roomdet_client.sheet import Ring

STATE = "viewer.json"
# Pictures that training reads as they are; of others, and of PDF pages, a PNG is made.
KEPT_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp"})
# The longest side at which a server looks at a page (docs/operations.md, max_levels).
PICTURE_PX = 4160
MAX_ROOMS = 5000
MAX_NAME_LETTERS = 500
MAX_POINTS = 2000  # of an outline
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Room:
    """A room of a page, drawn, accepted or still a draft.

    Attributes:
        box: Corners ``x_min, y_min, x_max, y_max`` as fractions of the page, 0 to 1.
        confidence: 0 to 1, as the server answered; None for one that a person drew.
        accepted: Whether a person has said that it is one.
        name: What the server read in it.
        polygon: Its outline as the server saw it, as fractions of the page, closed.
        area: Its area as the server answered it, with scale and source.
    """

    box: tuple[float, float, float, float]
    confidence: float | None
    accepted: bool
    name: str | None = None
    polygon: Ring | None = None
    area: dict[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        """The room as the page sends it: what is not known of it is not there."""
        known = {"name": self.name, "polygon": self.polygon, "area": self.area}
        return {
            "box": self.box,
            "confidence": self.confidence,
            "accepted": self.accepted,
            **{key: value for key, value in known.items() if value is not None},
        }


@dataclass(frozen=True, slots=True)
class SavedPage:
    """One page as it was saved.

    Attributes:
        document: File name.
        page: Counted from 1.
        picture: File name in ``images/``.
        width: Of the picture, in pixels.
        height: Of the picture, in pixels.
        complete: Whether each room of the page is among the accepted ones.
        rooms: All, drafts too.
    """

    document: str
    page: int
    picture: str
    width: int
    height: int
    complete: bool
    rooms: tuple[Room, ...]

    @property
    def accepted(self) -> list[Room]:
        """What training gets to see."""
        return [room for room in self.rooms if room.accepted]


def parse_rooms(document: Any) -> tuple[Room, ...]:
    """Read rooms that the page sent.

    Raises:
        ViewerError: If they have another form, or a box lies outside 0 to 1 or has no area.
    """
    if not isinstance(document, list) or len(document) > MAX_ROOMS:
        raise ViewerError(f"rooms is no list of {MAX_ROOMS} at most")
    return tuple(_parse_room(item) for item in document)


def _parse_room(item: Any) -> Room:
    try:
        x_min, y_min, x_max, y_max = (float(number) for number in item["box"])
        confidence = item["confidence"]
        room = Room(
            (x_min, y_min, x_max, y_max),
            None if confidence is None else float(confidence),
            bool(item["accepted"]),
            **_parse_facts(item),
        )
    except (KeyError, TypeError, ValueError) as err:
        raise ViewerError(
            "a room has box (four numbers), confidence and accepted, "
            "and may have name, polygon and area"
        ) from err
    # Comparisons with NaN are false.
    if not (0 <= x_min < x_max <= 1 and 0 <= y_min < y_max <= 1):
        raise ViewerError(f"{room.box} is no box within 0 to 1")
    if room.confidence is not None and not 0 <= room.confidence <= 1:
        raise ViewerError(f"{room.confidence} is no confidence within 0 to 1")
    return room


def _parse_facts(item: dict[str, Any]) -> dict[str, Any]:
    name, polygon, area = item.get("name"), item.get("polygon"), item.get("area")
    ring = polygon and [[GRID * x, GRID * y] for x, y in polygon]
    # As answers have them; raises ValueError where they are of another form.
    facts = parse_facts({"name_hint": name, "polygon": ring, "area": area})
    if (name and len(name) > MAX_NAME_LETTERS) or (ring and len(ring) > MAX_POINTS):
        raise ValueError("a name or polygon is too long")
    return {
        "name": facts["name_hint"],
        "polygon": polygon and tuple((float(x), float(y)) for x, y in polygon),
        "area": area,
    }


class PlanSet:
    """The folder that corrected pages are saved to; made when the first one is.

    Args:
        folder: Where.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()

    def find(self, document: str, page: int) -> SavedPage | None:
        """A page as it was saved last, if it was.

        Raises:
            ViewerError: If the folder can't be read.
        """
        return next(
            (saved for saved in self.pages() if (saved.document, saved.page) == (document, page)),
            None,
        )

    def pages(self) -> list[SavedPage]:
        """All pages that were saved, in the order in which they first were.

        Raises:
            ViewerError: If the folder can't be read, or the viewer did not write it.
        """
        path = self.folder / STATE
        try:
            if not path.exists():
                self._check_free()
                return []
            state = json.loads(path.read_text("utf-8"))
            if state["version"] != _VERSION:
                raise ViewerError(
                    f"{path.name} is of version {state['version']!r}; {_VERSION} is known"
                )
            return [_saved_page(item) for item in state["pages"]]
        except (OSError, ValueError, KeyError, TypeError) as err:
            raise ViewerError(f"{self.folder.name}/{path.name} can't be read: {err}") from err

    def save(  # noqa: PLR0913  # a page is that much
        self,
        document: str,
        page: int,
        picture: bytes,
        suffix: str,
        size_wh: tuple[int, int],
        rooms: tuple[Room, ...],
        *,
        complete: bool,
    ) -> SavedPage:
        """Write a page, in the place of what was saved of it before.

        Args:
            document: File name of the document.
            page: Counted from 1.
            picture: File of the page's picture.
            suffix: Its kind, such as ``.png``.
            size_wh: Its width and height in pixels.
            rooms: All, drafts too.
            complete: Whether each room of the page is among the accepted ones.

        Raises:
            ViewerError: If the folder can't be written, or is a plan set of somebody else.
        """
        with self._lock:
            pages = {(saved.document, saved.page): saved for saved in self.pages()}
            before = pages.get((document, page))
            stem = (
                Path(before.picture).stem if before else _free_stem(document, page, pages.values())
            )
            saved = SavedPage(document, page, stem + suffix, *size_wh, complete, rooms)
            pages[document, page] = saved
            try:
                self._write(saved, picture, list(pages.values()))
            except OSError as err:
                raise ViewerError(f"{self.folder.name} can't be written: {err.strerror}") from err
            return saved

    def _check_free(self) -> None:
        if any((self.folder / name).exists() for name in ("images", "labels", "index.jsonl")):
            raise ViewerError(
                f"{self.folder.name} is a plan set that the viewer did not write; "
                "name another folder with --save"
            )

    def _write(self, saved: SavedPage, picture: bytes, pages: list[SavedPage]) -> None:
        for name in ("images", "labels"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        label = "".join(f"0 {_yolo(room)}\n" for room in saved.accepted)
        index = "".join(json.dumps(_index_row(one)) + "\n" for one in pages)
        state = {"version": _VERSION, "pages": [_state_row(one) for one in pages]}
        _replace(self.folder / "images" / saved.picture, picture)
        _replace(self.folder / "labels" / f"{Path(saved.picture).stem}.txt", label.encode())
        _replace(self.folder / "index.jsonl", index.encode())
        _replace(self.folder / "annotations.json", json.dumps(coco(pages)).encode())
        _replace(self.folder / STATE, json.dumps(state, indent=1).encode())


def coco(pages: list[SavedPage]) -> dict[str, Any]:
    """Accepted rooms as a COCO document; ``file_name`` counts from ``images/``."""
    annotations: list[dict[str, Any]] = []
    for number, page in enumerate(pages, start=1):
        for room in page.accepted:
            x_min, x_max = (round(value * page.width, 2) for value in room.box[::2])
            y_min, y_max = (round(value * page.height, 2) for value in room.box[1::2])
            corners_px = (x_min, y_min, x_max, y_max)
            named = {"attributes": {"name": room.name}} if room.name else {}
            annotations.append(annotation(len(annotations) + 1, number, corners_px) | named)
    return {
        "info": {"description": "rooms corrected in the roomdet viewer"},
        "images": [
            {"id": number, "file_name": page.picture, "width": page.width, "height": page.height}
            for number, page in enumerate(pages, start=1)
        ],
        "categories": [{"id": 1, "name": "room", "supercategory": "room"}],
        "annotations": annotations,
    }


def _yolo(room: Room) -> str:
    x_min, y_min, x_max, y_max = room.box
    numbers = ((x_min + x_max) / 2, (y_min + y_max) / 2, x_max - x_min, y_max - y_min)
    return " ".join(f"{number:.6f}" for number in numbers)


def _index_row(page: SavedPage) -> dict[str, Any]:
    return {
        "image": page.picture,
        "plan": page.document,  # pages of one document are trained on, or held out, together
        "rooms": len(page.accepted),
        "complete": page.complete,
    }


def _state_row(page: SavedPage) -> dict[str, Any]:
    row = {field.name: getattr(page, field.name) for field in fields(page)}
    return {**row, "rooms": [room.as_json() for room in page.rooms]}


def _saved_page(item: dict[str, Any]) -> SavedPage:
    return SavedPage(**{**item, "rooms": parse_rooms(item["rooms"])})


def _free_stem(document: str, page: int, others: Any) -> str:
    """A file name for a page that no other page has, on any file system."""
    path = Path(document)
    taken = {Path(other.picture).stem.casefold() for other in others}
    plain = re.sub(r"[^\w.-]+", "-", path.stem).strip("-.") or "plan"
    is_pdf = path.suffix.lower() == ".pdf"
    base = f"{plain[:80]}-p{page}" if is_pdf else plain[:80]
    names = (base if number == 1 else f"{base}-{number}" for number in range(1, len(taken) + 2))
    return next(name for name in names if name.casefold() not in taken)


def _replace(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    beside = path.with_name(f".{path.name}.part")
    beside.write_bytes(data)
    beside.replace(path)


def picture_size(size_wh: tuple[int, int]) -> tuple[int, int]:
    """Size of a page's picture: ``PICTURE_PX`` on the longer side, or what it has."""
    scale = min(1.0, PICTURE_PX / max(size_wh))
    return max(1, math.floor(size_wh[0] * scale + 0.5)), max(
        1, math.floor(size_wh[1] * scale + 0.5)
    )
