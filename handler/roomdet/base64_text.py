# SPDX-License-Identifier: AGPL-3.0-or-later
"""Base64 as callers write it, and what is wrong where it is none."""

from __future__ import annotations

import binascii
import re

from roomdet.errors import InvalidFileFormat
from roomdet.filetypes import FileType, identify

# Begins where blanks do: begun at each of them, a long run would be read again and again.
_BREAK = re.compile(r"(?<![ \t])[ \t]*[\r\n][ \t\r\n]*")
_FOREIGN = re.compile(r"[^A-Za-z0-9+/=\n]")
_FOREIGN_URL_SAFE = re.compile(r"[^A-Za-z0-9_=\n-]")
_URL_SAFE = str.maketrans("-_", "+/")
_GROUP = 4  # characters that stand for three bytes
_DATA_URL = re.compile(r"data:[^,]{0,200},", re.IGNORECASE)
# What is around base64 that was printed or serialized instead of being sent.
_WRAPPED = re.compile(r"""\s*(?:b?['"])?(?:data:[^,]{0,200};base64,)?""", re.IGNORECASE)
_TEXT = re.compile(r"[A-Za-z0-9+/\-_]+")
_SAMPLE_BYTES = 512
_LEAST_CHARS = 64  # words of a language are shorter
_LEAST_FILE_CHARS = 16


def decode_base64(text: str, where: str) -> bytes:
    """Decode base64 of the ordinary or the URL-safe alphabet, with or without ``=`` at its end.

    Line breaks are allowed, as MIME has them. Nothing else is passed over: it could be left of a
    ``+``, and a picture of other bytes would come out.

    Args:
        text: Base64, or a ``data:`` URL with it.
        where: What holds it; begins the message of an error.

    Raises:
        InvalidFileFormat: If it is no base64; the message names the first character that is none.
    """
    if text[:5].lower() == "data:":
        header, comma, text = text.partition(",")
        if not comma or not header.lower().endswith(";base64"):
            raise InvalidFileFormat(
                f"{where} is a data: URL, but not of the form data:<type>;base64,<base64>"
            )
    plain = text.replace("\r", "").replace("\n", "")
    try:
        return binascii.a2b_base64(plain, strict_mode=True)
    except ValueError:
        plain = _BREAK.sub("", text.strip())
    if plain.isascii() and not ("+" in plain or "/" in plain):
        plain = plain.translate(_URL_SAFE)
    digits = plain.rstrip("=")
    padding = "=" * (-len(digits) % _GROUP)
    cause: ValueError | None = None
    if plain in {digits, digits + padding}:
        try:
            return binascii.a2b_base64(digits + padding, strict_mode=True)
        except ValueError as err:
            cause = err
    raise InvalidFileFormat(f"{where} is not valid base64: {_explain(text)}") from cause


def describe_base64(data: bytes) -> str:
    """What a file is that was sent as base64 text: ``of a PNG file``; empty if it is no base64."""
    try:
        sample = data[:_SAMPLE_BYTES].decode("ascii")
    except UnicodeDecodeError:
        return ""
    begin = _WRAPPED.match(sample)
    assert begin is not None  # all of it may be missing
    text = _BREAK.sub("", sample[begin.end() :])
    run = _TEXT.match(text)
    if run is None:
        return ""
    digits = run[0].translate(_URL_SAFE)
    kind = identify(binascii.a2b_base64(digits[: len(digits) // _GROUP * _GROUP]))
    if isinstance(kind, FileType) and len(digits) >= _LEAST_FILE_CHARS:
        return f"of a {kind.value} file"
    is_long = len(digits) >= _LEAST_CHARS and not text[run.end() :].strip("='\"\n")
    return "of a file" if is_long else ""


def _explain(text: str) -> str:
    """Why a text is no base64: what was seen, at which character, and what to send."""
    stripped = text.strip()
    if stripped[:2] in {"b'", 'b"'}:
        return (
            f"it begins with {stripped[:2]}, as Python prints bytes; "
            'send base64.b64encode(data).decode("ascii")'
        )
    # With all that may be passed over as line breaks, every character keeps its place.
    joined = "\n" * (len(text) - len(text.lstrip()))
    joined += _BREAK.sub(lambda found: "\n" * len(found[0]), stripped)
    is_ordinary = "+" in joined or "/" in joined
    foreign = (_FOREIGN if is_ordinary else _FOREIGN_URL_SAFE).search(joined)
    if foreign is not None:
        place = f"{foreign[0]!r} at character {foreign.start() + 1:,} of {len(text):,}"
        return f"{place}{_advice(foreign[0], stripped)}"
    whole = joined.replace("\n", "")
    digits = whole.rstrip("=")
    if "=" in digits:
        return f"'=' at character {joined.find('=') + 1:,} of {len(text):,}, before its end"
    if len(digits) % _GROUP == 1:
        return f"no bytes have {len(digits):,} characters of base64; it was cut off on its way"
    return f"{len(whole) - len(digits)} '=' at its end do not fit its {len(digits):,} characters"


def _advice(foreign: str, text: str) -> str:
    match foreign:
        case " ":
            return ", where a + may have been; send + in forms and addresses as %2B"
        case "%":
            return "; undo the percent-encoding"
        case "-" | "_":
            return ", beside + or /; use one alphabet, the ordinary or the URL-safe one"
        case "'" | '"':
            return "; send the text without quotation marks of its own"
    if "://" in text[:12]:
        return "; it is an address: send the file's bytes, or an s3:// address as image_url"
    return "; send the file's bytes as base64"
