# SPDX-License-Identifier: AGPL-3.0-or-later
"""Draw the sample plan as A1 sheets at 300 dpi, in the formats in which architects send them.

``python -m benchmarks.sheets build/sheets``
"""

from __future__ import annotations

import argparse
import sys
from contextlib import closing
from pathlib import Path

import pypdfium2
from PIL import Image

A1_300_DPI_WH = (9933, 7016)  # ISO 216: 841 x 594 mm
DPI = 300
SAMPLE_PLAN = Path("docs/sample/plan.pdf")


def draw_sheets(folder: Path) -> list[Path]:
    """Write the sheets: RGB PNG and JPEG, a 1-bit G4 TIFF, and a PDF that holds the scan."""
    folder.mkdir(parents=True, exist_ok=True)
    with closing(pypdfium2.PdfDocument(SAMPLE_PLAN)) as document:
        page = document[0].render(scale=A1_300_DPI_WH[0] / document[0].get_width())
        picture = page.to_pil().convert("RGB").resize(A1_300_DPI_WH, Image.Resampling.BILINEAR)
    settings: dict[str, dict[str, object]] = {
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


def main(argv: list[str] | None = None) -> int:
    """Run the command line; 0 when the sheets are written."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sheets", description=__doc__)
    parser.add_argument("folder", type=Path)
    for path in draw_sheets(parser.parse_args(argv).folder):
        print(f"{path}  {path.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
