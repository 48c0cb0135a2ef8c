# SPDX-License-Identifier: AGPL-3.0-or-later
"""Every example of docs/openapi.yaml, as a running server takes and gives it."""

from __future__ import annotations

import base64
import copy
import gzip
import os
import signal
import struct
import time
import zipfile
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from serving.server import LocalServer, serve
from tests.conftest import CONFIG, SAMPLE_PDF, jvm_flags
from tests.e2e.spoiling import frozen_worker, without
from tests.e2e.wire import (
    OPTIONS_HEADER,
    PLAN,
    Reply,
    encode,
    multipart,
    pdf,
    png_chunk,
    post,
    post_json,
)
from tests.openapi import ADDRESSES, JSON, OPENAPI, followed, responses, validator, validator_of
from tests.s3_servers import Script, serve_badly

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTENT = OPENAPI["components"]["requestBodies"]["Plan"]["content"]
REQUESTS: dict[str, dict[str, Any]] = {
    name: example["value"] for name, example in CONTENT[JSON]["examples"].items()
}
EXAMPLES = {
    (status, name): example["value"]
    for address, status, content in responses()
    if address == ADDRESSES[0]
    for name, example in content["examples"].items()
}
FILES = {
    "application/octet-stream": PLAN,
    "application/pdf": pdf(),
    **{
        f"image/{kind}": encode("L", kind.upper())
        for kind in ("png", "jpeg", "tiff", "webp", "bmp")
    },
    "image/gif": encode("P", "GIF"),
}
ENCODINGS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "identity": bytes,
}
# Appended to roomdet/schema.py: a fault of ours, where a page has no rooms.
BROKEN = b"""
_build_rooms = build_rooms
def build_rooms(boxes_grid, scores, *facts):
    if not len(scores):
        raise OSError("the rooms are gone")
    return _build_rooms(boxes_grid, scores)
"""
DEADLINE_S = 5  # importing boto3, for the first object, takes a second
BODY_S = 3
Follow = Callable[[Script], None]


@dataclass(frozen=True)
class Place:
    """A sound server, and one that can be made to fail, with what its S3 does."""

    sound: LocalServer
    failing: LocalServer
    follow: Follow


