# SPDX-License-Identifier: AGPL-3.0-or-later
"""What several layers of tests share: the real archive, packed once; the order of the files."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from archive.pack import pack

ROOT = Path(__file__).parent.parent
CONFIG = ROOT / "config.properties"
NETTY = sorted((ROOT / "docker" / "netty").glob("*.jar"))
needs_netty = pytest.mark.skipif(
    not NETTY and not os.environ.get("REQUIRE_ALL"), reason="`make netty` fetches the jars"
)
NETWORK = ROOT / "weights" / "rooms"
SAMPLE_PNG = ROOT / "docs" / "sample" / "plan.png"
SAMPLE_PDF = ROOT / "docs" / "sample" / "plan.pdf"
# The longest files come first, so that none runs on when all others are over (`--durations`); then
# the layers that wait most.
FIRST = (
    "e2e/test_endpoint.py", "e2e/test_async.py", "e2e/test_long_run.py", "e2e/test_server.py",
    "contract/test_doctor.py", "e2e/test_rollout.py", "e2e", "contract",
)  # fmt: skip
# These judge times, and other layers may be over when they run.
LAST = ("image/test_ends.py", "image/test_contract.py")


# A shell starts jobs in the background with Ctrl-C ignored, which every child would inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)


def jvm_flags(flags: str) -> dict[str, str]:
    """The setting that adds flags to those of ``CONFIG``."""
    (vmargs,) = re.findall(r"(?m)^vmargs=(.*)$", CONFIG.read_text("utf-8"))
    return {"vmargs": f"{vmargs} {flags}"}


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default archive, packed from this checkout."""
    path = tmp_path_factory.mktemp("archive") / "rooms.mar"
    pack(NETWORK, path, version="1.0", root=ROOT)
    return path


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Name what failed at once: a run that is cut off says it, too."""
    if report.failed:
        print(f"\nfailed: {report.nodeid} ({report.when}, {report.duration:.0f} s)", flush=True)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files; the tests of a file stay as they are."""
    items.sort(key=lambda item: _rank(item.path))


def _rank(path: Path) -> int:
    name, folder = f"{path.parent.name}/{path.name}", path.parent.name
    order = (*FIRST, "", *LAST)
    return next((order.index(part) for part in (name, folder) if part in order), len(FIRST))
