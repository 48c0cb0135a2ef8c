# SPDX-License-Identifier: AGPL-3.0-or-later
"""The limit: what the handler does for a picture, in one process and with no server around it.

``ROOMDET_THREADS=0 python -m benchmarks.peers.limit`` takes turns (:mod:`benchmarks.peers.turns`).
The functions and the settings are those of the archive: decode, network, suppression, answer.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from benchmarks.in_process import find_rooms
from benchmarks.peers.turns import take_turns
from roomdet.config import Config
from roomdet.detector import OpenVinoDetector, load_detector
from roomdet.images import read_page
from roomdet.item import BatchItem
from roomdet.schema import Detail, RequestOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from roomdet.page import Page

ROOT = Path(__file__).parents[2]


def load() -> tuple[OpenVinoDetector, Config]:
    """The network of ``weights/rooms`` with the settings of the archive."""
    settings = yaml.safe_load((ROOT / "handler" / "model-config.yaml").read_text("utf-8"))
    config = Config.load(settings, os.environ)
    return load_detector(ROOT / "weights" / "rooms", config), config


def answer(
    detector: OpenVinoDetector, config: Config, data: bytes, options: RequestOptions
) -> bytes:
    """Bytes of a file in, bytes of the answer out."""

    def read_at(side_px: int) -> Page:
        return read_page(data, page=1, side_px=side_px, limits=config.limits)

    row = BatchItem("limit", options=options, read_at=read_at)
    find_rooms(row, detector, config)
    encoded, _ = row.encode()
    return encoded


def main() -> None:
    """Load, then take turns."""
    detector, config = load()

    def prepare(data: bytes, turn: dict[str, Any]) -> Callable[[], bytes]:
        options = RequestOptions(detail=Detail(turn["detail"]))
        return lambda: answer(detector, config, data, options)

    take_turns(prepare)


if __name__ == "__main__":
    main()
