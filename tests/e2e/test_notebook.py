# SPDX-License-Identifier: AGPL-3.0-or-later
"""docs/notebook.ipynb, run in a kernel of its own in front of a real server."""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING, Any

import nbformat
from nbclient import NotebookClient

from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from serving.server import LocalServer

ROOMS = 11
CELL_S = 60
# Where the kernel leaves its files.
FOLDERS = (
    "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "TMPDIR",
)  # fmt: skip
PNG = b"\x89PNG\r\n\x1a\n"


def shown(notebook: Any, kind: str) -> list[str]:
    """What cells show of a media type, such as ``image/png``."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return [output["data"][kind] for output in outputs if kind in output.get("data", {})]


def test_the_notebook_runs_and_shows_the_rooms(
    server: LocalServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From its first cell to its last, without an error; it is committed without outputs."""
    notebook = nbformat.read(ROOT / "docs" / "notebook.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in notebook.cells)
    monkeypatch.setenv("ROOMDET_URL", server.url)
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "client"), prepend=os.pathsep)
    for name in FOLDERS:
        monkeypatch.setenv(name, str(tmp_path))

    NotebookClient(
        notebook, timeout=CELL_S, resources={"metadata": {"path": str(ROOT / "docs")}}
    ).execute()

    assert any("<table" in html for html in shown(notebook, "text/html"))
    pictures = [base64.b64decode(picture) for picture in shown(notebook, "image/png")]
    assert len(pictures) == 2
    assert all(picture.startswith(PNG) for picture in pictures)
    printed = [output["text"] for cell in notebook.cells for output in cell.get("outputs", ())
               if output["output_type"] == "stream"]  # fmt: skip
    assert len(printed[0].splitlines()) == ROOMS
    assert printed[1].startswith(f"{ROOMS} rooms on ")
