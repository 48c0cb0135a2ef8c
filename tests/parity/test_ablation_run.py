# SPDX-License-Identifier: AGPL-3.0-or-later
"""A tiny ablation: drawn, trained, exported and judged by the real programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from benchmarks.ablation.__main__ import main
from benchmarks.ablation.variants import VARIANTS, Variant
from tests.conftest import ROOT
from training.synth.__main__ import main as draw
from training.synth.__main__ import parse_args
from training.synth.blueprint import Spec

if TYPE_CHECKING:
    from pathlib import Path

TINY = [
    *("--count", "8", "--epochs", "1", "--px", "96", "--batch", "4", "--threads", "1"),
    *("--spoilt", "2", "--variants", "everything", "no-noise"),
]


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_every_variant_can_be_drawn(variant: Variant) -> None:
    """Its options are those of the generator, and something is left out unless nothing is to be."""
    spec = parse_args(["--out", "build/plans", "--count", "1", *variant.options]).spec

    assert (spec == Spec()) == (not variant.options)


def test_variants_are_trained_on_as_much_and_only_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each leaves its figures; what is there is not measured again."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("PYTHONPATH", "handler:.")
    plans, out = tmp_path / "plans", tmp_path / "ablation"
    assert draw(["--out", str(plans), "--count", "3", "--px", "160"]) == 0
    command = ["--set", f"houses={plans}:synth-", "--out", str(out), *TINY]

    assert main(command) == 0

    everything, no_noise = (
        json.loads((out / f"{name}.json").read_text()) for name in ("everything", "no-noise")
    )
    for key in ("training_pictures", "epochs", "steps"):
        assert everything["training"][key] == no_noise["training"][key]
    assert everything["training"]["training_pictures"] == 7
    assert {"noise", "photo"} < everything["sets"]["houses"]["spoilt"].keys()
    assert list(no_noise["sets"]["houses"]["spoilt"]) == ["noise"]
    (out / "everything.json").unlink()
    written = (out / "no-noise.json").stat().st_mtime_ns
    assert main(command) == 0
    assert (out / "no-noise.json").stat().st_mtime_ns == written
    assert json.loads((out / "everything.json").read_text())["sets"] == everything["sets"]
