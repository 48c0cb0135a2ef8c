# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which of the lines on a page is the name of which room.

A label is what stands together: the name in one line or more, a number above or below, an area.
It belongs to the smallest room that holds its center.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from roomdet.measures import reading_box

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from roomdet.geometry import Boxes, Scores
    from roomdet.texts import TextLine

# A label has the name in at most so many lines and as many words; more is a note.
MOST_LINES, MOST_WORDS, MOST_CHARS = 4, 7, 48
# Lines stand together if the gap between them is less than this, of their height; and if their
# heights differ by no more than this factor.
_GAP, _HEIGHTS = 0.9, 1.7
_ASIDE = 0.6  # or their centers are this far apart along the line, of the longer one
# Beside a name of full height, letters of less than this share of it say something else.
_TALL = 0.75
# Of several rooms that hold a label, those below this share of the surest one's confidence are out.
_SURE_ENOUGH = 0.5
_MOST_OPEN = 200  # labels at one height of a page
_MOST_SHARED = 10  # names that are told of one room
_SHARED = 0.7  # the confidence of names that share a room
_PART = 0.9  # of a part of a room that lies in it
_NUMBER = re.compile(r"[A-Z]{0,3}[-.]?\d{1,5}(?:[-./]?[A-Z0-9]{1,3}){0,2}", re.IGNORECASE)
_AREA = re.compile(
    r"\d[\d.,\s]*\s*(?:m²|m2|m\^2|kvm|qm|sq\.?\s*(?:ft|feet|m)\.?|s\.?f\.?|ft²|ft2)\b\.?",
    re.IGNORECASE,
)
_DIMENSION = re.compile(r"\d\s*['\"′″’”]|\d\s*[x×]\s*\d", re.IGNORECASE)
_LETTERS = re.compile(r"[^\W\d_]")
_WORD = re.compile(r"[^\W\d_]{2}")
# What drawings write into rooms beside their names: directions of stairs, appliances and fixtures,
# heights, references to other sheets. Upper case, without full stops.
_NO_NAME = re.compile(
    r"UP|DN|DOWN|REF|FRIDGE|DW|WM|W/D|WH|HWH|FD|DS|CO|CLG|FFE|FFL|EQ|"
    r"EQUIP|TYP|NIC|NTS|SIM|AFF|OPEN|ABOVE|BELOW|ALIGN|NEW|EXIST|EXISTING|"
    r"OH|O/H|RAILING|HANDRAIL|SHELF|RS|R/S|ROD|CENTERLINE|MATCHLINE|VIF|"
    r"GWB|CMU|TBD|OPP|FEC|FE|TV|SINK|RANGE|OVEN|STOVE"
)
_NOT_IN_A_NAME = re.compile(
    r"\b(?:SEE|NOTES?|SCALE|DETAIL|SCHEDULE|LEGEND|TYP|MATCH ?LINE|KEY ?NOTE|DWG|DRAWING|SHEET|"
    r"REFER|PROVIDE|INSTALL|REMOVE|EXIST|EXISTING|CLG|CEILING|A\.?F\.?F|ABOVE|BELOW|FUTURE|ALIGN|"
    r"FINISH|NO WORK|NOT IN CONTRACT|THIS AREA|FLOOR PLAN|ONE FOOT)\b"
    # What is larger than a room: a flat, a part of the building, a compartment.
    r"|^(?:UNIT|APT|APARTMENT|FLAT|PART|PHASE|TYPE|FIRE AREA|AREA)\b",
    re.IGNORECASE,
)
# On a page with so many labels with a number or an area, a label without one is a name only if its
# letters are as tall as theirs, give or take this share, and it has a word of this many letters:
# the others are door tags and keynotes.
_MANY_TAGS, _AS_TALL, _LONG_WORD = 8, 0.1, re.compile(r"[^\W\d_]{4}")
# A line of so few letters that stands so often alone on such a page is a symbol.
_SYMBOL_CHARS, _SYMBOL_TIMES = 4, 6


@dataclass(frozen=True, slots=True)
class RoomLabel:
    """What a room is called.

    Attributes:
        name: As the page has it, its lines with spaces between; of several labels in one room,
            such as of an open plan, all of them with slashes between, in reading order.
        confidence: That the name was read right and is this room's, 0 to 1.
    """

    name: str
    confidence: float


def name_rooms(
    lines: Sequence[TextLine],
    boxes_xyxy_norm: Boxes,
    page_wh: tuple[float, float],
    scores: Scores | None = None,
    is_part: Callable[[int, int], bool] | None = None,
) -> list[RoomLabel | None]:
    """Give rooms the names that stand in them.

    Args:
        lines: What is written on the page.
        boxes_xyxy_norm: float32, shape ``(n, 4)``, the rooms as fractions of the page.
        page_wh: Width and height of the page, in any unit.
        scores: float, shape ``(n,)``, how sure the rooms are; a label in several goes to none that
            is much less sure than another. Without them all are alike.
        is_part: Says whether no wall parts a room, the first index, from one that holds it. Then
            the larger one has the smaller one's name, too, if it has none of its own.

    Returns:
        A label of each room, or None.
    """
    labels = find_labels(lines, page_wh, boxes_xyxy_norm)
    return place_labels(labels, boxes_xyxy_norm, scores, is_part)


