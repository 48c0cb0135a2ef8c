# SPDX-License-Identifier: AGPL-3.0-or-later
"""Tables of a report of :mod:`benchmarks.bench`, for the terminal and docs/benchmarks.md.

``python -m benchmarks.bench.tables docs/benchmarks/benchmarks.json docs/benchmarks.md README.md``
rewrites the blocks between ``<!-- figures:NAME -->`` and ``<!-- /figures -->`` of the first
document, where NAME is a key of :data:`BLOCKS`, and the block ``<!-- bench:peers -->`` of the
second.
"""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from benchmarks.bench.figures import gb_seconds_per_1000, memory_tier_mb
from benchmarks.bench.rounds import CROWD, LATENCY_CLIENTS, THROUGHPUT_CLIENTS
from benchmarks.bench.starting import (
    FASTAPI,
    INT8,
    LIMIT,
    LITSERVE,
    NETWORK,
    OPENVINO,
    OURS,
    PREDICT,
    SAHI,
    SERVERS,
    TORCHSERVE,
)
from reporting import marks
from reporting.tables import TEXT_WIDTH, as_markdown, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable

    from reporting.tables import Rows

Report: TypeAlias = dict[str, Any]
TITLES = {
    OURS: "**this project**",
    INT8: "ultralytics, OpenVINO int8, in FastAPI",
    OPENVINO: "ultralytics, OpenVINO fp32 (dynamic), in FastAPI",
    FASTAPI: "ultralytics in FastAPI",
    TORCHSERVE: "ultralytics in TorchServe",
    LITSERVE: "ultralytics in LitServe",
    LIMIT: "limit: no server, one process",
    CROWD: "limit: no server, a process per core",
    NETWORK: "network alone",
    PREDICT: "ultralytics int8, `predict` on as many pixels, no server",
    SAHI: "SAHI with ultralytics int8, the same tiles, no server",
}
SHEET_TITLES = {
    "sheet.pdf": "A1 sheet of 134 rooms, PDF of lines",
    "sheet.tif": "its scan at 300 dpi, G4 TIFF",
    "a1.pdf": "A1 sheet of one flat, PDF that holds a scan",
    "photo.jpg": "12-megapixel photo of it",
}
DETAIL_TITLES = {"page": "one level", "sheet": "all levels", "auto": "by default"}
PICTURE_TITLES = {
    "plan.png": "1-megapixel PNG",
    "plan.jpg": "1-megapixel JPEG",
    "photo.jpg": "12-megapixel photo",
    "a1.pdf": "A1 sheet, PDF",
    "a1.tif": "A1 sheet, G4 TIFF",
}


def bar_rows(report: Report) -> Rows:
    """Each ratio, its bound, and whether it is kept."""
    return [
        ["ratio", "measured", "bar", "kept"],
        *(
            [
                line["what"],
                f"{line['value']:,.3g}",
                line["bound"],
                "yes" if line["passed"] else "no",
            ]
            for line in report["bar"]
        ),
    ]


def latency_rows(report: Report) -> Rows:
    """p50 / p95 / p99 of each picture and number of clients, and processor time."""
    rows = [["picture", "server", *(_clients(n) for n in LATENCY_CLIENTS), "processor", "rooms"]]
    for picture, title in PICTURE_TITLES.items():
        for name, of_picture in report["latency"].items():
            if picture not in of_picture:  # others stand for it
                continue
            figures = of_picture[picture]
            cells = [_tails(figures.get(str(clients))) for clients in LATENCY_CLIENTS]
            one = figures["1"]
            rooms = str(one.get("rooms", ""))
            rows.append([title, TITLES[name], *cells, f"{one['processor_ms']:,.0f}", rooms])
    return rows


def sheet_rows(report: Report) -> Rows:
    """p50 of each sheet by detail, tiles, processor time and rooms on all levels, and memory."""
    sheets = report["sheets"]
    head = ["picture", "seen by", *DETAIL_TITLES.values(), "processor", "rooms", "peak, MB"]
    rows = [head]
    for picture, tiles in sheets["tiles"].items():
        of_page, of_all = (tiles[detail]["tiles"] for detail in ("page", "sheet"))
        title = f"{SHEET_TITLES[picture]}; tiles: {of_page} and {of_all}"
        for name, of_picture in sheets["latency"].items():
            figures = of_picture[picture]
            p50_ms = [f"{figures[key]['p50_ms']:,.0f}" if key in figures else ""
                      for key in DETAIL_TITLES]  # fmt: skip
            fullest = figures["sheet"]
            told = [f"{fullest['processor_ms']:,.0f}", str(fullest.get("rooms", ""))]
            rows.append([title, TITLES[name], *p50_ms, *told, f"{sheets['peak_hwm_mb'][name]:,}"])
    return rows


def sheets_block(report: Report) -> str:
    """The table of sheets; committed reports of format 1 have none."""
    if "sheets" not in report:
        return "*Not measured yet in the committed run.*"
    return as_markdown(sheet_rows(report))


