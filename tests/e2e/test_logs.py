# SPDX-License-Identifier: AGPL-3.0-or-later
"""A container's log: each line is JSON, each request has its line, and no picture is in it."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import pytest

from serving.errors import LocalServerError
from serving.server import JSON_LOG_CONFIG, LocalServer, serve
from tests.conftest import CONFIG
from tests.e2e.wire import BOMB, PLAN, Reply, post

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


FORGED = '{"time":"now","level":"INFO","event":"ready"}'


def read_lines(server: LocalServer) -> list[dict[str, Any]]:
    """Every line of a server's log, parsed."""
    lines = server.log.read_text().splitlines()
    for line in lines:
        assert line.startswith("{"), line
    return [json.loads(line) for line in lines]


@pytest.fixture(scope="module")
def replies_and_lines(
    archive: Path,
) -> Iterator[tuple[list[Reply], list[dict[str, Any]]]]:
    """Mixed traffic, a worker that is killed, and everything that was logged from start to end."""
    with serve(archive, config=CONFIG, log_config=JSON_LOG_CONFIG) as server:
        server.wait_ready()
        replies = [
            post(server, PLAN),
            post(server, b"hello"),
            post(server, BOMB),
            post(server, PLAN, "application/x-www-form-urlencoded"),
            post(server, PLAN, path='/no"such\\path?token=hush&again?'),
            post(server, PLAN, path="/%zz"),
        ]
        (worker,) = server.worker_pids()
        os.kill(worker, signal.SIGKILL)
        deadline = time.monotonic() + 60
        while server.worker_pids() in ([], [worker]):
            assert time.monotonic() < deadline, server.log_tail()
            server.health()
            time.sleep(0.05)
        server.health()
        replies += [
            post(server, PLAN),
            post(server, PLAN, path=f"/a%0d%0a{quote(FORGED)}%1b%5b2J%c2%9b2J"),
        ]
        server.stop()
        yield replies, read_lines(server)


def test_every_line_has_time_level_and_event(
    replies_and_lines: tuple[list[Reply], list[dict[str, Any]]],
) -> None:
    """TorchServe's own lines, what it prints, the worker's lines, traces of Java."""
    _, lines = replies_and_lines
    loggers = {line["logger"] for line in lines if line["event"] == "log"}

    assert {"log", "access", "request", "ready"} == {line["event"] for line in lines}
    assert all(line["time"].endswith("Z") and line["level"] for line in lines)
    assert {"STDOUT", "MODEL_LOG", "org.pytorch.serve.ModelServer"} <= loggers
    assert any("\n\tat io.netty" in line.get("trace", "") for line in lines)


def test_every_request_of_the_detector_has_one_line(
    replies_and_lines: tuple[list[Reply], list[dict[str, Any]]],
) -> None:
    """Under the id that the caller got, with sizes, times and version."""
    replies, lines = replies_and_lines
    told = {line["id"]: line for line in lines if line["event"] == "request"}
    reached = [*replies[:4], replies[6]]

    assert Counter(line["event"] for line in lines)["request"] == len(reached)
    assert [reply.request_id for reply in reached] == list(told)
    assert [reply.status for reply in reached] == [line["status"] for line in told.values()]
    first = told[replies[0].request_id]
    assert (first["model"], first["model_version"]) == ("rooms", "1.0")
    assert (first["bytes_in"], first["bytes_out"]) == (len(PLAN), len(replies[0].body))
    assert first["rooms"] == len(replies[0].rooms)
    assert all(first[f"{step}_ms"] > 0 for step in ("decode", "detect", "encode"))


def test_every_answer_is_in_the_access_log(
    replies_and_lines: tuple[list[Reply], list[dict[str, Any]]],
) -> None:
    """Also those that TorchServe gives itself; but not who asks after its health."""
    replies, lines = replies_and_lines
    access = [line for line in lines if line["event"] == "access" and line["method"] == "POST"]

    assert [reply.status for reply in replies] == [line["status"] for line in access]
    assert [line["path"] for line in access][3:5] == ["/invocations", '/no"such\\path']
    assert all(line["duration_ms"] >= 0 for line in access)
    assert "/ping" not in {line.get("path") for line in lines}


def test_a_change_of_health_is_logged_once(
    replies_and_lines: tuple[list[Reply], list[dict[str, Any]]],
) -> None:
    """However often /ping is asked."""
    _, lines = replies_and_lines
    said = [line["message"] for line in lines if line.get("logger") == "roomdet.endpoints.Ping"]

    assert said == [
        "/ping says Loading: rooms: a worker loads the model",
        "/ping says Healthy",
        "/ping says Loading: rooms: the worker ended, another one loads the model",
        "/ping says Healthy",
    ]


def test_no_picture_is_in_the_log(
    replies_and_lines: tuple[list[Reply], list[dict[str, Any]]],
) -> None:
    """Nor what came with it, whatever it was called."""
    _, lines = replies_and_lines

    assert "IHDR" not in json.dumps(lines)


def test_a_path_writes_no_line_of_its_own(
    replies_and_lines: tuple[list[Reply], list[dict[str, Any]]],
) -> None:
    """Line ends and what a terminal obeys stay within the field, whoever reads the log."""
    replies, lines = replies_and_lines
    line = [line for line in lines if line["event"] == "access" and line["method"] == "POST"][-1]

    assert FORGED in unquote(line["path"])
    assert (line["status"], replies[7].status) == (404, 404)
    assert "now" not in {line["time"] for line in lines}


def test_no_query_is_in_the_log(
    replies_and_lines: tuple[list[Reply], list[dict[str, Any]]],
) -> None:
    """Some callers put a token there."""
    _, lines = replies_and_lines

    assert "hush" not in json.dumps(lines)


def test_a_trace_of_the_worker_is_one_line(archive: Path) -> None:
    """A refusal has its reason as a field, and its trace in one place."""
    environ = {"ROOMDET_MAX_BITES": "5"}
    with serve(archive, config=CONFIG, log_config=JSON_LOG_CONFIG, environ=environ) as server:
        with pytest.raises(LocalServerError, match="the nearest is 'max_bytes'"):
            server.wait_ready()
        deadline = time.monotonic() + 20
        while "Backend worker process died" not in server.log.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        server.stop()
        lines = read_lines(server)

    refused = next(line for line in lines if line["event"] == "refused")
    died = next(line for line in lines if line.get("message") == "Backend worker process died.")
    assert refused["level"] == "ERROR"
    assert "the nearest is 'max_bytes'" in refused["reason"]
    assert died["trace"].startswith("Traceback (most recent call last):\n")
    assert died["trace"].count("\n") > 5
