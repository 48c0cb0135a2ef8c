# SPDX-License-Identifier: AGPL-3.0-or-later
"""docs/local-sagemaker.md says the same as the code, and the command says what is wrong."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from deploy.__main__ import build_parser, main
from sagemaker_local.asynchronous import CONCURRENCY, MAX_INLINE_BYTES
from sagemaker_local.control import HOSTED, RECORDED
from sagemaker_local.invoke import MAX_BYTES, MAX_SERVERLESS_BYTES
from sagemaker_local.notices import MAX_INCLUDED_BYTES
from sagemaker_local.scaling import HIGH_PERIODS, LOW_PERIODS
from sagemaker_local.transform_run import DEFAULTS

TEXT = (Path(__file__).parents[2] / "docs" / "local-sagemaker.md").read_text("utf-8")


def test_calls() -> None:
    """All that are answered are listed, in order."""
    (block,) = re.findall(r"<!-- calls -->\n(.*?)\n<!-- /calls -->", TEXT, re.DOTALL)
    listed = re.findall(r"`(\w+)`", block)
    assert [*sorted({*RECORDED, *HOSTED}), "InvokeEndpoint", "InvokeEndpointAsync"] == listed


def test_options_and_limits() -> None:
    """Each option that is named exists, with the default that is shown."""
    options = re.findall(r"`(--[a-z-]+(?: [\w.:]+)?)`", TEXT)
    given = [word for option in options if "set" not in option for word in option.split()]
    given = ["x" if word == "TAG" else word for word in given]
    args = build_parser().parse_args(["local", "sagemaker", *given])
    assert (5055, "image", "x", "eu-central-1", 0.01, 20.0) == (
        args.port, args.serve_with, args.image, args.region, args.time_scale,
        args.seconds_per_object,
    )  # fmt: skip
    assert args.empty
    defaults = build_parser().parse_args(["local", "sagemaker"])
    assert (5055, "torchserve", "eu-central-1") == (
        defaults.port, defaults.serve_with, defaults.region,
    )  # fmt: skip
    assert f"{MAX_INLINE_BYTES:,} bytes that come along" in TEXT
    assert f"up to {MAX_INCLUDED_BYTES // 1024} KB" in TEXT
    assert (
        f"for {HIGH_PERIODS} minutes, in when it has been\n  below nine tenths for {LOW_PERIODS}"
        in TEXT
    )
    assert (1, 6) == (CONCURRENCY, DEFAULTS["MaxPayloadInMB"])  # "on one", "of 6 MB"
    assert f"{MAX_SERVERLESS_BYTES // 2**20} MiB serverless, {MAX_BYTES:,} bytes else" in TEXT


def test_moto_need_not_be_here(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command then says how to get it; the other commands do not need it."""
    monkeypatch.delitem(sys.modules, "sagemaker_local.run", raising=False)
    monkeypatch.delitem(sys.modules, "sagemaker_local.local_sagemaker", raising=False)
    monkeypatch.delitem(sys.modules, "sagemaker_local.app", raising=False)
    monkeypatch.setitem(sys.modules, "moto.moto_server.werkzeug_app", None)
    assert main(["local", "sagemaker"]) == 1
    told = capsys.readouterr().err
    assert "moto is not installed" in told
    assert "`make local-sagemaker` installs" in told


@pytest.mark.parametrize("port", ["65536", "-1", "x"])
def test_no_port(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Is refused in one line."""
    with pytest.raises(SystemExit) as caught:
        main(["local", "sagemaker", f"--port={port}"])
    assert 2 == caught.value.code
    assert "is no port; allowed: 0 to 65535" in capsys.readouterr().err


@pytest.mark.parametrize("seconds", ["-1", "3600", "nan", "x"])
def test_no_time_for_an_object(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Is refused in one line."""
    with pytest.raises(SystemExit) as caught:
        main(["local", "sagemaker", f"--seconds-per-object={seconds}"])
    assert 2 == caught.value.code
    assert f"'{seconds}'; 0 or more, less than 3600" in capsys.readouterr().err
