# SPDX-License-Identifier: AGPL-3.0-or-later
"""The evaluation, through the real server, on plans whose rooms are known exactly."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from evaluation.evaluate import main
from plans.sample.draw import pdf_to_image, plan_to_pdf
from plans.sample.plan import PLAN_BUILDERS, room_boxes_xyxy_norm

if TYPE_CHECKING:
    from pathlib import Path

    from serving.server import LocalServer

LONG_SIDE_PX = 1000


@pytest.fixture(scope="module")
def plan_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drawn plans with their true rooms, as a plan set."""
    folder = tmp_path_factory.mktemp("plans")
    (folder / "images").mkdir()
    (folder / "labels").mkdir()
    for build in PLAN_BUILDERS:
        plan = build()
        name = build.__name__
        pdf_to_image(plan_to_pdf(plan), LONG_SIDE_PX).save(folder / "images" / f"{name}.png")
        lines = [
            f"0 {(x0 + x1) / 2} {(y0 + y1) / 2} {x1 - x0} {y1 - y0}"
            for x0, y0, x1, y1 in room_boxes_xyxy_norm(plan)
        ]
        (folder / "labels" / f"{name}.txt").write_text("\n".join(lines))
    return folder


@pytest.fixture(scope="module")
def report(plan_set: Path, server: LocalServer, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the command writes, with drawings beside it."""
    folder = tmp_path_factory.mktemp("report")
    status = main(
        [
            "--set", f"drawn={plan_set}",
            "--url", server.url,
            "--corruptions", "jpeg,90,photo,inverted",
            "--out", str(folder / "metrics.json"),
            "--drawings", str(folder / "drawings"),
            "--examples", "2", "--worst", "1",
        ]
    )  # fmt: skip
    assert status == 0
    return json.loads((folder / "metrics.json").read_text()) | {"folder": folder}


def test_rooms_are_found_where_they_were_drawn(report: Any) -> None:
    """Boxes come back in the pictures' own pixels; turned pages carry their rooms with them."""
    measured = report["sets"]["drawn"]
    corrupted = measured["subset"]["corrupted"]

    assert measured["pictures"] == len(PLAN_BUILDERS)
    assert measured["rooms"] == sum(len(build().rooms) for build in PLAN_BUILDERS)
    assert measured["clean"]["ap50"] > 0.6
    assert measured["clean"]["f1"] > 0.6
    assert measured["subset"]["clean"] == measured["clean"]
    assert min(corrupted[name]["ap50"] for name in ("jpeg", "90", "photo")) > 0.4


def test_the_report_says_how_it_was_measured(report: Any, server: LocalServer) -> None:
    """Settings, machine and the strength of each corruption."""
    assert report["model"] == {"url": server.url}
    assert report["settings"]["confidence"] == 0.01
    assert report["settings"]["max_rooms"] == 300
    assert report["machine"]["date"]
    assert report["corruptions"]["jpeg"] == "JPEG of quality 20"


def test_chosen_pictures_are_drawn(report: Any) -> None:
    """Two at random and the worst, in a folder for each set, with both colors on them."""
    drawings = sorted((report["folder"] / "drawings" / "drawn").glob("*.png"))

    assert [path.name.rsplit("-", 1)[0] for path in drawings] == [
        "example-01",
        "example-02",
        "worst-01",
    ]
    for path in drawings:
        with Image.open(path) as drawing:
            colors = {color for _, color in drawing.getcolors(2**24) or []}
        assert {(0x12, 0x8A, 0x2E), (0xE0, 0x60, 0x00)} <= colors


def test_an_archive_is_served_and_described(
    plan_set: Path, archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without an address the command starts a server of its own and names what it served."""
    out = tmp_path / "new" / "metrics.json"

    status = main(
        ["--set", f"drawn={plan_set}:two_", "--set", f"sheets={plan_set}@sheets",
         "--archive", str(archive), "--corruptions", "none", "--out", str(out)]
    )  # fmt: skip

    written = json.loads(out.read_text())
    assert status == 0
    assert written["model"]["version"] == "1.0"
    assert written["sets"]["drawn"]["pictures"] == 1
    assert "subset" not in written["sets"]["drawn"]
    assert written["sets"]["sheets"]["clean"]["f1"] > 0.6
    assert 0 < written["sets"]["sheets"]["peak_over_idle_mb"] < 500
    assert 0 < written["sets"]["sheets"]["seconds"]["median"] < 10
    assert "MB over idle" in capsys.readouterr().out


@pytest.mark.parametrize("broken", ["no-server", "no-picture"])
def test_what_cannot_be_measured_is_an_error(
    plan_set: Path, broken: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 1 and the reason; no figures of a part."""
    prefix, complaint = {"no-server": ("", "no answer"), "no-picture": ("zz", "no picture")}[broken]

    status = main(["--set", f"drawn={plan_set}:{prefix}", "--url", "http://127.0.0.1:9"])

    printed = capsys.readouterr()
    assert status == 1
    assert complaint in printed.err
    assert not printed.out
