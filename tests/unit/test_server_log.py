# SPDX-License-Identifier: AGPL-3.0-or-later
"""The reason of a failure is found in a log, and what serves is remembered to go back to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roomdet.config import Limits
from roomdet.images import read_page
from serving.errors import RolloutError
from serving.golden_pdf import as_pdf
from serving.model_store import Entry, ModelStore
from serving.server_log import ServerLog, find_reason
from tests.conftest import SAMPLE_PNG

if TYPE_CHECKING:
    from pathlib import Path

TRACE = """12:00:01 INFO  MODEL_LOG - Traceback (most recent call last):
12:00:01 INFO  MODEL_LOG -   File "/tmp/models/ab/roomdet/config.py", line 88, in of
12:00:01 INFO  MODEL_LOG - roomdet.errors.ConfigError: precision is 'fp64'; allowed: auto, fp32
12:00:02 INFO  W-9000 Worker disconnected
"""


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param(
            TRACE,
            "roomdet.errors.ConfigError: precision is 'fp64'; allowed: auto, fp32 "
            "(config.py, line 88)",
            id="ours",
        ),
        pytest.param(
            '12:00 {"level":"ERROR","trace":"Traceback (most recent call last):\\n  File '
            '\\"/a/item.py\\", line 8, in f\\nRuntimeError: tired"}\n12:01 all is well\n',
            "RuntimeError: tired (item.py, line 8)",
            id="json",
        ),
        pytest.param(TRACE.replace("ConfigError: precision is 'fp64'; allowed: auto, fp32", "E"),
                     "", id="cut"),
        pytest.param("all is well\n", "", id="none"),
        pytest.param(TRACE + TRACE.replace("fp64", "fp8").replace("88", "89"),
                     "roomdet.errors.ConfigError: precision is 'fp8'; allowed: auto, fp32 "
                     "(config.py, line 89)", id="last"),
    ],
)  # fmt: skip
def test_the_reason_is_the_last_exception(text: str, reason: str) -> None:
    """With file and line, whatever stands before each line."""
    assert reason == find_reason(text)


def test_what_was_printed_before_is_not_the_reason(tmp_path: Path) -> None:
    """And the message says where the log is."""
    (tmp_path / "server.log").write_text(TRACE)
    log = ServerLog.of(tmp_path / "model_store")
    path = tmp_path / "server.log"
    assert f"it ended (log: {path})" == log.why("it ended; the log says why", log.size())
    assert "ended: roomdet.errors.ConfigError" in log.why("it ended", 0)
    assert "it ended" == ServerLog.of(tmp_path / "nowhere" / "model_store").why("it ended", 0)


def test_the_golden_plan_as_pdf_has_its_pixels() -> None:
    """The reader of the detector sees the same page; what PDF does not take is none."""
    png = SAMPLE_PNG.read_bytes()
    document = as_pdf(png)

    assert document
    pages = [
        read_page(data, page=1, side_px=640, limits=Limits()).pixels for data in (png, document)
    ]
    assert pages[0].shape == pages[1].shape
    assert abs(pages[0].astype(int) - pages[1].astype(int)).mean() < 2
    assert as_pdf(b"no PNG") is None


def test_what_has_served_is_remembered(tmp_path: Path) -> None:
    """Three archives at most, each version once; what is cut is forgotten, and lost files too."""
    store = ModelStore(tmp_path)
    assert [] == store.history()
    entries = [Entry(str(number), f"{number}.mar") for number in range(5)]
    for entry in entries:
        (tmp_path / entry.archive).touch()
    forgotten = [store.push(entry) for entry in entries]

    assert [[], [], [], entries[:1], entries[1:2]] == forgotten
    assert entries[2:] == store.history()
    store.push(entries[3])
    assert [entries[2], entries[4], entries[3]] == store.history()
    store.cut("4")
    assert entries[2:3] == store.history()
    store.cut("unknown")
    (tmp_path / "2.mar").unlink()
    assert [] == store.history()
    (tmp_path / "history.json").write_text("[1]")
    with pytest.raises(RolloutError, match="cannot be read"):
        store.history()
