# SPDX-License-Identifier: AGPL-3.0-or-later
"""Base64 as callers write it, and what they are told where it is none."""

from __future__ import annotations

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomdet.base64_text import decode_base64, describe_base64
from roomdet.errors import InvalidFileFormat

FILE = b"\x89PNG\r\n\x1a\n\x00\xfb\xef\xbe\xff\xff" + bytes(range(100))
TEXT = base64.b64encode(FILE).decode()
WHERE = '"image"'


@given(st.binary(max_size=200), st.booleans(), st.booleans(), st.sampled_from(["", "\n", "\r\n "]))
def test_any_bytes_arrive(data: bytes, url_safe: bool, padded: bool, line_break: str) -> None:  # noqa: FBT001
    """In either alphabet, with or without padding and line breaks."""
    text = (base64.urlsafe_b64encode if url_safe else base64.b64encode)(data).decode()
    text = text if padded else text.rstrip("=")
    text = line_break.join(text[at : at + 76] for at in range(0, len(text), 76)) + line_break

    assert decode_base64(text, WHERE) == data


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"b'{TEXT}'", r"it begins with b', as Python prints bytes; send base64.b64encode"),
        (f'b"{TEXT}"', 'it begins with b", as Python'),
        (f'"{TEXT}"', "'\"' at character 1 of [0-9]+; send the text without quotation marks"),
        (TEXT[:9] + "*" + TEXT[9:], r"'\*' at character 10 of"),
        ("\n\n" + TEXT[:9] + "\n*" + TEXT[9:], r"'\*' at character 13 of"),
        (TEXT.replace("+", " "), "' ' at character [0-9]+ of [0-9]+, where a [+] may have been"),
        (TEXT.replace("+", "%2B"), "'%' at character .*undo the percent-encoding"),
        ("ab-d" + TEXT, "'-' at character 3 of .*beside [+] or /"),
        ("https://example.com/a.png", "':' at character 6 of 25; it is an address"),
        ("abcd/plan.png", "'.' at character 10 of 13"),
        ("ä", "'ä' at character 1 of 1"),
        ("YWJj=YWJj", "'=' at character 5 of 9, before its end"),
        ("YWJjZ", "no bytes have 5 characters of base64; it was cut off"),
        ("YW=", "1 '=' at its end do not fit its 2 characters"),
        ("data:image/png,abc", r"not of the form data:<type>;base64,<base64>"),
        ("data:image/png;base64", r"not of the form data:<type>;base64,<base64>"),
    ],
)
def test_what_is_no_base64_is_explained(text: str, message: str) -> None:
    """The first character that is none, its place, and what to send."""
    with pytest.raises(InvalidFileFormat, match=f'"image" is .*{message}'):
        decode_base64(text, WHERE)


@given(st.text(max_size=30))
def test_any_text_is_decoded_or_explained(text: str) -> None:
    """Nothing but an InvalidFileFormat comes out, and its message is short."""
    message = ""
    try:
        decode_base64(text, WHERE)
    except InvalidFileFormat as err:
        message = str(err)
    assert len(message) < 200


def test_long_runs_of_blanks_cost_no_more_than_their_length() -> None:
    """Read anew from each blank on, 30 kB took the worker 10 s, and 100 kB its life."""
    started_s = time.process_time()
    with pytest.raises(InvalidFileFormat, match="' ' at character"):
        decode_base64(TEXT[:8] + " " * 100_000 + TEXT[8:], WHERE)
    assert decode_base64(TEXT[:8] + " \t" * 50_000 + "\n" + TEXT[8:], WHERE) == FILE

    assert time.process_time() - started_s < 1.0


@pytest.mark.parametrize("blanks", ["\n  \n", " \r\n\t\r\n ", "\n\n", "\t\n"])
def test_breaks_with_blanks_around_them_are_passed_over(blanks: str) -> None:
    """As indented and double-spaced text has them."""
    assert FILE == decode_base64(TEXT[:8] + blanks + TEXT[8:], WHERE)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (TEXT.encode(), "of a PNG file"),
        (base64.urlsafe_b64encode(FILE), "of a PNG file"),
        (base64.encodebytes(FILE), "of a PNG file"),
        (f'"{TEXT}"'.encode(), "of a PNG file"),
        (str(TEXT.encode()).encode(), "of a PNG file"),
        (f" \n'{TEXT}'".encode(), "of a PNG file"),
        (f"data:image/png;base64,{TEXT}".encode(), "of a PNG file"),
        (base64.b64encode(b"%PDF-1.7 and so on"), "of a PDF file"),
        (base64.b64encode(bytes(90)), "of a file"),
        (base64.b64encode(bytes(9)), ""),
        (b"hello", ""),
        (
            b"a plan of the ground floor, with all of its rooms and a garden around them, in words",
            "",
        ),
        (b"", ""),
        (FILE, ""),
        (b'{"image": "abc"}', ""),
    ],
)
def test_base64_that_was_sent_as_a_file_is_known(data: bytes, kind: str) -> None:
    """However it was printed; other texts are not taken for it."""
    assert describe_base64(data) == kind
