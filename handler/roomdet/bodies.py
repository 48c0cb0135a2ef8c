# SPDX-License-Identifier: AGPL-3.0-or-later
"""A body as it came, until what is left of it is a file or JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from roomdet.base64_text import describe_base64
from roomdet.encodings import is_gzip, undo_encoding
from roomdet.errors import InvalidFileFormat, ValidationError
from roomdet.filetypes import TEXT, FileType, identify
from roomdet.forms import find_boundary, guess_boundary, read_form

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roomdet.config import Limits

OPTIONS_HEADER = "X-Amzn-SageMaker-Custom-Attributes"
# The content type of a form that the front door keeps whole (docker/endpoints, FrontDoor.java).
FORM_TYPE_HEADER = "X-Roomdet-Content-Type"
FILE_PARTS = ("image", "data", "body")
BLANK = b"\xef\xbb\xbf \t\r\n"  # with the mark that some editors put before UTF-8
_URL_ENCODED = "application/x-www-form-urlencoded"
_START_BYTES = 1024
_OPTIONS_BYTES = 1 << 16  # beside the file of a body that is unpacked
_SHOWN_CHARS = 64


def find_header(headers: Mapping[str, Any], name: str) -> Any:
    """Value of a header whose name may be written in any case; None if there is none."""
    wanted = name.lower()
    return next((value for key, value in headers.items() if key.lower() == wanted), None)


def refuse_in_address(fields: Mapping[str, Any]) -> None:
    """Refuse what is beside the body: it came with the address.

    Raises:
        ValidationError: If there is anything.
    """
    names = sorted(set(fields) - set(FILE_PARTS))
    if names:
        raise ValidationError(
            f"unexpected {', '.join(names)[:_SHOWN_CHARS]} in the address; options go into the "
            f"JSON body or the header {OPTIONS_HEADER}"
        )


@dataclass(frozen=True, slots=True)
class Body:
    """How a body was sent, by its headers.

    Attributes:
        content_type: As the caller gave it; may be empty.
        encoding: Its content encoding; may be empty.
        is_whole: Whether it is a form that TorchServe did not see.
    """

    content_type: str
    encoding: str
    is_whole: bool

    @classmethod
    def of(cls, headers: Mapping[str, Any]) -> Body:
        """Read the headers; their names may be written in any case."""
        whole_type = str(find_header(headers, FORM_TYPE_HEADER) or "")
        content_type = whole_type or str(find_header(headers, "Content-Type") or "")
        encoding = str(find_header(headers, "Content-Encoding") or "")
        return cls(content_type, encoding, bool(whole_type))

    @property
    def kind(self) -> str:
        """The media type in lower case, without parameters."""
        return self.content_type.partition(";")[0].strip().lower()

    @property
    def is_form(self) -> bool:
        """Whether it is called a form of several parts."""
        return self.kind.startswith("multipart/")

    def take_apart(self, row: Mapping[str, Any], limits: Limits) -> dict[str, Any]:
        """The fields of the request: those of a form, or the one body.

        Args:
            row: Body parts by name, as TorchServe hands them over.
            limits: ``max_bytes`` bounds what is unpacked.

        Raises:
            RequestError: If the body is a form that cannot be taken apart, or is compressed in a
                way that cannot be undone within the limits.
        """
        fields = dict(row)
        body = fields.get("body")
        if isinstance(body, bytes | bytearray | memoryview):
            body = fields["body"] = self._uncompressed(bytes(body), limits)
        if self.kind == _URL_ENCODED:
            _check_url_encoded(body if self.is_whole else None)
        elif self.is_form and isinstance(body, bytes) and not self._is_read(body):
            refuse_in_address(fields)
            return dict(read_form(body, self.content_type))
        return fields

    def unwrap(self, file: bytes) -> bytes:
        """The file itself, without blanks before its first byte.

        Raises:
            RequestError: If it is still packed as it was to be sent.
        """
        file = _without_blank_start(file)
        _refuse_wrapped(file, "the file's part of the form" if self.is_form else "the body")
        boundary = "" if self.is_form else guess_boundary(file[:_START_BYTES])
        if boundary:  # it would be searched for a file, and its options would be lost
            called = self.content_type[:_SHOWN_CHARS] or "nothing"
            raise ValidationError(
                f"the body is a form, its first line is --{boundary}, but the header Content-Type "
                f"reads {called}; send multipart/form-data; boundary={boundary}"
            )
        return file

    def _is_read(self, body: bytes) -> bool:
        """Whether TorchServe has taken the form apart, and this is its part named ``body``."""
        if self.is_whole or not find_boundary(self.content_type):
            return False
        return not guess_boundary(body[:_START_BYTES])

    def _uncompressed(self, body: bytes, limits: Limits) -> bytes:
        """The body unpacked, which may be the largest file as base64, with options beside it.

        A header that the body plainly disproves is passed over.
        """
        if not self.encoding or isinstance(identify(body), FileType) or body[:1] == b"{":
            return body
        return undo_encoding(body, self.encoding, limits.max_bytes * 4 // 3 + _OPTIONS_BYTES)


def _check_url_encoded(body: Any) -> None:
    """Refuse a form of curl's default type; a file or JSON that only is called so is taken.

    TorchServe decodes such a body as a form, unless the front door keeps it whole.
    """
    if isinstance(body, bytes):
        start = body[:_START_BYTES].lstrip(BLANK)
        kind = identify(start)
        if isinstance(kind, FileType) and b"\n" not in body:
            raise InvalidFileFormat(
                f"the {kind.value} file came without any line break, as curl -d leaves it, which "
                "spoils binary files; send it with curl --data-binary"
            )
        if kind != TEXT or not start or start.startswith(b"{") or describe_base64(body):
            return
    raise ValidationError(
        "the body came as application/x-www-form-urlencoded, curl's default, which spoils "
        "binary files; send the header 'Content-Type: application/octet-stream'"
    )


def _without_blank_start(part: bytes) -> bytes:
    """A file without what of blanks came before its first byte."""
    start = part[:_START_BYTES]
    if isinstance(identify(start), FileType):
        return part
    stripped = start.lstrip(BLANK)
    if len(stripped) == len(start) or not isinstance(identify(stripped), FileType):
        return part
    return part[len(start) - len(stripped) :]


def _refuse_wrapped(file: bytes, where: str) -> None:
    """Refuse a file that is still packed as it was to be sent."""
    kind = describe_base64(file)
    if kind:
        raise InvalidFileFormat(
            f"{where} looks like base64 text {kind}; send the file's bytes as they are, or "
            '{"image": "<base64>"} as application/json',
            {"found": "base64"},
        )
    if is_gzip(file):
        raise InvalidFileFormat(
            f"{where} is gzip data; send it unpacked, or with the header Content-Encoding: gzip",
            {"found": "gzip"},
        )
