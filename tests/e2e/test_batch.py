# SPDX-License-Identifier: AGPL-3.0-or-later
"""A folder of plans through batch transform, two of them bad: killed, gone on, fetched."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from archive.pack import pack
from tests.conftest import NETWORK, ROOT
from tests.e2e.console import Console, console, ended
from tests.e2e.cutting import cutter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COUNT, BAD = 12, {"03.png": b"no plan", "07.png": b"\x89PNG\r\n\x1a\n" + bytes(100)}


@pytest.fixture(scope="module")
def typed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A console of an account whose endpoint serves; an endpoint is not needed for more."""
    archive = tmp_path_factory.mktemp("archives") / "rooms-1.0.mar"
    pack(NETWORK, archive, version="1.0", root=ROOT)
    with console() as found:
        there = found.with_settings("endpoint=small")
        assert "1.0" == there.apply(archive, "--no-candidate").document()["version"]
        yield there


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve files in two folders: the sample plan in ten sizes, and two that are none."""
    with Image.open(ROOT / "docs" / "sample" / "plan.png") as plan:
        for number in range(COUNT):
            file = tmp_path / "plans" / f"floor-{number % 2}" / f"{number:02d}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            if file.name in BAD:
                file.write_bytes(BAD[file.name])
            else:
                plan.resize((plan.width - 8 * number, plan.height - 8 * number)).save(file)
    return tmp_path / "plans"


def test_no_such_batch(typed: Console) -> None:
    """It is told where it was looked for."""
    done = typed.run("batch", "status", "attic")

    assert (1, "") == (done.status, done.out)
    assert "there is no batch attic in s3://rooms/small/batch/attic/" in done.err


def test_two_bad_files_do_not_lose_the_others(typed: Console, folder: Path) -> None:
    """The job is Failed, each file has its line in the table, and nothing is sent twice.

    Nor is anything of it removed by `delete`, so its answers can be had after it.
    """
    out = folder.parent / "rooms.json"
    with cutter(typed.place.url) as server:
        process = typed.with_settings(url=server.url).start(
            "batch", "submit", str(folder), "--name=floors"
        )
        server.at, server.kill = 5, process.kill
        assert -9 == ended(process).status

    sent = typed.run("batch", "submit", str(folder), "--name=floors").document()
    assert (COUNT, "small-floors-001") == (sent["sent"], sent["job"])
    assert sent["uploaded"] < COUNT
    seen = typed.run("batch", "status", "floors", "--wait").document()
    fetched = typed.run("batch", "fetch", "floors", f"--out={out}")
    table = typed.run("batch", "fetch", "floors", "--format=csv")

    assert ("complete", COUNT - 2, 2) == (seen["status"], seen["answered"], seen["failed"])
    assert ["Failed"] == [job["status"] for job in seen["jobs"]]
    results = {entry["file"]: entry for entry in json.loads(out.read_text())}
    assert (1, 1, COUNT) == (fetched.status, table.status, len(results))
    bad = {f"floor-1/{name}" for name in BAD}
    assert bad == {name for name, entry in results.items() if entry["status"] == "error"}
    assert {"invalid_file_format"} == {results[name]["error"] for name in bad}
    assert all(results[name]["detected_rooms"] for name in set(results) - bad)
    rows = {row["file"]: row for row in csv.DictReader(table.out.splitlines())}
    assert {name: str(results[name].get("rooms", "")) for name in rows} == {
        name: row["rooms"] for name, row in rows.items()
    }
    assert "floor-1/03.png: invalid_file_format" in fetched.err

    nothing = typed.run("batch", "submit", str(folder), "--name=floors").document()
    assert ("", 0, 2) == (nothing["job"], nothing["uploaded"], nothing["refused"])
    (folder / "floor-1" / "03.png").write_bytes(b"")
    emptied = typed.run("batch", "submit", str(folder), "--name=floors")
    assert (0, "") == (emptied.status, json.loads(emptied.out)["job"])
    assert "floor-1/03.png: invalid_file_format: the file is empty" in emptied.err
    (folder / "floor-1" / "03.png").write_bytes((folder / "floor-0" / "00.png").read_bytes())
    mended = typed.run("batch", "submit", str(folder), "--name=floors").document()
    assert ("", 0) == (mended["job"], mended["sent"]), "the same content is answered already"
    assert (
        "success"
        == {
            entry["file"]: entry["status"]
            for entry in json.loads(typed.run("batch", "fetch", "floors").out)
        }["floor-1/03.png"]
    )

    assert typed.run("delete", "--yes").status == 0
    assert COUNT == len(json.loads(typed.run("batch", "fetch", "floors").out))
