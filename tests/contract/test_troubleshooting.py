# SPDX-License-Identifier: AGPL-3.0-or-later
"""docs/troubleshooting.md: each message is one that is given, and each case says what to do."""

from __future__ import annotations

import contextlib
import re
import socket
from typing import TYPE_CHECKING

import numpy as np
import pytest
from reportlab.lib.pdfencrypt import StandardEncryption

from roomdet.config import Config, Limits
from roomdet.errors import RequestError
from roomdet.images import read_page
from roomdet.isolation import IsolatedReader, PageCeiling
from roomdet.schema import build_rooms, encode_answer
from roomdet_client import AnswerTimeout, RoomClient
from tests.builders import layered_pdf, pdf_stream, plan_pdf, raw_pdf
from tests.conftest import ROOT
from tests.openapi import responses

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT = (ROOT / "docs" / "troubleshooting.md").read_text("utf-8")
CASES = re.split(r"^## ", TEXT, flags=re.MULTILINE)[1:]
MESSAGES = [
    line
    for block in re.findall(r"```text\n(.*?)```", TEXT, re.DOTALL)
    for line in block.splitlines()
]
# What is not worth a server here: the strings that the code puts together, in their order.
WRITTEN: dict[str, list[tuple[str, ...]]] = {
    "docker/endpoints/src/roomdet/endpoints/Health.java": [
        ("the worker ended, another one", " loads the model"),
        ("a worker", " loads the model"),
        ("the worker ended ", "2", " times; the log says why"),
        ("rooms.mar", " was not registered; the log says why"),
    ],
    "deploy/endpoint/invoke.py": [
        ("the file has ", "6,291,457", " bytes; SageMaker takes ", "6,291,456", " in mode ",
         "realtime", "."),
    ],
    "client/roomdet_client/http_transport.py": [
        ("closed the connection while ", "60,000,000", " bytes were sent; TorchServe ",
         "does so with a body over its max_request_size"),
    ],
}  # fmt: skip
VALUE = re.compile(r"[\d,]+|rooms\.mar|realtime")


def refusal(data: bytes, *, page: int = 1) -> str:
    """How the client prints what the reader says of a file."""
    with pytest.raises(RequestError) as caught:
        read_page(data, page=page, side_px=64, limits=Limits())
    return shown(caught.value)


def shown(error: RequestError) -> str:
    """Status, code and text."""
    return f"{error.status} {error.code}: {error}"


def portfolio() -> bytes:
    """A cover for two files."""
    return raw_pdf(b"", [b"<</Type/Filespec/F(plan.pdf)/EF<</F 6 0 R>>>>",
                         pdf_stream(b"/Type/EmbeddedFile", b"%PDF")]).replace(
        b"/Type/Catalog",
        b"/Type/Catalog/Collection<</View/D>>"
        b"/Names<</EmbeddedFiles<</Names[(a) 5 0 R(b) 5 0 R]>>>>",
    )  # fmt: skip


def refused_files() -> Iterator[str]:
    """What is said of real files that are refused."""
    whole = plan_pdf(pages=3)
    yield refusal(plan_pdf(encrypt=StandardEncryption(userPassword="user")))
    yield refusal(portfolio())
    form = b"/Type/Catalog/AcroForm<</Fields[]/XFA 5 0 R>>"
    yield refusal(raw_pdf(b"", [pdf_stream(b"", b"<xdp/>")]).replace(b"/Type/Catalog", form))
    yield refusal(whole[: len(whole) // 100])
    yield refusal(whole, page=4)
    yield refusal(plan_pdf(pages=Limits().max_pages + 1))
    yield refusal(bytes(Limits().max_bytes + 1))


def a_slow_page() -> str:
    """What is said of a page that takes minutes, with the shipped limit in it."""
    with (
        contextlib.closing(IsolatedReader(Limits(), PageCeiling(0.3, 900))) as reader,
        pytest.raises(RequestError) as caught,
    ):
        reader.read_page(layered_pdf(50_000), page=1, side_px=64)
    return shown(caught.value).replace("0.3 s", f"{Config().page_seconds} s")


def an_answer_that_does_not_come() -> str:
    """What the client says of a server that takes a request and is silent."""
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        RoomClient(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.2) as client,
        pytest.raises(AnswerTimeout) as caught,
    ):
        client.detect(plan_pdf())
    return re.sub(r"(?<=127\.0\.0\.1:)\d+", "8080", str(caught.value))


@pytest.fixture(scope="module")
def given() -> str:
    """Every message that was provoked here or by the tests of other documents."""
    no_rooms = build_rooms(np.empty((0, 4), np.int64), np.empty(0, np.float32))
    examples = [
        f"{status} {value.get('error') or value['type']}: {value['message']}"
        for _, status, content in responses()
        for value in (example["value"] for example in content["examples"].values())
        if "message" in value
    ]
    return "\n".join(
        [
            *refused_files(),
            a_slow_page(),
            an_answer_that_does_not_come(),
            encode_answer(no_rooms, processing_time_ms=1, page=1, page_count=1).decode(),
            *examples,  # tests/e2e/test_openapi.py
            (ROOT / "docs" / "deploy-errors.md").read_text("utf-8"),  # test_deploy_errors.py
        ]
    )


@pytest.mark.parametrize("message", list(dict.fromkeys(MESSAGES)))
def test_every_message_is_one_that_is_given(message: str, given: str) -> None:
    """Word by word."""
    written = {"".join(parts) for texts in WRITTEN.values() for parts in texts}

    assert message in written or message in given


@pytest.mark.parametrize("file", WRITTEN)
def test_what_the_code_writes_is_in_it(file: str) -> None:
    """Each part but the values, which follow each other in the page as they do there."""
    code = (ROOT / file).read_text("utf-8")
    for parts in WRITTEN[file]:
        assert "".join(parts) in MESSAGES
        fixed = [part for part in parts if not VALUE.fullmatch(part)]
        assert [part for part in fixed if part not in code] == []


def test_every_case_has_its_four_parts() -> None:
    """A message, why, what shows it, and what to do."""
    assert len(CASES) == 7
    for case in CASES:
        places = [case.find(part) for part in ("```text", "**Why.", "**What shows it", "**Do.")]
        assert -1 not in places, case.splitlines()[0]
        assert places == sorted(places)
        assert "```sh\n" in case or "status and the text" in case


@pytest.mark.parametrize("name", ["max_seconds", "page_seconds"])
def test_limits_on_the_page_are_the_shipped_ones(name: str) -> None:
    """They are repeated in the text."""
    assert re.findall(rf"`{name}` \((\d+)\)", TEXT) == [str(getattr(Config(), name))]
