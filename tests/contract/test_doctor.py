# SPDX-License-Identifier: AGPL-3.0-or-later
"""`python -m deploy doctor`: an account that is well, and accounts that are not."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from deploy.account.places import PREFIXES
from deploy.account.table import CHECKS
from roomdet.s3_address import VARIABLE
from tests.conftest import ROOT
from tests.contract.account_setup import environ, healthy, run
from tests.contract.aws_account import aws_lab, aws_place
from tests.contract.doctor_cases import CASES, REGIONS, Case, Diagnoses
from tests.tables import cases, shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def found(archive: Path) -> Iterator[Diagnoses]:
    """What `doctor` finds in each set-up that is broken in one way."""
    with aws_place() as place, closing(Diagnoses(place, archive)) as diagnoses:
        yield diagnoses


@pytest.fixture
def variables() -> Iterator[None]:
    """No variables of AWS's."""
    with environ({}):
        yield


def test_after_bootstrap_and_push_all_is_well(archive: Path) -> None:
    """An empty account becomes one that `doctor` has nothing to say against."""
    with aws_place() as place, aws_lab(place, REGIONS[-1]) as lab:
        setup = healthy(lab, archive)
        status, findings = setup.doctor()
        text = setup.run("doctor")[1]

    assert [f for f in findings if f["level"] != "ok"] == []
    assert [check.name for check in CHECKS] == [f["check"] for f in findings]
    assert (status, text.count("\nok  ")) == (0, len(CHECKS) - 1)


def test_what_is_deployed_is_well(archive: Path) -> None:
    """Endpoint and model of a release that nobody has spoiled."""
    with aws_place() as place, aws_lab(place, REGIONS[-2]) as lab:
        setup = healthy(lab, archive)
        setup.deploy()
        status, findings = setup.doctor()

    messages = {f["check"]: f["message"] for f in findings}
    assert (status, [f for f in findings if f["level"] != "ok"]) == (0, [])
    assert messages["model"] == "version 1.0 is deployed and intact, and is the archive"
    assert messages["endpoint"] == "rooms is in service with version 1.0"


@pytest.mark.parametrize("case", CASES, ids=[case.title for case in CASES])
def test_what_is_broken_is_found(found: Diagnoses, case: Case) -> None:
    """By its own check, with one next step; what comes after it is not guessed."""
    status, findings = found[case]
    by_name = {f["check"]: f for f in findings}
    failures = {name for name, f in by_name.items() if f["level"] == "failure"}
    expected = {case.check, *case.also} if case.level == "failure" else set()

    assert (case.level, bool(by_name[case.check]["next_step"])) == (
        by_name[case.check]["level"],
        True,
    )
    assert expected == failures
    assert status == (1 if expected else 0)


def test_the_table_is_documented(found: Diagnoses) -> None:
    """docs/doctor.md shows it."""
    assert cases(found) == shown("doctor.md", "cases")


def test_every_check_was_seen_to_fail() -> None:
    """Or to warn: a check that says ok to all would not be noticed."""
    assert {check.name for check in CHECKS} - {case.check for case in CASES} == {"packages"}
    assert {check.name for check in CHECKS} >= {name for check in CHECKS for name in check.needs}


def test_the_variable_is_the_handlers() -> None:
    """Which prefixes the container may fetch from, and so the role must read."""
    assert PREFIXES == VARIABLE


@pytest.mark.parametrize("absent", ["boto3", "yaml"])
def test_without_packages_it_says_what_to_install(absent: str) -> None:
    """It is the one command that runs without them."""
    code = (
        "import sys, importlib.metadata as m; "
        f"sys.modules['{absent}'] = None; real = m.version; "
        "missing = {'boto3': 'boto3', 'yaml': 'pyyaml'}[" + repr(absent) + "]\n"
        "def version(name):\n"
        "    if name == missing: raise m.PackageNotFoundError(name)\n"
        "    return real(name)\n"
        "m.version = version\n"
        "from deploy.__main__ import main; sys.exit(main(['doctor']))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
    )

    assert (result.returncode, result.stderr[:14]) == (1, "Configuration:")
    assert "is not installed\n" in result.stdout
    assert "`make venv-deploy` installs it" in result.stdout


@pytest.mark.usefixtures("variables")
def test_a_server_that_is_not_there() -> None:
    """Credentials cannot be looked at, and nothing after them."""
    sets = ["--set", "region=eu-central-1", "--endpoint-url", "http://127.0.0.1:9"]
    keys = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    status, out, _ = run(["doctor", *sets], keys)

    assert status == 1
    assert "failure  credentials" in out
    assert "EndpointConnectionError" in out
