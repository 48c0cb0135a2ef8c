# SPDX-License-Identifier: AGPL-3.0-or-later
"""The limit: what the handler does for a picture, in one process and with no server around it.

``ROOMDET_THREADS=0 python -m benchmarks.peers.limit`` takes turns (:mod:`benchmarks.peers.turns`).
The functions and the settings are those of the archive: decode, network, suppression, answer.
"""

from __future__ import annotations

import os
from pathlib import Path

import yaml

from benchmarks.peers.turns import take_turns
from roomdet.config import Config
from roomdet.detector import OpenVinoDetector, load_detector
from roomdet.geometry import fractions_to_grid
from roomdet.images import read_page
from roomdet.schema import RequestOptions, build_rooms, encode_answer

ROOT = Path(__file__).parents[2]
OPTIONS = RequestOptions()


def load() -> tuple[OpenVinoDetector, Config]:
    """The network of ``weights/rooms`` with the settings of the archive."""
    settings = yaml.safe_load((ROOT / "handler" / "model-config.yaml").read_text("utf-8"))
    config = Config.load(settings, os.environ)
    return load_detector(ROOT / "weights" / "rooms", config), config


def answer(detector: OpenVinoDetector, config: Config, data: bytes) -> bytes:
    """Bytes of a file in, bytes of the answer out."""
    page = read_page(data, page=1, side_px=detector.input_px, limits=config.limits)
    found = detector.detect(page.pixels, OPTIONS)
    rooms = build_rooms(fractions_to_grid(found.boxes_xyxy), found.scores)
    return encode_answer(rooms, processing_time_ms=0, page=page.number, page_count=page.count)


def main() -> None:
    """Load, then take turns."""
    detector, config = load()
    take_turns(lambda data: lambda: answer(detector, config, data))


if __name__ == "__main__":
    main()
