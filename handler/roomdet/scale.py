# SPDX-License-Identifier: AGPL-3.0-or-later
"""In which scale each room of a page is drawn, and how that is known.

In this order: what the request states; the note under the room's own drawing, where a page has
notes of several scales; the title block; the one scale that all notes of the page agree on; a
scale bar; chains of dimensions. Where notes do not agree and none is the drawing's own, where a
drawing is not to scale, and where lengths on the page contradict what it states, there is no scale
but a reason: a wrong scale makes an area wrong by its square.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from roomdet.measures import measured_scale, nearest_plan_scale, reading_box, turned_box
from roomdet.scale_notes import LONGEST, Note, is_label, plain_text, read_note

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from roomdet.measures import Fit
    from roomdet.scale_notes import Scale
    from roomdet.texts import TextLine

    BoxXyxy = tuple[float, float, float, float]
    PageWh = tuple[float, float]

MM_PER_PT = 25.4 / 72
NO_SCALE = "The page states no scale."
NOT_TO_SCALE = "The drawing says that it is not to scale."
_MOST_TOLD = 5  # scales in a reason
_SAME = 0.01  # two ratios that differ by less are one scale: A3 is not quite a half of A1
_CONTRADICTED = 0.04  # a stated ratio that measured lengths do not fit
_BLEED = (0.98, 1.06)  # sides of a page as shares of those of the paper that it is
_PROPORTION = 0.02  # by which sides of a page that was scaled may differ from its paper's


@dataclass(frozen=True, slots=True)
class PageScale:
    """The scale in which a part of a page is drawn.

    Attributes:
        ratio: Lengths in the building per length on the page.
        text: As people write it; with what the page states, if that is for another paper.
        source: ``request``, ``viewport``, ``title_block``, ``note``, ``scale_bar`` or
            ``dimensions``.
    """

    ratio: float
    text: str
    source: str


ScaleOrReason: TypeAlias = "PageScale | str"


def room_scales(
    boxes_xyxy: npt.NDArray[np.floating],
    lines: Sequence[TextLine],
    page_wh_pt: PageWh,
    asked: Scale | None = None,
) -> list[ScaleOrReason]:
    """Return, for each room, the scale in which it is drawn, or a sentence that says why none.

    Args:
        boxes_xyxy: Of the rooms, shape ``(n, 4)``, fractions of the page; they tell the page's
            drawings apart.
        lines: What is written on the page.
        page_wh_pt: Its size in points, as it is shown.
        asked: What the request states, if it does.
    """
    n = len(boxes_xyxy)
    if asked is not None:
        return [_of_paper(asked, page_wh_pt, "request")] * n
    notes = find_notes(lines, page_wh_pt)
    block = [note for note in notes if note.in_title_block]
    views = [note for note in notes if not note.in_title_block]
    whole = _whole(block, views, page_wh_pt)
    result: list[ScaleOrReason] = [whole] * n
    if len(_distinct(notes, page_wh_pt)) > 1 or any(note.note.is_refusal for note in notes):
        for members, note in _own_notes(boxes_xyxy, views, page_wh_pt):
            own = NOT_TO_SCALE if note.note.is_refusal else _one(note, page_wh_pt, "viewport")
            if isinstance(whole, PageScale) and isinstance(own, PageScale) and _agree(own, whole):
                own = whole
            for i in members:
                result[i] = own
    return _checked(result, measured_scale(lines, page_wh_pt))


def _checked(found: list[ScaleOrReason], fit: Fit | None) -> list[ScaleOrReason]:
    """Return scales that the page's own lengths do not contradict; the lengths', if it has none."""
    if fit is None:
        return found
    stated = {scale for scale in found if isinstance(scale, PageScale)}
    near = nearest_plan_scale(fit.ratio)
    ratio = float(near or fit.ratio)
    measured = PageScale(ratio, f"1:{ratio:.0f}", fit.source)
    if not stated:
        return [measured if scale == NO_SCALE else scale for scale in found]
    if any(abs(scale.ratio / fit.ratio - 1) <= _CONTRADICTED for scale in stated):
        return found
    what = "its scale bar fits" if fit.source == "scale_bar" else "its dimensions fit"
    return [
        f"The page says {scale.text}, but {what} 1:{ratio:.0f}."
        if isinstance(scale, PageScale)
        else scale
        for scale in found
    ]


# -- what the page says as a whole ------------------------------------------------------------


def _whole(block: list[PlacedNote], views: list[PlacedNote], page_wh_pt: PageWh) -> ScaleOrReason:
    """Return the scale of what has none of its own."""
    in_block = _distinct(block, page_wh_pt)
    if len(in_block) == 1:
        return PageScale(in_block[0].ratio, in_block[0].text, "title_block")
    if any(note.note.is_refusal for note in block) and not in_block:
        return NOT_TO_SCALE
    everywhere = _distinct([*block, *views], page_wh_pt)
    if len(everywhere) == 1:
        return PageScale(everywhere[0].ratio, everywhere[0].text, "note")
    if everywhere:
        shown = [scale.text for scale in everywhere[:_MOST_TOLD]]
        texts = ", ".join(sorted(shown)) + (", …" if len(everywhere) > _MOST_TOLD else "")
        return f"The page states several scales ({texts}), and none stands below this drawing."
    for note in [*block, *views]:
        for scale in note.note.scales:
            if isinstance(reason := _of_paper(scale, page_wh_pt, ""), str):
                return reason
    return NO_SCALE


def _distinct(notes: Sequence[PlacedNote], page_wh_pt: PageWh) -> list[PageScale]:
    """Return the scales of notes, equal ones once, those for the page's own paper first."""
    found = [
        _of_paper(scale, page_wh_pt, "note") for note in notes for scale in note.note.scales
    ]  # fmt: skip
    result: list[PageScale] = []
    for scale in sorted((s for s in found if isinstance(s, PageScale)), key=lambda s: len(s.text)):
        if not any(_agree(scale, known) for known in result):
            result.append(scale)
    return result


