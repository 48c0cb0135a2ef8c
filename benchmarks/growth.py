# SPDX-License-Identifier: AGPL-3.0-or-later
"""How processor time and memory grow with pixels, pages, rooms, tiles and clients.

``python -m benchmarks.growth --out benchmarks/results/growth.json --into docs/benchmarks.md``
measures points along each of them and fits ``offset + factor * size ** exponent``, or a constant
where that is as close as measurements are. Pictures are seen in one process, a fresh one for each
point (benchmarks/peers/limit.py); clients ask the server. It is processor time that counts, so that
other work on the machine lengthens it a little only.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pypdfium2

from benchmarks.bench.alone import wait_first_answer
from benchmarks.bench.services import Load
from benchmarks.bench.sheet_rounds import levels_of
from benchmarks.bench.starting import LIMIT, OURS, SERVERS, TURN_TAKERS, Setup
from benchmarks.sheets import SAMPLE_PLAN, render_plan
from reporting import machine, marks
from reporting.processes import Watch, forget_peaks, hwm_mb, processor_s
from reporting.tables import as_markdown
from roomdet.schema import Detail

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reporting.tables import Rows

PLAN_WIDTHS_PX = (1240, 2480, 3508, 4960, 7016, 9933)
LEVEL_WIDTHS_PX = (640, 1280, 1920, 2560, 3360, 4160)
COPIES_A_SIDE = (1, 2, 3, 4, 5)
PAGES = (1, 8, 64, 500)
CLIENTS = (1, 2, 3, 5, 8, 10)
SHEET_PX = 4160
EXPONENTS = np.arange(0.1, 3.01, 0.05)
TIE = 0.02  # a straight line is taken whose error is larger by no more
NEARLY = 0.15  # points that differ by less from a constant, as a share of it, do not grow
TITLES = {
    "pixels": "megapixels of a PNG, one level",
    "tiles": "megapixels of all tiles of a page",
    "rooms": "rooms on a page of 23 tiles",
    "pages": "pages of the PDF that one is asked of",
    "clients": "clients at once, for each answer",
}


@dataclass(frozen=True, slots=True)
class Point:
    """Of one size: processor time of an answer in ms, and peak memory in MB (10^6 bytes)."""

    size: float
    processor_ms: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Fit:
    """``offset + factor * size ** exponent``, and the largest relative error of a point.

    Of a constant, factor and exponent are 0.
    """

    offset: float
    factor: float
    exponent: float
    error: float

    @classmethod
    def of(cls, sizes: Sequence[float], values: Sequence[float]) -> Fit:
        """The closest by relative error, with offset and factor of 0 or more.

        Raises:
            ValueError: If there are fewer than three points, which any curve of this form meets.
        """
        if len(sizes) <= 2:  # noqa: PLR2004
            raise ValueError("an exponent takes three points or more")
        x, y = np.array(sizes, float), np.array(values, float)
        constant = cls._with(x, y, 0.0)
        if constant.error <= NEARLY:
            return constant
        best = min((cls._with(x, y, float(c)) for c in EXPONENTS), key=lambda fit: fit.error)
        line = cls._with(x, y, 1.0)
        return line if line.error <= best.error + TIE else best

    @classmethod
    def _with(cls, x: Any, y: Any, exponent: float) -> Fit:
        """The closest of an exponent, or the closest constant for 0."""
        columns = np.stack([np.ones_like(x), x**exponent], axis=1) / y[:, None]
        fits = []
        for used in ([0], [0, 1], [1]) if exponent else ([0],):
            weights = np.zeros(2)
            weights[used] = np.linalg.lstsq(columns[:, used], np.ones_like(y), rcond=None)[0]
            if (weights >= 0).all():
                error = float(np.abs(columns @ weights - 1).max())
                fits.append(cls(float(weights[0]), float(weights[1]), exponent, error))
        return min(fits, key=lambda fit: fit.error)


def draw(
    folder: Path, largest_px: int = max(PLAN_WIDTHS_PX)
) -> Iterator[tuple[str, float | None, Path, Detail]]:
    """Kind, size, file and detail of each point; where rooms are the size, they are counted.

    Args:
        folder: Where the files go.
        largest_px: Of the pictures; wider ones are left out.
    """
    for width in (width for width in PLAN_WIDTHS_PX if width <= largest_px):
        path = folder / f"plan-{width}.png"
        picture = render_plan(width)
        picture.save(path, compress_level=1)
        yield "pixels", picture.width * picture.height / 1e6, path, Detail.PAGE
    for width in (width for width in LEVEL_WIDTHS_PX if width <= largest_px):
        path = folder / f"level-{width}.png"
        render_plan(width).save(path, compress_level=1)
        levels = levels_of(path, Detail.SHEET)
        pixels = sum(level.tiles * level.tile_wh[0] * level.tile_wh[1] for level in levels)
        yield "tiles", pixels / 1e6, path, Detail.SHEET
    whole = render_plan(min(SHEET_PX, largest_px))
    for count in COPIES_A_SIDE:
        path = folder / f"rooms-{count}.png"
        small = whole.resize((whole.width // count, whole.height // count))
        sheet = whole.copy()
        sheet.paste((255, 255, 255), (0, 0, *whole.size))
        for place in range(count * count):
            sheet.paste(small, (place % count * small.width, place // count * small.height))
        sheet.save(path, compress_level=1)
        yield "rooms", None, path, Detail.SHEET
    for count in PAGES:
        path = folder / f"pages-{count}.pdf"
        with (
            closing(pypdfium2.PdfDocument(SAMPLE_PLAN)) as plan,
            closing(pypdfium2.PdfDocument.new()) as document,
        ):
            for _ in range(count):
                document.import_pages(plan)
            document.save(path)
        yield "pages", float(count), path, Detail.PAGE


def measure_picture(setup: Setup, path: Path, detail: Detail, seconds: float) -> tuple[Point, int]:
    """A point whose size is not known yet, and the rooms that were found."""
    with TURN_TAKERS[LIMIT](setup) as service:
        service.work(path, Load(1, 0, 1, detail=detail, warm=False))  # compiles
        forget_peaks(service.leader)
        before_s = processor_s(service.leader)
        block = service.work(path, Load(1, seconds, 3, detail=detail, warm=False))
        spent_s = processor_s(service.leader) - before_s
        peak_mb = hwm_mb(service.leader)
    assert block.rooms is not None
    return Point(0, round(spent_s / len(block.times_ms) * 1000, 1), round(peak_mb, 1)), block.rooms


def measure_clients(setup: Setup, plan: Path, seconds: float) -> list[Point]:
    """Processor time of an answer, and the server's peak, by clients at once."""
    points = []
    with SERVERS[OURS](setup) as service:
        wait_first_answer(service, plan)
        service.work(plan, Load(2, seconds, 10))
        for clients in CLIENTS:
            watch = Watch(service.leader)
            before_s = processor_s(service.leader)
            with watch.sampling():
                block = service.work(plan, Load(clients, seconds, 10, warm=False))
            spent_s = processor_s(service.leader) - before_s
            processor_ms = round(spent_s / len(block.times_ms) * 1000, 1)
            points.append(Point(clients, processor_ms, round(watch.peak_pss_mb, 1)))
    return points


