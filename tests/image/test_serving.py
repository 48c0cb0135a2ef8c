# SPDX-License-Identifier: AGPL-3.0-or-later
"""Plans of every kind, bad ones and too many, under SageMaker's conditions."""

from __future__ import annotations

import base64
import io
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from roomdet.network import SURPRISE_CONFIDENCE, NetworkManifest
from tests.conftest import NETWORK, SAMPLE_PDF, SAMPLE_PNG
from tests.image.conftest import mounted
from tests.image.container import JVM, READER, WORKER

if TYPE_CHECKING:
    from pathlib import Path

    from tests.image.container import Container, Reply
    from tests.image.lab import Lab

PLAN = SAMPLE_PNG.read_bytes()
# Those that the shipped network is sure of; the archive's own check compares their boxes.
ROOMS_ON_SAMPLE = len(NetworkManifest.read(NETWORK).golden)


def sure_rooms(reply: Reply) -> int:
    """How many rooms are answered with the certainty that the golden plan keeps for its own.

    Less certain ones come and go with a format.
    """
    return sum(room["confidence"] > SURPRISE_CONFIDENCE for room in reply.rooms)


def encoded(kind: str, mode: str = "RGB", **options: object) -> bytes:
    """The sample plan in some format."""
    file = io.BytesIO()
    with Image.open(SAMPLE_PNG) as plan:
        plan.convert(mode).save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(PLAN, id="png"),
        pytest.param(encoded("PNG", "P"), id="png with a palette"),
        pytest.param(encoded("PNG", "LA"), id="png with transparency"),
        pytest.param(encoded("JPEG", quality=85), id="jpeg"),
        pytest.param(encoded("JPEG", "CMYK", quality=85), id="cmyk jpeg"),
        pytest.param(encoded("TIFF", compression="tiff_lzw"), id="tiff"),
        pytest.param(encoded("TIFF", "1", compression="group4"), id="fax tiff"),
        pytest.param(encoded("WEBP", lossless=True), id="webp"),
        pytest.param(encoded("BMP"), id="bmp"),
        pytest.param(encoded("GIF", "L"), id="gif"),
        pytest.param(encoded("PDF", resolution=150), id="scanned pdf"),
        pytest.param(SAMPLE_PDF.read_bytes(), id="drawn pdf"),
    ],
)
def test_every_format_is_read(served: Container, body: bytes) -> None:
    """All rooms of the sample are found."""
    assert sure_rooms(served.invoke(body)) == ROOMS_ON_SAMPLE


def test_a_plan_that_is_named_is_fetched(lab: Lab, image: str, model: Path, tmp_path: Path) -> None:
    """By the image's own boto3; for HEAD and GET of an object a server of files is S3 enough."""
    plan = tmp_path / "my-shelf" / "plans" / "a.png"
    plan.parent.mkdir(parents=True)
    plan.write_bytes(PLAN)
    for path in (tmp_path, *tmp_path.rglob("*")):
        path.chmod(0o755)
    environ = {
        "ROOMDET_IMAGE_URL_PREFIXES": "s3://my-shelf/plans/",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9000",
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }
    variables = [f"--env={name}={value}" for name, value in environ.items()]
    flags = [*mounted(model), f"--volume={tmp_path}:/srv:ro", *variables]
    with lab.container(image, "serve", flags=flags) as container:
        container.start(
            "python", "-m", "http.server", "9000", "--bind", "127.0.0.1", "--directory", "/srv"
        )
        container.wait_ready()
        there, missing = (
            container.invoke(
                json.dumps({"image_url": f"s3://my-shelf/plans/{name}"}).encode(),
                Content_Type="application/json",
            )
            for name in ("a.png", "none.png")
        )

    assert sure_rooms(there) == ROOMS_ON_SAMPLE
    assert (missing.status, missing.document["error"]) == (400, "validation_error")
    assert "does not exist, or this server may not read it" in missing.document["message"]


