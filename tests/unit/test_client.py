# SPDX-License-Identifier: AGPL-3.0-or-later
"""The library: what is sent, what comes back as which value or error, and what is sent again."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time

import pytest

import roomdet_client
from roomdet_client import (
    AnswerTimeout,
    AsyncRoomClient,
    ClientError,
    FileTooLarge,
    InvalidFileFormat,
    NoAnswerForm,
    ProcessingFailed,
    RequestRefused,
    RoomClient,
    ServerBusy,
    ServerUnreachable,
    ValidationError,
    WorkerDied,
    errors,
    parse_answer,
    parse_refusal,
)
from tests.builders import draw_plan, encode, plan_pdf
from tests.conftest import ROOT
from tests.unit.answering import ROOM, Asked, Busy, answering, found

PLAN = encode(draw_plan(), "PNG")
BUSY = (503, b'{"code": 503, "type": "ServiceUnavailableException", "message": "no worker"}')
DIED = (500, b'{"code": 500, "type": "InternalServerException", "message": "Worker died."}')
KILLED = (507, b'{"code": 507, "type": "InternalServerException", "message": "Worker died."}')
BROKEN = (500, b'{"status":"error","error":"processing_failed","message":"x","details":{}}')
REFUSED = (400, b'{"status":"error","error":"validation_error","message":"x","details":{}}')


def impatient(url: str, **settings: float) -> RoomClient:
    """A client that does not wait between tries."""
    client = RoomClient(url, **settings)  # type: ignore[arg-type]
    client._sleep = lambda _: None
    return client


def test_a_plan_and_its_options_are_sent() -> None:
    """The bytes as they are; options that are given in the header, the others not."""
    with answering(lambda *_: (200, found(ROOM))) as server, RoomClient(server.url) as client:
        detection = client.detect(PLAN, confidence=0.4, max_rooms=7, detail="sheet")
        client.detect(PLAN)

    first, second = server.asked
    assert ("/invocations", PLAN) == (first.path, first.body)
    assert ("confidence=0.4;max_rooms=7;detail=sheet", None) == (first.options, second.options)
    (room,) = detection.rooms
    assert ((100, 200, 300, 400), 0.9) == (room.box_xyxy_grid, room.confidence)
    assert ("as it is", 12) == (detection.sent_as, detection.processing_time_ms)


def test_a_page_is_asked_for() -> None:
    """And told in the answer with the size of that page."""
    pdf = plan_pdf(pages=3)
    answer = found(ROOM, page=2, page_count=3)
    with answering(lambda *_: (200, answer)) as server, RoomClient(server.url) as client:
        detection = client.detect(pdf, page=2)

    assert "page=2" == server.asked[0].options
    assert (2, 3) == (detection.page, detection.page_count)
    assert detection.sheet
    assert (320, 200, "pt") == (
        detection.sheet.width, detection.sheet.height, detection.sheet.unit,
    )  # fmt: skip


def test_connections_are_kept() -> None:
    """Ten requests, one connection."""
    with answering(lambda *_: (200, found())) as server, RoomClient(server.url) as client:
        for _ in range(10):
            client.detect(PLAN)

    assert 1 == len({asked.connection for asked in server.asked})


@pytest.mark.parametrize(
    ("failure", "tries"),
    [(BUSY, 4), (DIED, 2), (KILLED, 1), (BROKEN, 1), (REFUSED, 1)],
    ids=["full queue", "worker died", "killed for memory", "broken", "refused"],
)
def test_what_is_safe_is_tried_again(failure: tuple[int, bytes], tries: int) -> None:
    """A full queue as often as allowed, a worker that ended once, an answer never."""
    with answering(lambda *_: failure) as server, impatient(server.url) as client:
        with pytest.raises(RequestRefused):
            client.detect(PLAN)
        assert tries == len(server.asked)


def test_a_second_try_may_succeed() -> None:
    """And nobody hears of the first."""
    with (
        answering(lambda _, number: (200, found(ROOM)) if number else BUSY) as server,
        impatient(server.url) as client,
    ):
        assert 1 == len(client.detect(PLAN).rooms)


def test_tries_are_spread_out() -> None:
    """Each pause is a random part of twice the one before, at most 20 s."""
    pauses: list[float] = []
    with answering(lambda *_: BUSY) as server, RoomClient(server.url, retries=8) as client:
        client._sleep = pauses.append
        with pytest.raises(ServerBusy):
            client.detect(PLAN)

    assert 8 == len(pauses)
    most = [1, 2, 4, 8, 16, 20, 20, 20]
    assert all(0 <= pause <= top for pause, top in zip(pauses, most, strict=True))
    assert len(set(pauses)) > 4


def test_a_request_that_timed_out_is_not_sent_again() -> None:
    """The server may be at work on it."""
    done = threading.Event()

    def wait(*_: object) -> tuple[int, bytes]:
        done.wait(10)
        return 200, found()

    with answering(wait) as server, impatient(server.url, timeout_s=0.2) as client:
        with pytest.raises(AnswerTimeout, match="in time"):
            client.detect(PLAN)
        done.set()
        time.sleep(0.1)
        assert 1 == len(server.asked)


def test_a_connection_that_breaks_is_tried_again_where_there_was_an_answer() -> None:
    """Before the first answer the address may be wrong; later the server was restarted."""
    with answering(lambda *_: None) as server, impatient(server.url) as client:
        with pytest.raises(ServerUnreachable, match="no answer from http://127"):
            client.detect(PLAN)
        assert 1 == len(server.asked)

    def once(_: Asked, number: int) -> tuple[int, bytes] | None:
        return None if number == 1 else (200, found())

    with answering(once) as server, impatient(server.url) as client:
        client.detect(PLAN)
        client.detect(PLAN)
        assert 3 == len(server.asked)


def test_nobody_there() -> None:
    """Said at once, in words."""
    with answering(lambda *_: None) as server:
        url = server.url
    with pytest.raises(ServerUnreachable, match=f"no answer from {url}: .*Connection refused"):
        RoomClient(url).detect(PLAN)


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "ftp://host", "http://", "plan.pdf"])
def test_what_is_no_address(url: str) -> None:
    """Is told before anything is read or sent."""
    with pytest.raises(ClientError, match=r"is no address; one is http://127\.0"):
        RoomClient(url)


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (400, REFUSED[1], ValidationError, "validation_error"),
        (400, REFUSED[1].replace(b"validation_error", b"invalid_file_format"), InvalidFileFormat,
         "invalid_file_format"),
        (413, REFUSED[1].replace(b"validation_error", b"file_too_large"), FileTooLarge,
         "file_too_large"),
        (413, b"", FileTooLarge, "unknown"),
        (500, BROKEN[1], ProcessingFailed, "processing_failed"),
        (500, DIED[1], WorkerDied, "InternalServerException"),
        (507, KILLED[1], WorkerDied, "InternalServerException"),
        (503, BUSY[1], ServerBusy, "ServiceUnavailableException"),
        (404, b'{"code":404,"type":"ModelNotFoundException","message":"x"}', RequestRefused,
         "ModelNotFoundException"),
        (502, b"<html>Bad gateway</html>", RequestRefused, "unknown"),
        (400, b'["x"]', RequestRefused, "unknown"),
    ],
)  # fmt: skip
def test_errors_have_types(status: int, body: bytes, kind: type[Exception], code: str) -> None:
    """Whoever answered: the detector, TorchServe, or something between."""
    error = parse_refusal(status, body)

    assert kind is type(error)
    assert (status, code) == (error.status, error.code)


def test_details_are_kept() -> None:
    """Programs read them."""
    body = json.dumps({"error": "validation_error", "message": "x", "details": {"got": 4}})

    assert {"got": 4} == parse_refusal(400, body.encode()).details


@pytest.mark.parametrize(
    "body",
    ["", "[]", "{}", '{"detected_rooms": []}', '{"detected_rooms": 3, "processing_time_ms": 1}',
     found({**ROOM, "bounding_box": [1, 2, 3]}).decode(),
     found({**ROOM, "confidence": "high"}).decode(), found({"id": "room_001"}).decode()],
)  # fmt: skip
def test_another_form_of_answer(body: str) -> None:
    """Is no answer."""
    with pytest.raises(NoAnswerForm, match="has not the documented form"):
        parse_answer(body)


def test_keys_of_later_versions_are_kept() -> None:
    """They are additive."""
    (room,) = parse_answer(found({**ROOM, "level": "2"}).decode()).rooms

    assert {"level": "2"} == room.more


def test_several_at_once_for_asyncio() -> None:
    """As many as are allowed, and no more."""
    busy = Busy(0.1, found(ROOM))

    async def ask(url: str) -> list[int]:
        async with AsyncRoomClient(url, concurrency=3) as client:
            found = await asyncio.gather(*(client.detect(PLAN) for _ in range(9)))
            return [len(detection.rooms) for detection in found]

    with answering(busy) as server:
        assert [1] * 9 == asyncio.run(ask(server.url))
    assert 3 == busy.most


def test_every_public_name_is_there() -> None:
    """What is exported exists, every error among it."""
    kinds = {
        name for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, Exception)
    }  # fmt: skip
    assert kinds <= set(roomdet_client.__all__)
    assert all(getattr(roomdet_client, name) is not None for name in roomdet_client.__all__)
    assert sorted(roomdet_client.__all__) == roomdet_client.__all__
    with pytest.raises(AttributeError, match="no attribute 'rooms'"):
        _ = roomdet_client.rooms


def test_reading_answers_needs_python_alone() -> None:
    """What deploys runs with nothing installed; nothing of the server's is imported either way."""
    code = (
        "import sys; import roomdet_client.answers, roomdet_client.errors, roomdet_client.sheet;"
        "bad = {'PIL', 'pypdfium2', 'urllib3', 'boto3', 'numpy', 'roomdet', 'openvino'};"
        "print(sorted(bad & set(sys.modules)));"
        "import roomdet_client.cli, roomdet_client.client;"
        "print(sorted({'boto3', 'numpy', 'roomdet', 'openvino', 'torch'} & set(sys.modules)))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={"PYTHONPATH": str(ROOT / "client")},
    )  # fmt: skip
    assert ["[]", "[]"] == ran.stdout.split("\n")[:2]