def place_labels(
    labels: Iterable[Label],
    boxes_xyxy_norm: Boxes,
    scores: Scores | None = None,
    is_part: Callable[[int, int], bool] | None = None,
) -> list[RoomLabel | None]:
    """Give rooms the labels that stand in them; as :func:`name_rooms`.

    Args:
        labels: Of :func:`find_labels`, for the same boxes.
        boxes_xyxy_norm: As of :func:`name_rooms`.
        scores: As of it.
        is_part: As of it.
    """
    inside: list[list[Label]] = [[] for _ in boxes_xyxy_norm]
    sizes = np.prod(boxes_xyxy_norm[:, 2:] - boxes_xyxy_norm[:, :2], axis=1)
    for label in labels:
        x, y = label.center
        holds = (boxes_xyxy_norm[:, :2] <= (x, y)) & ((x, y) <= boxes_xyxy_norm[:, 2:])
        rooms = np.flatnonzero(holds.all(axis=1))
        if rooms.size:
            if scores is not None:
                rooms = rooms[scores[rooms] >= _SURE_ENOUGH * scores[rooms].max()]
            inside[int(rooms[sizes[rooms].argmin()])].append(label)
    if is_part is not None:
        inside = _with_parts(inside, boxes_xyxy_norm, is_part)
    return [_choose(its) for its in inside]


def _with_parts(
    inside: list[list[Label]], boxes: Boxes, is_part: Callable[[int, int], bool]
) -> list[list[Label]]:
    """Labels of rooms; one without has those of its parts, found as rooms of their own."""
    low, high = boxes[:, :2], boxes[:, 2:]
    areas = np.prod(high - low, axis=1)
    named = np.array([bool(labels) for labels in inside])
    result = list(inside)
    for room in np.flatnonzero(~named).tolist():
        shared = np.minimum(high, high[room]) - np.maximum(low, low[room])
        lies_in = np.prod(shared.clip(0), axis=1) >= _PART * areas
        parts = np.flatnonzero(named & lies_in & (areas < areas[room])).tolist()
        result[room] = [label for part in parts if is_part(part, room) for label in inside[part]]
    return result


@dataclass(frozen=True, slots=True)
class Label:
    """What stands together and may be a room's name."""

    name: str
    is_tag: bool  # a number or an area stands with it
    center: tuple[float, float]  # of the name, fractions of the page
    height: float  # of its letters, in the page's unit
    confidence: float
    areas: tuple[TextLine, ...] = ()  # that stand with it


@dataclass(frozen=True, slots=True)
class _Line:
    """A line turned so that it reads from left to right, in the page's unit."""

    source: TextLine
    kind: str
    left: float
    top: float
    right: float
    bottom: float

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def middle(self) -> float:
        return (self.left + self.right) / 2


def find_labels(
    lines: Iterable[TextLine], page_wh: tuple[float, float], boxes: Boxes | None = None
) -> list[Label]:
    """Put together what stands together, and keep what may be a room's name.

    Args:
        lines: What is written on the page.
        page_wh: As of :func:`name_rooms`.
        boxes: Rooms, as of :func:`name_rooms`; lines of which no room holds all are of several.
    """
    lines = list(lines)
    labels = _put_together(lines, page_wh, boxes)
    tags = [label for label in labels if label.is_tag]
    if len(tags) < _MANY_TAGS:
        return labels
    height = float(np.median([label.height for label in tags]))
    symbols = _symbols(label for label in labels if not label.is_tag)
    others = [line for line in lines if not symbols.issuperset(line.text.split())]
    labels = _put_together(others, page_wh, boxes)
    return [label for label in labels if label.is_tag or _is_like_a_tag(label, height)]


def _put_together(
    lines: Iterable[TextLine], page_wh: tuple[float, float], boxes: Boxes | None
) -> list[Label]:
    by_turn: dict[int, list[_Line]] = {}
    for line in lines:
        kind = _kind(line.text)
        if kind:
            by_turn.setdefault(line.turn_degrees, []).append(_turned(line, kind, page_wh))
    return [
        label
        for turned in by_turn.values()
        for group in _groups(sorted(turned, key=lambda line: line.top))
        for part in _by_room(group, boxes)
        if (label := _label(part)) is not None
    ]


