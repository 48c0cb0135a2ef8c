# SPDX-License-Identifier: AGPL-3.0-or-later
"""Where a training run starts from, on the command line and in ultralytics' words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from training.options import (
    FINE_TUNING_LR,
    SCRATCH_LR,
    SIZES,
    parse_args,
    ultralytics_settings,
)

if TYPE_CHECKING:
    from pathlib import Path


def settings(start: str) -> dict[str, object]:
    """Of a run that starts from this."""
    return ultralytics_settings(parse_args(["--data", "plans", "--out", "run", "--start", start]))


@pytest.mark.parametrize("size", SIZES)
def test_a_size_starts_from_random_weights(size: str) -> None:
    """Of its definition, which is no file, and with the learning rate that they need."""
    assert settings(size)["model"] == f"{size}.yaml"
    assert settings(size)["lr0"] == SCRATCH_LR


def test_a_checkpoint_is_gone_on_from(tmp_path: Path) -> None:
    """Whatever its size, and with a lower learning rate."""
    checkpoint = tmp_path / "rooms.pt"
    checkpoint.touch()

    assert settings(str(checkpoint))["model"] == str(checkpoint)
    assert settings(str(checkpoint))["lr0"] == FINE_TUNING_LR


def test_what_is_neither_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """By name."""
    with pytest.raises(SystemExit, match="2"):
        settings("yolov8q")
    assert "there is no yolov8q" in capsys.readouterr().err


@pytest.mark.parametrize(("named", "meant"), [("cpu", "cpu"), ("cuda", "0")])
def test_a_device_is_named_in_ultralytics_words(named: str, meant: str) -> None:
    """One GPU, the first."""
    command = ["--data", "plans", "--out", "run", "--start", "yolov8n", "--device", named]
    assert ultralytics_settings(parse_args(command))["device"] == meant
