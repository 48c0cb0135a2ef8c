# SPDX-License-Identifier: AGPL-3.0-or-later
"""A data set in the form of CubiCasa5k, drawn here: pictures and drawings are our own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from pathlib import Path

PICTURE_WH = (600, 400)
WALL, BACKGROUND = (0, 0, 0), (255, 255, 255)
Box = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A room as it is drawn: its kind, its box in the picture and the color of its floor."""

    kind: str
    box: Box
    color: tuple[int, int, int]


ROOMS = (
    Drawn("LivingRoom", (20, 20, 200, 180), (250, 200, 200)),
    Drawn("Closet WalkIn", (210, 20, 250, 120), (200, 250, 200)),
    Drawn("Outdoor Terrace", (20, 200, 250, 300), (200, 200, 250)),
    Drawn("Undefined", (340, 60, 500, 260), (250, 250, 200)),
)


def polygon(box: Box, dx: float = 0, dy: float = 0) -> str:
    """A rectangle as CubiCasa writes it, with a space at the end."""
    x0, y0, x1, y1 = box[0] - dx, box[1] - dy, box[2] - dx, box[3] - dy
    return f'<polygon points="{x0},{y0} {x1},{y0} {x1},{y1} {x0},{y1} "/>'


def space(room: Drawn, dx: float = 0, dy: float = 0) -> str:
    """A room's group, with the label and the furniture that stand in it."""
    return f"""<g id="a-b-c" class="Space {room.kind}" style="fill-opacity: 1;">
        {polygon(room.box, dx, dy)}
        <g class="Dimension"><g style="display: none;" class="Visual">
            <polygon points="-900,-900 900,900 900,-900 "/></g></g>
        <g class="SpaceDimensionsLabel"><text x="0" y="0em">OH</text></g></g>"""


def drawing(*groups: str, view: str = "0 0 510 305") -> str:
    """A ``model.svg``; its own size is that of its content, smaller than the picture."""
    return f"""<?xml version="1.0"?>
<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"
     width="510" height="305" viewBox="{view}"><defs/>
<g id="Model" class="Model v1-1">{"".join(groups)}
<g class="FloorsCompose" style="display: none;"><use xlink:href="#Floor-1"/></g></g></svg>"""


def floor(number: int, *groups: str, transform: str = "", is_hidden: bool = False) -> str:
    """One floor."""
    style = 'style="display: none;"' if is_hidden else ""
    moved = f'transform="{transform}"' if transform else ""
    return (
        f'<g {style} class="Floor"><g id="Floor-{number}" {moved} '
        f'class="Floorplan Floor-{number}">{"".join(groups)}</g></g>'
    )


WALLS = (
    f'<g id="Wall" class="Wall External">{polygon((10, 10, 260, 20))}'
    f'<g id="Door" class="Door Swing">{polygon((30, 10, 60, 20))}</g></g>'
    f'<g id="Railing" class="Railing">{polygon((20, 300, 250, 306))}</g>'
    '<g class="FixedFurniture Toilet" transform="matrix(1,0,0,1,30,30)">'
    f'<g class="BoundaryPolygon">{polygon((0, 0, 40, 40))}</g></g>'
)
# The second floor lies beside the first, hidden, and is moved there by two groups.
MODEL = drawing(
    floor(1, WALLS, *(space(room) for room in ROOMS[:3])),
    floor(
        2,
        f'<g transform="matrix(2,0,0,2,0,0)">{space(ROOMS[3], 340, 60)}</g>',
        transform="matrix(0.5,0,0,0.5,340,60)",
        is_hidden=True,
    ),
)


def draw_picture(wh: tuple[int, int] = PICTURE_WH) -> Image.Image:
    """The rooms with black walls on white."""
    picture = Image.new("RGB", wh, BACKGROUND)
    draw = ImageDraw.Draw(picture)
    for room in ROOMS:
        x0, y0, x1, y1 = room.box
        draw.rectangle((x0 - 5, y0 - 5, x1 + 4, y1 + 4), fill=WALL)
        draw.rectangle((x0, y0, x1 - 1, y1 - 1), fill=room.color)
    return picture


def put_plan(source: Path, name: str, svg: str | bytes, picture: Image.Image | None = None) -> Path:
    """A plan's folder with its two pictures and its drawing."""
    folder = source / name
    folder.mkdir(parents=True)
    picture = picture or draw_picture()
    picture.save(folder / "F1_scaled.png")
    picture.reduce(2).save(folder / "F1_original.png")
    (folder / "model.svg").write_bytes(svg if isinstance(svg, bytes) else svg.encode())
    return folder
