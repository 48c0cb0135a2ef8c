# SPDX-License-Identifier: AGPL-3.0-or-later
"""The network alone: the compiled model called on the canvas that a picture became.

``python -m benchmarks.peers.network_alone`` takes turns (:mod:`benchmarks.peers.turns`). The canvas
is whatever the detector itself hands to the network for the first level, taken from one call.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.peers.limit import load
from benchmarks.peers.turns import take_turns
from roomdet.images import read_page

if TYPE_CHECKING:
    from collections.abc import Callable

    from roomdet.config import Config
    from roomdet.detector import OpenVinoDetector


class _Recorder:
    """Calls the compiled model and keeps what it was called with."""

    def __init__(self, compiled: Any) -> None:
        self.compiled = compiled
        self.seen: Any = None

    def __call__(self, inputs: Any) -> Any:
        self.seen = inputs
        return self.compiled(inputs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.compiled, name)


def prepare(detector: OpenVinoDetector, config: Config, data: bytes) -> Callable[[], object]:
    """The call of the network that a picture leads to."""
    page = read_page(data, page=1, side_px=detector.input_px, limits=config.limits)
    compiled = detector._network.compiled
    recorder = _Recorder(compiled)
    detector._network.compiled = recorder  # puts itself between
    try:
        detector.predict(page.pixels)
    finally:
        detector._network.compiled = compiled
    assert recorder.seen is not None, "the detector did not call its compiled model"
    return lambda: compiled(recorder.seen)


def main() -> None:
    """Load, then take turns."""
    detector, config = load()
    take_turns(lambda data, _turn: prepare(detector, config, data))


if __name__ == "__main__":
    main()
