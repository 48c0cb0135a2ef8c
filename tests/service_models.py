# SPDX-License-Identifier: AGPL-3.0-or-later
"""botocore's descriptions of services, parsed once a process.

Each session of botocore reads them anew, and a test makes one for every command that it runs: a
third of the CPU time of such tests.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.loaders import JSONFileLoader

if TYPE_CHECKING:
    import pytest


def read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep what botocore reads, as one of its sessions does, but for all of them."""
    read = cache(JSONFileLoader().load_file)

    def load_file(_: JSONFileLoader, file_path: str) -> Any:
        return read(file_path)

    monkeypatch.setattr(JSONFileLoader, "load_file", load_file)
