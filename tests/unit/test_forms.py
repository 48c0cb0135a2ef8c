# SPDX-License-Identifier: AGPL-3.0-or-later
"""Multipart bodies taken apart, however they are written."""

from __future__ import annotations

import base64
import binascii
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomdet.errors import ValidationError
from roomdet.forms import find_boundary, guess_boundary, read_form

FILE = b"\x89PNG\r\n\x1a\n\r\n--B\x00--B-- and so on\r\n"
NAMED = 'Content-Disposition: form-data; name="image"; filename="plan.png"'
TYPE = "multipart/form-data; boundary=B"


def part(content: bytes, *headers: str) -> bytes:
    """A part with the line that begins it."""
    head = "".join(f"{header}\r\n" for header in headers).encode()
    return b"--B\r\n" + head + b"\r\n" + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    """A whole form."""
    return b"".join(parts) + b"--B--\r\n"


PLAIN = form(part(FILE, NAMED, "Content-Type: image/png"))


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data; boundary=B",
        "multipart/form-data;boundary=B",
        'multipart/form-data; boundary="B"',
        "Multipart/Form-Data; Boundary=B",
        "MULTIPART/FORM-DATA; BOUNDARY=B",
        "multipart/form-data; boundary = B",
        "multipart/form-data; boundary=B;",
        "multipart/form-data; charset=utf-8; boundary=B",
        "multipart/form-data; charset=utf-8; x=y; boundary=B",
        "multipart/mixed; boundary=B",
        "Multipart/Related; type=image/png; boundary=B",
    ],
)
def test_the_header_may_be_written_in_any_way(content_type: str) -> None:
    """Case, order, blanks and quotes make no difference, nor the kind of multipart."""
    assert read_form(PLAIN, content_type) == {"image": FILE}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(PLAIN, {"image": FILE}, id="plain"),
        pytest.param(b"\r\n" + PLAIN, {"image": FILE}, id="leading-newline"),
        pytest.param(b"A form.\r\n" + PLAIN + b"and more", {"image": FILE}, id="around"),
        pytest.param(PLAIN[:-2], {"image": FILE}, id="no-last-newline"),
        pytest.param(
            b"--B\n" + NAMED.encode() + b"\n\nabc\n--B--\n", {"image": b"abc"}, id="unix-newlines"
        ),
        pytest.param(form(part(FILE, NAMED.upper().replace("IMAGE", "image"))), {"image": FILE},
                     id="capitals"),
        pytest.param(
            form(part(FILE, "Content-Disposition: form-data; name=image")), {"image": FILE},
            id="no-quotes",
        ),
        pytest.param(
            form(part(FILE, 'Content-Disposition: form-data; filename="a;b.png"; name="image"')),
            {"image": FILE}, id="name-last",
        ),
        pytest.param(
            form(part(FILE, "Content-Disposition: form-data; name*=UTF-8''image")),
            {"image": FILE}, id="extended-name",
        ),
        pytest.param(
            form(part(FILE, NAMED + "; filename*=UTF-8''pl%C3%A4n.png")), {"image": FILE},
            id="extended-filename",
        ),
        pytest.param(
            form(part(FILE, NAMED.replace("plan", "plän"))), {"image": FILE}, id="umlaut"
        ),
        pytest.param(
            form(part(FILE, NAMED.replace("form-data", "attachment"))), {"image": FILE},
            id="attachment",
        ),
        pytest.param(form(part(FILE, "Content-Type: image/png")), {"body": FILE}, id="nameless"),
        pytest.param(form(part(FILE)), {"body": FILE}, id="no-headers"),
        pytest.param(form(part(b"", NAMED)), {"image": b""}, id="empty-file"),
        pytest.param(
            form(part(b"2", 'Content-Disposition: form-data; name="page"'), part(FILE, NAMED)),
            {"page": b"2", "image": FILE}, id="two-parts",
        ),
        pytest.param(b"--B--\r\n", {}, id="no-parts"),
        pytest.param(
            form(part(b"--I\r\nContent-Type: image/png\r\n\r\n" + FILE + b"\r\n--I--",
                      'Content-Disposition: form-data; name="image"',
                      "Content-Type: multipart/mixed; boundary=I")),
            {"image": FILE}, id="nested",
        ),
    ],
)  # fmt: skip
def test_parts_are_found_by_name(body: bytes, expected: dict[str, bytes]) -> None:
    """Their content arrives byte by byte."""
    assert read_form(body, TYPE) == expected


@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("binary", FILE),
        ("8bit", FILE),
        ("7BIT", FILE),
        ("base64", base64.b64encode(FILE)),
        ("Base64", base64.encodebytes(FILE)),
        ("base64", base64.urlsafe_b64encode(FILE).rstrip(b"=")),
        ("quoted-printable", binascii.b2a_qp(FILE, istext=False)),
    ],
)
def test_transfer_encodings_are_undone(encoding: str, content: bytes) -> None:
    """As mail programs and older HTTP clients send them."""
    body = form(part(content, NAMED, f"content-transfer-encoding: {encoding}"))

    assert read_form(body, TYPE) == {"image": FILE}