def _one(note: PlacedNote, page_wh_pt: PageWh, source: str) -> ScaleOrReason:
    """Return the scale that a note states, or why it does not."""
    scales = _distinct([note], page_wh_pt)
    if len(scales) == 1:
        return PageScale(scales[0].ratio, scales[0].text, source)
    if scales:
        return f"The note below this drawing states {len(scales)} scales."
    reason = _of_paper(note.note.scales[0], page_wh_pt, source)
    return reason if isinstance(reason, str) else NO_SCALE


def _agree(first: PageScale, second: PageScale) -> bool:
    return abs(first.ratio / second.ratio - 1) <= _SAME


def _of_paper(scale: Scale, page_wh_pt: PageWh, source: str) -> ScaleOrReason:
    """Return a stated scale on this page: another one if it is meant for another paper.

    A page of the paper's proportion but of another size was scaled with all that is on it.
    """
    if scale.paper is None:
        return PageScale(scale.ratio, scale.text, source)
    short, long = sorted(side * MM_PER_PT for side in page_wh_pt)
    shares = (long / scale.paper.long_mm, short / scale.paper.short_mm)
    if all(_BLEED[0] <= share <= _BLEED[1] for share in shares):
        return PageScale(scale.ratio, scale.text, source)
    name = scale.paper.name
    if abs(shares[0] / shares[1] - 1) > _PROPORTION:
        return f"{scale.text} is for {name}, and the page does not have its proportion."
    ratio = scale.ratio / shares[0]
    text = f"1:{nearest_plan_scale(ratio) or round(ratio)} ({scale.text} on {name})"
    return PageScale(ratio, text, source)


# -- notes and where they stand ---------------------------------------------------------------

