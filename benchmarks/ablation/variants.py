# SPDX-License-Identifier: AGPL-3.0-or-later
"""The sets of blueprints that are compared, each with something left out."""

from __future__ import annotations

from dataclasses import dataclass

EVERYTHING = "everything"
AGAIN = "everything-again"


@dataclass(frozen=True, slots=True)
class Variant:
    """A set of blueprints with something left out.

    Attributes:
        name: Short name, also of its folder.
        title: What is left out, for the table.
        options: Passed to ``python -m training.synth``.
        spoilt: Names of :data:`evaluation.corruptions.CORRUPTIONS` that look like what is left out;
            the detector is judged on such pages too.
        run: Blueprints and first weights of another run have other seeds.
        needs_layouts: Whether it differs from others only where there are measured layouts.
    """

    name: str
    title: str
    options: tuple[str, ...] = ()
    spoilt: tuple[str, ...] = ()
    run: int = 0
    needs_layouts: bool = False


def _without(name: str, title: str, *ingredients: str, spoilt: tuple[str, ...] = ()) -> Variant:
    return Variant(name, title, ("--without", *ingredients), spoilt)


def _walls(name: str, title: str, *left_out: str) -> Variant:
    return Variant(name, title, ("--without-walls", *left_out))


def _damage(name: str, title: str, *left_out: str, spoilt: tuple[str, ...]) -> Variant:
    return Variant(name, title, ("--without-damage", *left_out), spoilt)


_SURROUNDINGS = (
    "dimensions", "crossing", "room dimensions", "grid", "roof", "sections", "title", "notes",
    "elevation",
)  # fmt: skip

STYLES = (
    _walls(
        "only-black-walls", "all walls but black ones",
        "gray", "hollow", "hatched", "brick", "insulated", "thin",
    ),
    _walls("no-thin-walls", "plans of single lines", "thin"),
    _walls(
        "no-patterned-walls", "hatched, brick and insulated walls", "hatched", "brick", "insulated"
    ),
    _without("no-furniture", "furniture and fixtures", "furniture", "clearances"),
    _without("no-names", "names of rooms", "names"),
    _without("no-patterns", "patterns and colors of floors", "patterns"),
    _without("no-neighbors", "neighbors' flats", "neighbors"),
    _without("no-surroundings", "dimensions, axes, notes, title blocks", *_SURROUNDINGS),
    _without("no-crop-stretch", "cropped and stretched plans", "crop", "stretch"),
    Variant(
        "own-layouts-only", "measured layouts", ("--layout-share", "0"), needs_layouts=True
    ),
)  # fmt: skip

DAMAGES = (
    _damage(
        "no-blur", "blur, low resolution", "blur", "motion", "resolution",
        spoilt=("blur-2", "half-resolution"),
    ),
    _damage(
        "no-noise", "noise, dots, photocopies", "noise", "speckle", "dots", "photocopy",
        spoilt=("noise",),
    ),
    _damage("no-jpeg", "JPEG", "jpeg", spoilt=("jpeg",)),
    _damage("no-strokes", "thick and thin strokes", "thicken", "thin", spoilt=("thick-2",)),
    _damage("no-faint", "faint lines, local contrast", "fade", "contrast", spoilt=("faint",)),
    _damage(
        "no-paper", "paper, light, folds", "texture", "yellow", "light", "vignette", "folds",
        spoilt=("texture",),
    ),
    _damage(
        "no-marks", "stamps, handwriting, lines, notes",
        "stamp", "scribble", "cloud", "lines", "notes", "hatches", spoilt=("clutter",),
    ),
    _damage(
        "no-inversion", "white on black, white on blue", "invert", "cyanotype",
        spoilt=("inverted",),
    ),
    _without("no-tilt-photo", "slant, photographs", "tilt", "photo", spoilt=("skew", "photo")),
)  # fmt: skip

SPOILT = tuple(name for damage in DAMAGES for name in damage.spoilt)

VARIANTS = (
    Variant(EVERYTHING, "nothing", spoilt=SPOILT),
    Variant(AGAIN, "nothing: other blueprints, other first weights", spoilt=SPOILT, run=1),
    _without("no-damage", "all damage but slant and photographs", "degrade", spoilt=SPOILT),
    *DAMAGES,
    *STYLES,
)
