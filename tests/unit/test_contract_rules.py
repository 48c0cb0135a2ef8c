# SPDX-License-Identifier: AGPL-3.0-or-later
"""Verdicts as functions of answers."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from deploy.contract import judging
from deploy.contract.answers import ATTRIBUTES, Answer, Sample
from deploy.contract.container import changed_paths
from deploy.contract.report import document, junit, table
from deploy.contract.rooms import answer_problems, error_problems
from deploy.contract.rows import RULES, Row, Verdict, failed, in_order, not_judged, passed
from deploy.contract.wire import Server, parse_url
from serving.errors import BadUsage

if TYPE_CHECKING:
    from collections.abc import Callable

OK = Answer(200, b"{}", {"content-type": "application/json"}, 0.01, 0.001)
CUT = Answer(0, failure="ConnectionResetError")
BUSY = replace(OK, status=503)
MIB = 2**20


def payload(size_bytes: int, answer: Answer, rule: str = "payload-6mb", alive: Answer = OK) -> Row:
    """A body that SageMaker hands on."""
    return judging.payload(rule, size_bytes, answer, alive, must_fit=True)


def used(peak_mb: int | None, limit_mb: int, kills: int = 0, *, is_alive: bool = True) -> Row:
    """Memory after bodies that were all answered."""
    return judging.memory(judging.Usage(peak_mb, limit_mb, kills, is_alive), [OK, BUSY])


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        pytest.param(judging.start(200.0, ""), "200 after 200.0 s", id="too late"),
        pytest.param(judging.start(None, "it ended"), "it ended", id="never"),
        pytest.param(judging.honest(BUSY, 1.0), "503; it was first answered 1.0 s", id="a lie"),
        pytest.param(judging.honest(CUT, None), "first answered never", id="a lie for ever"),
        pytest.param(judging.ping_time([OK, replace(OK, seconds=2.1)]), "took 2.10 s", id="slow"),
        pytest.param(judging.ping_time([OK, BUSY]), "1 of 2 pings got 1× 503", id="not ready"),
        pytest.param(judging.accept([replace(OK, connect_s=0.3)]), "300 ms", id="slow to accept"),
        pytest.param(judging.accept([OK, CUT]), "1 of 2 connections", id="not accepted"),
        pytest.param(judging.invocations(BUSY), "the sample got 503: {}", id="no answer"),
        pytest.param(judging.invocations(replace(OK, headers={})), "no Content-Type", id="no type"),
        pytest.param(judging.concurrency([OK, BUSY, CUT]), "of 3 at once 2 got", id="not at once"),
        pytest.param(payload(6 * MIB, replace(OK, status=413)), "413; SageMaker", id="too small"),
        pytest.param(payload(6 * MIB, BUSY), "got 503", id="a body is too much"),
        pytest.param(payload(6 * MIB, CUT), "no answer (Conn", id="a body is cut off"),
        pytest.param(payload(6 * MIB, OK, alive=CUT), "afterwards", id="dead of a body"),
        pytest.param(
            payload(4 * MIB, Answer(400, failure="SageMaker's own"), "payload-4mb"),
            "400 (SageMaker's own)",
            id="refused by SageMaker",
        ),
        pytest.param(
            judging.content_types({"a/b": replace(OK, status=415), "": BUSY}, "a/b"),
            "none got 503; its own, a/b, got 415",
            id="picky",
        ),
        pytest.param(
            judging.attributes_in({"x": replace(OK, status=400)}), "x got 400", id="extra"
        ),
        pytest.param(
            judging.attributes_out([replace(OK, headers={ATTRIBUTES.lower(): "x" * 1025})]),
            "1025 characters",
            id="chatty",
        ),
        pytest.param(judging.client_errors(OK), "got 200: no caller", id="all is well"),
        pytest.param(judging.client_errors(BUSY), "as if it were the server's", id="not our fault"),
        pytest.param(
            judging.client_errors(Answer(400, b"Traceback (most recent call last):" + bytes(4096))),
            "the error has 4,130 B; the error shows a stack trace",
            id="a trace",
        ),
        pytest.param(judging.routes({"GET /x": OK}), "GET /x got 200", id="any path"),
        pytest.param(judging.answer_time([replace(OK, seconds=61)]), "after 61.00 s", id="an hour"),
        pytest.param(judging.sigterm([OK, CUT], 1.0, 0), "1 got 1× no answer", id="hang up"),
        pytest.param(judging.sigterm([OK], None, 0), "runs on 30 s", id="deaf"),
        pytest.param(judging.sigterm([OK], 10.0, 137), "killed after 10.0 s", id="killed"),
        pytest.param(judging.writes(["/a", "/b", "/c", "/d"]), "/a, /b, /c …", id="writes"),
        pytest.param(used(2100, 2048), "2100 of 2048", id="large"),
        pytest.param(used(90, 2048, 1), "1 processes", id="killed inside"),
        pytest.param(used(None, 2048, is_alive=False), "ended under", id="gone"),
        pytest.param(
            judging.memory(judging.Usage(9, 99, 0, is_alive=True), [OK, replace(OK, status=507)]),
            "of 2 bodies of 6 MiB at once 1 got 1× 507",
            id="a worker is gone",
        ),
    ],
)
def test_broken_rules_fail_with_their_reason(row: Row, reason: str) -> None:
    """What was seen, and where it helps what is demanded."""
    assert (row.verdict, reason in row.reason) == (Verdict.FAILED, True), row


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(judging.start(179.0, ""), id="in time"),
        pytest.param(judging.honest(OK, None), id="honest"),
        pytest.param(payload(0, replace(OK, status=400), "payload-0"), id="an empty body is wrong"),
        pytest.param(
            judging.payload("payload-over", 1, CUT, OK, must_fit=False), id="cut off, but alive"
        ),
        pytest.param(judging.attributes_out([OK]), id="none set"),
        pytest.param(judging.client_errors(replace(OK, status=415)), id="a media type is refused"),
        pytest.param(judging.attributes_in({"attributes": replace(OK, status=400)}), id="unknown"),
        pytest.param(judging.sigterm([OK], 2.0, 143), id="ended by the signal"),
        pytest.param(used(90, 2048), id="small"),
    ],
)
def test_kept_rules_pass(row: Row) -> None:
    """Freedom that SageMaker leaves is left."""
    assert row.verdict is Verdict.PASSED, row


def test_what_cannot_be_known_is_not_judged() -> None:
    """It never passes by accident."""
    sagemakers = replace(OK, status=413, failure="SageMaker's own: ValidationError")

    assert payload(6 * MIB, sagemakers).verdict is Verdict.NOT_JUDGED
    assert used(None, 1).verdict is Verdict.NOT_JUDGED
    rows = in_order([passed("routes", "seen")], "out of sight")
    assert [row.rule for row in rows] == list(RULES)
    assert {row.reason for row in rows if row.verdict is Verdict.NOT_JUDGED} == {"out of sight"}
    with pytest.raises(ValueError, match="no rule"):
        passed("riles", "")


def test_reports_show_every_verdict() -> None:
    """Also reasons that XML cannot hold."""
    rows = [passed("start", "a"), failed("routes", "b\x00<"), not_judged("memory", "c")]

    suite = ET.fromstring(junit("x", rows, 1.0))  # noqa: S314  # our own

    counts = [suite.get(name) for name in ("tests", "failures", "skipped")]
    assert counts == ["3", "1", "1"]
    assert [case.find("failure") is not None for case in suite] == [False, True, False]
    assert table(rows).splitlines()[-1] == "1 passed, 1 failed, 1 not judged"
    assert document("x", rows)["keeps_the_contract"] is False


def test_samples_are_filled_up() -> None:
    """JSON stays JSON."""
    assert Sample(b"{}", "application/json").padded(5).body == b"{}   "
    assert Sample(b"GIF", "image/gif").padded(5).body == b"GIF\0\0"
    assert Sample(b"GIF", "image/gif").padded(0).body == b""


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("http://h", Server("h", 80)),
        ("https://h/a/invocations", Server("h", 443, "/a", is_tls=True)),
        ("http://h:8080/a/ping", Server("h", 8080, "/a")),
        ("http://[::1]:8080/", Server("::1", 8080)),
    ],
)
def test_addresses_are_read(url: str, server: Server) -> None:
    """With or without port and path."""
    assert parse_url(url) == server


def test_a_login_in_an_address_is_not_printed() -> None:
    """Neither where it is refused nor anywhere else."""
    for url in ("http://me:secret@host", "http://me:secret@host/?q", "https://me:secret@[::1"):
        with pytest.raises(BadUsage) as caught:
            parse_url(url)
        assert "secret" not in str(caught.value)


def test_only_the_containers_own_writes_count() -> None:
    """Not those of the engine, nor folders that merely hold something."""
    lines = ["C /etc", "A /etc/mtab", "C /app", "A /app/__pycache__", "A /app/__pycache__/x.pyc",
             "C /var", "A /var/log", "A /var/log/x", "D /bin/y", "A /opt/ml", "C /opt",
             "A /top"]  # fmt: skip

    assert changed_paths(lines) == ["/bin/y", "/top", "/var/log", "/var/log/x"]


ROOM = {"id": "room_001", "bounding_box": [0, 1, 2, 1000], "confidence": 0.95}
ROOMS: dict[str, Any] = {
    "status": "success", "processing_time_ms": 15, "detected_rooms": [ROOM], "page": 1
}  # fmt: skip


def of(status: int, fields: object) -> Answer:
    """An answer with a JSON document."""
    return Answer(status, json.dumps(fields).encode())


def test_documented_answers_are_right() -> None:
    """Further keys are no fault, nor are no rooms."""
    error = {"status": "error", "error": "validation_error", "message": "no"}

    assert answer_problems(of(200, ROOMS)) == []
    assert answer_problems(of(200, ROOMS | {"detected_rooms": []})) == []
    assert error_problems(of(400, error), 400, "validation_error") == []


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda _: [], id="a list"),
        pytest.param(lambda d: d | {"status": "ok"}, id="status"),
        pytest.param(lambda d: d | {"processing_time_ms": 1.5}, id="time"),
        pytest.param(lambda d: d | {"processing_time_ms": True}, id="time as a boolean"),
        pytest.param(lambda d: d | {"detected_rooms": None}, id="no rooms"),
        pytest.param(lambda d: d | {"detected_rooms": [1]}, id="no object"),
        pytest.param(lambda d: d | {"detected_rooms": [ROOM | {"id": "1"}]}, id="id"),
        pytest.param(lambda d: d | {"detected_rooms": [ROOM | {"confidence": 2}]}, id="confidence"),
        pytest.param(
            lambda d: d | {"detected_rooms": [ROOM | {"confidence": 0.12345}]}, id="digits"
        ),
        pytest.param(lambda d: d | {"detected_rooms": [{}]}, id="no keys"),
        pytest.param(
            lambda d: (
                d | {"detected_rooms": [ROOM | {"confidence": 0.1}, ROOM | {"id": "room_002"}]}
            ),
            id="order",
        ),
        *(
            pytest.param(
                lambda d, box=box: d | {"detected_rooms": [ROOM | {"bounding_box": box}]},
                id=f"{box}",
            )
            for box in ([0, 0, 0, 1], [0, 0, 1], [0, 0, 1, 1001], [0.0, 0, 1, 1], [2, 0, 1, 1])
        ),
    ],
)
def test_answers_of_another_form_are_found(change: Callable[[dict[str, Any]], object]) -> None:
    """Each deviation alone."""
    assert answer_problems(of(200, change(ROOMS))) != []
    assert answer_problems(of(503, ROOMS)) == ["status 503"]
    assert error_problems(of(200, ROOMS), 400, "validation_error") != []
