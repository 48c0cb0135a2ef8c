# SPDX-License-Identifier: AGPL-3.0-or-later
"""Write the sample drawing: ``python -m plans.sample docs/sample``."""

from __future__ import annotations

import argparse
from pathlib import Path

from plans.sample.draw import pdf_to_image, plan_to_pdf
from plans.sample.plan import family_house

LONG_SIDE_PX = 1600


def write_sample(folder: Path) -> tuple[Path, Path]:
    """Write ``plan.pdf`` and ``plan.png`` into a folder, made if missing; return both paths."""
    folder.mkdir(parents=True, exist_ok=True)
    pdf_path, png_path = folder / "plan.pdf", folder / "plan.png"
    pdf = plan_to_pdf(family_house())
    pdf_path.write_bytes(pdf)
    pdf_to_image(pdf, LONG_SIDE_PX).save(png_path, optimize=True)
    return pdf_path, png_path


def main() -> None:
    """Parse the command line and write the files."""
    parser = argparse.ArgumentParser(description="Draw the sample floor plan.")
    parser.add_argument("folder", type=Path, help="where plan.pdf and plan.png go")
    for path in write_sample(parser.parse_args().folder):
        print(f"{path} {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
