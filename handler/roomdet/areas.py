# SPDX-License-Identifier: AGPL-3.0-or-later
"""How large rooms are, in square metres, and whether what is printed in them agrees."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from roomdet.contours import are_inside, signed_area
from roomdet.labels import find_labels
from roomdet.measures import M_PER_PT
from roomdet.scale import PageScale, room_scales

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from roomdet.labels import Label
    from roomdet.scale_notes import Scale
    from roomdet.texts import TextLine

    Floats = npt.NDArray[np.float64]

NO_POLYGON = "The room has no polygon."
NO_SIZE = (
    "The file does not say how large its paper is: send the PDF that the drawing program wrote."
)
NOT_SURE = "The room's walls are not drawn clearly enough to be measured."
AGREES = 0.05  # a printed area that differs by no more agrees
# What the rooms of a page have, the middle one: beyond, the scale is not that of the plan.
_MEDIAN_M2 = (0.5, 3000.0)
_M2_PER_SQ_FT = 0.3048**2


@dataclass(frozen=True, slots=True)
class RoomArea:
    """A room's area, or why it has none.

    Attributes:
        m2: Square metres, two decimals; none where ``reason`` says why.
        scale: The scale with which it is measured, as people write it.
        scale_source: How that is known (:class:`~roomdet.scale.PageScale`).
        printed_m2: What is printed in the room, if one area is.
        reason: A sentence.
    """

    m2: float | None = None
    scale: str = ""
    scale_source: str = ""
    printed_m2: float | None = None
    reason: str = ""

    @property
    def agrees(self) -> bool | None:
        """Whether the printed area differs by 5 % of itself or less; none without the two."""
        if self.m2 is None or self.printed_m2 is None:
            return None
        return abs(self.m2 - self.printed_m2) <= AGREES * self.printed_m2


def room_areas(  # noqa: PLR0913  # what is known of a page
    polygons: Sequence[npt.NDArray[np.floating] | None],
    boxes_xyxy: npt.NDArray[np.floating],
    lines: Sequence[TextLine],
    page_wh_pt: tuple[float, float] | None,
    asked: Scale | None = None,
    are_sure: Sequence[bool] | None = None,
    *,
    labels: Sequence[Label] | None = None,
) -> list[RoomArea]:
    """Return the area of each room of a page.

    Args:
        polygons: Of each room, shape ``(k, 2)``, fractions of the page; none where there is none.
        boxes_xyxy: Of each room, shape ``(n, 4)``, fractions of the page.
        lines: What is written on the page.
        page_wh_pt: Its size on paper in points, as it is shown; none for a picture, whose pixels
            say nothing of its paper.
        asked: The scale that the request states, if it does.
        are_sure: Of each polygon, whether it may be measured; all if not given. One that may not
            has its area still if what is printed in it agrees.
        labels: What :func:`~roomdet.labels.find_labels` puts together of the lines in these boxes,
            if that is known already.
    """
    n = len(polygons)
    if page_wh_pt is None:
        return [RoomArea(reason=NO_SIZE)] * n
    scales = room_scales(boxes_xyxy, lines, page_wh_pt, asked)
    labels = find_labels(lines, page_wh_pt, boxes_xyxy) if labels is None else labels
    printed = printed_areas(polygons, boxes_xyxy, lines, labels)
    sure = [True] * n if are_sure is None else are_sure
    found = [
        _area(*each, page_wh_pt) for each in zip(polygons, sure, scales, printed, strict=True)
    ]  # fmt: skip
    return _plausible(found)


def _area(
    polygon: npt.NDArray[np.floating] | None,
    is_sure: bool,  # noqa: FBT001  # one of a room's facts, in their order
    scale: PageScale | str,
    printed_m2: float | None,
    page_wh_pt: tuple[float, float],
) -> RoomArea:
    if isinstance(scale, str):
        return RoomArea(reason=scale)
    if polygon is None:
        return RoomArea(reason=NO_POLYGON)
    m2 = area_m2(polygon, page_wh_pt, scale.ratio)
    area = RoomArea(round(m2, 2), scale.text, scale.source, printed_m2)
    return area if is_sure or area.agrees else RoomArea(reason=NOT_SURE)


def _plausible(areas: list[RoomArea]) -> list[RoomArea]:
    """Take back the areas that a scale gives if the middle one is none of a room.

    A request's scale is the caller's word and stays.
    """
    result = list(areas)
    stated = {area.scale for area in areas if area.m2 is not None}
    for text in stated:
        mine = [i for i, area in enumerate(areas) if area.scale == text]
        median = float(np.median([areas[i].m2 or 0.0 for i in mine]))
        if _MEDIAN_M2[0] <= median <= _MEDIAN_M2[1] or areas[mine[0]].scale_source == "request":
            continue
        reason = f"At {text} the middle room would have {median:.3g} m²: not the plan's scale."
        for i in mine:
            result[i] = RoomArea(reason=reason)
    return result


def area_m2(
    polygon: npt.NDArray[np.floating], page_wh_pt: tuple[float, float], ratio: float
) -> float:
    """Return the area of a polygon, its corners shape ``(k, 2)`` in fractions of a page."""
    xy = np.asarray(polygon, np.float64) * page_wh_pt
    return abs(signed_area(xy - xy[0])) * (M_PER_PT * ratio) ** 2


# -- what is printed --------------------------------------------------------------------------

_AREA = re.compile(
    r"""
    (?<![\w.,'/×x*:-])(?<![×x*><≥≤]\s)
    (?P<number>\d{1,3}(?:[ ,.']\d{3})+(?:[.,]\d{1,2})?|\d{1,6}(?:[.,]\d{1,3})?)
    \s?
    (?:(?P<metric>m²|m2|m\^2|m\s2(?=\s|$)|kvm|qm|sqm|sq\.?\s?m(?:et(?:er|re)s?)?|м²|м2)
      |(?P<feet>s\.?f\.?|sq\.?\s?f(?:ee)?t|square\s(?:feet|foot)|ft²|ft2|ft\^2))
    (?![\w/²³])\.?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_LIMIT = re.compile(r"\b(?:min|max|minimum|maximum|per|least|krav)\b", re.IGNORECASE)
_THREE = re.compile(r"\d{1,3}[.,]\d{3}")


def parse_area(text: str) -> float | None:
    """Return the area that a line of a label states, in square metres; none if not just one.

    A limit (``MIN 12 m²``), a load (``2.5 kN/m²``), a product (``3 x 4 m2``) and a number without
    a unit are none, nor are ``1,234 m²``, which half of the world reads as another number, and
    ``101 234 m²``, whose first part may be the room's number.
    """
    if len(text) > 80 or _LIMIT.search(text):  # noqa: PLR2004 - a label is shorter than a note
        return None
    matches = list(_AREA.finditer(text))
    if len(matches) != 1:
        return None
    digits, is_metric = matches[0]["number"], bool(matches[0]["metric"])
    if is_metric and (" " in digits or _THREE.fullmatch(digits)):
        return None
    digits = digits.rpartition(" ")[2]
    number = _number(digits)
    return number if is_metric else number * _M2_PER_SQ_FT


def _number(digits: str) -> float:
    """Return a number with a point or a comma, and perhaps with its thousands parted."""
    match = re.fullmatch(r"(.*?)[.,](\d{1,2})", digits)
    whole, rest = (match[1], match[2]) if match else (digits, "0")
    return float(re.sub(r"\D", "", whole) + "." + rest)


def printed_areas(
    polygons: Sequence[npt.NDArray[np.floating] | None],
    boxes_xyxy: npt.NDArray[np.floating],
    lines: Sequence[TextLine],
    labels: Sequence[Label],
) -> list[float | None]:
    """Return, for each room, the area that is printed in it, in square metres, if one is.

    It belongs to the smallest room whose polygon, or whose box if it has none, holds the middle of
    the name with which it stands, or its own if it stands alone: the label of a closet is larger
    than the closet. A room with several has none: they are of parts that share it.
    """
    shapes = [
        polygon if polygon is not None else _corners(box)
        for polygon, box in zip(polygons, boxes_xyxy, strict=True)
    ]
    sizes = [area_m2(shape, (1, 1), 1) for shape in shapes]
    low, high = (
        np.array([end(shape, axis=0) for shape in shapes]).reshape(-1, 2)
        for end in (np.min, np.max)
    )
    found: list[list[float]] = [[] for _ in shapes]
    for _, area, at in placed_areas(lines, labels):
        near = np.flatnonzero(((low <= at) & (at <= high)).all(axis=1)).tolist()
        holds = [i for i in near if are_inside(shapes[i], np.array([at]))[0]]
        if holds:
            found[min(holds, key=sizes.__getitem__)].append(area)
    return [round(areas[0], 2) if len(areas) == 1 else None for areas in found]


def placed_areas(
    lines: Sequence[TextLine], labels: Sequence[Label]
) -> list[tuple[TextLine, float, tuple[float, float]]]:
    """Return the lines that print an area, with its square metres and where it belongs."""
    names = {id(area): label.center for label in labels for area in label.areas}
    result = []
    for line in lines:
        if (area := parse_area(line.text)) is not None:
            x0, y0, x1, y1 = line.box_xyxy
            result.append((line, area, names.get(id(line), ((x0 + x1) / 2, (y0 + y1) / 2))))
    return result


def _corners(box_xyxy: npt.NDArray[np.floating]) -> Floats:
    x0, y0, x1, y1 = (float(v) for v in box_xyxy)
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
