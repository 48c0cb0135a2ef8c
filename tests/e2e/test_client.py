# SPDX-License-Identifier: AGPL-3.0-or-later
"""The client against real servers: its library, SageMaker, S3, and installed alone."""

from __future__ import annotations

import asyncio
import io
import json
import os
import subprocess
import sys
import venv
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from roomdet_client import (
    AsyncRoomClient,
    ClientError,
    FileTooLarge,
    InvalidFileFormat,
    MissingDependency,
    Plan,
    RequestRefused,
    Room,
    RoomClient,
    ValidationError,
)
from roomdet_client.sagemaker_transport import SERVERLESS_BYTES
from tests.builders import corner_pdf
from tests.conftest import ROOT, SAMPLE_PDF, SAMPLE_PNG
from tests.contract.account_setup import environ
from tests.contract.local_sagemaker import served_endpoint

if TYPE_CHECKING:
    from pathlib import Path

    from serving.server import LocalServer

ROOMS = 11  # of the sample plan
NEVER = "http://127.0.0.1:9"  # the discard port: nothing listens


def iou(one: Room, other: Room) -> float:
    """Overlap of two rooms."""
    a, b = one.box_xyxy_grid, other.box_xyxy_grid
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    common = max(width, 0) * max(height, 0)
    areas = [(x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in (a, b)]
    return common / (sum(areas) - common)


def all_found(rooms: tuple[Room, ...], among: tuple[Room, ...], least: float) -> bool:
    """Whether each room has one that is nearly the same."""
    return all(max(iou(room, other) for other in among) >= least for room in rooms)


def test_a_plan_as_path_bytes_and_in_asyncio(server: LocalServer) -> None:
    """The same rooms, with points or pixels of the page."""

    async def ask() -> list[int]:
        async with AsyncRoomClient(server.url) as client:
            found = await asyncio.gather(client.detect(SAMPLE_PDF), client.detect(SAMPLE_PNG))
            return [len(detection.rooms) for detection in found]

    with RoomClient(server.url) as client:
        by_path = client.detect(SAMPLE_PDF)
        by_bytes = client.detect(SAMPLE_PDF.read_bytes())
        picture = client.detect(str(SAMPLE_PNG))

    assert ROOMS == len(by_path.rooms)
    assert by_path.rooms == by_bytes.rooms
    assert asyncio.run(ask()) == [len(by_path.rooms), len(picture.rooms)]
    with Image.open(SAMPLE_PNG) as opened:
        width, height = opened.size
    for room in picture.rooms:
        x0, y0, x1, y1 = room.box_xyxy_px
        assert 0 <= x0 < x1 <= width
        assert 0 <= y0 < y1 <= height


def test_errors_have_types(server: LocalServer) -> None:
    """As the server gives them."""
    with RoomClient(server.url) as client:
        with pytest.raises(InvalidFileFormat, match="400 invalid_file_format: the file is"):
            client.detect(b"no plan")
        with pytest.raises(ValidationError, match="confidence must be a number from") as caught:
            client.detect(SAMPLE_PNG, confidence=7)
        assert "confidence" == caught.value.details["option"]
        with pytest.raises(ValidationError, match="page 4 was asked for"):
            client.detect(SAMPLE_PDF, page=4)


def test_a_letterboxed_square_gives_the_plans_boxes(server: LocalServer) -> None:
    """What older clients send: 640 x 640 with margins."""
    with Image.open(SAMPLE_PNG) as opened:
        plan = opened.convert("RGB")
    scale = 640 / max(plan.size)
    small = plan.resize((round(plan.width * scale), round(plan.height * scale)))
    square = Image.new("RGB", (640, 640), (114, 114, 114))
    square.paste(small, ((640 - small.width) // 2, (640 - small.height) // 2))
    file = io.BytesIO()
    square.save(file, "PNG")
    with RoomClient(server.url) as client:
        whole = client.detect(SAMPLE_PNG)
        boxed = client.detect(file.getvalue(), original_wh=plan.size)

    likely = tuple(room for room in whole.rooms if room.confidence > 0.5)
    assert len(likely) >= ROOMS - 1
    assert all_found(likely, boxed.rooms, 0.8)


def test_a_large_sheet_shrunk_has_the_same_rooms(server: LocalServer) -> None:
    """Reduced to the finest level by the client instead of by the server."""
    sheet = Plan(corner_pdf(SAMPLE_PDF.read_bytes(), 0.4)).render(1, 7000)
    file = io.BytesIO()
    sheet.save(file, "BMP")
    with RoomClient(server.url) as client:
        reduced = client.detect(file.getvalue())
    with RoomClient(server.url, limit_bytes=file.tell()) as client:
        file = io.BytesIO()
        sheet.save(file, "PNG")
        whole = client.detect(file.getvalue())

    assert reduced.sent_as.startswith("PNG of 4160 x ")
    assert "as it is" == whole.sent_as
    assert len(whole.rooms) >= ROOMS - 1
    likely = tuple(room for room in whole.rooms if room.confidence > 0.4)
    assert all_found(likely, reduced.rooms, 0.8)
    assert (7000, "px") == (reduced.rooms[0].sheet.width, reduced.rooms[0].sheet.unit)  # type: ignore[union-attr]


def test_an_endpoint(server: LocalServer) -> None:
    """Through boto3: rooms, the container's own errors, SageMaker's, and the limit."""
    with served_endpoint(server.url) as (url, name):
        variables = {"AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": url, "AWS_ENDPOINT_URL_SAGEMAKER": NEVER,
                     "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}  # fmt: skip
        with environ(variables):
            client = RoomClient.sagemaker(name, region="eu-central-1", timeout_s=30)
            nobody = RoomClient.sagemaker("nobody", region="eu-central-1")
            careless = RoomClient.sagemaker(name, region="eu-central-1", limit_bytes=10**9)
            with client, nobody, careless:
                assert ROOMS == len(client.detect(SAMPLE_PDF).rooms)
                assert 3 == len(client.detect(SAMPLE_PDF, max_rooms=3).rooms)
                with pytest.raises(ValidationError, match="400 validation_error: confidence must"):
                    client.detect(SAMPLE_PDF, confidence=7)
                with pytest.raises(RequestRefused, match=r"Endpoint nobody of .* not found"):
                    nobody.detect(SAMPLE_PDF)
                with pytest.raises(FileTooLarge, match="HTTP content length exceeded"):
                    careless.detect(bytes(6_291_457))
                # What the endpoint is was not told: the smaller limit holds.
                assert SERVERLESS_BYTES == client._transport.limit_bytes


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with nothing but the client."""
    folder = tmp_path_factory.mktemp("alone") / "venv"
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", ROOT / "client"],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder / "bin"


def test_the_client_is_installed_alone(
    installed: Path, server: LocalServer, tmp_path: Path
) -> None:
    """With `pip install ./client`: no network engine, no Java, and the command works."""
    alone = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    listed = subprocess.run(
        [installed / "python", "-m", "pip", "list", "--format", "json"], env=alone,
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    names = {package["name"].lower() for package in json.loads(listed.stdout)}
    assert {"pillow", "pypdfium2", "shtab", "tqdm", "urllib3", "roomdet-client"} == names - {
        "pip", "setuptools",
    }  # fmt: skip

    ran = subprocess.run(
        [installed / "roomdet", "detect", SAMPLE_PDF, "--url", server.url, "--draw", "rooms.png",
         "--out", "found", "--format", "yolo", "--format", "pdf"],
        cwd=tmp_path, env=alone, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert (0, "") == (ran.returncode, ran.stdout), ran.stderr
    assert "11 rooms on 1 page" in ran.stderr
    with Image.open(tmp_path / "rooms.png") as drawn:
        assert 1600 == max(drawn.size)
    labels = (tmp_path / "found" / "yolo" / "labels" / "plan.txt").read_text("utf-8")
    assert ROOMS == len(labels.splitlines())

    missing: list[tuple[list[str | Path], str]] = [
        ([installed / "roomdet", "detect", SAMPLE_PDF, "--endpoint", "rooms"], "[sagemaker]"),
        # Before it asks a server.
        ([installed / "roomdet", "detect", SAMPLE_PDF, "--url", NEVER, "--format", "dxf",
          "--out", "plan.dxf"], "[dxf]"),
        ([installed / "roomdet", "watch", tmp_path, "--url", NEVER, "--format", "dxf",
          "--out", "answers"], "[dxf]"),
    ]  # fmt: skip
    for command, extra in missing:
        ran = subprocess.run(
            command, cwd=tmp_path, env=alone, check=False, capture_output=True, text=True
        )
        assert 1 == ran.returncode
        assert f"pip install 'roomdet-client{extra}'" in ran.stderr
    assert issubclass(MissingDependency, ClientError)


def test_the_checkouts_alias(server: LocalServer) -> None:
    """`python -m client` is the same command, with nothing installed and no PYTHONPATH."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    ran = subprocess.run(
        [sys.executable, "-m", "client", "detect", SAMPLE_PDF, "--url", server.url], cwd=ROOT,
        env=environ, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert ROOMS == len(json.loads(ran.stdout)["detected_rooms"])


def test_the_examples_of_the_documentation(server: LocalServer) -> None:
    """They run as they are printed, but for the address."""
    text = (ROOT / "docs" / "client.md").read_text("utf-8")
    environ = {**os.environ, "PYTHONPATH": str(ROOT / "client")}
    printed = []
    for block in text.split("```python\n")[1:]:
        code = block.split("```")[0].replace("http://127.0.0.1:8080", server.url)
        ran = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env=environ, check=True, capture_output=True,
            text=True,
        )  # fmt: skip
        printed.append(ran.stdout.splitlines())
    boxes, names = printed
    assert 4 * ROOMS + 1 == len(boxes)
    assert boxes[-1].startswith("400 invalid_file_format the file is")
    assert ROOMS == len(names)
    assert "Bedroom 2 text 1.0" in names
