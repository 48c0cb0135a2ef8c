# SPDX-License-Identifier: AGPL-3.0-or-later
"""`python -m client detect` sends a plan with its options and prints the answer."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING

import pytest

from client.__main__ import main
from client.api import OPTIONS_HEADER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ANSWER = json.dumps({"detected_rooms": [], "processing_time_ms": 12})


@contextmanager
def server(asked: list[str | None]) -> Iterator[str]:
    """Address of a server that finds no rooms; it notes the options of each request."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.headers[OPTIONS_HEADER])
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(ANSWER.encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.server_port}"
        finally:
            listening.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ([], None),
        (["--detail", "sheet"], "detail=sheet"),
        (
            ["--detail=page", "--max-rooms=1000", "--confidence=0.4"],
            "confidence=0.4;max_rooms=1000;detail=page",
        ),
    ],
)
def test_options_are_sent_in_the_header(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], given: list[str], sent: str | None
) -> None:
    """Those that are given, words as they are; the answer is printed as it came."""
    plan = tmp_path / "plan.png"
    plan.write_bytes(b"plan")
    asked: list[str | None] = []

    with server(asked) as url:
        status = main(["detect", str(plan), "--url", url, *given])

    assert status == 0
    assert [sent] == asked
    assert f"{ANSWER}\n" == capsys.readouterr().out


def test_what_is_no_number_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is sent."""
    status = main(["detect", str(tmp_path / "plan.png"), "--confidence", "high"])

    assert status == 1
    assert "error: confidence must be a number" in capsys.readouterr().err
