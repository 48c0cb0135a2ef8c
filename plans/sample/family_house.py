# SPDX-License-Identifier: AGPL-3.0-or-later
"""A one-storey house: living room, kitchen, three bedrooms and what they need.

Numbers are meters in plan coordinates (see ``elements``): boxes are ``x0, y0, x1, y1``,
furniture rows ``x, y, extent along x, extent along y``.
"""

from __future__ import annotations

from plans.sample.elements import Box, Door, Kind, Plan, Room, Side, TitleBlock
from plans.sample.layout import (
    build_chains,
    build_fixtures,
    build_shell,
    holes_along_x,
    holes_along_y,
)

N, E, S, W = Side.N, Side.E, Side.S, Side.W

OUTLINE = Box(0, 0, 15.40, 9.36)
ROOMS = (
    Room("Kitchen", Box(0.36, 0.36, 4.96, 3.56), (2.35, 1.75)),
    Room("Entry", Box(5.20, 0.36, 7.40, 3.56), (6.10, 2.05)),
    Room("WC", Box(7.52, 0.36, 9.02, 1.90), (7.98, 0.72)),
    Room("Storage", Box(7.52, 2.02, 9.02, 3.56), (8.27, 2.60)),
    Room("Bath", Box(9.14, 0.36, 11.94, 3.56), (10.55, 1.65)),
    Room("Utility", Box(12.06, 0.36, 15.04, 3.56), (13.35, 1.80)),
    Room("Living room", Box(0.36, 3.68, 4.96, 9.00), (3.15, 6.05)),
    Room("Hall", Box(5.20, 3.68, 15.04, 4.98), (9.30, 4.33)),
    Room("Bedroom 1", Box(5.20, 5.10, 8.90, 9.00), (6.40, 5.85)),
    Room("Bedroom 2", Box(9.02, 5.10, 12.02, 9.00), (10.80, 7.10)),
    Room("Bedroom 3", Box(12.14, 5.10, 15.04, 9.00), (13.30, 7.10)),
)
WALLS = (
    *build_shell(OUTLINE, 0.36),
    Box(4.96, 0.20, 5.20, 9.20),
    Box(0.20, 3.56, 15.20, 3.68),
    Box(5.10, 4.98, 15.20, 5.10),
    Box(7.40, 0.20, 7.52, 3.60),
    Box(7.46, 1.90, 9.08, 2.02),
    Box(9.02, 0.20, 9.14, 3.60),
    Box(11.94, 0.20, 12.06, 3.60),
    Box(8.90, 5.04, 9.02, 9.20),
    Box(12.02, 5.04, 12.14, 9.20),
)
DOORS = (
    Door(Box(5.85, 0.00, 6.85, 0.36), W, S, is_entrance=True),
    Door(Box(4.96, 2.10, 5.20, 3.00), S, W),
    Door(Box(7.40, 1.00, 7.52, 1.75), S, E),
    Door(Box(5.70, 3.56, 6.90, 3.68)),
    Door(Box(2.60, 3.56, 3.80, 3.68)),
    Door(Box(7.85, 3.56, 8.60, 3.68), W, N),
    Door(Box(10.15, 3.56, 10.95, 3.68), W, N),
    Door(Box(12.40, 3.56, 13.20, 3.68), W, N),
    Door(Box(15.04, 1.55, 15.40, 2.45), N, W),
    Door(Box(2.30, 9.00, 3.20, 9.36), W, N),
    Door(Box(3.20, 9.00, 4.10, 9.36), E, N),
    Door(Box(4.96, 3.88, 5.20, 4.78), N, W),
    Door(Box(7.90, 4.98, 8.70, 5.10), E, S),
    Door(Box(9.30, 4.98, 10.10, 5.10), W, S),
    Door(Box(13.90, 4.98, 14.70, 5.10), E, S),
)
WINDOWS = (
    *holes_along_x(0.00, 0.36, (1.50, 3.10), (7.95, 8.60), (10.05, 10.85), (12.85, 14.05)),
    *holes_along_x(9.00, 9.36, (6.20, 7.80), (10.05, 11.45), (12.70, 14.10)),
    *holes_along_y(0.00, 0.36, (4.30, 5.50), (6.60, 8.20)),
    *holes_along_y(15.04, 15.40, (3.95, 4.70)),
)
FIXTURES = (
    # kitchen: an L of counters, and an island
    (Kind.COUNTER, 0.36, 0.36, 0.60, 0.60, S),
    (Kind.COUNTER, 0.96, 0.36, 0.84, 0.60, S),
    (Kind.SINK, 1.80, 0.36, 1.00, 0.60, S),
    (Kind.COUNTER, 2.80, 0.36, 1.48, 0.60, S),
    (Kind.FRIDGE, 4.30, 0.36, 0.62, 0.62, S),
    (Kind.HOB, 0.36, 0.96, 0.60, 0.80, E),
    (Kind.COUNTER, 0.36, 1.76, 0.60, 1.20, E),
    # entry and WC
    (Kind.WARDROBE, 6.80, 2.05, 0.60, 1.45, W),
    (Kind.TOILET, 8.36, 0.62, 0.66, 0.40, W),
    (Kind.BASIN, 8.42, 1.58, 0.48, 0.32, N),
    (Kind.SHELF, 7.52, 2.02, 1.50, 0.36, S),
    # bath
    (Kind.BATHTUB, 9.14, 0.36, 0.78, 1.75, E),
    (Kind.SHOWER, 11.02, 0.36, 0.92, 0.92, W),
    (Kind.BASIN, 11.44, 1.72, 0.50, 0.62, W),
    (Kind.BASIN, 11.44, 2.44, 0.50, 0.62, W),
    (Kind.TOILET, 9.14, 2.42, 0.68, 0.42, E),
    # utility
    (Kind.WASHER, 12.06, 0.36, 0.62, 0.62, S),
    (Kind.COUNTER, 12.68, 0.36, 0.50, 0.60, S),
    (Kind.SINK, 13.18, 0.36, 1.00, 0.60, S),
    (Kind.COUNTER, 14.18, 0.36, 0.86, 0.60, S),
    (Kind.BOILER, 14.34, 2.84, 0.70, 0.72, W),
    # living room
    (Kind.DINING_TABLE, 0.95, 3.95, 1.70, 1.65, S),
    (Kind.SOFA, 0.40, 5.95, 0.90, 2.20, E),
    (Kind.TABLE, 1.80, 6.55, 0.60, 1.00, E),
    (Kind.PLANT, 0.46, 8.40, 0.50, 0.50, S),
    (Kind.SIDEBOARD, 4.54, 6.00, 0.42, 1.90, W),
    (Kind.PLANT, 4.42, 8.46, 0.46, 0.46, S),
    # bedrooms
    (Kind.BED, 5.20, 6.55, 2.08, 1.80, E),
    (Kind.WARDROBE, 8.28, 6.20, 0.62, 2.70, W),
    (Kind.BED, 9.05, 6.85, 1.00, 2.05, N),
    (Kind.WARDROBE, 11.42, 5.15, 0.60, 1.60, W),
    (Kind.DESK, 10.45, 7.90, 1.30, 1.10, N),
    (Kind.BED, 14.01, 6.85, 1.00, 2.05, N),
    (Kind.WARDROBE, 12.14, 5.15, 0.60, 1.60, E),
    (Kind.DESK, 12.45, 7.90, 1.30, 1.10, N),
)


def family_house() -> Plan:
    """Return a one-storey house with eleven rooms."""
    return Plan(
        name="family_house",
        title=TitleBlock(
            project="Family house, Linden Lane 12",
            drawing="Ground floor plan",
            sheet="A-101",
            date="2026-03-02",
        ),
        outline=OUTLINE,
        walls=WALLS,
        rooms=ROOMS,
        doors=DOORS,
        windows=WINDOWS,
        fixtures=build_fixtures(FIXTURES),
        chains=build_chains(OUTLINE, ROOMS, (*(door.box for door in DOORS), *WINDOWS)),
        section_x_m=9.60,
    )