@given(st.binary(max_size=300), st.sampled_from([b"", b"\r\n", b"\n--B", b"\r\n--B", b"--B--x"]))
def test_any_content_arrives(content: bytes, tail: bytes) -> None:
    """Also content that nearly is a delimiter."""
    body = form(
        part(content + tail, NAMED), part(b"1", 'Content-Disposition: form-data; name="page"')
    )

    if not re.search(rb"\n--B(--|[ \t]*\r?\n)", b"\n" + content + tail + b"\r\n"):
        assert read_form(body, TYPE) == {"image": content + tail, "page": b"1"}


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        pytest.param(
            PLAIN, "multipart/form-data",
            r"reads multipart/form-data without a boundary.*send multipart/form-data; boundary=B ",
            id="no-boundary",
        ),
        pytest.param(PLAIN, "multipart/form-data; boundary=", "without a boundary", id="empty"),
        pytest.param(b"abc", "multipart/mixed", "send multipart/mixed; boundary=… ", id="unlike"),
        pytest.param(
            PLAIN, "multipart/form-data; boundary=C",
            r"no line of the form reads --C.*begins with '--B'", id="another-boundary",
        ),
        pytest.param(PLAIN, "multipart/form-data; boundary=b", "no line", id="boundary-has-case"),
        pytest.param(b"", TYPE, "the form is empty", id="empty-form"),
        pytest.param(PLAIN[:-8], TYPE, "does not end with its last line, --B--", id="cut-off"),
        pytest.param(
            form(part(FILE, NAMED), part(FILE, NAMED)), TYPE, "two parts named 'image'", id="twice"
        ),
        pytest.param(b"--B\r\nabc\r\n--B--", TYPE, "no empty line", id="no-empty-line"),
        pytest.param(
            form(part(b"a*b=", NAMED, "Content-Transfer-Encoding: base64")), TYPE,
            r"the part 'image' of the form .*'\*' at character 2 of 4", id="no-base64",
        ),
        pytest.param(
            form(part(FILE, NAMED, "Content-Transfer-Encoding: x-uuencode")), TYPE,
            "Content-Transfer-Encoding 'x-uuencode'; send its bytes as they are", id="uuencode",
        ),
        pytest.param(
            form(part(b"--I\r\n\r\na\r\n--I\r\n\r\nb\r\n--I--", NAMED,
                      "Content-Type: multipart/mixed; boundary=I")),
            TYPE, "itself a form of 2 parts", id="nested-with-two",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_apart_is_explained(
    body: bytes, content_type: str, message: str
) -> None:
    """What was seen, where, and what to send."""
    with pytest.raises(ValidationError, match=message):
        read_form(body, content_type)


def test_a_form_in_a_form_in_a_form_is_refused() -> None:
    """A body of nothing but beginnings does not exhaust the stack."""
    body = PLAIN
    for _ in range(2):
        body = form(
            part(body.replace(b"--B", b"--BB"), NAMED, "Content-Type: multipart/mixed; boundary=BB")
        )
    with pytest.raises(ValidationError):
        read_form(body, TYPE)


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        (PLAIN, f"multipart/form-data; boundary*{'1' * 5000}=B", "boundary in a header Content-T"),
        (PLAIN, "multipart/form-data; boundary*0=B; boundary*", "boundary in a header Content-T"),
        (PLAIN, "multipart/form-data; boundary*0=B; boundary*=a", "boundary in a header Content-T"),
        (
            form(part(FILE, "Content-Disposition: form-data; name*" + "1" * 5000 + '="image"')),
            TYPE,
            "name in a header Content-Disposition cannot be read",
        ),
        (
            form(part(FILE, NAMED, "Content-Type: multipart/mixed; boundary*=a\0b''x")),
            TYPE,
            "boundary in a header Content-Type cannot be read",
        ),
    ],
)
def test_parameters_that_python_cannot_read_are_refused(
    body: bytes, content_type: str, message: str
) -> None:
    """What email raises for them is no fault of the server."""
    with pytest.raises(ValidationError, match=message):
        read_form(body, content_type)


def test_a_form_of_very_many_parts_is_refused_at_once() -> None:
    """Their headers would be read for minutes."""
    parts = [part(b"1", f'Content-Disposition: form-data; name="a{i}"') for i in range(33)]

    assert len(read_form(form(*parts[:32]), TYPE)) == 32
    with pytest.raises(ValidationError, match="more than 32 parts"):
        read_form(form(*parts), TYPE)


@pytest.mark.parametrize(
    ("start", "boundary"),
    [
        (PLAIN, "B"),
        (b"\r\n" + PLAIN, "B"),
        (PLAIN.lower().replace(b"--b", b"--B"), "B"),
        (b"--B\r\n\r\nabc", ""),
        (b"-- a comment of SQL\ncontent-type: x", ""),
        (FILE, ""),
        (b"", ""),
    ],
)
def test_a_form_is_known_by_its_first_lines(start: bytes, boundary: str) -> None:
    """A line of two dashes and, below it, a header that parts have."""
    assert guess_boundary(start) == boundary


@pytest.mark.parametrize(
    "header", ["", "multipart/form-data", "x", ";", "multipart/form-data;;=", "ä"]
)
def test_a_header_without_boundary_has_none(header: str) -> None:
    """Whatever else it has."""
    assert find_boundary(header) == ""


@given(st.binary(max_size=200), st.text(max_size=60))
def test_any_body_is_read_or_refused(body: bytes, content_type: str) -> None:
    """Nothing but a ValidationError comes out."""
    for text in (body, b"--B\r\n" + body, form(part(body))):
        for header in (content_type, TYPE, f"{TYPE}; {content_type}"):
            try:
                read_form(text, header)
            except ValidationError:
                continue
