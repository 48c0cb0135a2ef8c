# SPDX-License-Identifier: AGPL-3.0-or-later
"""Plans that are named instead of sent: real TorchServe, S3 over HTTP."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pypdfium2
import pytest
from PIL import Image

from roomdet_client import ClientError, RoomClient, ValidationError
from serving.server import LocalServer, serve
from tests.conftest import CONFIG, SAMPLE_PDF, SAMPLE_PNG
from tests.e2e.wire import PLAN, multipart, pdf, post, post_json
from tests.s3_servers import S3, Script, serve_badly, serve_moto

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.wire import Reply

PREFIXES = "s3://my-shelf/plans/ s3://other-shelf/"
BASE = "s3://my-shelf/plans/"
MAX_BYTES = 16_000_000
DEADLINE_S = 2
Bad = tuple[LocalServer, S3, Callable[[Script], None]]


def settings(s3: S3) -> dict[str, str]:
    """The environment of a container that may read from two places."""
    return s3.environ | {
        "ROOMDET_IMAGE_URL_PREFIXES": PREFIXES,
        "ROOMDET_FETCH_TIMEOUT_S": str(DEADLINE_S),
        "ROOMDET_MAX_BYTES": str(MAX_BYTES),
    }


def large_plan() -> bytes:
    """The sample plan as a BMP of 12 MB."""
    buffer = io.BytesIO()
    with Image.open(SAMPLE_PNG) as plan:
        plan.convert("RGB").resize((2400, 1698)).save(buffer, "BMP")
    return buffer.getvalue()


def heavy_plan() -> bytes:
    """The sample's page with a spot of noise: larger as PDF than drawn."""
    with closing(pypdfium2.PdfDocument(SAMPLE_PDF)) as document:
        page = document[0]
        noise = np.random.default_rng(21).integers(0, 256, (700, 700), np.uint8)
        spot = pypdfium2.PdfImage.new(document)
        spot.set_bitmap(pypdfium2.PdfBitmap.from_pil(Image.fromarray(noise)))
        spot.set_matrix(pypdfium2.PdfMatrix().scale(0.5, 0.5).translate(1, 1))
        page.insert_obj(spot)
        page.gen_content()
        buffer = io.BytesIO()
        document.save(buffer)
        return buffer.getvalue()


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    """Moto's S3 with plans, and with what is no business of the server's."""
    with serve_moto() as running:
        for bucket in ("my-shelf", "other-shelf", "locked-shelf"):
            running.make_bucket(bucket)
        running.put("my-shelf", "plans/large.bmp", large_plan())
        running.put("my-shelf", "plans/three.pdf", pdf(pages=3))
        running.put("my-shelf", "plans/huge.bmp", bytes(MAX_BYTES + 1))
        running.put("my-shelf", "plans/note.txt", b"hello")
        running.put("my-shelf", "plans/empty.png", b"")
        running.put("other-shelf", "plan.pdf", SAMPLE_PDF.read_bytes())
        for key in ("secret.png", "plans-evil/a.png", "plans/a b.png"):
            running.put("my-shelf", key, PLAN)
        running.put("locked-shelf", "plans/a.png", PLAN)
        yield running


@pytest.fixture(scope="module")
def server(archive: Path, s3: S3) -> Iterator[LocalServer]:
    """A server that may read the plans."""
    with serve(archive, config=CONFIG, environ=settings(s3)) as running:
        running.wait_ready()
        yield running


@pytest.fixture(scope="module")
def badly_served(archive: Path) -> Iterator[Bad]:
    """A server whose S3 misbehaves, that S3, and what tells it how."""
    with (
        serve_badly() as (bad, follow, _),
        serve(archive, config=CONFIG, environ=settings(bad)) as running,
    ):
        running.wait_ready()
        yield running, bad, follow
        follow(Script())


def name(server: LocalServer, url: object, **options: float) -> Reply:
    """Ask for the rooms of a plan that is named."""
    return post_json(server, {"image_url": url, **options})


# -- plans ----------------------------------------------------------------------------------


def test_a_plan_of_12_mb_is_answered(server: LocalServer, s3: S3) -> None:
    """As if it had been sent, and read once."""
    plan = large_plan()
    s3.forget()
    reply = name(server, f"{BASE}large.bmp")

    assert len(plan) > 12_000_000
    assert len(reply.rooms) >= 9
    assert reply.rooms == post(server, plan).rooms
    assert s3.requests == [f"{verb} /my-shelf/plans/large.bmp" for verb in ("HEAD", "GET")]
    assert sum(s3.sent) == len(plan)


