# SPDX-License-Identifier: AGPL-3.0-or-later
"""The ways in which the evaluation corrupts pages, each with one fixed strength.

Strengths are pixels of a page whose longer side is ``SIDE_PX``, which is what the network sees.
The same picture and corruption always give the same page.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from plans.degrade import capture, geometry, ink, marks, paper

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator

    from roomdet.geometry import Boxes, Pixels

SIDE_PX = 640
SEED = 1


@dataclass(frozen=True, slots=True)
class Corruption:
    """One way to corrupt a page.

    Attributes:
        name: As the command line and the reports call it.
        strength: What it does, in words and numbers.
        change: Page, its boxes and a generator; returns the corrupted page and the boxes on it.
    """

    name: str
    strength: str
    change: Callable[[Pixels, Boxes, Generator], tuple[Pixels, Boxes]]

    def apply(self, page: Pixels, boxes_xyxy_px: Boxes, picture: str) -> tuple[Pixels, Boxes]:
        """Spoil a page.

        Args:
            page: uint8 RGB, shape ``(height, width, 3)``, longer side ``SIDE_PX``. Not modified.
            boxes_xyxy_px: float32, shape ``(n, 4)``. Not modified.
            picture: Name of the picture; with the corruption's it is the seed.
        """
        seed = [SEED, zlib.crc32(self.name.encode()), zlib.crc32(picture.encode())]
        return self.change(page, boxes_xyxy_px, np.random.default_rng(seed))


def _in_place(
    change: Callable[[Pixels, Generator], Pixels],
) -> Callable[[Pixels, Boxes, Generator], tuple[Pixels, Boxes]]:
    """A corruption that leaves every box where it is."""
    return lambda page, boxes_xyxy_px, generator: (change(page, generator), boxes_xyxy_px)


def _clutter(page: Pixels, generator: Generator) -> Pixels:
    page = marks.hatches(page, 3, generator)
    page = marks.stray_lines(page, 8, generator)
    page = marks.notes(page, 10, generator)
    page = marks.scribble(page, 3, generator)
    page = marks.revision_cloud(page, 2, generator)
    return marks.stamp(page, 0.8, generator)


CORRUPTIONS = (
    Corruption(
        "blur-1", "Gaussian blur, sigma 1 px",
        _in_place(lambda page, _: capture.gaussian_blur(page, 1.0)),
    ),
    Corruption(
        "blur-2", "Gaussian blur, sigma 2 px",
        _in_place(lambda page, _: capture.gaussian_blur(page, 2.0)),
    ),
    Corruption(
        "noise", "Gaussian noise, sigma 25 of 255",
        _in_place(lambda page, generator: capture.gaussian_noise(page, 25.0, generator)),
    ),
    Corruption(
        "jpeg", "JPEG of quality 20",
        _in_place(lambda page, _: capture.jpeg(page, 20)),
    ),
    Corruption(
        "thick-1", "dark strokes 1 px wider",
        _in_place(lambda page, _: ink.thicken(page, 1)),
    ),
    Corruption(
        "thick-2", "dark strokes 3 px wider",
        _in_place(lambda page, _: ink.thicken(page, 3)),
    ),
    Corruption(
        "faint", "a quarter of the lines' contrast left",
        _in_place(lambda page, _: ink.fade(page, 0.25)),
    ),
    Corruption(
        "texture", "yellowed, rough paper, up to 40 % darker",
        _in_place(lambda page, generator: paper.texture(paper.yellow(page, 0.6), 0.4, generator)),
    ),
    Corruption(
        "clutter", "3 hatches, 8 lines, 10 notes, 3 scribbles, 2 revision clouds, a stamp",
        _in_place(_clutter),
    ),
    Corruption(
        "half-resolution", "reduced to 320 px and enlarged again",
        _in_place(lambda page, _: capture.lower_resolution(page, 0.5)),
    ),
    Corruption(
        "inverted", "white lines on black",
        _in_place(lambda page, _: ink.invert(page)),
    ),
    Corruption(
        "skew", "3 degrees",
        lambda page, boxes_xyxy_px, _: geometry.skew(page, boxes_xyxy_px, 3.0),
    ),
    Corruption(
        "90", "quarter turn to the left",
        lambda page, boxes_xyxy_px, _: geometry.quarter_turn(page, boxes_xyxy_px, 90),
    ),
    Corruption(
        "180", "upside down",
        lambda page, boxes_xyxy_px, _: geometry.quarter_turn(page, boxes_xyxy_px, 180),
    ),
    Corruption(
        "270", "quarter turn to the right",
        lambda page, boxes_xyxy_px, _: geometry.quarter_turn(page, boxes_xyxy_px, 270),
    ),
    Corruption(
        "photo", "seen at an angle on a desk, each corner 2 to 10 % inwards",
        lambda page, boxes_xyxy_px, generator: geometry.photograph(
            page, boxes_xyxy_px, 0.1, generator
        ),
    ),
)  # fmt: skip


def select(names: str) -> tuple[Corruption, ...]:
    """Corruptions by name: ``all``, ``none``, or some separated by commas.

    Raises:
        ValueError: If there is none of that name.
    """
    if names in {"all", "none"}:
        return CORRUPTIONS if names == "all" else ()
    known = {corruption.name: corruption for corruption in CORRUPTIONS}
    wanted = names.split(",")
    for name in wanted:
        if name not in known:
            raise ValueError(f"no corruption is called {name!r}; known: {', '.join(known)}")
    return tuple(known[name] for name in wanted)
