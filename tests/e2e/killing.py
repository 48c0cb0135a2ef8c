# SPDX-License-Identifier: AGPL-3.0-or-later
"""An `apply` that is killed after one of its calls, and what it leaves."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from archive.pack import pack
from tests.conftest import NETWORK, ROOT
from tests.e2e.console import ended
from tests.e2e.cutting import cutter
from tests.e2e.test_endpoint import INSTANCES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.console import Console

SETTINGS = (
    *INSTANCES, "realtime.wait_s=0", "keep=1",
    "realtime.autoscaling.min_instances=2", "realtime.autoscaling.max_instances=4",
)  # fmt: skip
_DIGEST = re.compile(r"-[0-9a-f]{8}\b")


def packed(folder: Path, *versions: str) -> list[Path]:
    """An archive of each version."""
    found = [folder / f"rooms-{version}.mar" for version in versions]
    for path, version in zip(found, versions, strict=True):
        pack(NETWORK, path, version=version, root=ROOT)
    return found


def killed(typed: Console, archive: Path, at: int) -> list[str]:
    """The calls of an `apply` that is killed at one of them; all of them if that never comes."""
    with cutter(typed.place.url) as server:
        process = typed.with_settings(f"archive={archive}", url=server.url).start("apply")
        server.at, server.kill = at, process.kill
        done = ended(process)
    assert done.status == (-9 if len(server.changes) == at else 0), done.err
    return server.changes


def everything(typed: Console) -> list[str]:
    """What is there of an endpoint, without what depends on its name."""
    endpoint = typed.endpoint
    return [_DIGEST.sub("", name.replace(endpoint, "NAME")) for name in typed.inventory()]