def throughput_rows(report: Report) -> Rows:
    """Answers a second by number of clients; refusals for each answer where there were any."""
    rows = [["server", *(_clients(n) for n in THROUGHPUT_CLIENTS)]]
    for name, figures in report["throughput"].items():
        cells = [_rate(figures.get(str(clients))) for clients in THROUGHPUT_CLIENTS]
        rows.append([TITLES[name], *cells])
    return rows


def start_rows(report: Report) -> Rows:
    """Seconds to the first answer, and what was read from the disk meanwhile."""
    rows = [["server", "warm s", "cold s", "read when warm, MB", "read when cold, MB"]]
    for name, figures in report["start"]["servers"].items():
        rows.append(
            [
                TITLES[name],
                f"{figures['warm_p50_s']:.1f}",
                f"{figures['cold_p50_s']:.1f}",
                f"{min(figures['warm_read_mb']):,}",
                f"{max(figures['cold_read_mb']):,}",
            ]
        )
    return rows


def memory_rows(report: Report) -> Rows:
    """MB after the first answer and at the peaks, as PSS and as the sum of VmHWM."""
    rows = [["server", "after the first answer", "peak, plans", "peak, all pictures"]]
    for name, figures in report["memory"].items():
        cells = [f"{figures[f'{key}_mb']:,} ({figures[f'{key}_hwm_mb']:,})" for key in _PEAKS]
        rows.append([TITLES[name], *cells])
    return rows


_PEAKS = ("idle", "plans", "all")


def cost_rows(report: Report) -> Rows:
    """What 1,000 plans take: GB-seconds on serverless, and processor time on instances."""
    head = ["server", "memory tier, MB", "billed ms", "GB-seconds for 1,000", "core-seconds"]
    rows = [head]
    for name in (name for name in SERVERS if name in report["latency"]):
        one = report["latency"][name]["plan.png"]["1"]
        tier_mb = memory_tier_mb(report["memory"][name]["plans_mb"])
        billed = ["none is large enough", "", ""]
        if tier_mb is not None:
            gb_s = gb_seconds_per_1000(one["p50_ms"], tier_mb)
            billed = [f"{tier_mb:,}", f"{one['p50_ms']:.0f}", f"{gb_s:.0f}"]
        rows.append([TITLES[name], *billed, f"{one['processor_ms']:.0f}"])
    return rows


def size_rows(report: Report) -> Rows:
    """Bytes of archives and, where one was named, of the image."""
    sizes = report["archive_bytes"]
    rows = [
        ["what", "MB"],
        ["archive of this project", f"{sizes[OURS] / 1e6:.1f}"],
        ["archive of ultralytics in TorchServe", f"{sizes[TORCHSERVE] / 1e6:.1f}"],
    ]
    if "image_bytes" in report:
        rows.append(["image of this project, compressed", f"{report['image_bytes'] / 1e6:.0f}"])
    return rows


def summary(report: Report) -> str:
    """What README says: what was measured, where, and the servers that saw every picture."""
    here, bar = report["machine"], report["bar"]
    missed = sum(not line["passed"] for line in bar)
    kept = "which are all kept" if not missed else f"of which {missed} of {len(bar)} are missed"
    text = (
        "Beside what people would use instead, with the same weights, in one run of `make bench` "
        f"on {here['cores']} cores of {here['cpu']}, {here['date']} "
        "([docs/benchmarks.md](docs/benchmarks.md) has the rest, the plots and the bars, "
        f"{kept}):"
    )
    paragraphs = [wrapped(text), as_markdown(summary_rows(report))]
    if "sheets" in report:
        paragraphs.append(wrapped(_about_sheet(report["sheets"]["latency"])))
    return "\n\n".join(paragraphs)


def _about_sheet(latency: dict[str, Any]) -> str:
    def seconds(name: str, detail: str) -> str:
        return f"{latency[name]['sheet.pdf'][detail]['p50_ms'] / 1000:.1f} s"

    return (
        f"An A1 PDF of 134 rooms takes {seconds(OURS, 'auto')}, on all levels "
        f"{seconds(OURS, 'sheet')}; SAHI takes {seconds(SAHI, 'sheet')} for the same tiles with "
        f"ultralytics' int8 export, and its `predict` {seconds(PREDICT, 'sheet')} for as many "
        "pixels at once, both without a server."
    )


