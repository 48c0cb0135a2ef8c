# SPDX-License-Identifier: AGPL-3.0-or-later
"""Documents say what the code does."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path


def test_every_make_command_of_the_documents_exists() -> None:
    """A reader can run what the README says."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for command in re.findall(r"(?:^|`)make ([a-z-]+)", path.read_text(), re.MULTILINE):
            assert command in targets, f"{path.name}: make {command}"


def test_the_training_environment_is_made_without_data(tmp_path: Path) -> None:
    """`make venv-train` comes before there are pictures to train on."""
    plan = subprocess.run(
        ["make", "--dry-run", "venv-train", f"TRAIN_VENV={tmp_path}"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert "-r requirements/train.txt" in plan.stdout


def test_every_link_of_the_documents_leads_somewhere() -> None:
    """Relative links and pictures exist."""
    for path in [
        ROOT / "README.md",
        ROOT / "CHANGELOG.md",
        ROOT / "CONTRIBUTING.md",
        *(ROOT / "docs").rglob("*.md"),
    ]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text()):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_every_decision_has_a_number_and_a_status() -> None:
    """A reader sees at once whether it still holds."""
    for path in (ROOT / "docs" / "decisions").glob("0*.md"):
        title, _, status = path.read_text().split("\n")[:3]
        assert title.startswith(f"# {path.name[:4]} "), path.name
        assert re.match(r"Status: (accepted|replaced by \[\d{4}\])", status), path.name


def test_the_stock_command_of_the_readme_is_the_tested_one() -> None:
    """tests/e2e/test_server.py runs these very arguments."""
    command = next(
        line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("torchs")
    )

    assert command == (
        "torchserve --start --ncs --foreground --model-store model_store "
        "--models rooms=rooms.mar --ts-config config.properties "
        "--log-config serving/log4j2.xml"
    )


def test_every_source_file_names_the_license() -> None:
    """An SPDX line stands atop each of them."""
    listing = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "*.py", "*.sh", "*.yaml", "*.java", "docker/*.xml",
         "deploy/*.xml", "Makefile", ".ci/run"],
        capture_output=True,
        text=True,
        check=True,
    )  # fmt: skip
    for name in listing.stdout.splitlines():
        head = "\n".join((ROOT / name).read_text().splitlines()[:2])
        assert "SPDX-License-Identifier: AGPL-3.0-or-later" in head, name


def test_the_wheel_has_the_same_modules(tmp_path: Path, archive: Path) -> None:
    """`pip wheel .` packs roomdet under the names that the archive has, and it imports alone."""
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
         "--wheel-dir", tmp_path, ROOT],
        check=True,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("roomdet-*.whl")
    with zipfile.ZipFile(wheel) as packed, zipfile.ZipFile(archive) as archived:
        in_wheel = {name for name in packed.namelist() if name.endswith(".py")}
        in_archive = {name for name in archived.namelist() if name.startswith("roomdet/")}
    imported = subprocess.run(
        ["env", f"PYTHONPATH={wheel}", sys.executable, "-c",
         "import roomdet.detector, roomdet.request; print(roomdet.__file__)"],
        capture_output=True, text=True, check=True, cwd=tmp_path,
    )  # fmt: skip

    assert in_archive == in_wheel
    assert str(wheel) in imported.stdout