def test_options_stand_beside_the_address(server: LocalServer) -> None:
    """A page, and how many rooms."""
    reply = name(server, f"{BASE}three.pdf", page=3, max_rooms=2)

    assert len(reply.rooms) == 2
    assert (reply.document["page"], reply.document["page_count"]) == (3, 3)


def test_a_whole_bucket_may_be_allowed(server: LocalServer) -> None:
    """And TorchServe's own address answers alike."""
    document = {"image_url": "s3://other-shelf/plan.pdf"}

    assert len(post_json(server, document, "/predictions/rooms").rooms) >= 9


def test_the_log_tells_sizes_and_times_but_no_names(server: LocalServer, s3: S3) -> None:
    """Each request has its line, with the fetch apart from the work."""
    reply = name(server, f"{BASE}large.bmp")
    deadline_s = time.monotonic() + 20
    while f'"id":"{reply.request_id}"' not in (text := server.log.read_text()):
        assert time.monotonic() < deadline_s, text
        time.sleep(0.05)
    line = next(line for line in text.splitlines() if f'"id":"{reply.request_id}"' in line)

    assert f'"bytes_fetched":{len(large_plan())}' in line
    assert float(re.findall(r'"fetch_ms":([0-9.]+)', line)[0]) > 0
    for secret in ("my-shelf", "large.bmp", "testing", s3.url):
        assert secret not in text


def test_the_client_names_a_plan_that_is_too_large_to_be_sent(
    server: LocalServer, s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Put into S3, named, and removed again, whatever came of it."""
    for variable, value in s3.environ.items():
        monkeypatch.setenv(variable, value)
    s3.forget()
    with RoomClient(server.url, limit_bytes=20_000, s3_place=BASE, region="us-east-1") as client:
        found = client.detect(large_plan())
        with pytest.raises(ValidationError):
            client.detect(large_plan(), confidence=7)
        with pytest.raises(ClientError, match="is no place for plans"):
            RoomClient(server.url, s3_place="my-shelf/plans")

    assert "by reference in S3" == found.sent_as
    assert len(found.rooms) >= 10
    verbs = [request.split()[0] for request in s3.requests]
    assert ["PUT", "HEAD", "GET", "DELETE", "PUT"] == verbs[:5]
    assert "DELETE" == verbs[-1]


def test_a_plan_that_is_asked_for_names_keeps_its_text(
    server: LocalServer, s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named where it would else be drawn and small enough; its outlines need no text."""
    for variable, value in s3.environ.items():
        monkeypatch.setenv(variable, value)
    plan = heavy_plan()
    with RoomClient(server.url, limit_bytes=400_000, s3_place=BASE, region="us-east-1") as client:
        drawn, named = client.detect(plan, include=["polygon"]), client.detect(plan, include="name")

    assert drawn.sent_as.startswith("PNG of 4160")
    assert drawn.rooms[0].polygon_grid
    assert "by reference in S3" == named.sent_as
    assert {"Kitchen", "Bedroom 2"} <= {room.name_hint for room in named.rooms}


# -- refusals -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://169.254.169.254/latest/meta-data/", "nothing else is fetched"),
        ("https://my-shelf.s3.amazonaws.com/plans/large.bmp", "nothing else is fetched"),
        ("file:///etc/passwd", "nothing else is fetched"),
        ("ftp://my-shelf/plans/large.bmp", "nothing else is fetched"),
        ("S3://my-shelf/plans/large.bmp", "nothing else is fetched"),
        ("s3://locked-shelf/plans/a.png", "may not read that image_url"),
        ("s3://my-shelf/secret.png", "may not read that image_url"),
        ("s3://my-shelf/plans-evil/a.png", "may not read that image_url"),
        ("s3://my-shelf/plans/../secret.png", "nothing else is fetched"),
        ("s3://my-shelf/plans/%2e%2e/secret.png", "nothing else is fetched"),
        ("s3://my-shelf/plans//large.bmp", "nothing else is fetched"),
        ("s3://my-shelf/plans/\uff0e\uff0e/secret.png", "nothing else is fetched"),
        ("s3://my-shelf/plans/a b.png", "nothing else is fetched"),
        ("s3://my-shelf/plans/large.bmp?versionId=1", "nothing else is fetched"),
        ("s3://my-shelf@evil.example/plans/large.bmp", "nothing else is fetched"),
        ("s3://my-shelf/plans/large.bmp\n", "nothing else is fetched"),
        ("arn:aws:s3:::my-shelf/plans/large.bmp", "nothing else is fetched"),
        ("s3://my-shelf/plans/", "nothing else is fetched"),
        ("", "nothing else is fetched"),
        (None, "nothing else is fetched"),
    ],
)
def test_other_addresses_are_refused(
    server: LocalServer, s3: S3, url: object, message: str
) -> None:
    """Before S3 is asked anything."""
    s3.forget()
    reply = name(server, url)

    assert reply.status == 400
    assert reply.document["error"] == "validation_error"
    assert message in reply.document["message"]
    assert s3.requests == []