def test_every_kind_of_request_is_understood(served: Container) -> None:
    """JSON with base64, a form, options in SageMaker's header, TorchServe's own address."""
    as_json = json.dumps({"image": base64.b64encode(PLAN).decode(), "max_rooms": 3}).encode()
    form = (
        b'--x\r\nContent-Disposition: form-data; name="image"; filename="p.png"\r\n'
        b"Content-Type: image/png\r\n\r\n" + PLAN + b"\r\n--x--\r\n"
    )
    attributes = {"X_Amzn_SageMaker_Custom_Attributes": "max_rooms=2"}

    assert len(served.invoke(as_json, Content_Type="application/json").rooms) == 3
    as_form = served.invoke(form, Content_Type="multipart/form-data; boundary=x")
    assert sure_rooms(as_form) == ROOMS_ON_SAMPLE
    assert len(served.invoke(PLAN, **attributes).rooms) == 2
    assert sure_rooms(served.ask("/predictions/rooms", PLAN)) == ROOMS_ON_SAMPLE


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        pytest.param(b"", 400, "invalid_file_format", id="nothing"),
        pytest.param(b"no picture", 400, "invalid_file_format", id="text"),
        pytest.param(PLAN[: len(PLAN) // 2], 400, "invalid_file_format", id="half a picture"),
        pytest.param(bytes(21 * 2**20), 413, "file_too_large", id="21 MiB"),
    ],
)
def test_bad_plans_are_refused_in_our_words(
    served: Container, body: bytes, status: int, code: str
) -> None:
    """A true status and one of the API's codes."""
    reply = served.invoke(body)

    assert status == reply.status
    assert reply.document["error"] == code


def test_a1_sheets_fit_into_the_memory(served: Container, sheets: dict[str, bytes]) -> None:
    """Each is read, and no process ends over it."""

    def lasting() -> set[int]:
        return {pid for pid, line in served.processes().items() if READER not in line}

    before = lasting()
    for name, sheet in sheets.items():
        assert served.invoke(sheet).rooms, name

    assert before == lasting()
    assert sum(served.peak_mb().values()) < 2048


def test_too_many_requests_are_refused_and_it_serves_on(
    served: Container, sheets: dict[str, bytes]
) -> None:
    """Of 40 at once those that fit into the queue are answered, the others get 503 at once."""
    with ThreadPoolExecutor(40) as pool:
        statuses = Counter(pool.map(lambda _: served.invoke(sheets["a1.png"]).status, range(40)))

    assert set(statuses) == {200, 503}
    assert statuses[200] >= 10  # the queue's length
    assert sure_rooms(served.invoke(PLAN)) == ROOMS_ON_SAMPLE


def test_only_the_inference_api_can_be_reached(served: Container) -> None:
    """Management and metrics listen on loopback; no model can be registered."""
    for port in (8081, 8082, 8083, 8084):
        assert served.ask("/models", port=port, timeout_s=5).status == 0
    assert served.ask("/models/rooms").status in {404, 405}


def test_processes_are_few_and_none_is_a_zombie(served: Container) -> None:
    """Process 1, the JVM, one worker and those that read its pages."""
    found = list(served.processes().values())
    lines = [line for line in found if READER not in line]

    assert len(lines) == 3, lines  # a zombie has no command line and would be a fourth
    for part in ("/opt/roomdet/serve serve", JVM, WORKER):
        assert len([line for line in lines if part in line]) == 1, lines
    # What forks and what reads; a second one that reads ends when it has nothing to do.
    assert len(found) - len(lines) in {2, 3}, found


def test_the_log_is_one_json_object_a_line(served: Container) -> None:
    """And the first line tells what is served with which limits."""
    lines = served.logs()

    assert all(line.keys() >= {"time", "level", "event"} for line in lines)
    assert "2048 MiB" in lines[0]["message"]
    assert "/opt/ml/model/rooms.mar" in lines[0]["message"]


def test_a_baked_in_archive_serves_as_root_in_little_memory(
    lab: Lab, archive: Path, sheets: dict[str, bytes]
) -> None:
    """`docker run IMAGE` without anything, in 1024 MB: sheets, and a full queue of large bodies."""
    from tests.image.conftest import baked_in  # noqa: PLC0415  # a fixture's module

    image = lab.build("rooms-baked", archive=baked_in(archive))
    with lab.as_built().container(image, memory_mb=1024, user="0:0") as container:
        container.wait_ready()
        for name, sheet in sheets.items():
            assert container.invoke(sheet).rooms, name
        # No picture, so that the queue is what is tried; just under the limit of a file (6 MiB).
        body = json.dumps({"image": base64.b64encode(bytes(6_200_000)).decode()}).encode()
        with ThreadPoolExecutor(12) as pool:
            replies = pool.map(
                lambda _: container.invoke(body, Content_Type="application/json"), range(24)
            )
            statuses = Counter(reply.status for reply in replies)
        assert set(statuses) <= {400, 503}, statuses  # the handler's answer, a full queue
        assert sure_rooms(container.invoke(PLAN)) == ROOMS_ON_SAMPLE
        container.signal("TERM")
        assert container.wait_end() == 0
