# SPDX-License-Identifier: AGPL-3.0-or-later
"""An office floor: rooms on both sides of a corridor.

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

OUTLINE = Box(0, 0, 33.00, 15.00)
ROOMS = (
    Room("Stairs", Box(0.40, 0.40, 3.60, 6.00), (2.65, 5.30)),
    Room("Office 1", Box(3.75, 0.40, 8.55, 6.00), (6.15, 3.50)),
    Room("Office 2", Box(8.70, 0.40, 13.50, 6.00), (11.10, 3.50)),
    Room("Office 3", Box(13.65, 0.40, 18.45, 6.00), (16.05, 3.50)),
    Room("Office 4", Box(18.60, 0.40, 23.40, 6.00), (21.00, 3.50)),
    Room("Meeting room", Box(23.55, 0.40, 32.60, 6.00), (28.10, 5.05)),
    Room("Corridor", Box(0.40, 6.15, 32.60, 8.35)),
    Room("WC women", Box(0.40, 8.50, 3.40, 14.60), (2.15, 11.30)),
    Room("WC men", Box(3.55, 8.50, 6.55, 14.60), (5.30, 11.30)),
    Room("Kitchenette", Box(6.70, 8.50, 11.10, 14.60), (9.20, 10.60)),
    Room("Office 5", Box(11.25, 8.50, 16.45, 14.60), (13.85, 11.20)),
    Room("Office 6", Box(16.60, 8.50, 21.80, 14.60), (19.20, 11.20)),
    Room("Open office", Box(21.95, 8.50, 32.60, 14.60), (27.30, 11.20)),
)
WALLS = (
    *build_shell(OUTLINE, 0.40),
    Box(0.20, 6.00, 32.80, 6.15),
    Box(0.20, 8.35, 32.80, 8.50),
    *(Box(x_m, 0.20, x_m + 0.15, 6.05) for x_m in (3.60, 8.55, 13.50, 18.45, 23.40)),
    *(Box(x_m, 8.45, x_m + 0.15, 14.80) for x_m in (3.40, 6.55, 11.10, 16.45, 21.80)),
)
DOORS = (
    Door(Box(32.60, 6.35, 33.00, 7.25), N, W, is_entrance=True),
    Door(Box(32.60, 7.25, 33.00, 8.15), S, W),
    Door(Box(0.70, 6.00, 1.70, 6.15), W, N),
    *(Door(Box(x_m, 6.00, x_m + 0.90, 6.15), W, N) for x_m in (4.05, 9.00, 13.95, 18.90, 23.85)),
    Door(Box(31.40, 6.00, 32.30, 6.15), E, N),
    Door(Box(2.20, 8.35, 3.10, 8.50), E, S),
    Door(Box(5.35, 8.35, 6.25, 8.50), E, S),
    Door(Box(9.90, 8.35, 10.80, 8.50), E, S),
    *(Door(Box(x_m, 8.35, x_m + 0.90, 8.50), W, S) for x_m in (11.55, 16.90, 22.25)),
    Door(Box(31.40, 8.35, 32.30, 8.50), E, S),
)
WINDOWS = (
    *holes_along_x(0.00, 0.40, (1.40, 2.60), (4.75, 7.55), (9.70, 12.50), (14.65, 17.45)),
    *holes_along_x(0.00, 0.40, (19.60, 22.40), (24.50, 27.30), (28.90, 31.70)),
    *holes_along_x(14.60, 15.00, (1.50, 2.30), (4.65, 5.45), (7.90, 9.90), (12.25, 15.45)),
    *holes_along_x(14.60, 15.00, (17.60, 20.80), (22.80, 26.40), (28.10, 31.70)),
    *holes_along_y(0.00, 0.40, (6.65, 7.85)),
)
FIXTURES = (
    (Kind.STAIRS, 0.40, 0.40, 3.20, 4.20, S),
    # offices 1 to 4: two places under the window, a cupboard by the wall
    *((Kind.DESK, x_m, 0.45, 1.60, 1.50, S) for x_m in (4.25, 9.20, 14.15, 19.10)),
    *((Kind.DESK, x_m, 0.45, 1.60, 1.50, S) for x_m in (6.45, 11.40, 16.35, 21.30)),
    *((Kind.SHELF, x_m, 3.90, 0.45, 2.05, W) for x_m in (8.10, 13.05, 18.00, 22.95)),
    # meeting room
    (Kind.MEETING_TABLE, 25.30, 1.20, 5.60, 2.80, S),
    (Kind.SIDEBOARD, 32.12, 1.40, 0.48, 2.40, W),
    (Kind.PLANT, 23.65, 0.50, 0.60, 0.60, S),
    # WCs
    *((Kind.CUBICLE, x_m, 13.00, 1.00, 1.60, N) for x_m in (0.40, 1.40, 2.40)),
    *((Kind.BASIN, 0.40, y_m, 0.50, 0.60, E) for y_m in (9.90, 10.70, 11.50)),
    *((Kind.CUBICLE, x_m, 13.00, 1.00, 1.60, N) for x_m in (3.55, 4.55, 5.55)),
    *((Kind.BASIN, 3.55, y_m, 0.50, 0.60, E) for y_m in (9.90, 10.70, 11.50)),
    # kitchenette
    (Kind.FRIDGE, 6.70, 9.00, 0.65, 0.65, E),
    (Kind.COUNTER, 6.70, 9.65, 0.60, 1.00, E),
    (Kind.HOB, 6.70, 10.65, 0.60, 0.80, E),
    (Kind.COUNTER, 6.70, 11.45, 0.60, 0.80, E),
    (Kind.SINK, 6.70, 12.25, 0.60, 1.00, E),
    (Kind.COUNTER, 6.70, 13.25, 0.60, 1.35, E),
    (Kind.DINING_TABLE, 8.20, 12.10, 2.10, 1.80, S),
    # offices 5 and 6
    *((Kind.DESK, x_m, 13.05, 1.60, 1.50, N) for x_m in (11.85, 14.25, 17.20, 19.60)),
    *((Kind.SHELF, x_m, 9.00, 0.45, 2.40, W) for x_m in (16.00, 21.35)),
    # open office
    *((Kind.DESK, x_m, 13.05, 1.60, 1.50, N) for x_m in (22.30, 24.50, 26.70, 28.90, 30.95)),
    (Kind.SHELF, 21.95, 10.30, 0.45, 2.40, E),
    (Kind.SIDEBOARD, 32.12, 10.40, 0.48, 2.20, W),
)


def office_floor() -> Plan:
    """Return an office floor with thirteen rooms."""
    return Plan(
        name="office_floor",
        title=TitleBlock(
            project="Harbor Offices, Building C",
            drawing="Ground floor plan",
            sheet="A-110",
            date="2026-03-02",
        ),
        outline=OUTLINE,
        walls=WALLS,
        rooms=ROOMS,
        doors=DOORS,
        windows=WINDOWS,
        fixtures=build_fixtures(FIXTURES),
        chains=build_chains(OUTLINE, ROOMS, (*(door.box for door in DOORS), *WINDOWS)),
        section_x_m=18.50,
    )
