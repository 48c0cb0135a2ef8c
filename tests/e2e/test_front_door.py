# SPDX-License-Identifier: AGPL-3.0-or-later
"""What TorchServe alone would answer with 500, or read otherwise than it was meant."""

from __future__ import annotations

import base64
import gzip
import http.client
import json
import urllib.request
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.e2e.wire import PLAN, multipart, pdf, post

if TYPE_CHECKING:
    from serving.server import LocalServer

ADDRESSES = ("/ping", "/metrics", "/execution-parameters")
NAMED = 'Content-Disposition: form-data; name="image"; filename="plan.png"'
FORM = "application/x-www-form-urlencoded"


def form(content: bytes, *headers: str) -> bytes:
    """A form of one part, whose boundary is B."""
    head = "".join(f"{header}\r\n" for header in headers).encode()
    return b"--B\r\n" + head + b"\r\n" + content + b"\r\n--B--\r\n"


@pytest.mark.parametrize("address", ADDRESSES)
def test_head_is_get_without_its_body(server: LocalServer, address: str) -> None:
    """The same status and headers; the connection goes on, which a stray body would break."""
    connection = http.client.HTTPConnection("127.0.0.1", server.ports.inference, timeout=10)
    with closing(connection):
        for method in ("HEAD", "GET", "HEAD", "HEAD"):
            connection.request(method, address)
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status == 200
            assert int(answer.headers["Content-Length"]) > 0
            assert answer.headers["Content-Type"].startswith(("application/json", "text/plain"))
            assert bool(body) is (method == "GET")


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "FOO"])
def test_other_methods_are_not_allowed(server: LocalServer, method: str, address: str) -> None:
    """405 says what is, whether TorchServe knows the method or not."""
    connection = http.client.HTTPConnection("127.0.0.1", server.ports.inference, timeout=10)
    with closing(connection):
        connection.request(method, address)
        answer = connection.getresponse()
        document = json.loads(answer.read())

    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, HEAD"
    assert document["type"] == "MethodNotAllowedException"


def test_head_of_the_management_plugin(server: LocalServer) -> None:
    """`/versions` is a plugin's address, too."""
    request = urllib.request.Request(f"{server.management_url}/versions", method="HEAD")
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200


@pytest.mark.parametrize("path", ["/invocations", "/predictions/rooms"])
@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        pytest.param(form(PLAN, NAMED), "Multipart/Form-Data; Boundary=B", id="odd-case"),
        pytest.param(form(PLAN, NAMED), "multipart/form-data; a=b; c=d; boundary=B", id="late"),
        pytest.param(form(PLAN, "Content-Type: image/png"), "multipart/mixed; boundary=B",
                     id="mixed"),
        pytest.param(form(PLAN, "Content-Type: image/png"), "multipart/form-data; boundary=B",
                     id="nameless"),
        pytest.param(
            form(base64.encodebytes(PLAN), NAMED, "Content-Transfer-Encoding: base64"),
            "multipart/form-data; boundary=B", id="transfer-encoding",
        ),
        pytest.param(PLAN, FORM, id="curl-data-binary"),
        pytest.param(pdf(), FORM.title(), id="curl-data-binary-pdf"),
        pytest.param(json.dumps({"image": base64.b64encode(PLAN).decode()}).encode(), FORM,
                     id="curl-d-json"),
    ],
)  # fmt: skip
def test_every_way_to_send_a_file_finds_the_rooms(
    server: LocalServer, body: bytes, content_type: str, path: str
) -> None:
    """Each of these was a 500, a 400 or a page that was not asked for."""
    assert len(post(server, body, content_type, path).rooms) >= 9


@pytest.mark.parametrize("encoding", ["gzip", "GZip"])
def test_a_compressed_form_finds_the_rooms(server: LocalServer, encoding: str) -> None:
    """TorchServe would have found no part in it."""
    body, content_type = multipart(image=PLAN, max_rooms=b"2")
    reply = post(server, gzip.compress(body), content_type, Content_Encoding=encoding)

    assert len(reply.rooms) == 2


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        pytest.param(multipart(image=pdf(2), page=b"2")[0], "multipart/form-data",
                     "without a boundary", id="no-boundary"),
        pytest.param(multipart(image=pdf(2), page=b"2")[0], "application/pdf",
                     "the body is a form", id="called-pdf"),
        pytest.param(form(PLAN, NAMED), "multipart/form-data; boundary=", "without a boundary",
                     id="empty-boundary"),
        pytest.param(form(PLAN, NAMED)[:-9], "multipart/form-data; boundary=B", "cut off",
                     id="cut"),
        pytest.param(form(PLAN, NAMED, "Content-Transfer-Encoding: x-uue"),
                     "multipart/form-data; boundary=B", "'x-uue'", id="unknown-encoding"),
        pytest.param(PLAN.replace(b"\r", b"").replace(b"\n", b""), FORM, "curl needs --data-binary",
                     id="curl-d"),
        pytest.param(b"a=b", FORM, "curl's default", id="web-form"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_the_callers_to_mend(
    server: LocalServer, body: bytes, content_type: str, message: str
) -> None:
    """400 in our own form, never TorchServe's 500 and never another page's rooms."""
    reply = post(server, body, content_type)

    assert reply.status == 400
    assert message in reply.document["message"]


def test_an_encoding_that_is_not_undone_is_named(server: LocalServer) -> None:
    """415, and the header."""
    reply = post(server, b"\x1b\x00", "application/json", Content_Encoding="br")

    assert (reply.status, reply.document["error"]) == (415, "unsupported_media_type")
    assert "the header Content-Encoding reads 'br'" in reply.document["message"]


def test_nobody_but_the_door_says_what_a_form_is(server: LocalServer) -> None:
    """Its header is taken away where a caller sends it."""
    reply = post(server, PLAN, "image/png", X_Roomdet_Content_Type="multipart/form-data")

    assert len(reply.rooms) >= 9


def test_options_in_the_address_of_a_form_are_refused(server: LocalServer) -> None:
    """As beside any other body."""
    body, content_type = multipart(image=PLAN)
    reply = post(server, body, content_type, "/invocations?max_rooms=2")

    assert reply.status == 400
    assert "unexpected max_rooms in the address" in reply.document["message"]
