# SPDX-License-Identifier: AGPL-3.0-or-later
"""The committed page is what its sources give, and says what it is made of."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

SOURCES = ROOT / "client" / "viewer"
PAGE = ROOT / "client" / "roomdet_client" / "viewer" / "page"
# Licenses that may be shipped within AGPL-3.0-or-later.
FREE = {"BSD-3-Clause", "BSD-2-Clause", "MIT", "ISC", "Apache-2.0"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page built anew; `sh tests/viewer/install.sh` has fetched what that needs."""
    folder = tmp_path_factory.mktemp("page")
    subprocess.run(
        ["npm", "run", "build", "--", "--outDir", str(folder), "--emptyOutDir"],
        cwd=SOURCES, check=True, timeout=300,
    )  # fmt: skip
    return folder


def test_the_committed_page_is_what_its_sources_give(built: Path) -> None:
    """Byte for byte: nobody reviews a built page, so it must follow from what is reviewed."""
    made = {path.name: path.read_bytes() for path in built.iterdir()}
    committed = {path.name: path.read_bytes() for path in PAGE.iterdir()}

    assert made.keys() == committed.keys()
    changed = [name for name in made if made[name] != committed[name]]
    assert changed == [], "npm run build in client/viewer, and commit what it wrote"


def test_each_package_of_the_page_is_listed_with_a_free_license() -> None:
    """licenses.txt, which the page links to, and NOTICE name what package.json asks for."""
    wanted = json.loads((SOURCES / "package.json").read_text())["dependencies"]
    listed = (PAGE / "licenses.txt").read_text()
    found = re.findall(r"^## (\S+) - (\S+) \((.+)\)$", listed, re.MULTILINE)

    assert {name: version for name, version, _ in found} == wanted
    assert {license_ for _, _, license_ in found} <= FREE
    notice = (ROOT / "NOTICE").read_text().casefold()
    assert all(name in notice for name in wanted)


def test_versions_are_exact_and_name_no_registry() -> None:
    """Another day's build is the same, from whichever registry."""
    lock = json.loads((SOURCES / "package-lock.json").read_text())["packages"]
    manifest = lock[""]

    asked = {**manifest["dependencies"], **manifest["devDependencies"]}
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in asked.values())
    assert all(package.get("integrity") for name, package in lock.items() if name)
    assert not any("resolved" in package for package in lock.values())
