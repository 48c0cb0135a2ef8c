# SPDX-License-Identifier: AGPL-3.0-or-later
"""From an empty account to an endpoint that answers, to new versions, back, and away again."""

from __future__ import annotations

import zipfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from archive.pack import pack
from deploy.aws.client import AwsAccount
from reporting.processes import repeating
from tests.conftest import NETWORK, ROOT, SAMPLE_PDF
from tests.e2e.console import REGION, Console, Done, console
from tests.e2e.spoiling import SHIFTED, without

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INSTANCES = (
    "mode=realtime", "serverless=null", "realtime.instance_type=ml.c6i.large",
    "realtime.instance_count=2", "realtime.rollout=canary", "realtime.wait_s=600",
    "realtime.termination_wait_s=0", "alarms.minutes=1",
)  # fmt: skip
# Likewise, and it answers with an error.
FAILING = b"""
def build_rooms(boxes_grid, scores, *facts):
    raise RuntimeError("a bug")
"""


@pytest.fixture(scope="module")
def typed() -> Iterator[Console]:
    """A console for this module."""
    with console() as found:
        yield found


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Good versions, and two that are found out only by asking them."""
    folder = tmp_path_factory.mktemp("archives")
    found = {}
    for version in ("1.0", "2.0", "3.0", "4.0"):
        found[version] = folder / f"rooms-{version}.mar"
        pack(NETWORK, found[version], version=version, root=ROOT)
    for version, more in (("3.0", SHIFTED), ("4.0", FAILING)):
        with zipfile.ZipFile(found[version]) as content:
            schema = content.read("roomdet/schema.py") + more
        spoiled = folder / f"spoiled-{version}.mar"
        found[version] = without(found[version], spoiled, "roomdet/schema.py", schema)
    return found


def serving(typed: Console) -> str:
    """The version that answers."""
    return str(typed.run("status").document()["version"])


@contextmanager
def load(typed: Console, statuses: list[int], pause_s: float) -> Iterator[None]:
    """Sends the sample plan again and again; what status each answer has."""
    account = AwsAccount(REGION, typed.url)

    def send() -> None:
        statuses.append(account.invoke("large", SAMPLE_PDF.read_bytes()).status)

    send()  # while nothing else looks for credentials in this process
    with repeating(send, pause_s):
        yield


def test_serverless(typed: Console, archives: dict[str, Path]) -> None:
    """Made, asked, updated, taken back and removed, as in README."""
    typed = typed.with_settings("endpoint=small")
    first = typed.with_settings(f"archive={archives['1.0']}")
    assert 3 == first.run("plan", "--check").status

    made = first.spawn("apply")

    assert "small-candidate finds" in made.err
    assert ("1.0", "") == (made.document()["version"], made.document()["before"])
    current = first.run("plan", "--check")
    assert (0, "Nothing to do") == (current.status, current.out[:13])
    assert typed.spawn("invoke", str(SAMPLE_PDF)).document()["detected_rooms"]
    assert "2.0" == typed.apply(archives["2.0"]).document()["version"]
    assert ["serving", "previous"] == [v["state"] for v in typed.run("versions").document()]

    wrong = typed.apply(archives["3.0"])

    assert 1 == wrong.status
    assert "small-candidate, its golden plan: the golden plan is answered wrongly" in wrong.err
    assert "as before" in wrong.err.splitlines()[-1]
    untried = typed.apply(archives["3.0"], "--no-candidate")
    assert "small, its golden plan: the golden plan is answered wrongly" in untried.err
    assert "as before" in untried.err.splitlines()[-1]
    assert ["2.0", "1.0"] == [v["version"] for v in typed.run("versions").document()]
    assert "2.0" == serving(typed)

    assert "1.0" == typed.run("rollback").document()["version"]
    assert "1.0" == serving(typed)
    assert 'status":200' in typed.run("logs").out.replace(" ", "")
    assert 3 == typed.run("delete").status
    assert [] == left(typed.run("delete", "--yes"), typed)


def left(done: Done, typed: Console) -> list[str]:
    """Names of everything that is there of an endpoint."""
    assert done.status == 0, done.err
    return typed.inventory()


def test_canary(typed: Console, archives: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """A good one moves over without a failed request; a bad one is brought back by the alarm."""
    typed = typed.with_settings("endpoint=large", *INSTANCES)
    for name, value in typed.place.environ.items():
        monkeypatch.setenv(name, value)
    assert "1.0" == typed.apply(archives["1.0"]).document()["version"]
    statuses: list[int] = []
    with load(typed, statuses, 0.25):
        good = typed.apply(archives["2.0"])
    assert "2.0" == good.document()["version"]
    assert {200} == set(statuses)

    with load(typed, statuses, 0.05):  # an alarm looks at short times
        bad = typed.apply(archives["4.0"], "--no-candidate")

    assert 1 == bad.status
    assert "alarms went off: large-5xx" in bad.err
    assert "Its log says: RuntimeError: a bug (schema.py, line" in bad.err
    assert "large: Updating to large-realtime-" in bad.err
    assert "as before" in bad.err.splitlines()[-1]
    assert {200, 500} == set(statuses)
    assert ("2.0", ["2.0", "1.0"]) == (
        serving(typed), [v["version"] for v in typed.run("versions").document()],
    )  # fmt: skip
    back = typed.run("rollback", "--to", "1.0").document()
    assert "1.0" == back["version"]
    assert [] == left(typed.run("delete", "--yes"), typed)
