# SPDX-License-Identifier: AGPL-3.0-or-later
"""What an answer says of a room where ``include`` asks for it. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from roomdet_client.sheet import GRID

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roomdet_client.sheet import Ring

INCLUDES = ("name", "polygon", "area")
_KEYS = {"name": "name_hint", "polygon": "polygon", "area": "area"}
# In the order of an answer.
FACT_KEYS = ("name_hint", "name_source", "name_confidence", "polygon", "polygon_reason", "area",
             "area_reason")  # fmt: skip
_LEAST_POINTS = 4  # three corners, and the first again


@dataclass(frozen=True)
class Area:
    """The size of a room.

    Attributes:
        m2: In square meters.
        scale: That it was measured at, such as ``1:100``.
        scale_source: Who says so: ``title_block``, ``note``, ``viewport``, ``scale_bar`` or
            ``dimensions`` of the page, or the ``request``.
        printed_m2: The area that is written in the room, where one is.
        agrees: Whether that is about the same; None where none is written.
        more: Keys that this version does not know, as they came.
    """

    m2: float
    scale: str
    scale_source: str
    printed_m2: float | None = None
    agrees: bool | None = None
    more: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def as_json(self) -> dict[str, Any]:
        """The area in the form of docs/api.md, with the keys that came."""
        found = {name: getattr(self, name) for name in _AREA_KEYS}
        return {**{name: value for name, value in found.items() if value is not None}, **self.more}

    def __str__(self) -> str:
        return f"{self.m2:.{1 if self.m2 < _LARGE_M2 else 0}f} m²"


_AREA_KEYS = ("m2", "scale", "scale_source", "printed_m2", "agrees")
_LARGE_M2 = 100


def parse_facts(room: Mapping[str, Any]) -> dict[str, Any]:
    """Read what a room's answer says beside box and confidence.

    Args:
        room: As it came.

    Returns:
        Arguments of :class:`roomdet_client.Room`.

    Raises:
        ValueError: If something is not of the documented form.
    """
    name_confidence = _number(room, "name_confidence", most=1)
    return {
        "included": frozenset(word for word, key in _KEYS.items() if key in room),
        "name_hint": _text(room, "name_hint"),
        "name_source": _text(room, "name_source"),
        "name_confidence": name_confidence,
        "polygon_grid": _ring(room.get("polygon")),
        "polygon_reason": _text(room, "polygon_reason"),
        "area": _area(room.get("area")),
        "area_reason": _text(room, "area_reason"),
    }


def _area(given: Any) -> Area | None:
    if given is None:
        return None
    if not isinstance(given, dict):
        raise ValueError("an area has m2, scale and scale_source")  # noqa: TRY004  # one error for all
    m2, scale, source = _number(given, "m2"), _text(given, "scale"), _text(given, "scale_source")
    if m2 is None or not scale or not source:
        raise ValueError("an area has m2, scale and scale_source")
    agrees = given.get("agrees")
    if not (agrees is None or isinstance(agrees, bool)):
        raise ValueError("agrees is true or false")
    more = {key: value for key, value in given.items() if key not in _AREA_KEYS}
    return Area(m2, scale, source, _number(given, "printed_m2"), agrees, more)


def _ring(given: Any) -> Ring | None:
    if given is None:
        return None
    ring = tuple((_on_grid(x), _on_grid(y)) for x, y in given)
    if len(ring) < _LEAST_POINTS or ring[0] != ring[-1]:
        raise ValueError("a polygon has three corners or more, and ends where it begins")
    return ring


def _on_grid(value: Any) -> float:
    if not _is_number(value) or not 0 <= value <= GRID:
        raise ValueError(f"a point lies within 0 and {GRID}")
    number: float = value
    return number


def _text(given: Mapping[str, Any], key: str) -> str | None:
    value = given.get(key)
    if value is None or isinstance(value, str):
        return value
    raise ValueError(f"{key} is text")


def _number(given: Mapping[str, Any], key: str, most: float = float("inf")) -> float | None:
    value = given.get(key)
    if value is None:
        return None
    if not _is_number(value) or not 0 <= value <= most:
        raise ValueError(f"{key} is a number from 0 on")
    number: float = value
    return number


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
