# SPDX-License-Identifier: AGPL-3.0-or-later
"""A flat with a living room, a bedroom, a kitchen and a bath.

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

OUTLINE = Box(0, 0, 11.40, 8.20)
ROOMS = (
    Room("Living room", Box(0.30, 0.30, 6.30, 4.70), (2.90, 3.60)),
    Room("Bedroom", Box(6.42, 0.30, 11.10, 4.70), (9.45, 3.30)),
    Room("Kitchen", Box(0.30, 4.82, 4.00, 7.90), (2.30, 6.40)),
    Room("Hall", Box(4.12, 4.82, 11.10, 6.22), (7.40, 5.52)),
    Room("Bath", Box(4.12, 6.34, 7.32, 7.90), (5.88, 6.72)),
    Room("Storage", Box(7.44, 6.34, 9.04, 7.90), (8.22, 7.28)),
    Room("WC", Box(9.16, 6.34, 11.10, 7.90), (10.60, 6.66)),
)
WALLS = (
    *build_shell(OUTLINE, 0.30),
    Box(6.30, 0.20, 6.42, 4.76),
    Box(0.20, 4.70, 11.20, 4.82),
    Box(4.00, 4.76, 4.12, 8.00),
    Box(4.06, 6.22, 11.20, 6.34),
    Box(7.32, 6.28, 7.44, 8.00),
    Box(9.04, 6.28, 9.16, 8.00),
)
DOORS = (
    Door(Box(11.10, 5.04, 11.40, 6.04), S, W, is_entrance=True),
    Door(Box(4.95, 4.70, 5.85, 4.82), E, N),
    Door(Box(1.50, 4.70, 2.70, 4.82)),
    Door(Box(9.70, 4.70, 10.55, 4.82), E, N),
    Door(Box(4.00, 5.00, 4.12, 5.85), N, W),
    Door(Box(4.40, 6.22, 5.20, 6.34), W, S),
    Door(Box(7.85, 6.22, 8.55, 6.34), W, S),
    Door(Box(9.35, 6.22, 10.05, 6.34), W, S),
)
WINDOWS = (
    *holes_along_x(0.00, 0.30, (1.00, 2.60), (3.60, 5.20), (7.80, 9.80)),
    *holes_along_x(7.90, 8.20, (5.35, 5.95), (9.95, 10.55)),
    *holes_along_y(0.00, 0.30, (1.50, 3.30), (5.60, 6.80)),
)
FIXTURES = (
    # living room
    (Kind.SOFA, 0.34, 1.25, 0.90, 2.20, E),
    (Kind.TABLE, 1.75, 1.85, 0.60, 1.00, E),
    (Kind.SIDEBOARD, 5.88, 1.00, 0.42, 2.00, W),
    (Kind.DINING_TABLE, 3.30, 0.85, 1.70, 1.65, S),
    (Kind.PLANT, 0.40, 4.12, 0.46, 0.46, S),
    # bedroom
    (Kind.BED, 6.42, 1.30, 2.08, 1.80, E),
    (Kind.WARDROBE, 10.48, 0.34, 0.62, 2.80, W),
    # kitchen
    (Kind.COUNTER, 0.30, 4.82, 0.60, 0.88, E),
    (Kind.SINK, 0.30, 5.70, 0.60, 1.00, E),
    (Kind.COUNTER, 0.30, 6.70, 0.60, 0.60, E),
    (Kind.COUNTER, 0.30, 7.30, 0.60, 0.60, N),
    (Kind.COUNTER, 0.90, 7.30, 0.50, 0.60, N),
    (Kind.HOB, 1.40, 7.30, 0.80, 0.60, N),
    (Kind.COUNTER, 2.20, 7.30, 1.12, 0.60, N),
    (Kind.FRIDGE, 3.34, 7.28, 0.62, 0.62, N),
    # bath, storage and WC
    (Kind.BATHTUB, 6.54, 6.34, 0.78, 1.56, W),
    (Kind.TOILET, 5.46, 7.22, 0.42, 0.68, N),
    (Kind.BASIN, 4.55, 7.44, 0.62, 0.46, N),
    (Kind.SHELF, 7.44, 7.54, 1.60, 0.36, N),
    (Kind.TOILET, 10.42, 7.14, 0.68, 0.42, W),
    (Kind.BASIN, 9.30, 7.56, 0.50, 0.34, N),
)


def two_room_flat() -> Plan:
    """Return a flat with a living room, a bedroom and five smaller rooms."""
    return Plan(
        name="two_room_flat",
        title=TitleBlock(
            project="Flat 2.04, Mill Yard",
            drawing="Second floor, flat plan",
            sheet="A-204",
            date="2026-03-02",
        ),
        outline=OUTLINE,
        walls=WALLS,
        rooms=ROOMS,
        doors=DOORS,
        windows=WINDOWS,
        fixtures=build_fixtures(FIXTURES),
        chains=build_chains(OUTLINE, ROOMS, (*(door.box for door in DOORS), *WINDOWS)),
        section_x_m=8.70,
    )