def test_one_request_has_one_file(server: LocalServer, s3: S3) -> None:
    """Named in JSON only, and not beside another."""
    url = f"{BASE}large.bmp"
    s3.forget()
    form, form_type = multipart(image=PLAN, image_url=url.encode())
    header = {"X_Amzn_SageMaker_Custom_Attributes": f"image_url={url}"}
    replies = [
        post_json(server, {"image_url": url, "image": "aGVsbG8="}),
        post(server, form, form_type),
        post(server, PLAN, **header),
    ]

    assert [400] * 3 == [reply.status for reply in replies]
    assert ["validation_error"] * 3 == [reply.document["error"] for reply in replies]
    assert s3.requests == []


def test_a_plan_over_the_limit_is_not_downloaded(server: LocalServer, s3: S3) -> None:
    """S3 is asked for its size, and sends no byte of it."""
    s3.forget()
    reply = name(server, f"{BASE}huge.bmp")

    assert reply.status == 413
    assert reply.document["error"] == "file_too_large"
    assert reply.document["message"] == "the file has 16,000,001 bytes; the limit is 16,000,000"
    assert s3.requests == ["HEAD /my-shelf/plans/huge.bmp"]
    assert sum(s3.sent) == 0


@pytest.mark.parametrize("file", ["note.txt", "empty.png"])
def test_what_is_no_picture_is_refused_as_ever(server: LocalServer, file: str) -> None:
    """The content decides."""
    reply = name(server, BASE + file)

    assert (reply.status, reply.document["error"]) == (400, "invalid_file_format")


# -- an S3 that misbehaves ------------------------------------------------------------------


def test_missing_and_denied_get_one_answer(server: LocalServer, badly_served: Bad) -> None:
    """Byte for byte, so that nobody learns which plans exist."""
    other, _, follow = badly_served
    answers = {name(server, f"{BASE}none.png").body}
    for script in (Script(head=403), Script(head=404), Script(get=403), Script(get=404)):
        follow(script)
        reply = name(other, f"{BASE}a.png")
        assert reply.status == 400
        answers.add(reply.body)

    assert len(answers) == 1
    assert b"does not exist, or this server may not read it" in answers.pop()


@pytest.mark.parametrize("status", [301, 307])
def test_redirects_are_not_followed(badly_served: Bad, s3: S3, status: int) -> None:
    """The caller hears that there was one, and nothing of where it led."""
    server, bad, follow = badly_served
    s3.forget()
    follow(
        Script(
            head=status,
            headers={
                "Location": f"{s3.url}/my-shelf/plans/large.bmp",
                "x-amz-bucket-region": "eu-west-1",
            },
        )
    )
    reply = name(server, f"{BASE}large.bmp")

    assert (reply.status, reply.document["error"]) == (400, "validation_error")
    assert "redirect" in reply.document["message"]
    assert b"127.0.0.1" not in reply.body
    assert b"eu-west-1" not in reply.body
    assert s3.requests == []
    assert len(bad.requests) == 1


@pytest.mark.parametrize("drip", ["headers", "body"])
def test_a_dripping_s3_is_cut_at_the_deadline(badly_served: Bad, drip: str) -> None:
    """A byte now and then does not keep the worker; the next request is served."""
    server, _, follow = badly_served
    follow(Script(drip=drip, size=10_000, body=bytes(10_000)))
    started_s = time.monotonic()
    reply = name(server, f"{BASE}a.png")
    taken_s = time.monotonic() - started_s

    assert (reply.status, reply.document["error"]) == (500, "processing_failed")
    assert reply.document["message"].startswith("the file of image_url was not there within 2 s")
    assert reply.document["details"] == {"request_id": reply.request_id}
    assert DEADLINE_S <= taken_s < DEADLINE_S + 2
    assert len(post(server, PLAN).rooms) >= 9


def test_an_ailing_s3_is_our_failure(badly_served: Bad) -> None:
    """The answer says what to do, and the log why."""
    server, bad, follow = badly_served
    follow(Script(head=503))
    reply = name(server, f"{BASE}a.png")

    assert (reply.status, reply.document["error"]) == (500, "processing_failed")
    assert "try again" in reply.document["message"]
    assert len(bad.requests) == 2
    assert f"Request {reply.request_id}: S3 answered HeadObject with 503" in server.log.read_text()