@pytest.fixture(scope="module")
def place(
    server: LocalServer, archive: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """The server that all tests share, and one of this file's own."""
    with zipfile.ZipFile(archive) as content:
        source = content.read("roomdet/schema.py") + BROKEN
    broken = without(
        archive, tmp_path_factory.mktemp("broken") / "rooms.mar", "roomdet/schema.py", source
    )
    with serve_badly() as (s3, follow, _):
        environ = s3.environ | {
            "ROOMDET_IMAGE_URL_PREFIXES": "s3://my-bucket/plans/",
            "ROOMDET_FETCH_TIMEOUT_S": str(DEADLINE_S),
        }
        settings = {"job_queue_size": "1"} | jvm_flags(f"-Droomdet.body_s={BODY_S}")
        with serve(broken, config=CONFIG, environ=environ, settings=settings) as failing:
            failing.wait_ready()
            yield Place(server, failing, follow)
            follow(Script())


# -- requests -------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("name", REQUESTS)
def test_every_request_is_answered(place: Place, name: str, address: str) -> None:
    """With rooms, or none, as the schema says."""
    document = pdf(pages=2)
    place.follow(Script(body=document, size=len(document)))
    server = place.failing if "image_url" in REQUESTS[name] else place.sound
    reply = post_json(server, REQUESTS[name], address)

    assert reply.status == 200, reply.body
    validator("Answer").validate(reply.document)


@pytest.mark.parametrize("media_type", [kind for kind in CONTENT if kind in FILES])
def test_every_kind_of_file_is_answered(server: LocalServer, media_type: str) -> None:
    """Under the media type that the document lists."""
    reply = post(server, FILES[media_type], media_type)

    assert len(reply.rooms) >= 9
    validator("Answer").validate(reply.document)


def test_every_media_type_is_tried() -> None:
    """Nothing is listed that is not sent above or below."""
    assert set(CONTENT) == {*FILES, JSON, "multipart/form-data"}


@pytest.mark.parametrize(
    "field", [field for choice in OPENAPI["components"]["schemas"]["PlanAsForm"]["oneOf"]
              for field in choice["required"]]
)  # fmt: skip
def test_every_form_is_answered(server: LocalServer, field: str) -> None:
    """With an option beside the file."""
    body, content_type = multipart(**{field: PLAN, "max_rooms": b"2"})

    assert len(post(server, body, content_type).rooms) == 2


def test_the_examples_of_headers_are_taken(server: LocalServer) -> None:
    """Each is that of a parameter, and each encoding that is listed is undone."""
    options, encoding = (
        followed(parameter) for parameter in OPENAPI["paths"]["/invocations"]["post"]["parameters"]
    )
    assert (options["name"], encoding["name"]) == (OPTIONS_HEADER, "Content-Encoding")
    assert {example["value"] for example in encoding["examples"].values()} == set(ENCODINGS)
    document = pdf(pages=2)
    for name, pack in ENCODINGS.items():
        headers = {OPTIONS_HEADER: options["example"], "Content-Encoding": name}
        reply = post(server, pack(document), **headers)
        assert reply.document["page"] == 2
        assert len(reply.rooms) >= 9


# -- answers --------------------------------------------------------------------------------


def in_flight(server: LocalServer, count: int) -> None:
    """Wait until a server has so many requests."""
    deadline_s = time.monotonic() + 60
    while (health := server.health()) is None or health.in_flight != count:
        assert time.monotonic() < deadline_s, server.log_tail()
        time.sleep(0.02)


def end_worker(server: LocalServer, number: signal.Signals) -> Reply:
    """What a caller gets whose worker is ended; another one is ready afterwards."""
    (worker,) = server.worker_pids()
    with ThreadPoolExecutor(1) as pool:
        with frozen_worker(server):
            waiting = pool.submit(post, server, PLAN)
            in_flight(server, 1)
            os.kill(worker, number)
        reply = waiting.result()
    deadline_s = time.monotonic() + 30
    while worker in server.worker_pids():  # until then the server still calls itself ready
        assert time.monotonic() < deadline_s, server.log_tail()
        time.sleep(0.02)
    server.wait_ready()
    return reply


def kill_worker(server: LocalServer) -> Reply:
    """What a caller gets; TorchServe may see the connection end before it can see why: 500."""
    for _ in range(5):
        reply = end_worker(server, signal.SIGKILL)
        if reply.status != 500:
            break
    return reply


def fill_queue(place: Place) -> Reply:
    """One request is at the worker, one waits, this is the third."""
    server = place.failing
    with ThreadPoolExecutor(2) as pool:
        with frozen_worker(server):
            waiting = []
            for count in (1, 2):
                waiting.append(pool.submit(post, server, PLAN))
                in_flight(server, count)
            reply = post(server, PLAN)
        assert [other.result().status for other in waiting] == [200, 200]
    return reply


def never_end(place: Place) -> Reply:
    """A body of which only a part is sent."""
    return post(place.failing, PLAN[:100], Content_Length=str(len(PLAN)))


def name_plan(place: Place, script: Script) -> Reply:
    """Ask for a plan in an S3 that follows a script."""
    place.follow(script)
    return post_json(place.failing, REQUESTS["by-reference"])


def large_png() -> bytes:
    """A PNG that claims more pixels than are read."""
    header = struct.pack(">IIBBBBB", 15_100, 10_000, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (
            png_chunk(b"IHDR", header),
            png_chunk(b"IDAT", zlib.compress(b"")),
            png_chunk(b"IEND", b""),
        )
    )


PROVOKED: dict[tuple[int, str], Callable[[Place], Reply]] = {
    (200, "two-rooms"): lambda place: post(
        place.sound, SAMPLE_PDF.read_bytes(), **{OPTIONS_HEADER: "max_rooms=2"}
    ),
    (200, "no-rooms-on-page-2-of-3"): lambda place: post(
        place.sound, pdf(pages=3), **{OPTIONS_HEADER: "page=2"}
    ),
    (400, "invalid_file_format"): lambda place: post(
        place.sound, base64.b64encode(PLAN), "image/png"
    ),
    (400, "validation_error"): lambda place: post_json(
        place.sound, REQUESTS["base64"] | {"confidence": 1.4}
    ),
    (400, "image_url"): lambda place: name_plan(place, Script(head=404)),
    (404, "model"): lambda place: post(place.sound, PLAN, path="/predictions/other"),
    (408, "body-late"): never_end,
    (413, "file_too_large"): lambda place: post(place.sound, large_png()),
    (415, "unsupported_media_type"): lambda place: post(
        place.sound, b"\x1b", Content_Encoding="br"
    ),
    (500, "processing_failed"): lambda place: post(place.failing, pdf(pages=2)),
    (500, "image_url"): lambda place: name_plan(place, Script(drip="headers")),
    (500, "worker-died"): lambda place: end_worker(place.failing, signal.SIGTERM),
    (503, "queue-full"): fill_queue,
    (507, "worker-killed"): lambda place: kill_worker(place.failing),
}


def test_every_example_of_an_answer_is_provoked() -> None:
    """None is documented that no server gives; each status has one."""
    assert set(PROVOKED) == set(EXAMPLES)
    statuses = {status for _, status, _ in responses()}
    assert {status for status, _ in EXAMPLES} == statuses


@pytest.mark.parametrize(("status", "name"), PROVOKED, ids=str)
def test_every_example_of_an_answer_is_what_comes(place: Place, status: int, name: str) -> None:
    """Word by word, but for times, ids, another processor's rooms, and the time limits here."""
    example = copy.deepcopy(EXAMPLES[status, name])
    reply = PROVOKED[status, name](place)
    found = reply.document

    assert reply.status == status
    assert reply.content_type == JSON
    for _, documented, content in responses():
        if documented == status:
            validator_of(content["schema"]).validate(found)
    if status == 200:
        shown, rooms = example.pop("detected_rooms"), found.pop("detected_rooms")
        assert [room["id"] for room in shown] == [room["id"] for room in rooms]
        for room, other in zip(shown, rooms, strict=True):
            off = np.subtract(room["bounding_box"], other["bounding_box"])
            assert np.abs(off).max() <= 4
            assert abs(room["confidence"] - other["confidence"]) <= 0.02
        found["processing_time_ms"] = example["processing_time_ms"]
    elif "request_id" in example.get("details", {}):
        assert found["details"]["request_id"] == reply.request_id
        found["details"]["request_id"] = example["details"]["request_id"]
        found["message"] = found["message"].replace(f"within {DEADLINE_S} s", "within 10 s")
    elif status == 408:
        found["message"] = found["message"].replace(f"{BODY_S} s after", "40 s after")
    assert found == example
