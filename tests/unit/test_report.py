# SPDX-License-Identifier: AGPL-3.0-or-later
"""The figures in the documents are those of weights/metrics.json."""

from __future__ import annotations

import copy
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from reporting.report import BLOCKS, as_text, main, with_figures
from roomdet import network
from roomdet.network import NetworkManifest
from tests.conftest import NETWORK, ROOT

if TYPE_CHECKING:
    from pathlib import Path

METRICS = ROOT / "weights" / "metrics.json"
DOCUMENTS = (ROOT / "README.md", ROOT / "weights" / "MODEL_CARD.md")


def figures(ap50: float) -> dict[str, float]:
    """Figures of one list of pictures."""
    return dict.fromkeys(("ap75", "ap50_95", "ar50_95", "precision", "recall", "f1"), 0.5) | {
        "ap50": ap50
    }


REPORT: dict[str, Any] = {
    "model": {"checkpoint_sha256": "ab" * 32},
    "settings": {
        "confidence": 0.01,
        "iou": 0.45,
        "max_rooms": 300,
        "threshold": 0.25,
        "match_iou": 0.5,
    },
    "corruptions": {"jpeg": "quality 20"},
    "machine": {"cpu": "Some CPU", "date": "2026-01-02", "packages": {"openvino": "1.2.3"}},
    "sets": {
        "houses": {
            "pictures": 1234,
            "rooms": 9,
            "clean": figures(0.9),
            "subset": {
                "pictures": 2,
                "clean": figures(0.8),
                "corrupted": {"jpeg": figures(0.7)},
            },
        }
    },
}


STEPS = (0, 1, 2, 4, 8)
SHEETS = REPORT | {
    "settings": REPORT["settings"]
    | {"sheet_max_rooms": 1000, "near_labels": {"margin": 0.6, "title_strip_xy": [0.85, 0.93]}},
    "sets": REPORT["sets"]
    | {
        "floors": {
            "kind": "sheets",
            "pictures": 4,
            "rooms": 5010,
            "clean": figures(0.6),
            "recall_by_size": [
                {"from_percent": low, "rooms": 0, "recall": None}
                if low == 1
                else {"from_percent": low, "rooms": 1000 + low, "recall": low / 10}
                for low in STEPS
            ],
            "seconds": {"median": 1.234, "p95": 2.0},
            "peak_over_idle_mb": 151,
        }
    },
}


def partly_labeled(report: dict[str, Any]) -> dict[str, Any]:
    """The same sheets, labeled in part, from a server elsewhere."""
    changed = copy.deepcopy(report)
    changed["sets"]["floors"]["kind"] = "partial-sheets"
    del changed["sets"]["floors"]["peak_over_idle_mb"]
    return changed


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_the_documents_show_the_committed_figures(document: Path) -> None:
    """`python -m reporting.report` would change nothing, and there is something to change."""
    text = document.read_text()

    assert "<!-- figures:" in text
    assert with_figures(text, json.loads(METRICS.read_text())) == text


def test_the_committed_figures_are_those_of_the_committed_network() -> None:
    """Who changes the network has to measure it again."""
    manifest = NetworkManifest.read(NETWORK)
    measured = json.loads(METRICS.read_text())["model"]

    assert measured["checkpoint_sha256"] == manifest.checkpoint_sha256
    assert measured["network_sha256"] == manifest.files[network.WEIGHTS]


def test_blocks_are_filled_and_the_rest_stays() -> None:
    """Each kind of block, twice over, gives the same document."""
    old = "\n".join(
        f"before {name}\n<!-- figures:{name} -->\nold\n<!-- /figures -->\nafter" for name in BLOCKS
    )

    document = with_figures(old, REPORT)

    assert "old" not in document
    assert document == with_figures(document, REPORT)
    assert re.sub(r"(:\w+ -->\n).*?(\n<!-- /)", r"\1old\2", document, flags=re.DOTALL) == old
    assert "| houses | 1,234 | 9 | 0.900 | 0.500 |" in document
    assert "| clean | as they are | 0.800 | 0.500 | 0.500 |" in document
    assert "| jpeg | quality 20 | 0.700 | 0.500 | 0.500 |" in document
    assert "checkpoint abababababab, OpenVINO 1.2.3, Some CPU, 2026-01-02." in " ".join(
        document.split()
    )


def test_sheets_have_rows_of_their_own() -> None:
    """Beside the others by accuracy, then by size of room with seconds and memory."""
    blocks = {name: build(SHEETS) for name, build in BLOCKS.items()}
    text = " ".join(blocks["sheets"].split())

    assert "| floors | 4 | 5,010 | 0.600 | 0.500 |" in blocks["accuracy"]
    assert "floors" not in blocks["corruptions"]
    assert "at most 300 rooms, 1000 on sheets)" in " ".join(blocks["caption"].split())
    assert (
        "| sheets | rooms a sheet | R < 1 % | 1–2 % | 2–4 % | 4–8 % | ≥ 8 % "
        "| s, median | s, p95 | MB over idle |"
    ) in text
    assert (
        "| floors | 1252 | 0.000 (1,000) | – | 0.200 (1,002) | 0.400 (1,004) | 0.800 (1,008) "
        "| 1.23 | 2.00 | 151 |"
    ) in text
    assert "houses" not in text
    assert "at most 1000 rooms each" in text
    assert "labeled: there" not in text
    assert all(len(line) <= 100 for line in blocks["sheets"].splitlines() if line[:1] != "|")


def test_the_rule_of_judging_is_told() -> None:
    """With the numbers that were used; memory that is not known is a dash."""
    text = " ".join(BLOCKS["sheets"](partly_labeled(SHEETS)).split())

    assert "| 2.00 | – |" in text
    assert "Only a part of floors is labeled: there a found room counts if its center lies" in text
    assert "enlarged on each side by 60 % of its width and height" in text
    assert "(x > 0.85 or y > 0.93 of the page)" in text


def test_figures_from_before_there_were_sheets_are_read() -> None:
    """Sets without a kind are plans."""
    assert BLOCKS["sheets"](REPORT) == "No sheets were measured."
    assert "MB over idle" not in as_text(REPORT)


def test_the_terminal_shows_sheets() -> None:
    """The table behind the others, and what its columns are."""
    text = as_text(SHEETS)

    assert text.index("AP50") < text.index("jpeg") < text.index("MB over idle")
    assert "Sheets, one request at a time" in text


def test_a_block_of_an_unknown_name_is_a_mistake() -> None:
    """It is not left as it was."""
    with pytest.raises(KeyError, match="speed"):
        with_figures("<!-- figures:speed -->\n1\n<!-- /figures -->", REPORT)


def test_the_terminal_shows_aligned_tables() -> None:
    """Columns line up; without corrupted pages there is one table."""
    both = as_text(REPORT)
    clean_only = as_text(REPORT | {"corruptions": {}})

    head, row = both.splitlines()[:2]
    assert head.index("AP50 ") == row.index("0.900")
    assert "jpeg" in both
    assert "jpeg" not in clean_only


def test_the_command_rewrites_documents(tmp_path: Path) -> None:
    """In place, from the JSON file."""
    metrics, document = tmp_path / "metrics.json", tmp_path / "CARD.md"
    metrics.write_text(json.dumps(REPORT))
    document.write_text("<!-- figures:accuracy -->\n\n<!-- /figures -->\n")

    assert main([str(metrics), str(document)]) == 0
    assert "| houses |" in document.read_text()
