# SPDX-License-Identifier: AGPL-3.0-or-later
"""Rows of a batch are read in parallel: nothing is mixed up, and memory is for one large picture.

What may end the process or measures all of its memory runs in a process of its own.
"""

from __future__ import annotations

import io
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pytest
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from roomdet import page as pages
from roomdet import pictures
from tests.builders import a1_sheet, draw_plan, encode, exif, fax_pdf, plan_pdf, scanned_pdf, tiff
from tests.unit.reading import read

if TYPE_CHECKING:
    from collections.abc import Callable

    from roomdet.page import Page

ROOT: Final = Path(pictures.__file__).parents[2]
THREADS: Final = 8
TIMEOUT_S: Final = 240
WAITS_S: Final = 0.5  # a picture that need not wait is read in a tenth of it
FONTS: Final = ("Helvetica", "Times-Roman", "Courier", "Helvetica-Bold")
LARGE_WH: Final = (4000, 3000)  # 12 million pixels

KINDS: Final[dict[str, Callable[[], bytes]]] = {
    "png": lambda: encode(draw_plan(), "PNG"),
    "jpeg-turned": lambda: encode(draw_plan(), "JPEG", exif=exif(6)),
    "tiff": lambda: tiff(draw_plan(), tile_px=64),
    "g4": lambda: encode(draw_plan(mode="1"), "TIFF", compression="group4"),
    "webp": lambda: encode(draw_plan(), "WEBP"),
    "gif": lambda: encode(draw_plan(), "GIF"),
    "bmp": lambda: encode(draw_plan(), "BMP"),
    "pdf": plan_pdf,
    "scan": lambda: scanned_pdf(encode(draw_plan(), "JPEG")),
}
PREAMBLE: Final = """
import pathlib, re, sys
from concurrent.futures import ThreadPoolExecutor
from roomdet.config import Limits
from roomdet.images import read_page
def read(data, side_px=640):
    return read_page(data, page=1, side_px=side_px, limits=Limits()).pixels
"""
PDFIUM_BY_MANY: Final = """
from tests.unit.test_readers_in_threads import lettered_pages
files = lettered_pages(16)
alone = [read(file) for file in files]
with ThreadPoolExecutor(8) as pool:
    for _ in range(10):
        assert all((a == b).all() for a, b in zip(pool.map(read, files), alone, strict=True))
"""
ODD_METADATA: Final = """
from roomdet.errors import InvalidFileFormat
from tests.builders import draw_plan, encode
try:
    read(encode(draw_plan(mode="1"), "TIFF", compression="group4")[:-40])
except InvalidFileFormat:
    print("damaged")
"""
WEBP_BY_MANY: Final = """
from PIL import Image
from roomdet.memory import limit_memory, share_heap
from tests.builders import encode
share_heap()
data = encode(Image.new("RGB", (7000, 7000)), "WEBP", lossless=True, method=0)
read(data)
limit_memory(1200)
with ThreadPoolExecutor(3) as pool:
    assert len(list(pool.map(read, [data] * 3))) == 3
"""
SHEETS_BY_MANY: Final = """
from roomdet.memory import share_heap
def peak_mb():
    status = pathlib.Path('/proc/self/status').read_text()
    return int(re.search(r'VmHWM:\\s+(\\d+)', status)[1]) // 1024
share_heap()
data = pathlib.Path(sys.argv[1]).read_bytes()
before = peak_mb()
read(data)
of_one = peak_mb() - before
with ThreadPoolExecutor(4) as pool:
    list(pool.map(read, [data] * 12))
print(of_one, peak_mb() - before)
"""


def lettered_pages(count: int) -> list[bytes]:
    """Documents full of names in the fonts that PDFium holds for all documents together."""
    files = []
    for i in range(count):
        file = io.BytesIO()
        canvas = Canvas(file, pagesize=(320 + i, 200))
        for line in range(30):
            canvas.setFont(FONTS[line % len(FONTS)], 6 + (line + i) % 7)
            canvas.drawString(5 + i, 5 + 6 * line, f"Room {line} bath kitchen {i}")
        canvas.save()
        files.append(file.getvalue())
    return files


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", PREAMBLE + program, *arguments],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT / 'handler'}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )


def large_jpeg(**options: object) -> bytes:
    """A photo of 12 million pixels."""
    return encode(Image.new("L", LARGE_WH, 200), "JPEG", **options)


