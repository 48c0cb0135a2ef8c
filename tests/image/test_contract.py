# SPDX-License-Identifier: AGPL-3.0-or-later
"""`python -m deploy contract` on images: ours, a good one without TorchServe, and liars."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from deploy.__main__ import main
from tests.conftest import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.image.lab import Lab

SERVERS = ROOT / "tests" / "servers"
ROOMS = {"rooms-answer", "rooms-options", "rooms-errors"}


@pytest.fixture(scope="session")
def servers(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image that holds both small servers; the good one is what it runs."""
    context = tmp_path_factory.mktemp("servers")
    for name in ("good.py", "liar.py"):
        shutil.copy(SERVERS / name, context)
    (context / "Dockerfile").write_text(
        f'FROM {lab.base}\nCOPY good.py liar.py /app/\nENTRYPOINT ["python3", "/app/good.py"]\n'
    )
    lab.run("build", "--quiet", "--format", "docker", "--tag", "localhost/servers", str(context),
            environ=lab.builder)  # fmt: skip
    return "localhost/servers"


@pytest.fixture(scope="session")
def liars(lab: Lab, servers: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Likewise, but it runs the other one."""
    context = tmp_path_factory.mktemp("liars")
    (context / "Dockerfile").write_text(f'FROM {servers}\nENTRYPOINT ["python3", "/app/liar.py"]\n')
    lab.run("build", "--quiet", "--format", "docker", "--tag", "localhost/liars", str(context),
            environ=lab.builder)  # fmt: skip
    return "localhost/liars"


@pytest.fixture
def sample(tmp_path: Path) -> list[str]:
    """What the small servers take, as arguments."""
    (tmp_path / "sample.json").write_text('{"number": 21}')
    file = str(tmp_path / "sample.json")
    return ["--api", "any", "--sample", file, "--content-type", "application/json"]


class Kit:
    """Runs the command in this process, with a store of podman's."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self._capsys, self._monkeypatch = capsys, monkeypatch

    def forget(self) -> None:
        """What was printed so far."""
        self._capsys.readouterr()

    def judge(self, environ: dict[str, str], *args: str) -> tuple[int, dict[str, tuple[str, str]]]:
        """Exit status, and verdict and reason of each rule."""
        for name, value in environ.items():
            self._monkeypatch.setenv(name, value)
        status = main(["contract", "--json", *args])
        rows: list[dict[str, Any]] = json.loads(self._capsys.readouterr().out)["rows"]
        print(*(f"{row['rule']:15} {row['verdict']:10} {row['reason']}" for row in rows), sep="\n")
        return status, {row["rule"]: (row["verdict"], row["reason"]) for row in rows}


@pytest.fixture
def kit(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Kit:
    """The command."""
    return Kit(capsys, monkeypatch)


def failed(rows: dict[str, tuple[str, str]]) -> set[str]:
    """The rules that are broken."""
    return {rule for rule, (verdict, _) in rows.items() if verdict == "failed"}


def test_our_image_keeps_every_rule(lab: Lab, image: str, model: Path, kit: Kit) -> None:
    """Nothing is left without a verdict, our own API included; its manifest is taken, too."""
    assert main(["image", "check", image]) == 0
    kit.forget()
    status, rows = kit.judge(lab.puller, image, "--model", str(model))

    assert {verdict for verdict, _ in rows.values()} == {"passed"}, rows
    assert status == 0


def test_a_good_image_without_torchserve_passes(
    lab: Lab, servers: str, sample: list[str], kit: Kit
) -> None:
    """The rules are SageMaker's, not TorchServe's."""
    status, rows = kit.judge(lab.builder, servers, *sample, "--memory-mb", "256")

    assert {rule for rule, (verdict, _) in rows.items() if verdict == "not judged"} == ROOMS
    assert failed(rows) == set()
    assert status == 0


def test_a_liar_fails_by_the_right_rows(lab: Lab, liars: str, sample: list[str], kit: Kit) -> None:
    """Ready before it is, writing to its root, deaf to SIGTERM; all else is right."""
    status, rows = kit.judge(lab.builder, liars, *sample, "--env", "LIES=ping,root,sigterm")

    assert status == 1
    assert failed(rows) == {"ping-honest", "writes", "read-only-root", "any-user", "sigterm"}
    assert "the sample got 503; it was first answered" in rows["ping-honest"][1]
    assert rows["writes"][1] == "it wrote /var/lib/state, /var/lib/state/last"
    assert "it runs on 30 s later" in rows["sigterm"][1]


def test_one_that_needs_root_and_drops_what_it_has_is_found(
    lab: Lab, liars: str, sample: list[str], kit: Kit
) -> None:
    """Its read-only root is borne, though; the log says why it ended."""
    status, rows = kit.judge(lab.builder, liars, *sample, "--env", "LIES=user")

    assert status == 1
    assert failed(rows) == {"any-user", "sigterm"}
    assert "its log ends: error: this runs as root alone" in rows["any-user"][1]
    assert "requests in flight" in rows["sigterm"][1]


def test_one_that_needs_more_memory_than_was_chosen_is_found(
    lab: Lab, liars: str, sample: list[str], kit: Kit
) -> None:
    """It is killed; whatever is asked afterwards fails, too, and the kit comes to its end."""
    flags = ["--env", "LIES=hungry", "--memory-mb", "400"]
    status, rows = kit.judge(lab.builder, liars, *sample, *flags)

    assert status == 1
    assert rows["start"][0] == rows["any-user"][0] == "passed"
    assert rows["memory"][0] == "failed"
    assert "it ended under the load" in rows["memory"][1]
    assert rows["sigterm"] == ("failed", "it ended before it got SIGTERM")


def test_an_image_that_ends_at_once_is_told(
    lab: Lab, liars: str, sample: list[str], kit: Kit
) -> None:
    """The other rows are not judged; one that does not exist is an error."""
    status, rows = kit.judge(lab.builder, liars, *sample)  # without LIES it ends

    assert status == 1
    assert failed(rows) == {"start"}
    assert "its log ends: KeyError: 'LIES'" in rows["start"][1]
    assert rows["memory"] == ("not judged", "it did not start")
    assert main(["contract", "localhost/not-there:1", *sample]) == 1
