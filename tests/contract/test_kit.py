# SPDX-License-Identifier: AGPL-3.0-or-later
"""`python -m deploy contract` on servers of this machine and through the local SageMaker."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
import xml.etree.ElementTree as ET
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from deploy.__main__ import main
from deploy.contract.rows import NOT_OF_AN_ADDRESS, NOT_OF_AN_ENDPOINT
from tests.conftest import ROOT
from tests.contract.local_sagemaker import served_endpoint

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERVERS = ROOT / "tests" / "servers"
ROOMS = {"rooms-answer", "rooms-options", "rooms-errors"}


@contextmanager
def served(lies: str = "") -> Iterator[str]:
    """Run a server until the block ends; its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    script = SERVERS / ("liar.py" if lies else "good.py")
    environ = os.environ | {"PORT": str(port), "LIES": lies}
    process = subprocess.Popen([sys.executable, script], env=environ)
    try:
        deadline_s = time.monotonic() + 30
        while not answers(url):
            assert process.poll() is None
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
        yield url
    finally:
        process.kill()
        process.wait()


def answers(url: str) -> bool:
    """Whether a server is ready."""
    try:
        with urllib.request.urlopen(f"{url}/ping", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


@pytest.fixture
def sample(tmp_path: Path) -> list[str]:
    """What the servers take, as arguments."""
    (tmp_path / "sample.json").write_text('{"number": 21}')
    file = str(tmp_path / "sample.json")
    return ["--api", "any", "--sample", file, "--content-type", "application/json"]


def judge(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, dict[str, tuple[str, str]]]:
    """Exit status, and verdict and reason of each rule."""
    status = main(["contract", "--json", *args])
    rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["rows"]
    return status, {row["rule"]: (row["verdict"], row["reason"]) for row in rows}


def test_a_good_server_passes_and_the_rest_is_not_judged(
    capsys: pytest.CaptureFixture[str], sample: list[str], tmp_path: Path
) -> None:
    """An address cannot be stopped or run elsewhere; that is said, not passed."""
    report = tmp_path / "new" / "junit.xml"
    with served() as url:
        status, rows = judge(capsys, url, *sample, "--junit", str(report))

    assert status == 0
    unseen = NOT_OF_AN_ADDRESS | {"ping-honest"} | ROOMS
    assert {rule for rule, (verdict, _) in rows.items() if verdict != "passed"} == unseen
    assert "it takes the image" in rows["sigterm"][1]
    suite = ET.fromstring(report.read_text())  # noqa: S314  # our own file
    assert (suite.get("failures"), suite.get("skipped")) == ("0", str(len(unseen)))
    assert len(suite.findall("testcase")) == len(rows)


@pytest.mark.parametrize(
    ("lies", "broken"),
    [
        pytest.param("status", {"client-errors": "got 200: no caller can tell"}, id="200 for all"),
        pytest.param(
            "crash",
            {"client-errors": "shows a stack trace", "payload-0": "0 B got 500"},
            id="500 for mistakes",
        ),
        pytest.param(
            "small",
            {"payload-4mb": "413; SageMaker hands them on", "payload-6mb": "413"},
            id="takes too little",
        ),
        pytest.param("routes", {"routes": "GET /no-such-path got 200"}, id="every path"),
        pytest.param("busy-ping", {"ping-time": "the slowest took"}, id="a slow ping"),
    ],
)
def test_liars_are_found_by_the_right_rows(
    capsys: pytest.CaptureFixture[str], sample: list[str], lies: str, broken: dict[str, str]
) -> None:
    """And by no others."""
    with served(lies) as url:
        status, rows = judge(capsys, url, *sample)

    assert status == 1
    failed = {rule for rule, (verdict, _) in rows.items() if verdict == "failed"}
    assert failed == set(broken)
    for rule, reason in broken.items():
        assert reason in rows[rule][1]


def test_a_server_that_dies_of_a_body_is_told(
    capsys: pytest.CaptureFixture[str], sample: list[str]
) -> None:
    """From then on nothing is answered, and the kit still comes to its end."""
    with served("fragile") as url:
        status, rows = judge(capsys, url, *sample)

    assert status == 1
    assert rows["payload-0"][0] == "failed"
    assert "afterwards the sample got no answer" in rows["payload-0"][1]
    assert rows["accept"][0] == rows["ping-time"][0] == "failed"


def test_an_endpoint_is_asked_through_sagemaker(
    capsys: pytest.CaptureFixture[str], sample: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Errors come wrapped; what SageMaker refuses by itself is not the container's."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "an-id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret")
    with served() as url, served_endpoint(url) as (sagemaker, name):
        monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", sagemaker)
        status, rows = judge(capsys, "--endpoint", name, "--region", "eu-central-1", *sample)
        missing = main(["contract", "--endpoint", "bad", "--region", "eu-central-1", *sample])

    assert (status, missing) == (0, 1)
    unseen = NOT_OF_AN_ENDPOINT | ROOMS | {"payload-over"}
    assert {rule for rule, (verdict, _) in rows.items() if verdict != "passed"} == unseen
    assert "ValidationError: " in capsys.readouterr().err
    assert rows["client-errors"][1].startswith("400: ")
    assert rows["payload-6mb"][0] == "passed"
    assert "SageMaker's own" in rows["payload-over"][1]
    assert rows["attributes-in"][1] == "custom attributes 200"
    assert "'trace=contract-kit'" in rows["attributes-out"][1]
    assert rows["ping-time"] == ("not judged", "SageMaker stands in between")


@pytest.mark.parametrize(
    "args",
    [
        pytest.param([], id="nothing"),
        pytest.param(["rooms:1", "--endpoint", "x"], id="two things"),
        pytest.param(["ftp://host"], id="no HTTP"),
        pytest.param(["http://127.0.0.1:99999"], id="no port"),
        pytest.param(["http://127.0.0.1", "--api", "any"], id="no sample"),
        pytest.param(["http://127.0.0.1", "--concurrency", "0"], id="nobody asks"),
        pytest.param(["rooms:1", "--env", "x"], id="no variable"),
    ],
)
def test_bad_usage_is_told(capsys: pytest.CaptureFixture[str], args: list[str]) -> None:
    """Exit status 2, before anything is asked."""
    assert main(["contract", *args]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_an_address_where_nothing_answers_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 1, not a table of failures."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    assert main(["contract", f"http://127.0.0.1:{port}"]) == 1
    assert f"nothing answers at 127.0.0.1:{port}" in capsys.readouterr().err
