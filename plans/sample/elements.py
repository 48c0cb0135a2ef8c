# SPDX-License-Identifier: AGPL-3.0-or-later
"""The parts of a floor plan as checked values; nothing here draws.

Plan coordinates are meters, origin at the building's outer top left corner, x to the
right and y down the sheet. Compass sides are sides of the sheet: N is its top.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

EPSILON_M = 1e-6


class Side(StrEnum):
    """A side of the sheet, or the direction towards it."""

    N = "N"
    E = "E"
    S = "S"
    W = "W"

    @property
    def vector(self) -> tuple[int, int]:
        """Unit step ``(x, y)`` towards this side, y down."""
        return {"N": (0, -1), "E": (1, 0), "S": (0, 1), "W": (-1, 0)}[self.value]

    @property
    def is_vertical(self) -> bool:
        """Whether the direction runs up or down the sheet."""
        return self in (Side.N, Side.S)


class Kind(StrEnum):
    """What a fixture or a piece of furniture is; each kind has one symbol."""

    BASIN = "basin"
    BATHTUB = "bathtub"
    BED = "bed"
    BOILER = "boiler"
    COUNTER = "counter"
    CUBICLE = "cubicle"
    DESK = "desk"
    DINING_TABLE = "dining_table"
    FRIDGE = "fridge"
    HOB = "hob"
    MEETING_TABLE = "meeting_table"
    PLANT = "plant"
    SHELF = "shelf"
    SHOWER = "shower"
    SIDEBOARD = "sideboard"
    SINK = "sink"
    SOFA = "sofa"
    STAIRS = "stairs"
    TABLE = "table"
    TOILET = "toilet"
    WARDROBE = "wardrobe"
    WASHER = "washer"


@dataclass(frozen=True, slots=True)
class Box:
    """An axis-aligned rectangle in plan meters, corners ``x0, y0, x1, y1``."""

    x0_m: float
    y0_m: float
    x1_m: float
    y1_m: float

    def __post_init__(self) -> None:
        if self.x1_m <= self.x0_m or self.y1_m <= self.y0_m:
            msg = f"a box needs x0 < x1 and y0 < y1; got {self}"
            raise ValueError(msg)

    @property
    def width_m(self) -> float:
        """Extent along x."""
        return self.x1_m - self.x0_m

    @property
    def depth_m(self) -> float:
        """Extent along y."""
        return self.y1_m - self.y0_m

    @property
    def center_m(self) -> tuple[float, float]:
        """Middle point ``(x, y)``."""
        return (self.x0_m + self.x1_m) / 2, (self.y0_m + self.y1_m) / 2

    def overlaps(self, other: Box) -> bool:
        """Whether the two share area; touching edges do not count."""
        return (
            min(self.x1_m, other.x1_m) - max(self.x0_m, other.x0_m) > EPSILON_M
            and min(self.y1_m, other.y1_m) - max(self.y0_m, other.y0_m) > EPSILON_M
        )

    def contains(self, other: Box) -> bool:
        """Whether ``other`` lies inside, edges included."""
        return (
            other.x0_m >= self.x0_m - EPSILON_M
            and other.y0_m >= self.y0_m - EPSILON_M
            and other.x1_m <= self.x1_m + EPSILON_M
            and other.y1_m <= self.y1_m + EPSILON_M
        )


@dataclass(frozen=True, slots=True)
class Room:
    """A rectangular room, measured between the finished wall faces."""

    name: str
    box: Box
    label_m: tuple[float, float] | None = None  # center of the label; None: center of the room

    @property
    def area_m2(self) -> float:
        """Floor area in square meters."""
        return self.box.width_m * self.box.depth_m

    @property
    def area_text(self) -> str:
        """The area as the label prints it."""
        return f"{self.area_m2:.2f} m²"

    @property
    def label_center_m(self) -> tuple[float, float]:
        """Where the label's center is drawn."""
        return self.label_m or self.box.center_m


@dataclass(frozen=True, slots=True)
class Door:
    """An opening through a wall, with one swinging leaf or none.

    ``box`` is the hole: as wide as the opening and as deep as the wall. ``hinge`` is the
    end that carries the leaf, ``into`` the direction it swings; both are None for a
    cased opening without a leaf.
    """

    box: Box
    hinge: Side | None = None
    into: Side | None = None
    is_entrance: bool = False

    def __post_init__(self) -> None:
        if (self.hinge is None) != (self.into is None):
            msg = "a leaf needs both a hinge and a direction"
            raise ValueError(msg)
        if self.hinge and self.into and self.hinge.is_vertical == self.into.is_vertical:
            msg = f"a leaf hinged at {self.hinge} cannot swing to {self.into}"
            raise ValueError(msg)

    @property
    def width_m(self) -> float:
        """Clear width of the opening."""
        return max(self.box.width_m, self.box.depth_m)

    @property
    def swing_box(self) -> Box | None:
        """The floor that the leaf sweeps, or None without a leaf."""
        box, width_m = self.box, self.width_m
        match self.into:
            case Side.N:
                return Box(box.x0_m, box.y0_m - width_m, box.x1_m, box.y0_m)
            case Side.S:
                return Box(box.x0_m, box.y1_m, box.x1_m, box.y1_m + width_m)
            case Side.E:
                return Box(box.x1_m, box.y0_m, box.x1_m + width_m, box.y1_m)
            case Side.W:
                return Box(box.x0_m - width_m, box.y0_m, box.x0_m, box.y1_m)
        return None


@dataclass(frozen=True, slots=True)
class Fixture:
    """A fixture or piece of furniture: its footprint and the way its front looks."""

    kind: Kind
    box: Box
    facing: Side = Side.S


@dataclass(frozen=True, slots=True)
class DimensionChain:
    """A chain of dimensions outside the building; ``row`` 0 is next to the wall."""

    side: Side
    row: int
    stops_m: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class TitleBlock:
    """The words in the lower right corner of the sheet."""

    project: str
    drawing: str
    sheet: str
    date: str


@dataclass(frozen=True, slots=True)
class Plan:
    """One storey: everything a sheet shows, in meters."""

    name: str
    title: TitleBlock
    outline: Box
    walls: tuple[Box, ...]
    rooms: tuple[Room, ...]
    doors: tuple[Door, ...]
    windows: tuple[Box, ...]
    fixtures: tuple[Fixture, ...]
    chains: tuple[DimensionChain, ...]
    section_x_m: float

    @property
    def openings(self) -> tuple[Box, ...]:
        """Every hole in the walls, doors first."""
        return (*(door.box for door in self.doors), *self.windows)
