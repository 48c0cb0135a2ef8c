# SPDX-License-Identifier: AGPL-3.0-or-later
"""`python -m deploy invoke` with a real TorchServe behind SageMaker's wrapping."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from PIL import Image

from roomdet_client.drawing import COLORS
from tests.conftest import SAMPLE_PDF, SAMPLE_PNG
from tests.contract.account_setup import environ
from tests.contract.aws_failures import CREDENTIALS
from tests.contract.local_sagemaker import served_endpoint
from tests.contract.test_endpoint_invoke import command
from tests.e2e.wire import PLAN, post

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from serving.server import LocalServer


def test_rooms_come_through_the_endpoint(
    server: LocalServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are those that the server itself answers; a refusal keeps its words and its fields."""
    (tmp_path / "text.png").write_bytes(b"no picture")
    with environ(CREDENTIALS), served_endpoint(server.url) as (sagemaker, name):
        where = (
            "--set=region=eu-central-1", f"--set=endpoint={name}", f"--endpoint-url={sagemaker}",
        )  # fmt: skip
        drawn = tmp_path / "rooms.png"
        statuses = [
            command(str(SAMPLE_PNG), f"--draw={drawn}", *where),
            command(str(SAMPLE_PDF), "--page=1", *where),
        ]
        answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        refused = [
            command(str(SAMPLE_PNG), "--confidence=7", *where),
            command(str(tmp_path / "text.png"), *where),
        ]
        told = capsys.readouterr().err

    assert [0, 0] == statuses
    with Image.open(drawn) as picture:
        assert len(picture.getcolors(1 << 24) or ()) > len(COLORS)
    assert post(server, PLAN).rooms == answers[0]["detected_rooms"]
    assert len(answers[1]["detected_rooms"]) > 3
    assert [1, 1] == refused
    assert "400 validation_error: confidence must be a number from 0.01 to 1; got 7.0" in told
    assert "400 invalid_file_format: " in told