def _by_room(group: list[_Line], boxes: Boxes | None) -> Iterator[list[_Line]]:
    """A group as it is, or parted where its lines lie in rooms of which none holds all of them."""
    if boxes is None or not len(boxes) or sum(line.kind == "name" for line in group) <= 1:
        yield group
        return
    corners = np.array([line.source.box_xyxy for line in group])
    at = ((corners[:, :2] + corners[:, 2:]) / 2)[:, None]
    holds = ((boxes[:, :2] <= at) & (at <= boxes[:, 2:])).all(axis=2)
    if not holds.any(axis=1).all() or holds.all(axis=0).any():
        yield group
        return
    sizes = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    rooms = np.where(holds, sizes, np.inf).argmin(axis=1).tolist()
    for index, line in enumerate(group[1:], 1):
        if line.kind == "area":  # stands below its name
            rooms[index] = rooms[index - 1]
    for room in dict.fromkeys(rooms):
        yield [line for line, its in zip(group, rooms, strict=True) if its == room]


def _symbols(labels: Iterable[Label]) -> set[str]:
    """Words that stand so often for themselves that they are no names."""
    times = Counter(
        words.pop()
        for label in labels
        if len(words := set(label.name.split())) == 1 and len(label.name) <= _SYMBOL_CHARS
    )
    return {word for word, count in times.items() if count >= _SYMBOL_TIMES}


def _is_like_a_tag(label: Label, height: float) -> bool:
    if label.confidence < 1:  # recognized: how tall letters are was measured in pixels
        return True
    is_as_tall = abs(label.height / height - 1) <= _AS_TALL
    return is_as_tall and bool(_LONG_WORD.search(label.name))


def _kind(text: str) -> str:
    """``name``, ``number`` or ``area``; empty for what is none of them."""
    if _AREA.fullmatch(text):
        return "area"
    if _NUMBER.fullmatch(text) or text in "-–":
        return "number"
    said = text.replace(".", "")  # of abbreviations
    if _DIMENSION.search(text) or not _WORD.search(said) or len(text) > MOST_CHARS:
        return ""
    letters = len(_LETTERS.findall(said))
    return "name" if letters * 2 > len(said.replace(" ", "")) else ""


def _turned(line: TextLine, kind: str, page_wh: tuple[float, float]) -> _Line:
    return _Line(line, kind, *reading_box(line, page_wh))


def _groups(lines: list[_Line]) -> list[list[_Line]]:
    """Lines, from the top, put together with those right above them."""
    group_of: list[list[_Line]] = []
    open_groups: list[list[_Line]] = []
    for line in lines:
        open_groups = [
            group for group in open_groups if line.top - group[-1].bottom < 3 * line.height
        ]
        above = [group for group in open_groups if _stands_under(line, group[-1])]
        if above:
            min(above, key=lambda group: abs(group[-1].middle - line.middle)).append(line)
        else:
            group_of.append([line])
            open_groups = [*open_groups[1 - _MOST_OPEN :], group_of[-1]]
    return group_of


def _stands_under(line: _Line, above: _Line) -> bool:
    height = max(line.height, above.height)
    gap = line.top - above.bottom
    if not -0.5 * height <= gap < _GAP * height:
        return False
    if line.top <= above.top + 0.3 * height:  # beside it
        return False
    if height > _HEIGHTS * min(line.height, above.height):
        return False
    longer = max(line.right - line.left, above.right - above.left)
    is_centered = abs(line.middle - above.middle) < _ASIDE * longer
    overlaps = min(line.right, above.right) > max(line.left, above.left)
    return is_centered and overlaps


def _label(group: list[_Line]) -> Label | None:
    named = [line for line in group if line.kind == "name"]
    words = " ".join(line.source.text for line in named)
    if not named or len(named) > MOST_LINES or len(words.split()) > MOST_WORDS:
        return None
    if len(words) > MOST_CHARS or _NOT_IN_A_NAME.search(words):
        return None
    said = [word.strip("&,-()") for word in words.upper().replace(".", "").split()]
    if all(_NO_NAME.fullmatch(word) or not _WORD.search(word) for word in said):
        return None
    corners = np.array([line.source.box_xyxy for line in named])
    low, high = corners[:, :2].min(axis=0), corners[:, 2:].max(axis=0)
    x, y = (low + high) / 2
    return Label(
        words,
        any(line.kind != "name" and line.source.text not in "-–" for line in group),
        (float(x), float(y)),
        float(np.median([line.height for line in named])),
        min(line.source.confidence for line in named),
        tuple(line.source for line in group if line.kind == "area"),
    )


def _choose(labels: list[Label]) -> RoomLabel | None:
    """The name of a room that holds these labels."""
    if not labels:
        return None
    tags = [label for label in labels if label.is_tag] or labels
    tallest = max(label.height for label in tags)
    chosen = [label for label in tags if label.height >= _TALL * tallest]
    chosen.sort(key=lambda label: (round(label.center[1], 2), label.center[0]))
    names = list(dict.fromkeys(label.name for label in chosen))[:_MOST_SHARED]
    confidence = min(label.confidence for label in chosen)
    return RoomLabel(" / ".join(names), confidence * (_SHARED if len(names) > 1 else 1.0))
