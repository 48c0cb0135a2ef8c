# SPDX-License-Identifier: AGPL-3.0-or-later
"""From a row as TorchServe hands it over to the bytes of a file and checked options.

A row maps the names of body parts to their values: a body is called ``body``, a parameter of the
address has its own name. With the front door (docker/endpoints) a form is a body, too, and the
header ``X-Roomdet-Content-Type`` has its type; without it TorchServe takes most forms apart, and
each part has its own name. Depending on TorchServe's ``decode_input_request`` a JSON body arrives
as text in bytes or already parsed; both are accepted.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from roomdet.base64_text import decode_base64, describe_base64
from roomdet.bodies import BLANK, FILE_PARTS, OPTIONS_HEADER, Body, find_header, refuse_in_address
from roomdet.errors import InvalidFileFormat, ValidationError
from roomdet.filetypes import FileType, identify
from roomdet.images import too_many_bytes
from roomdet.s3_address import AllowList, S3Address
from roomdet.schema import OPTION_NAMES, RequestOptions, check_option_name, parse_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from roomdet.config import Limits

_JSON_TYPES = {
    type(None): "null",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a text",
    list: "an array",
}
_JSON_FORM = '{"image": "<base64>"}'
_START_BYTES = 64
_SHOWN_CHARS = 64
# Commas and brackets of a JSON body. Ours has a dozen; each value takes 60 bytes of memory or more.
_MOST_SIGNS = 256
JSON_FILES = ("image", "image_url")
JSON_KEYS = (*JSON_FILES, *OPTION_NAMES)
_NOTHING = AllowList()


@dataclass(frozen=True, slots=True)
class ImageRequest:
    """One file to look at and how.

    Attributes:
        file: The file as submitted, not yet looked into; or where it is to be fetched.
        options: Checked options.
    """

    file: bytes | S3Address
    options: RequestOptions


def parse_request(
    row: Mapping[str, Any],
    headers: Mapping[str, Any],
    limits: Limits,
    allowed: AllowList = _NOTHING,
) -> ImageRequest:
    """Read one row of a batch.

    Args:
        row: Body parts by name.
        headers: Request headers; names in any case. Other entries are ignored.
        limits: ``max_bytes`` is checked before base64 is decoded.
        allowed: What an ``image_url`` may name.

    Raises:
        ValidationError: If the request has not the documented form, or names a file that this
            server may not read.
        InvalidFileFormat: If the content of ``image`` is not base64.
        FileTooLarge: If the base64 text stands for more bytes than the limit.
    """
    body = Body.of(headers)
    attributes = parse_attributes(str(find_header(headers, OPTIONS_HEADER) or ""))
    fields = body.take_apart(row, limits)
    part = _pop_file_part(fields)
    if not body.is_form:
        refuse_in_address(fields)
    texts = {name: _to_text(name, value) for name, value in fields.items()}
    _refuse_twice(texts, attributes)
    given = _to_values(texts | attributes)
    if isinstance(part, bytes | bytearray | memoryview):
        part = body.unwrap(bytes(part))
        if not _is_json(part, body.kind):
            return ImageRequest(part, RequestOptions.from_values(given))
        part = _parse_json(part)
    if isinstance(part, dict) and "image_url" in part and body.is_form:
        raise _only_in_json()
    return _from_json(part, given, limits, allowed)


def count_bytes(row: Mapping[str, Any]) -> int:
    """Bytes of a row's parts; what TorchServe has parsed already is not counted."""
    return sum(len(part) for part in row.values() if isinstance(part, bytes | bytearray))


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
        if not equals or ("," in value and key.strip() != "include"):
            raise ValidationError(
                f"{OPTIONS_HEADER} must read like confidence=0.4;page=2; got {entry[:64]!r}"
            )
        _refuse_twice([key.strip()], found)
        found[key.strip()] = value.strip()
    return found


def _pop_file_part(fields: dict[str, Any]) -> Any:
    names = [name for name in FILE_PARTS if name in fields]
    if len(names) == 1:
        return fields.pop(names[0])
    others = ", ".join(repr(name[:64]) for name in list(fields)[:5]) or "nothing"
    got = f"{len(names)}: {', '.join(names)}" if names else f"0, but {others}"
    raise ValidationError(
        f"send exactly one file, as the body or as a part named {' or '.join(FILE_PARTS)}; "
        f"got {got}"
    )