_WORDS = re.compile(
    r"\b(?:DRAWN|CHECKED|CHKD|APPROVED|PROJECT|SHEET|DATE|REV|REVISIONS?|DRAWING|DWG|JOB|CLIENT|ISSUED?"
    r"|CONSULTANT|ARCHITECTS?|ENGINEER|STAMP|SEAL|RITAD|RITN|UPPDRAG|GRANSKAD|DATUM|ANSVARIG"
    r"|HANDLAGGARE|BET|NUMMER|GEZ|GEZEICHNET|GEPR|BAUHERR|BLATT|PLANNR|PROJEKT|DESSINE|AFFAIRE"
    r"|INDICE|FEUILLE|PIIRT|SUUN|PVM|RAK|PROYECTO|FECHA|DIBUJO|PLANO|HOJA|DISEGNO|TAVOLA|DATA"
    r"|TEGN|SAG|DATO|GETEKEND|BLAD|CREATED|REVIEWED|OWNER|TITLE)\b"
)
# Titles of drawings that have no rooms, or a whole site.
_NO_ROOMS = re.compile(
    r"\b(?:SITE|KEY|LOCATION|BLOCK|SITUATION) ?PLAN\b"
    r"|\b(?:SITUATIONSPLAN|LAGEPLAN|ORIENTERINGSPLAN)\b"
    r"|^(?!.*PLAN)(?=.*\b(?:DETAILS?|DETALJ(?:ER)?|SECTIONS?|SEKTION(?:ER)?|ELEVATIONS?|FASAD(?:ER)?"
    r"|SCHNITT|ANSICHT|COUPE|FACADES?|LEIKKAUS)\b)"
)
_EDGE = (0.08, 0.06, 0.74, 0.78)  # a title block lies left of, above, right of or below these
_AROUND = (0.16, 0.12)  # of the page, to either side of a note, for words of a title block
_LEAST_WORDS = 2
_MOST_LABELS, _MOST_NOTES = 50, 200  # of a page; beyond is no plan
_LONGEST_TITLE = 40
_ASIDE, _UNDER = 4.0, 2.0  # heights of a title, to the note of its scale
_BESIDE, _BELOW = 14.0, 3.0  # heights of the word for scale, to its value


@dataclass(frozen=True, slots=True)
class PlacedNote:
    """A note and where it stands.

    Attributes:
        note: What it says.
        box_xyxy: Fractions of the page.
        turn_degrees: Of the line.
        in_title_block: Whether it stands beside the word for scale and among other words of a
            title block, at an edge of the page.
    """

    note: Note
    box_xyxy: BoxXyxy
    turn_degrees: int
    in_title_block: bool


def find_notes(lines: Sequence[TextLine], page_wh_pt: PageWh) -> list[PlacedNote]:
    """Return the lines that say something of scales, with the word for it that stands beside."""
    labels = [line for line in lines if is_label(line.text)][:_MOST_LABELS]
    notes: dict[int, Note] = {}
    for i, line in enumerate(lines):
        near = any(_is_value_of(line, label, page_wh_pt) for label in labels)
        note = read_note(f"SCALE {line.text}" if near else line.text)
        if note and not note.is_deferral and not _NO_ROOMS.search(plain_text(line.text[:LONGEST])):
            notes[i] = note
        if len(notes) == _MOST_NOTES:
            break
    titles = [
        line
        for line in lines
        if len(line.text) <= _LONGEST_TITLE and _NO_ROOMS.search(plain_text(line.text))
    ][:_MOST_NOTES]
    notes = {
        i: note
        for i, note in notes.items()
        if not any(_is_title_of(title, lines[i], page_wh_pt) for title in titles)
    }
    if not notes:
        return []
    centers = np.array([line.box_xyxy for line in lines]).reshape(-1, 2, 2).mean(axis=1)
    words = [set(_WORDS.findall(plain_text(line.text[:LONGEST]))) for line in lines]
    return [
        PlacedNote(
            note,
            lines[i].box_xyxy,
            lines[i].turn_degrees,
            _in_title_block(i, note, words, centers),
        )
        for i, note in notes.items()
    ]


def _is_title_of(title: TextLine, note: TextLine, page_wh_pt: PageWh) -> bool:
    """Return whether a title stands right above a note of a scale, or beside it to the left."""
    if title is note or title.turn_degrees != note.turn_degrees:
        return False
    a, b = reading_box(title, page_wh_pt), reading_box(note, page_wh_pt)
    height = max(a[3] - a[1], b[3] - b[1], 1.0)
    if min(a[3], b[3]) - max(a[1], b[1]) > 0.5 * min(a[3] - a[1], b[3] - b[1]):
        return 0 <= b[0] - a[2] < _ASIDE * height
    overlaps = b[0] < a[2] + height and b[2] > a[0] - height
    return overlaps and 0 <= b[1] - a[3] + 0.5 * height < _UNDER * height


