# SPDX-License-Identifier: AGPL-3.0-or-later
"""The plot of average precision against latency shows what it was given."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from benchmarks.sizes.plot import main

if TYPE_CHECKING:
    from pathlib import Path


def test_equal_figures_give_an_equal_plot(tmp_path: Path) -> None:
    """It names the digest of its figures; each network and each size is written in it."""
    sets = {"houses": {"ap50": 0.8, "ap50_95": 0.5}, "offices": {"ap50": 0.7, "ap50_95": 0.4}}
    report = {
        "pictures": dict.fromkeys(sets, 9),
        "networks": {"small": {}, "large": {}},
        "figures": [
            {"network": name, "side_px": px, "latency_ms": {"both": px / 20}, "sets": sets}
            for name in ("small", "large")
            for px in (416, 640)
        ],
    }
    result, pictures = tmp_path / "sizes.json", [tmp_path / "1.svg", tmp_path / "2.svg"]
    result.write_text(json.dumps(report))

    for picture in pictures:
        assert main([str(result), str(picture)]) == 0

    text = pictures[0].read_text("utf-8")
    assert text == pictures[1].read_text("utf-8")
    assert f"sha256 {hashlib.sha256(result.read_bytes()).hexdigest()}" in text
    assert text.count("<!-- 416 -->") == 2 * 4
    assert all(f"<!-- {word} -->" in text for word in ("small", "large", "houses", "offices"))