def _is_json(part: bytes, kind: str) -> bool:
    """Whether a part is JSON text: it starts like an object, or is called JSON and is no file."""
    start = part[:_START_BYTES]
    if start.lstrip(BLANK).startswith((b"{", b"[")):
        return True
    return bool(start) and kind == "application/json" and not isinstance(identify(start), FileType)


def _parse_json(body: bytes) -> Any:
    if sum(map(body.count, (b",", b"[", b"{"))) > _MOST_SIGNS:
        raise ValidationError(
            f"the JSON body has more than {_MOST_SIGNS} values; a picture is sent as its file's "
            f"bytes in base64, not as numbers: send {_JSON_FORM}"
        )
    try:
        return json.loads(body, object_pairs_hook=_unique_keys)
    except json.JSONDecodeError as err:
        seen = repr(err.doc[err.pos]) if err.pos < len(err.doc) else "its end"
        raise ValidationError(
            f"the body cannot be parsed as JSON: {seen} at line {err.lineno}, character "
            f"{err.colno}; send {_JSON_FORM}, with double quotes"
        ) from err
    except (ValueError, RecursionError) as err:
        raise ValidationError(f"the body cannot be parsed as JSON; send {_JSON_FORM}") from err


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        _refuse_twice([key], found)
        found[key] = value
    return found


def _from_json(
    document: Any, given: Mapping[str, int | float | str], limits: Limits, allowed: AllowList
) -> ImageRequest:
    if not isinstance(document, dict):
        raise _wrong_json("a JSON object", document)
    values = dict(document)
    files = {key: values.pop(key) for key in JSON_FILES if key in values}
    if not files:
        names = ", ".join(repr(name[:_SHOWN_CHARS]) for name in list(values)[:3])
        found = f"only {names}" if values else "no key"
        raise ValidationError(
            f'the JSON body has no "image"; it has {found[:128]}: send {_JSON_FORM}'
        )
    if len(files) > 1:
        raise ValidationError('the JSON body has "image" and "image_url"; send one of them')
    for key in values:
        if key not in JSON_KEYS:
            raise ValidationError(
                f"unknown key {key[:_SHOWN_CHARS]!r}; known: {', '.join(JSON_KEYS)}",
                {"known": list(JSON_KEYS)},
            )
    _refuse_twice(values, given)
    options = RequestOptions.from_values({**values, **given})
    if "image_url" in files:
        return ImageRequest(allowed.admit(files["image_url"]), options)
    return ImageRequest(_decode_base64(files["image"], limits), options)


def _decode_base64(image: Any, limits: Limits) -> bytes:
    if not isinstance(image, str):
        raise _wrong_json('"image" as a base64 text', image)
    start = image.find(",") + 1 if image[:5].lower() == "data:" else 0
    size = (len(image) - start) * 3 // 4 - image[-2:].count("=")
    if size > limits.max_bytes:
        raise too_many_bytes(size, limits)
    file = decode_base64(image, '"image"')
    kind = describe_base64(file)
    if kind:
        raise InvalidFileFormat(
            f'"image" is base64 of base64 text {kind}; encode the file once', {"found": "base64"}
        )
    return file


def _to_text(name: str, value: Any) -> str:
    if isinstance(value, bytes | bytearray):
        value = value.decode(errors="replace")
    if not isinstance(value, str):
        raise ValidationError(f"the form field {name[:_SHOWN_CHARS]} is not text")
    return value


def _to_values(texts: Mapping[str, str]) -> dict[str, int | float | str]:
    for name in texts:
        if name == "image_url":
            raise _only_in_json()
        check_option_name(name)
    return {name: parse_value(name, text) for name, text in texts.items()}


def _refuse_twice(names: Iterable[str], others: Mapping[str, Any]) -> None:
    for name in names:
        if name in others:
            raise ValidationError(f"{name[:_SHOWN_CHARS]!r} is given twice")


def _only_in_json() -> ValidationError:
    return ValidationError(
        'image_url is a key of a JSON body; send {"image_url": "s3://bucket/key"} as the body'
    )


def _wrong_json(wanted: str, value: Any) -> ValidationError:
    got = _JSON_TYPES.get(type(value), "an object")
    return ValidationError(f"expected {wanted}; got {got}: send {_JSON_FORM}")