def _is_value_of(line: TextLine, label: TextLine, page_wh_pt: PageWh) -> bool:
    """Return whether a line stands right of the word for scale, or below it."""
    if line is label or line.turn_degrees != label.turn_degrees:
        return False
    a, b = reading_box(label, page_wh_pt), reading_box(line, page_wh_pt)
    height = max(a[3] - a[1], 1.0)
    if min(a[3], b[3]) - max(a[1], b[1]) > 0.5 * min(a[3] - a[1], b[3] - b[1]):
        return -height < b[0] - a[2] < _BESIDE * height
    overlaps = b[0] < a[2] + height and b[2] > a[0] - height
    return overlaps and -0.5 * height < b[1] - a[3] < _BELOW * height


def _in_title_block(
    index: int, note: Note, words: Sequence[set[str]], centers: npt.NDArray[np.float64]
) -> bool:
    x, y = centers[index]
    if not note.has_label or (_EDGE[0] < x < _EDGE[2] and _EDGE[1] < y < _EDGE[3]):
        return False
    near = np.flatnonzero((np.abs(centers - centers[index]) < _AROUND).all(axis=1))
    return len(set().union(*(words[i] for i in near.tolist()))) >= _LEAST_WORDS


# -- drawings ---------------------------------------------------------------------------------

_APART = 0.5  # of a room's side: rooms of one drawing are nearer, as a rule
_LEFT, _RIGHT = 0.08, 0.03  # of the page's width, that a title may stand beside its drawing
_INTO = 0.02  # of the page's height, that a title may stand in its drawing's box
_DEEPEST = 0.15  # the same, below it: deeper there is room for another drawing


def _own_notes(
    boxes_xyxy: npt.NDArray[np.floating], notes: list[PlacedNote], page_wh_pt: PageWh
) -> list[tuple[list[int], PlacedNote]]:
    """Return drawings, as the rooms that they hold, each with the note that stands below it.

    A drawing whose nearest note is nearer to another drawing has none of its own.
    """
    drawings = _drawings(boxes_xyxy)
    depths = np.full((len(drawings), len(notes)), np.inf)
    for j, note in enumerate(notes):
        for i, members in enumerate(drawings):
            low, high = boxes_xyxy[members, :2].min(axis=0), boxes_xyxy[members, 2:].max(axis=0)
            around = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
            depths[i, j] = _depth(around, note, page_wh_pt)
    result = []
    for i, members in enumerate(drawings):
        if not len(notes) or not np.isfinite(depths[i]).any():
            continue
        j = int(np.argmin(depths[i]))
        if depths[i, j] <= depths[:, j].min():
            result.append((members, notes[j]))
    return result


def _depth(drawing: BoxXyxy, note: PlacedNote, page_wh_pt: PageWh) -> float:
    """Return how far a note stands below a drawing, in points; infinite if it does not."""
    u0, _, u1, v1 = turned_box(drawing, note.turn_degrees, page_wh_pt)
    a, b, c, _ = turned_box(note.box_xyxy, note.turn_degrees, page_wh_pt)
    wide, high = page_wh_pt if note.turn_degrees % 180 == 0 else page_wh_pt[::-1]
    is_under = u0 - _LEFT * wide < (a + c) / 2 < u1 + _RIGHT * wide
    depth = b - v1
    if is_under and -_INTO * high < depth < _DEEPEST * high:
        return abs(depth)
    return float("inf")


def _drawings(boxes_xyxy: npt.NDArray[np.floating]) -> list[list[int]]:
    """Return groups of rooms that lie side by side, as indexes."""
    n = len(boxes_xyxy)
    if n == 0:
        return []
    sides = np.sqrt(np.prod(boxes_xyxy[:, 2:] - boxes_xyxy[:, :2], axis=1))
    reach = _APART * float(np.median(sides)) / 2
    low, high = boxes_xyxy[:, :2] - reach, boxes_xyxy[:, 2:] + reach
    touch = ((low[:, None] < high[None]) & (low[None] < high[:, None])).all(axis=2)
    group = np.arange(n)
    for _ in range(n):  # the least index that a room touches spreads through its drawing
        least = np.where(touch, group[None], n).min(axis=1)
        if (least == group).all():
            break
        group = least
    return [np.flatnonzero(group == start).tolist() for start in np.unique(group)]
