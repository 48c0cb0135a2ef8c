# SPDX-License-Identifier: AGPL-3.0-or-later
"""From a row as TorchServe hands it over to the bytes of a file and checked options.

A row maps the names of body parts to their values: a raw or JSON body is called ``body``, a part
of a multipart body has its own name. Depending on TorchServe's ``decode_input_request`` a JSON
body arrives as text in bytes or already parsed; both are accepted.
"""

from __future__ import annotations

import binascii
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from roomdet.errors import InvalidFileFormat, ValidationError
from roomdet.images import too_many_bytes
from roomdet.schema import OPTION_NAMES, RequestOptions, parse_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roomdet.config import Limits

OPTIONS_HEADER = "X-Amzn-SageMaker-Custom-Attributes"
FILE_PARTS = ("image", "data", "body")
JSON_KEYS = ("image", *OPTION_NAMES)


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """One file to look at and how.

    Attributes:
        data: The file as submitted, not yet looked into.
        options: Checked options.
    """

    data: bytes
    options: RequestOptions


def parse_request(
    row: Mapping[str, Any], headers: Mapping[str, Any], limits: Limits
) -> ImageRequest:
    """Read one row of a batch.

    Args:
        row: Body parts by name.
        headers: Request headers; names in any case. Other entries are ignored.
        limits: ``max_bytes`` is checked before base64 is decoded.

    Raises:
        ValidationError: If the request has not the documented form.
        InvalidFileFormat: If the content of ``image`` is not base64.
        FileTooLarge: If the base64 text stands for more bytes than the limit.
    """
    content_type = str(find_header(headers, "Content-Type") or "").lower()
    if content_type.startswith("application/x-www-form-urlencoded"):
        raise ValidationError(
            "the body came as application/x-www-form-urlencoded, curl's default, which spoils "
            "binary files; send the header 'Content-Type: application/octet-stream'"
        )
    attributes = parse_attributes(str(find_header(headers, OPTIONS_HEADER) or ""))
    fields = dict(row)
    part = _pop_file_part(fields)
    if isinstance(part, bytes | bytearray | memoryview) and _looks_like_json(part):
        part = _parse_json(part)
    if isinstance(part, dict):
        return _from_json(part, fields, attributes, limits)
    if isinstance(part, str):
        part = part.encode()
    if not isinstance(part, bytes | bytearray | memoryview):
        raise _wrong_json(part)
    if fields and not content_type.startswith("multipart/"):
        raise ValidationError(
            f"unexpected {', '.join(sorted(fields))} beside the body; "
            f"options of a raw body go into the header {OPTIONS_HEADER}"
        )
    texts = {name: _to_text(name, value) for name, value in fields.items()}
    _refuse_twice(texts, attributes)
    options = RequestOptions.from_values(_to_numbers(texts | attributes))
    return ImageRequest(bytes(part), options)


def find_header(headers: Mapping[str, Any], name: str) -> Any:
    """Value of a header whose name may be written in any case; None if there is none."""
    wanted = name.lower()
    return next((value for key, value in headers.items() if key.lower() == wanted), None)


def parse_attributes(text: str) -> dict[str, str]:
    """Read options from the custom-attributes header.

    Args:
        text: Such as ``confidence=0.4;page=2``; may be empty.

    Raises:
        ValidationError: If an entry is not ``key=value`` or a key comes twice.
    """
    found: dict[str, str] = {}
    for entry in filter(None, (entry.strip() for entry in text.split(";"))):
        key, equals, value = entry.partition("=")
        if not equals:
            raise ValidationError(
                f"{OPTIONS_HEADER} must read like confidence=0.4;page=2; got {entry[:64]!r}"
            )
        _refuse_twice({key.strip()}, found)
        found[key.strip()] = value.strip()
    return found


def _pop_file_part(fields: dict[str, Any]) -> Any:
    names = [name for name in FILE_PARTS if name in fields]
    if len(names) != 1:
        raise ValidationError(
            f"send exactly one file, as the body or as a part named {', '.join(FILE_PARTS)}; "
            f"got {len(names)}"
        )
    return fields.pop(names[0])


def _looks_like_json(part: bytes | bytearray | memoryview) -> bool:
    """Whether a body is a JSON object; no picture or document starts with a brace."""
    return bytes(part[:64]).lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"["))


def _parse_json(body: bytes | bytearray | memoryview) -> Any:
    try:
        return json.loads(body if isinstance(body, bytes | bytearray) else bytes(body))
    except (ValueError, RecursionError) as err:
        raise ValidationError("the body starts like JSON but cannot be parsed as JSON") from err


def _from_json(
    document: dict[str, Any],
    fields: Mapping[str, Any],
    attributes: Mapping[str, str],
    limits: Limits,
) -> ImageRequest:
    values = dict(document)
    if "image" not in values:
        raise ValidationError('the JSON body has no "image"; send {"image": "<base64>"}')
    image = values.pop("image")
    for key in (*values, *fields):
        if key not in JSON_KEYS:
            raise ValidationError(
                f"unknown key {key!r}; known: {', '.join(JSON_KEYS)}", {"known": list(JSON_KEYS)}
            )
    _refuse_twice(values, attributes)
    options = RequestOptions.from_values(values | _to_numbers(attributes))
    return ImageRequest(_decode_base64(image, limits), options)


def _decode_base64(image: Any, limits: Limits) -> bytes:
    if not isinstance(image, str):
        raise _wrong_json(image)
    if image[:5].lower() == "data:":
        header, comma, image = image.partition(",")
        if not comma or not header.lower().endswith(";base64"):
            raise InvalidFileFormat("the data: URL is not of the form data:<type>;base64,<base64>")
    size = len(image) * 3 // 4 - image[-2:].count("=")
    if size > limits.max_bytes:
        raise too_many_bytes(size, limits)
    try:
        # Line breaks are allowed, as MIME has them; anything else that is no base64 is not.
        return binascii.a2b_base64("".join(image.split()), strict_mode=True)
    except ValueError as err:
        raise InvalidFileFormat('"image" is not valid base64') from err


def _to_text(name: str, value: Any) -> str:
    try:
        return value if isinstance(value, str) else bytes(value).decode()
    except (UnicodeDecodeError, TypeError) as err:
        raise ValidationError(f"the form field {name} is not text") from err


def _to_numbers(texts: Mapping[str, str]) -> dict[str, int | float]:
    return {name: parse_number(name, text) for name, text in texts.items()}


def _refuse_twice(names: Any, others: Mapping[str, Any]) -> None:
    for name in names:
        if name in others:
            raise ValidationError(f"option {name!r} is given twice")


def _wrong_json(value: Any) -> ValidationError:
    return ValidationError(
        f'expected {{"image": "<base64>"}} with a text; got a JSON {type(value).__name__}'
    )