LARGE: Final[dict[str, Callable[[], bytes]]] = {
    "g4-sheet": lambda: a1_sheet("g4.tiff"),
    "png": lambda: encode(Image.new("L", LARGE_WH, 200), "PNG"),
    "jpeg-progressive": lambda: large_jpeg(progressive=True),
    "scan": lambda: fax_pdf(Image.new("1", LARGE_WH, 1)),
    "webp-lossy": lambda: encode(Image.new("RGB", LARGE_WH), "WEBP", method=0),
    "webp-lossless": lambda: encode(Image.new("RGB", LARGE_WH), "WEBP", lossless=True, method=0),
    "webp-exif": lambda: encode(Image.new("RGB", LARGE_WH), "WEBP", method=0, exif=exif(6)),
}
SMALL: Final[dict[str, Callable[[], bytes]]] = {
    "plan": lambda: encode(draw_plan(), "PNG"),
    "phone-photo": large_jpeg,
    "vector-sheet": lambda: a1_sheet("vector.pdf"),
}


def test_every_kind_is_read_as_by_one_thread() -> None:
    """Eight threads that read nine kinds of files get what one thread gets."""
    files = [build() for build in KINDS.values()]
    alone = [read(file).pixels for file in files]

    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(read, files * 20))

    for i, page in enumerate(found):
        assert np.array_equal(page.pixels, alone[i % len(files)])


def test_pdfium_is_used_by_one_thread_at_a_time() -> None:
    """Eight threads that render pages do not end the process, and each gets its own page."""
    done = run(PDFIUM_BY_MANY)

    assert (done.returncode, done.stderr) == (0, "")


def test_reading_changes_no_warning_filter() -> None:
    """The filters are the process's: a thread that puts its own back takes away another one's."""
    before = warnings.filters
    with ThreadPoolExecutor(1) as pool, pages.decode_lock(pages.LARGE_PIXELS + 1):
        waiting = pool.submit(read, LARGE["png"]())
        with pytest.raises(TimeoutError):
            waiting.result(WAITS_S)

        assert warnings.filters is before


def test_odd_metadata_say_nothing() -> None:
    """Pillow's warnings of a file that ends early do not get into the server's log."""
    done = run(ODD_METADATA)

    assert (done.returncode, done.stdout) == (0, "damaged\n")
    assert "Warning" not in done.stderr


@pytest.mark.filterwarnings("ignore:::PIL[.]")
@pytest.mark.parametrize("kind", LARGE)
def test_large_picture_waits_for_its_turn(kind: str) -> None:
    """While one large picture is being decoded, another one is not."""
    data = LARGE[kind]()
    with ThreadPoolExecutor(1) as pool:
        with pages.decode_lock(pages.LARGE_PIXELS + 1):
            waiting = pool.submit(read, data)
            with pytest.raises(TimeoutError):
                waiting.result(WAITS_S)

        page: Page = waiting.result(TIMEOUT_S)

    assert page.count == 1


@pytest.mark.parametrize("kind", SMALL)
def test_small_picture_waits_for_nobody(kind: str) -> None:
    """A plan, a photo that is decoded at half its size and a drawing are read meanwhile."""
    data = SMALL[kind]()
    with ThreadPoolExecutor(1) as pool, pages.decode_lock(pages.LARGE_PIXELS + 1):
        assert pool.submit(read, data).result(TIMEOUT_S).count == 1


def test_large_webp_has_the_memory_to_itself() -> None:
    """Three sheets that each fit into the ceiling are read, though together they would not fit."""
    done = run(WEBP_BY_MANY)

    assert (done.returncode, done.stderr) == (0, "")


def test_sheets_by_four_threads_cost_the_memory_of_one(tmp_path: Path) -> None:
    """Four threads that read A1 sheets of 70 MB each hold one of them at a time."""
    path = tmp_path / "a1.png"
    with Image.open(io.BytesIO(a1_sheet("g4.tiff"))) as sheet:
        path.write_bytes(encode(sheet.convert("L"), "PNG", compress_level=1))

    done = run(SHEETS_BY_MANY, str(path))

    assert done.stderr == ""
    of_one_mb, of_four_mb = (int(text) for text in done.stdout.split())
    assert of_one_mb > 60
    assert of_four_mb < of_one_mb + 50
