# SPDX-License-Identifier: AGPL-3.0-or-later
"""Layers of tests run side by side: nothing that fails or is missing goes unsaid."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests import layers
from tests.conftest import ROOT
from tests.layers import Layer


def shell(*scripts: str) -> tuple[tuple[str, ...], ...]:
    """Commands of a layer."""
    return tuple(("sh", "-c", script) for script in scripts)


def test_a_layer_that_fails_is_told(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its status and what it printed; what would come after it in the layer is not run."""
    made = [
        Layer(("first",), shell("echo progress")),
        Layer(("second",), shell("echo the reason >&2; exit 3", "echo never")),
        Layer(("third",), shell("exit 1"), lacks="a thing"),
    ]
    monkeypatch.setattr(layers, "layers", lambda **_: made)

    assert layers.main([]) == 1
    told = capfd.readouterr().out
    assert "progress" in told
    assert "second\nthe reason\n" in told
    assert "never" not in told
    table = [line.rpartition("processor") for line in told.splitlines() if " processor " in line]
    assert [verdict.split() for _, _, verdict in table] == [
        ["passed", "first"],
        ["FAILED", "(3)", "second"],
    ]
    assert "Left out: third. It needs a thing" in told


def test_all_that_run_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left out is no failure, unless nothing may be."""
    made = [Layer(("first",), shell("true")), Layer(("second",), shell("false"), lacks="a thing")]
    monkeypatch.setattr(layers, "layers", lambda **_: made)

    assert layers.main([]) == 0
    assert layers.main(["--require-all"]) == 1


def test_layers_run_at_the_same_time(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    """Two that wait for each other both end."""
    wait = (
        "touch {0}/{1}; for _ in $(seq 600); do [ -e {0}/{2} ] && exit 0; sleep 0.1; done; exit 1"
    )
    made = [
        Layer((name,), shell(wait.format(tmp_path, name, other)))
        for name, other in (("one", "two"), ("two", "one"))
    ]
    monkeypatch.setattr(layers, "layers", lambda **_: made)

    assert layers.main([]) == 0


def test_what_is_imported_is_compiled_once() -> None:
    """Whatever a machine says: each process that tests start would compile all it imports."""
    seen = subprocess.run(
        ["make", "--silent", "--eval=seen:;@env", "seen"], cwd=ROOT, check=True, text=True,
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}, capture_output=True,
    ).stdout  # fmt: skip

    assert "PYTHONPATH=" in seen
    assert "PYTHONDONTWRITEBYTECODE" not in seen


@pytest.mark.parametrize("require_all", [False, True])
def test_every_folder_of_tests_is_in_a_layer(*, require_all: bool) -> None:
    """A new one would not be forgotten."""
    folders = {path.parent for path in (ROOT / "tests").rglob("test_*.py")}
    found = [name for layer in layers.layers(require_all=require_all) for name in layer.folders]

    assert sorted([*found, *layers.ON_DEMAND]) == sorted(
        str(path.relative_to(ROOT)) for path in folders
    )
