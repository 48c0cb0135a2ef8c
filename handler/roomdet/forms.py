# SPDX-License-Identifier: AGPL-3.0-or-later
"""A multipart body taken apart: its parts by name, transfer encodings undone.

TorchServe's own reading of forms knows fewer ways to write them than clients use, and answers 500
to the others (docs/decisions/0032-a-front-door.md).
"""

from __future__ import annotations

import binascii
import re
from email.message import Message
from email.parser import HeaderParser

from roomdet.base64_text import decode_base64
from roomdet.errors import RequestError, ValidationError

# A part without a name is the file, as in the multipart/mixed of mail programs.
NAMELESS = "body"
_HEADERS_BYTES = 8192
# A number of too many digits or a charset with a zero byte in its name; a part of a parameter with
# a number beside one without.
_UNREAD_BY_EMAIL = (ValueError, TypeError)
_MOST_PARTS = 32  # of a form: a file and the options
_SHOWN_CHARS = 70  # the longest boundary (RFC 2046, 5.1.1)
_FIRST_LINE = re.compile(rb"\s*--([^\s\"]{1,%d})[ \t]*\r?\n" % _SHOWN_CHARS)
_PART_HEADER = re.compile(rb"\ncontent-(?:disposition|type)[ \t]*:", re.IGNORECASE)
_REST_OF_LINE = re.compile(rb"--|[ \t]*\r?\n")
_HEADERS_END = re.compile(rb"(?:\A|\n)\r?\n")


def find_boundary(content_type: str) -> str:
    """The boundary that a content type names; empty where it names none."""
    header = Message()
    header["Content-Type"] = content_type
    return _boundary_of(header)


def guess_boundary(start: bytes) -> str:
    """The boundary of a body that begins like a form, whatever it is called; else empty.

    Args:
        start: The body's first kilobyte.
    """
    line = _FIRST_LINE.match(start)
    if line is None or not _PART_HEADER.search(start):
        return ""
    return line[1].decode(errors="replace")


def read_form(body: bytes, content_type: str) -> dict[str, bytes]:
    """Take a multipart body apart.

    Args:
        body: The body as it came, of any kind of ``multipart/``.
        content_type: The header that names its boundary.

    Returns:
        The content of each part by its name.

    Raises:
        ValidationError: If the body and its boundary do not fit, the form is cut off, a name comes
            twice, or a part's transfer encoding is not known or not kept to.
    """
    boundary = find_boundary(content_type)
    if not boundary:
        raise _no_boundary(body, content_type)
    found: dict[str, bytes] = {}
    for part in _split(body, boundary):
        name, content = _read_part(part)
        if name in found:
            raise ValidationError(f"the form has two parts named {name[:_SHOWN_CHARS]!r}; send one")
        found[name] = content
    return found


def _split(body: bytes, boundary: str) -> list[bytes]:
    """The parts between the lines that a boundary makes."""
    marker = b"--" + boundary.encode(errors="replace")
    parts: list[bytes] = []
    begin: int | None = None
    at = body.find(marker)
    while at >= 0:
        line = _REST_OF_LINE.match(body, at + len(marker))
        if line and (at == 0 or body[at - 1 : at] == b"\n"):
            if begin is not None:  # the line break before a delimiter is a part of it
                end = at - (2 if body[at - 2 : at] == b"\r\n" else 1)
                parts.append(body[begin : max(begin, end)])
            if line[0] == b"--":
                return parts
            if len(parts) == _MOST_PARTS:
                raise ValidationError(
                    f"the form has more than {_MOST_PARTS} parts; send the file and its options"
                )
            begin = line.end()
        at = body.find(marker, at + len(marker))
    if begin is None:
        raise _foreign_boundary(body, boundary)
    raise ValidationError(
        f"the form does not end with its last line, --{boundary[:_SHOWN_CHARS]}--; it was cut off, "
        "or put together without it: send it whole"
    )


def _read_part(part: bytes, *, is_nested: bool = False) -> tuple[str, bytes]:
    """Name and content; of a part that is itself a form, its one part's (RFC 2388, 4.2)."""
    end = _HEADERS_END.search(part, 0, _HEADERS_BYTES)
    if end is None:
        raise ValidationError(
            "a part of the form has no empty line between its headers and its content; send "
            'Content-Disposition: form-data; name="image", an empty line, then the file\'s bytes'
        )
    headers = HeaderParser().parsestr(part[: end.start()].decode(errors="replace"))
    name = _name_of(headers)
    encoding = str(headers.get("Content-Transfer-Encoding", "")).strip().lower()
    content = _undo(encoding, part[end.end() :], name)
    if headers.get_content_maintype() != "multipart":
        return name, content
    inner = _split(content, boundary) if (boundary := _boundary_of(headers)) else []
    if is_nested or len(inner) != 1:
        raise ValidationError(
            f"the part {name[:_SHOWN_CHARS]!r} is itself a form of {len(inner)} parts; send one "
            "file in it, as its content"
        )
    return name, _read_part(inner[0], is_nested=True)[1]


def _boundary_of(headers: Message) -> str:
    """The boundary that a content type names; empty where it names none.

    Raises:
        ValidationError: If it is encoded in a way that cannot be undone.
    """
    try:
        return headers.get_boundary("")
    except _UNREAD_BY_EMAIL as err:
        raise _unreadable("Content-Type", "boundary") from err


def _name_of(headers: Message) -> str:
    """The name of a part; errors as :func:`_boundary_of`."""
    try:
        given = headers.get_param("name", header="Content-Disposition")
    except _UNREAD_BY_EMAIL as err:
        raise _unreadable("Content-Disposition", "name") from err
    return str(given[2] if isinstance(given, tuple) else given or NAMELESS)


def _unreadable(header: str, parameter: str) -> ValidationError:
    return ValidationError(
        f'the {parameter} in a header {header} cannot be read; write it as {parameter}="…"'
    )


def _undo(encoding: str, content: bytes, name: str) -> bytes:
    """A part's content without its transfer encoding (RFC 2045, 6)."""
    where = f"the part {name[:_SHOWN_CHARS]!r} of the form"
    match encoding:
        case "" | "binary" | "8bit" | "7bit":
            return content
        case "base64":
            try:
                return decode_base64(content.decode("latin-1"), where)
            except RequestError as err:
                raise ValidationError(
                    f"{where} is sent as Content-Transfer-Encoding: base64, but {err}"
                ) from err
        case "quoted-printable":
            return binascii.a2b_qp(content)
    raise ValidationError(
        f"{where} has the Content-Transfer-Encoding {encoding[:_SHOWN_CHARS]!r}; send its bytes as "
        "they are, without that header"
    )


def _no_boundary(body: bytes, content_type: str) -> ValidationError:
    kind = content_type.partition(";")[0].strip()[:_SHOWN_CHARS]
    guess = guess_boundary(body[:1024]) or "…"
    return ValidationError(
        f"the header Content-Type reads {kind} without a boundary, so the form cannot be taken "
        f"apart; send {kind}; boundary={guess} (clients add it where this header is left to them)"
    )


def _foreign_boundary(body: bytes, boundary: str) -> ValidationError:
    if not body:
        return ValidationError("the form is empty; send the file as its part named image")
    first = body[:_SHOWN_CHARS].partition(b"\n")[0].strip().decode(errors="replace")
    return ValidationError(
        f"no line of the form reads --{boundary[:_SHOWN_CHARS]}, the boundary that Content-Type "
        f"names; it begins with {first!r}: send the boundary that the form was made with"
    )
