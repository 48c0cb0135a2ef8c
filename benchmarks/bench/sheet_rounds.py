# SPDX-License-Identifier: AGPL-3.0-or-later
"""Sheets and large pictures: one look at the page, and all looks, beside what sees the same tiles.

This project is asked for ``detail=page`` (the first level), ``detail=sheet`` (all levels, every
tile that is not blank) and the default, which leaves out what is not worth a look. The limit does
the first two in one process. Ultralytics' int8 export sees, without a server, the page on one
canvas of as many pixels as all tiles together, and the same tiles by SAHI.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from benchmarks.bench.alone import wait_first_answer
from benchmarks.bench.rounds import Tally
from benchmarks.bench.services import Level, Load
from benchmarks.bench.starting import LIMIT, OURS, PREDICT, SAHI, SERVERS, SLICERS, TURN_TAKERS
from reporting.processes import hwm_mb, processor_s
from roomdet.config import Config, Limits
from roomdet.geometry import fit_within
from roomdet.images import read_page
from roomdet.schema import Detail
from roomdet.slices import cut, level_sides

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from benchmarks.bench.starting import Setup

DETAILS = {
    OURS: (Detail.PAGE, Detail.SHEET, Detail.AUTO),
    LIMIT: (Detail.PAGE, Detail.SHEET),
    PREDICT: (Detail.PAGE, Detail.SHEET),
    SAHI: (Detail.SHEET,),
}
_INPUT_PX = 640


def levels_of(path: Path, detail: Detail) -> tuple[Level, ...]:
    """The levels and tiles in which a page is seen, blank tiles included.

    Args:
        path: Of the page.
        detail: ``page`` for the first level, or all.
    """
    page = read_page(path.read_bytes(), page=1, side_px=_INPUT_PX, limits=Limits())
    most = 1 if detail is Detail.PAGE else Config().max_levels
    levels = []
    for side_px in level_sides(_INPUT_PX, page.native_px, most):
        size_wh = fit_within(page.source_wh, side_px)
        tiles = cut(size_wh, _INPUT_PX)
        first = tiles[0]
        levels.append(Level(size_wh, (first.x1 - first.x0, first.y1 - first.y0), len(tiles)))
    return tuple(levels)


def measure_sheets(
    setup: Setup, pictures: Mapping[str, Path], rounds: int, block_s: float
) -> dict[str, Any]:
    """Let all take turns, one round for warming up first, so that no network is compiled later.

    Args:
        setup: What is started.
        pictures: Paths by name.
        rounds: That count; none warms up where there is one.
        block_s: Seconds of a turn; where it is all levels, one request.

    Returns:
        Tiles of each picture, latency by server, picture and detail, and each server's peak of
        memory over all of it.
    """
    levels = {
        name: {detail: levels_of(path, detail) for detail in (Detail.PAGE, Detail.SHEET)}
        for name, path in pictures.items()
    }
    turns = [
        (name, picture, detail)
        for picture in pictures
        for name in DETAILS
        for detail in DETAILS[name]
    ]
    tallies: dict[tuple[str, str, Detail], Tally] = defaultdict(Tally)
    with ExitStack() as stack:
        starters = SERVERS | TURN_TAKERS | SLICERS
        services = {name: stack.enter_context(starters[name](setup)) for name in DETAILS}
        wait_first_answer(services[OURS], next(iter(pictures.values())))
        for number in range(rounds if rounds == 1 else rounds + 1):
            print(f"sheets, round {number} of {rounds} …", file=sys.stderr, flush=True)
            for name, picture, detail in turns:
                seconds = block_s if detail is Detail.PAGE else 0
                told = levels[picture].get(detail, ())
                load = Load(1, seconds, 1, warm=False, detail=detail, levels=told)
                before_s = processor_s(services[name].leader)
                block = services[name].work(pictures[picture], load)
                spent_s = processor_s(services[name].leader) - before_s
                if number or rounds == 1:
                    tallies[name, picture, detail].add(block, spent_s, warmed=0)
        memory = {name: round(hwm_mb(service.leader)) for name, service in services.items()}
    latency: dict[str, Any] = {}
    for (name, picture, detail), tally in tallies.items():
        latency.setdefault(name, {}).setdefault(picture, {})[detail.value] = tally.latency()
    tiles = {
        name: {detail.value: _about(told) for detail, told in of.items()}
        for name, of in levels.items()
    }
    return {"tiles": tiles, "latency": latency, "peak_hwm_mb": memory}


def _about(levels: tuple[Level, ...]) -> dict[str, float]:
    pixels = sum(level.tiles * level.tile_wh[0] * level.tile_wh[1] for level in levels)
    return {"tiles": sum(level.tiles for level in levels), "megapixels": round(pixels / 1e6, 1)}
