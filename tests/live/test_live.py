# SPDX-License-Identifier: AGPL-3.0-or-later
"""From an account that has nothing to an endpoint in each mode, and to nothing again.

docs/live.md lists what only a real account can settle; each line there names the step here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from archive.pack import pack
from tests.conftest import NETWORK, ROOT, SAMPLE_PDF, SAMPLE_PNG

if TYPE_CHECKING:
    from pathlib import Path

    from tests.live.conftest import Live


def test_the_whole_way(live: Live, tmp_path: Path) -> None:
    """bootstrap, push, serverless, second version, rollback, async, batch, delete."""
    archives = [tmp_path / f"rooms-{version}.mar" for version in ("1.0", "2.0")]
    for archive in archives:
        pack(NETWORK, archive, version=archive.stem.partition("-")[2], root=ROOT)
    first, second = (f"--set=archive={archive}" for archive in archives)

    live.run("bootstrap", "--write", str(live.config), "--name", live.name, "--yes")
    live.run("image", "push", "--tag", live.image)
    live.run("doctor", first)
    live.run("plan", "--check", first, status=3)
    assert "1.0" == live.json("apply", "--yes", first)["version"]
    live.run("plan", "--check", first)
    assert len(live.json("invoke", str(SAMPLE_PDF), first)["detected_rooms"]) > 5

    assert "2.0" == live.json("apply", "--yes", second)["version"]
    assert "2.0" == live.json("status", second)["version"]
    assert "1.0" == live.json("rollback", "--yes", second)["version"]
    live.run("logs", "--since", "1h", first)
    live.run("delete", "--yes", first)

    queue = queued(live)
    live.run("bootstrap", "--yes", *queue)
    assert "1.0" == live.json("apply", "--yes", first, *queue)["version"]
    sent = tmp_path / "sent.json"
    sent.write_text(live.run("invoke", "--no-wait", str(SAMPLE_PDF), *queue))
    (answered,) = live.json("invoke", "--async", str(SAMPLE_PNG), *queue)
    assert answered["answer"]["detected_rooms"]
    (fetched,) = live.json("invoke", "--fetch", str(sent), *queue)
    assert fetched["answer"]["detected_rooms"]

    batch(live, tmp_path / "plans", *queue)
    live.run("delete", "--yes", *queue)


def queued(live: Live) -> tuple[str, ...]:
    """The same configuration for an endpoint with a queue; answers lie beside its models."""
    artifacts = next(
        line.partition(":")[2].split()[0].strip("'\"")
        for line in live.config.read_text().splitlines()
        if line.startswith("artifacts:")
    )
    bucket = artifacts.split("/")[2]
    return (
        "--set=mode=async", "--set=serverless=null", "--set=async.instance_type=ml.c6i.large",
        f"--set=async.output=s3://{bucket}/answers", f"--set=async.failures=s3://{bucket}/failures",
    )  # fmt: skip


def batch(live: Live, folder: Path, *settings: str) -> None:
    """A folder with a plan, its double and a file that is none."""
    folder.mkdir()
    for name, content in (
        ("a.pdf", SAMPLE_PDF.read_bytes()), ("b.png", SAMPLE_PNG.read_bytes()),
        ("c.png", SAMPLE_PNG.read_bytes()), ("bad.png", b"no plan"),
    ):  # fmt: skip
        (folder / name).write_bytes(content)
    submitted = live.json("batch", "submit", str(folder), "--name", "plans", *settings)
    assert (4, 3) == (submitted["sent"], submitted["objects"])
    done = live.json("batch", "status", "plans", "--wait", *settings)
    assert ("complete", 3, 1) == (done["status"], done["answered"], done["failed"])
    rows = {row["file"]: row for row in live.json("batch", "fetch", "plans", *settings, status=1)}
    assert "invalid_file_format" == rows["bad.png"]["error"]
    assert rows["b.png"]["detected_rooms"] == rows["c.png"]["detected_rooms"]