def measure(archive: Path, seconds: float) -> dict[str, Any]:
    """All points by kind, and what they were measured on."""
    nowhere = Path()
    setup = Setup(archive, nowhere, nowhere, nowhere, Path(sys.executable), 1)
    points: dict[str, list[Point]] = {}
    with tempfile.TemporaryDirectory() as scratch:
        for kind, size, path, detail in draw(Path(scratch)):
            print(f"{kind}: {path.name} …", file=sys.stderr, flush=True)
            found, rooms = measure_picture(setup, path, detail, seconds)
            known = Point(rooms if size is None else round(size, 2), *_figures(found))
            points.setdefault(kind, []).append(known)
        plan = Path(scratch) / f"plan-{PLAN_WIDTHS_PX[0]}.png"
        points["clients"] = measure_clients(setup, plan, seconds)
    return {
        "machine": machine.describe(),
        "points": {kind: [asdict(point) for point in of] for kind, of in points.items()},
    }


def _figures(point: Point) -> tuple[float, float]:
    return point.processor_ms, point.peak_mb


def growth_rows(report: dict[str, Any]) -> Rows:
    """Each kind with the range that was measured and both fitted lines."""
    head = ["with", "from", "to", "processor time, ms", "peak memory, MB"]
    rows = [head]
    for kind, told in report["points"].items():
        sizes = [point["size"] for point in told]
        lines = [
            _line(Fit.of(sizes, [point[key] for point in told]))
            for key in ("processor_ms", "peak_mb")
        ]
        rows.append([TITLES[kind], f"{min(sizes):,.3g}", f"{max(sizes):,.3g}", *lines])
    return rows


def _line(fit: Fit) -> str:
    grows = f" + {fit.factor:,.3g} · n^{fit.exponent:.2f}" if fit.factor else ""
    return f"{fit.offset:,.0f}{grows} (within {fit.error:.0%})"


def as_block(report: dict[str, Any]) -> str:
    """The table with what it was measured on."""
    here = report["machine"]
    about = f"{here['date']}, {here['cpu']}, {here['cores']} cores, beside other work."
    return f"{as_markdown(growth_rows(report))}\n\n{about}"


def with_growth(document: str, report: dict[str, Any]) -> str:
    """A document with its block ``<!-- growth:lines -->`` written anew."""
    return marks.fill(document, {"lines": lambda: as_block(report)}, kind="growth")


def main(argv: list[str] | None = None) -> int:
    """Run the command line; always 0, the lines are the result."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--archive", type=Path, default=Path("model_store/rooms.mar"))
    parser.add_argument("--seconds", type=float, default=1.0, help="for each point, three answers")
    parser.add_argument("--out", type=Path, required=True, help="JSON")
    parser.add_argument("--into", type=Path, help="also write the lines into this document")
    args = parser.parse_args(argv)
    report = measure(args.archive, args.seconds)
    args.out.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(as_markdown(growth_rows(report)))
    if args.into:
        args.into.write_text(with_growth(args.into.read_text("utf-8"), report), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