def summary_rows(report: Report) -> Rows:
    """The main figures, a column for each server; the strongest peer first."""
    latency = {
        name: report["latency"][name]
        for name in (OURS, INT8, FASTAPI, TORCHSERVE)
        if set(PICTURE_TITLES) <= set(report["latency"].get(name, ()))
    }

    def pair(one: float, other: float, unit: str, digits: int = 0) -> str:
        return f"{one:,.{digits}f} and {other:,.{digits}f} {unit}"

    one = {
        name: {picture: figures["1"]["p50_ms"] for picture, figures in of.items()}
        for name, of in latency.items()
    }
    start, memory = report["start"]["servers"], report["memory"]
    return [
        ["", *(TITLES[name].strip("*") for name in latency)],
        ["1-megapixel PNG, one client, p50", *(f"{of['plan.png']:.0f} ms" for of in one.values())],
        [
            "the same, answers a second, five clients",
            *(f"{report['throughput'][name]['5']['per_s']:.0f}" for name in latency),
        ],
        [
            "A1 sheet at 300 dpi, scanned PDF and G4 TIFF, p50",
            *(pair(of["a1.pdf"], of["a1.tif"], "ms") for of in one.values()),
        ],
        [
            "start to first answer, warm and cold page cache",
            *(
                pair(start[name]["warm_p50_s"], start[name]["cold_p50_s"], "s", 1)
                for name in latency
            ),
        ],
        [
            "peak memory of all processes, plans",
            *(f"{memory[name]['plans_mb']:,} MB" for name in latency),
        ],
    ]


def caption(report: Report) -> str:
    """On what and with what it was measured."""
    settings, here = report["settings"], report["machine"]
    there = report["peers_machine"]["packages"]
    trial = settings["peer_threads_trial_ms"]
    chosen = f", the better of a trial ({_trial(trial)})" if trial else ""
    own = _versions(here["packages"], _OWN)
    text = (
        f"{here['date']}, {here['cpu']}, {here['cores']} cores; rounds: {settings['rounds']}, "
        f"turns of {settings['block_s']} s, starts of each kind: {settings['starts']}. "
        f"This project: {own}. Peers: {_versions(there, _PEERS)}, "
        f"PyTorch threads: {settings['peer_threads']}{chosen}. While nothing was asked, all "
        f"servers together used {report['idle_processor_share']:.1%} of a core. Cold starts by "
        f"{report['start']['cold_by']}."
    )
    quick = "**A quick run, to try the program: no figures to rely on.** "
    return textwrap.fill((quick if settings["quick"] else "") + text, TEXT_WIDTH)


_OWN = ("torchserve", "openvino", "pillow", "pypdfium2")
_PEERS = (
    "ultralytics", "openvino", "nncf", "sahi", "torch", "torchserve", "litserve", "fastapi",
    "uvicorn", "opencv-python",
)  # fmt: skip


def bar_text(report: Report) -> str:
    """The bar for a terminal."""
    return "\n".join(
        f"{'pass' if line['passed'] else 'FAIL'}  {line['what']}: {line['value']:,} "
        f"(bar: {line['bound']})"
        for line in report["bar"]
    )


def _clients(count: int) -> str:
    return "1 client" if count == 1 else f"{count} clients"


def _tails(figures: dict[str, Any] | None) -> str:
    if figures is None:
        return ""
    return " / ".join(f"{figures[f'p{cut}_ms']:,.0f}" for cut in (50, 95, 99))


def _rate(figures: dict[str, Any] | None) -> str:
    if figures is None:
        return ""
    refusals = figures["refusals_per_answer"]
    return f"{figures['per_s']:.1f}" + (f" ({refusals:.1f} refusals)" if refusals else "")


def _versions(packages: dict[str, str], names: tuple[str, ...]) -> str:
    return ", ".join(f"{name} {packages[name]}" for name in names if name in packages)


def _trial(times_ms: dict[str, float]) -> str:
    return ", ".join(f"{threads}: {ms:.0f} ms" for threads, ms in times_ms.items())


BLOCKS: dict[str, Callable[[Report], str]] = {
    "bar": lambda report: as_markdown(bar_rows(report)),
    "latency": lambda report: as_markdown(latency_rows(report)),
    "sheets": sheets_block,
    "throughput": lambda report: as_markdown(throughput_rows(report)),
    "start": lambda report: as_markdown(start_rows(report)),
    "memory": lambda report: as_markdown(memory_rows(report)),
    "cost": lambda report: as_markdown(cost_rows(report)),
    "sizes": lambda report: as_markdown(size_rows(report)),
    "caption": caption,
}


def with_figures(document: str, report: Report) -> str:
    """A document with each block of figures written anew.

    Raises:
        KeyError: If a block has a name that is not in :data:`BLOCKS`.
    """
    blocks = {name: partial(build, report) for name, build in BLOCKS.items()}
    return marks.fill(document, blocks)


def with_summary(document: str, report: Report) -> str:
    """README with its block of these figures written anew."""
    return marks.fill(document, {"peers": partial(summary, report)}, kind="bench")


def main(argv: list[str] | None = None) -> int:
    """Rewrite the blocks of both documents; 0 also where nothing changes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench.tables", description=__doc__)
    parser.add_argument("report", type=Path, help="JSON of benchmarks.bench")
    parser.add_argument("document", type=Path, help="has all figures")
    parser.add_argument("readme", type=Path, help="has some of them")
    args = parser.parse_args(argv)
    report = json.loads(args.report.read_text("utf-8"))
    for path, write in ((args.document, with_figures), (args.readme, with_summary)):
        path.write_text(write(path.read_text("utf-8"), report), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
