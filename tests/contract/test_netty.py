# SPDX-License-Identifier: AGPL-3.0-or-later
"""The jars that go before TorchServe's: as they were published, and no others."""

from __future__ import annotations

import hashlib

from tests.conftest import ROOT, needs_netty

FOLDER = ROOT / "docker" / "netty"
pytestmark = needs_netty


def test_they_are_those_whose_sha256_is_written_down() -> None:
    """`sha256sum --check SHA256SUMS` says the same."""
    files = [*FOLDER.glob("*.jar"), *FOLDER.glob("native/*.so")]
    digests = {
        str(path.relative_to(FOLDER)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }
    lines = (FOLDER / "SHA256SUMS").read_text().splitlines()

    assert {name: digest for digest, name in (line.split() for line in lines)} == digests


def test_they_are_of_one_version() -> None:
    """Classes of two versions would not fit each other."""
    assert len({path.name.rpartition("-")[2] for path in FOLDER.glob("*.jar")}) == 1
