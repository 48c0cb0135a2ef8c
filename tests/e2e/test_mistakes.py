# SPDX-License-Identifier: AGPL-3.0-or-later
"""Every mistake of a caller has its status and a message, over HTTP."""

from __future__ import annotations

import http.client
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from roomdet_client.client import detect
from roomdet_client.errors import ClientError
from tests.conftest import SAMPLE_PDF
from tests.e2e.wire import BOMB, OPTIONS_HEADER, PLAN, pdf, post

if TYPE_CHECKING:
    from deploy.local.server import LocalServer


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code", "message"),
    [
        pytest.param(b"", "image/png", 400, "invalid_file_format", "is empty", id="empty"),
        pytest.param(b"hello", "image/png", 400, "invalid_file_format", "is text", id="text"),
        pytest.param(
            b"PK\x03\x04rest", "image/png", 400, "invalid_file_format", "ZIP", id="zip-named-png"
        ),
        pytest.param(
            PLAN[:20_000], "image/png", 400, "invalid_file_format", "ends early", id="truncated"
        ),
        pytest.param(BOMB, "image/png", 413, "file_too_large", "150,000,000", id="bomb"),
        pytest.param(
            bytes(22_000_000), "image/png", 413, "file_too_large", "20,971,520", id="too-many-bytes"
        ),
        pytest.param(
            pdf(password="secret"), "application/pdf", 400, "invalid_file_format", "encrypted",
            id="encrypted-pdf",
        ),
        pytest.param(
            SAMPLE_PDF.read_bytes()[:900], "application/pdf", 400, "invalid_file_format", "damaged",
            id="damaged-pdf",
        ),
        pytest.param(
            b'{"image": "????"}', "application/json", 400, "invalid_file_format", "base64",
            id="no-base64",
        ),
        pytest.param(
            b'{"image": "aGVsbG8=", "confidence": 2}', "application/json", 400, "validation_error",
            "confidence must be", id="option-out-of-range",
        ),
        pytest.param(
            b'{"picture": "aGVsbG8="}', "application/json", 400, "validation_error", "image",
            id="no-image-key",
        ),
        pytest.param(
            b'{"image": ', "application/json", 400, "validation_error", "JSON", id="cut-json"
        ),
        pytest.param(
            b"a=b", "application/x-www-form-urlencoded", 400, "validation_error", "curl",
            id="curl-default-type",
        ),
        pytest.param(
            b'{"image": "aGVsbG8=", "page": "\\ud800"}', "application/json", 400,
            "validation_error", "page must be", id="half-a-surrogate-pair",
        ),
        pytest.param(b"<svg></svg>", None, 400, "invalid_file_format", "SVG", id="svg"),
    ],
)  # fmt: skip
def test_every_mistake_has_its_status_and_a_message(
    server: LocalServer, body: bytes, content_type: str | None, status: int, code: str, message: str
) -> None:
    """Our own error form; no trace and no path in it."""
    reply = post(server, body, content_type)

    assert (status, code) == (reply.status, reply.document["error"])
    assert set(reply.document) == {"status", "error", "message", "details"}
    assert message in reply.document["message"]
    assert reply.content_type == "application/json"
    assert b"Traceback" not in reply.body
    assert b"/tmp" not in reply.body


@pytest.mark.parametrize("attributes", ["page=2", "zoom=1", "confidence=high", "page"])
def test_a_wrong_header_is_refused(server: LocalServer, attributes: str) -> None:
    """Options in the header are checked like the others."""
    reply = post(server, PLAN, **{OPTIONS_HEADER: attributes})

    assert (400, "validation_error") == (reply.status, reply.document["error"])


def test_torchserve_refuses_a_body_over_its_own_limit(server: LocalServer) -> None:
    """Above max_request_size TorchServe answers in its own form, which the client reads."""
    connection = http.client.HTTPConnection("127.0.0.1", server.ports.inference, timeout=60)
    with closing(connection):
        connection.putrequest("POST", "/invocations")
        connection.putheader("Content-Length", "29400000")
        connection.putheader("Expect", "100-continue")
        connection.endheaders()
        answer = connection.getresponse()

    assert answer.status == 413


def test_the_client_says_why_a_huge_file_is_cut_off(server: LocalServer) -> None:
    """TorchServe closes the connection while the body is being sent."""
    with pytest.raises(ClientError, match=r"max_request_size|413"):
        detect(bytes(60_000_000), url=server.url)


def test_an_unknown_path_is_404(server: LocalServer) -> None:
    """TorchServe's own form."""
    assert post(server, PLAN, path="/nothing").status == 404


def test_a_proxy_is_not_asked_for_loopback(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a company's proxy the client still reaches the server on this machine."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)

    assert len(detect(PLAN, url=server.url).rooms) >= 9
