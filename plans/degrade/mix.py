# SPDX-License-Identifier: AGPL-3.0-or-later
"""A random mix of effects that leave every box where it is, for training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from plans.degrade import capture, ink, marks, paper

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from numpy.random import Generator

    from roomdet.geometry import Pixels

# Chances of a page with 0, 1, 2, … effects.
COUNT_CHANCES = (0.25, 0.35, 0.25, 0.15)
SIDE_PX = 640  # the strengths below are those of a page with this longer side


@dataclass(frozen=True, slots=True)
class Effect:
    """One way to spoil a page.

    Attributes:
        name: For reports and tests.
        stage: Effects happen in the order of :data:`STAGES`, one of each stage at most.
        weight: How often it is taken within its stage, beside the others.
        apply: Page, severity from 0 (mild) to 1 (strong), pixels per pixel of ``SIDE_PX``,
            generator; returns the spoiled page.
    """

    name: str
    stage: str
    weight: float
    apply: Callable[[Pixels, float, float, Generator], Pixels]


# Stage and how often it is taken, beside the others; in the order in which things happen.
STAGES = {"ink": 3.0, "marks": 3.0, "color": 1.0, "paper": 2.5, "capture": 4.0}

EFFECTS = (
    Effect("thicken", "ink", 3, lambda p, s, k, _: ink.thicken(p, round((1 + 2 * s) * k))),
    Effect("thin", "ink", 1, lambda p, s, k, _: ink.thin(p, max(1, round((1 + s) * k)))),
    Effect("fade", "ink", 3, lambda p, s, _k, _g: ink.fade(p, 0.65 - 0.45 * s)),
    Effect("stamp", "marks", 2, lambda p, s, _, g: marks.stamp(p, 0.4 + 0.5 * s, g)),
    Effect("scribble", "marks", 2, lambda p, s, _, g: marks.scribble(p, 1 + round(6 * s), g)),
    Effect("cloud", "marks", 2, lambda p, s, _, g: marks.revision_cloud(p, 1 + round(3 * s), g)),
    Effect("lines", "marks", 2, lambda p, s, _, g: marks.stray_lines(p, 2 + round(12 * s), g)),
    Effect("notes", "marks", 2, lambda p, s, _, g: marks.notes(p, 3 + round(14 * s), g)),
    Effect("hatches", "marks", 2, lambda p, s, _, g: marks.hatches(p, 1 + round(5 * s), g)),
    Effect("invert", "color", 2, lambda p, _s, _k, _g: ink.invert(p)),
    Effect("cyanotype", "color", 2, lambda p, _s, _k, _g: ink.cyanotype(p)),
    Effect("texture", "paper", 2, lambda p, s, _, g: paper.texture(p, 0.12 + 0.33 * s, g)),
    Effect("yellow", "paper", 1, lambda p, s, _k, _g: paper.yellow(p, 0.3 + 0.7 * s)),
    Effect("light", "paper", 2, lambda p, s, _, g: paper.uneven_light(p, 0.15 + 0.4 * s, g)),
    Effect("vignette", "paper", 1, lambda p, s, _k, _g: paper.vignette(p, 0.2 + 0.4 * s)),
    Effect("folds", "paper", 1, lambda p, s, _, g: paper.folds(p, 1 + round(4 * s), 0.4, g)),
    Effect("blur", "capture", 3, lambda p, s, k, _: capture.gaussian_blur(p, (0.5 + 1.7 * s) * k)),
    Effect(
        "motion", "capture", 1,
        lambda p, s, k, g: capture.motion_blur(p, 3 + round(6 * s * k), g.uniform(0, 180)),
    ),
    Effect("noise", "capture", 2, lambda p, s, _, g: capture.gaussian_noise(p, 6 + 28 * s, g)),
    Effect(
        "speckle", "capture", 1,
        lambda p, s, _, g: capture.speckle_noise(p, 0.04 + 0.16 * s, g),
    ),
    Effect(
        "dots", "capture", 1,
        lambda p, s, _, g: capture.salt_and_pepper(p, 0.004 + 0.04 * s, g),
    ),
    Effect("jpeg", "capture", 2, lambda p, s, _k, _g: capture.jpeg(p, round(60 - 48 * s))),
    Effect(
        "resolution", "capture", 2,
        lambda p, s, _k, _g: capture.lower_resolution(p, 0.75 - 0.4 * s),
    ),
    Effect("contrast", "capture", 1, lambda p, s, _k, _g: capture.local_contrast(p, 1.5 + 3 * s)),
    Effect(
        "photocopy", "capture", 2,
        lambda p, s, _, g: capture.photocopy(p, round(150 + 70 * g.random()), 0.4 * s, g),
    ),
)  # fmt: skip

EFFECT_NAMES = tuple(effect.name for effect in EFFECTS)


def degrade_randomly(page: Pixels, generator: Generator, without: Collection[str] = ()) -> Pixels:
    """Spoil a page with no, one, two or three effects, mild to strong; every box stays in place.

    Args:
        page: uint8 RGB, shape ``(height, width, 3)``, dark lines on light paper. Not modified.
        generator: Equal states give equal pages.
        without: Names of effects, of :data:`EFFECT_NAMES`, that leave the page as it is. Nothing
            takes their place, so that pages without them, and what else happens to a page, stay
            the same.

    Returns:
        New uint8 array of the same shape, contiguous.
    """
    scale = max(page.shape[:2]) / SIDE_PX
    spoiled = page.copy()
    for effect in _draw(generator):
        severity = float(generator.beta(1.2, 1.6))
        changed = effect.apply(spoiled, severity, scale, generator)  # moves the generator on
        spoiled = spoiled if effect.name in without else changed
    return spoiled


def _draw(generator: Generator) -> list[Effect]:
    """Effects of different stages, in the order in which they happen."""
    count = int(generator.choice(len(COUNT_CHANCES), p=COUNT_CHANCES))
    total = sum(STAGES.values())
    chances = [weight / total for weight in STAGES.values()]
    taken = sorted(generator.choice(len(STAGES), count, replace=False, p=chances))
    effects = []
    for stage in (list(STAGES)[number] for number in taken):
        choices = [effect for effect in EFFECTS if effect.stage == stage]
        weights = [effect.weight for effect in choices]
        chosen = generator.choice(len(choices), p=[weight / sum(weights) for weight in weights])
        effects.append(choices[int(chosen)])
    return effects
