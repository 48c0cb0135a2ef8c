# SPDX-License-Identifier: AGPL-3.0-or-later
"""An endpoint with a queue: made, asked, scaled to nothing and back, updated, removed."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from archive.pack import pack
from tests.conftest import NETWORK, ROOT, SAMPLE_PDF
from tests.e2e.console import REGION, Console, console

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

QUEUE = (
    "endpoint=queue", "mode=async", "serverless=null", "async.instance_type=ml.c6i.large",
    "async.output=s3://rooms/answers", "async.failures=s3://rooms/failures",
    "async.autoscaling.max_instances=2",
)  # fmt: skip
DEADLINE_S = 120.0
PENDING = 3


@pytest.fixture(scope="module")
def typed() -> Iterator[Console]:
    """A console for this module."""
    with console() as found:
        yield found.with_settings(*QUEUE)


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two versions."""
    folder = tmp_path_factory.mktemp("archives")
    found = [folder / f"rooms-{version}.mar" for version in ("1.0", "2.0")]
    for path in found:
        pack(NETWORK, path, version=path.stem.partition("-")[2], root=ROOT)
    return found


def comes_true(what: Callable[[], bool]) -> None:
    """Wait for it."""
    deadline_s = time.monotonic() + DEADLINE_S
    while not what():
        assert time.monotonic() < deadline_s
        time.sleep(0.2)


def test_scale_to_zero(typed: Console, archives: list[Path], tmp_path: Path) -> None:
    """The first request after a pause is answered, and so is the test of an update."""
    sagemaker = typed.place.backend.aws.client("sagemaker", REGION)

    def instances() -> int:
        (variant,) = sagemaker.describe_endpoint(EndpointName="queue")["ProductionVariants"]
        return int(variant["CurrentInstanceCount"])

    made = typed.apply(archives[0])
    assert "queue-candidate finds" in made.err
    assert "1.0" == made.document()["version"]
    current = typed.with_settings(f"archive={archives[0]}")
    assert current.run("plan", "--check").status == 0
    comes_true(lambda: instances() == 0)
    # While their number changes it is Updating, which is an exit status of 3.
    assert json.loads(typed.run("status").out)["capacity"]["instances"] == 0

    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no plan")
    asked = typed.run("invoke", "--async", str(SAMPLE_PDF), str(bad))

    assert 1 == asked.status
    good, refused = json.loads(asked.out)
    assert good["answer"]["detected_rooms"]
    assert ("error", 400, "invalid_file_format") == tuple(
        refused[key] for key in ("status", "http_status", "error")
    )

    comes_true(lambda: instances() == 0)
    assert "2.0" == typed.apply(archives[1]).document()["version"]
    assert "2.0" == json.loads(typed.run("status").out)["version"]
    noted = tmp_path / "sent.json"
    noted.write_text(typed.run("invoke", "--no-wait", str(SAMPLE_PDF)).out)
    comes_true(lambda: typed.run("invoke", "--fetch", str(noted)).status != PENDING)
    (answer,) = typed.run("invoke", "--fetch", str(noted)).document()
    assert answer["answer"]["detected_rooms"]
    back = typed.run("rollback").document()
    assert "1.0" == back["version"]

    assert typed.run("delete", "--yes").status == 0
    assert [] == typed.inventory()
