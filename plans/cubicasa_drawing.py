# SPDX-License-Identifier: AGPL-3.0-or-later
"""The spaces of a CubiCasa5k drawing, ``model.svg``, in pixels of its picture.

What is known of the form, and from where: ``docs/cubicasa.md``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterator

TRIANGLE = 3  # fewer points enclose nothing
_TRANSFORM = re.compile(r"(\w+)\s*\(([^)]*)\)[\s,]*")
_SEPARATOR = re.compile(r"[\s,]+")

Matrix = npt.NDArray[np.float64]


class PlanRefused(Exception):
    """A plan is left out; the message says why."""


@dataclass(frozen=True, slots=True)
class Space:
    """One space of a drawing.

    Attributes:
        kind: CubiCasa's first word for it, such as ``LivingRoom`` or ``Undefined``.
        box_xyxy_px: Corners of the box around its polygon, in pixels of ``F1_scaled.png``.
    """

    kind: str
    box_xyxy_px: tuple[float, float, float, float]


def parse_spaces(svg: str) -> tuple[list[Space], int]:
    """Read the spaces of all floors, hidden ones too; their boxes may reach beyond the picture.

    Args:
        svg: Text of a ``model.svg``.

    Returns:
        The spaces from first to last, and how many more have no polygon that encloses anything.

    Raises:
        PlanRefused: If it is no SVG of the known form, or has a document type. Only there could
            entities be declared, so none is ever expanded.
    """
    if "<!DOCTYPE" in svg:
        raise PlanRefused("the drawing has a document type")
    try:
        root = ElementTree.fromstring(svg)  # noqa: S314  # without a document type, no entities
    except ElementTree.ParseError as err:
        raise PlanRefused(f"the drawing is no XML: {err}") from err
    if _name(root) != "svg":
        raise PlanRefused(f"the drawing is no SVG but <{_name(root)}>")
    if _numbers(root.get("viewBox", "0 0"))[:2] != [0, 0]:
        raise PlanRefused(f"the drawing's viewBox, {root.get('viewBox')!r}, starts not at 0 0")
    found = [_space(kind, group, matrix) for kind, group, matrix in _space_groups(root)]
    spaces = [space for space in found if space]
    return spaces, len(found) - len(spaces)


def _space_groups(
    root: ElementTree.Element,
) -> Iterator[tuple[str, ElementTree.Element, Matrix]]:
    """Every group of class ``Space …``: its kind, itself, and what maps it to the picture."""
    stack: list[tuple[ElementTree.Element, Matrix]] = [(root, np.eye(3))]
    while stack:
        element, matrix = stack.pop()
        matrix = matrix @ parse_transform(element.get("transform", ""))
        first, *more = element.get("class", "").split() or [""]
        if first == "Space":
            yield (more or ["Undefined"])[0], element, matrix
        stack += [(child, matrix) for child in reversed(element)]


def _space(kind: str, group: ElementTree.Element, matrix: Matrix) -> Space | None:
    """The space of a group; None where its own polygon, the first, encloses nothing."""
    polygon = next((child for child in group if _name(child) == "polygon"), None)
    if polygon is None:
        return None
    try:
        points = np.array(_numbers(polygon.get("points", ""))).reshape(-1, 2)
    except (PlanRefused, ValueError):  # a word among the numbers, or a y is missing
        return None
    matrix = matrix @ parse_transform(polygon.get("transform", ""))
    points = points @ matrix[:2, :2].T + matrix[:2, 2]
    if len(points) < TRIANGLE or not (np.ptp(points, axis=0) > 0).all():
        return None
    (x0, y0), (x1, y1) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return Space(kind, (x0, y0, x1, y1))


def parse_transform(text: str) -> Matrix:
    """Read an SVG ``transform`` of ``matrix``, ``translate`` and ``scale``.

    Returns:
        float64, shape ``(3, 3)``: maps column vectors ``(x, y, 1)`` of inside to those of outside.

    Raises:
        PlanRefused: If it is of another form.

    Source:
        SVG 1.1, 7.6: of several the last is applied first.
    """
    matrix: Matrix = np.eye(3)
    rest = text.strip()
    while rest:
        part = _TRANSFORM.match(rest)
        if not part:
            raise PlanRefused(f"the drawing has the transform {text[:80]!r}")
        matrix = matrix @ _step(part[1], _numbers(part[2]))
        rest = rest[part.end() :]
    return matrix


def _step(function: str, numbers: list[float]) -> Matrix:
    match function, numbers:
        case "matrix", [a, b, c, d, e, f]:
            rows = [[a, c, e], [b, d, f], [0, 0, 1]]
        case "translate", [x, *y] if len(y) <= 1:
            rows = [[1, 0, x], [0, 1, *(y or [0])], [0, 0, 1]]
        case "scale", [x, *y] if len(y) <= 1:
            rows = [[x, 0, 0], [0, *(y or [x]), 0], [0, 0, 1]]
        case _:
            raise PlanRefused(f"the drawing has the transform {function} of {numbers}")
    return np.array(rows, np.float64)


def _numbers(text: str) -> list[float]:
    """Read numbers between commas and spaces; ``PlanRefused`` if one is none or not finite."""
    try:
        numbers = [float(word) for word in _SEPARATOR.split(text) if word]
    except ValueError as err:
        raise PlanRefused(f"the drawing has {text[:80]!r} where numbers stand") from err
    if not np.isfinite(numbers).all():
        raise PlanRefused("the drawing has numbers that are not finite")
    return numbers


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]
