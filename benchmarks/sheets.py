# SPDX-License-Identifier: AGPL-3.0-or-later
"""Draw the sample plan as it is sent: A1 sheets at 300 dpi, a small picture, a phone's photo.

``python -m benchmarks.sheets build/sheets``
"""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2
from PIL import Image

from plans.degrade.capture import gaussian_noise
from plans.degrade.geometry import photograph
from plans.degrade.paper import uneven_light

A1_300_DPI_WH = (9933, 7016)  # ISO 216: 841 x 594 mm
DPI = 300
_POINTS_PER_INCH = 72
SAMPLE_PLAN = Path("docs/sample/plan.pdf")
PLAN_WIDTH_PX = 1240  # 1.09 megapixels
PHOTO_WH = (4000, 3000)
_EXIF_ORIENTATION = 0x0112
_TURNED = 6  # to be turned clockwise by 90 degrees, as a phone writes that is held upright
_PHOTO_SEED = 8


def draw_sheets(folder: Path) -> list[Path]:
    """Write the sheets: RGB PNG and JPEG, a 1-bit G4 TIFF, and a PDF that holds the scan."""
    folder.mkdir(parents=True, exist_ok=True)
    picture = render_plan(A1_300_DPI_WH[0]).resize(A1_300_DPI_WH, Image.Resampling.BILINEAR)
    settings: dict[str, dict[str, Any]] = {
        "a1.png": {"compress_level": 6},
        "a1.jpg": {"quality": 85},
        "a1.tif": {"compression": "group4"},
        "a1.pdf": {"resolution": DPI, "quality": 85},
    }
    paths = []
    for name, options in settings.items():
        path = folder / name
        sheet = picture.convert("1") if name.endswith(".tif") else picture
        sheet.save(path, dpi=(DPI, DPI), **options)
        paths.append(path)
    return paths


def scan(document: Path) -> Path:
    """Write a document's first page beside it as a scanner does: 300 dpi, 1-bit G4 TIFF."""
    with closing(pypdfium2.PdfDocument(document)) as opened:
        picture = opened[0].render(scale=DPI / _POINTS_PER_INCH, grayscale=True).to_pil()
    path = document.with_suffix(".tif")
    picture.convert("1").save(path, dpi=(DPI, DPI), compression="group4")
    return path


def draw_plans(folder: Path) -> list[Path]:
    """Write the plan as a picture of 1 megapixel, RGB, as PNG and JPEG, and photographed."""
    folder.mkdir(parents=True, exist_ok=True)
    plan, paths = render_plan(PLAN_WIDTH_PX), [folder / "plan.png", folder / "plan.jpg"]
    plan.save(paths[0])
    plan.save(paths[1], quality=90)
    exif = Image.Exif()
    exif[_EXIF_ORIENTATION] = _TURNED
    photo = folder / "photo.jpg"
    _photograph(render_plan(PHOTO_WH[0])).save(photo, quality=90, exif=exif)
    return [*paths, photo]


def render_plan(width_px: int) -> Image.Image:
    """The sample plan as an RGB picture of so many pixels across."""
    with closing(pypdfium2.PdfDocument(SAMPLE_PLAN)) as document:
        page = document[0].render(scale=width_px / document[0].get_width())
        picture: Image.Image = page.to_pil().convert("RGB")
        return picture


def _photograph(plan: Image.Image) -> Image.Image:
    """The plan on a desk, at an angle, in uneven light, with the noise of a sensor."""
    generator = np.random.default_rng(_PHOTO_SEED)
    sheet = plan.resize(PHOTO_WH, Image.Resampling.BICUBIC)
    no_boxes = np.empty((0, 4), np.float32)
    scene, _ = photograph(np.asarray(sheet), no_boxes, 0.12, generator)
    return Image.fromarray(gaussian_noise(uneven_light(scene, 0.4, generator), 4.0, generator))


def main(argv: list[str] | None = None) -> int:
    """Run the command line; 0 when the sheets are written."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sheets", description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args(argv).folder
    for path in [*draw_sheets(folder), *draw_plans(folder)]:
        print(f"{path}  {path.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
