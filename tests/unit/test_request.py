# SPDX-License-Identifier: AGPL-3.0-or-later
"""Rows as TorchServe hands them over, read into files and options."""

from __future__ import annotations

import base64
import gzip
import json
import tracemalloc
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roomdet.bodies import FORM_TYPE_HEADER, OPTIONS_HEADER
from roomdet.config import Limits
from roomdet.errors import (
    FileTooLarge,
    InvalidFileFormat,
    RequestError,
    UnsupportedMediaType,
    ValidationError,
)
from roomdet.request import ImageRequest, parse_request
from roomdet.s3_address import AllowList, S3Address
from roomdet.schema import Detail, Include, RequestOptions, encode_error

LIMITS = Limits(max_bytes=1000)
ALLOWED = AllowList.parse("s3://bucket/plans/")
URL = "s3://bucket/plans/a.png"
FORM = (
    b'--B\r\nContent-Disposition: form-data; name="page"\r\n\r\n2\r\n'
    b'--B\r\nContent-Disposition: form-data; name="image"\r\n\r\n%s\r\n--B--\r\n'
)
FILE = b"\x89PNG\r\n\x1a\n and so on"
FILE_BASE64 = base64.b64encode(FILE).decode()


def parse(row: dict[str, Any], **headers: str) -> ImageRequest:
    """Parse a row with headers whose names have underscores for dashes."""
    return parse_request(
        row, {name.replace("_", "-"): value for name, value in headers.items()}, LIMITS, ALLOWED
    )


def parse_json(document: Any) -> ImageRequest:
    """Parse a JSON body as bytes, as TorchServe hands it over with our config.properties."""
    return parse({"body": bytearray(json.dumps(document).encode())})


@pytest.mark.parametrize(
    ("row", "headers"),
    [
        pytest.param({"body": bytearray(FILE)}, {}, id="raw"),
        pytest.param(
            {"body": bytearray(FILE)}, {"Content_Type": "application/json"}, id="mislabelled"
        ),
        pytest.param(
            {"image": bytearray(FILE)}, {"Content_Type": "multipart/form-data"}, id="part-image"
        ),
        pytest.param({"data": FILE}, {}, id="part-data"),
        pytest.param({"body": {"image": FILE_BASE64}}, {}, id="json-parsed"),
        pytest.param({"body": json.dumps({"image": FILE_BASE64}).encode()}, {}, id="json-bytes"),
        pytest.param(
            {"body": b"\xef\xbb\xbf \n" + json.dumps({"image": FILE_BASE64}).encode()},
            {},
            id="json-bom",
        ),
        pytest.param(
            {"body": {"image": f"data:image/png;base64,{FILE_BASE64}"}}, {}, id="data-url"
        ),
        pytest.param(
            {"body": {"image": f"DATA:;BASE64,{FILE_BASE64}"}}, {}, id="data-url-capitals"
        ),
        pytest.param(
            {"body": {"image": FILE_BASE64[:8] + "\r\n" + FILE_BASE64[8:]}}, {}, id="line-breaks"
        ),
        pytest.param(
            {"body": {"image": base64.urlsafe_b64encode(FILE).decode().rstrip("=")}},
            {},
            id="url-safe-unpadded",
        ),
        pytest.param({"body": b"\r\n" + FILE}, {}, id="leading-newline"),
        pytest.param({"body": b"\xef\xbb\xbf" + FILE}, {}, id="bom"),
        pytest.param({"body": gzip.compress(FILE)}, {"content_encoding": "gzip"}, id="gzip"),
        pytest.param(
            {"body": zlib.compress(json.dumps({"image": FILE_BASE64}).encode())},
            {"Content_Type": "application/json", "CONTENT_ENCODING": "Deflate"},
            id="json-deflate",
        ),
        pytest.param({"body": FILE}, {"Content_Encoding": "gzip"}, id="no-gzip-after-all"),
        pytest.param({"body": FILE}, {"Content_Encoding": "UTF-8"}, id="no-encoding-at-all"),
        pytest.param(
            {"body": FILE},
            {FORM_TYPE_HEADER: "application/x-www-form-urlencoded"},
            id="curl-data-binary",
        ),
        pytest.param(
            {"body": json.dumps({"image": FILE_BASE64}).encode()},
            {FORM_TYPE_HEADER: "application/x-www-form-urlencoded"},
            id="curl-d-json",
        ),
    ],
)
def test_every_form_brings_the_same_file(row: dict[str, Any], headers: dict[str, str]) -> None:
    """Raw, multipart and JSON bodies are the same request."""
    assert ImageRequest(FILE, RequestOptions()) == parse(row, **headers)


@given(st.binary(max_size=600))
def test_base64_brings_any_bytes(data: bytes) -> None:
    """Whatever the file holds, it arrives as it was."""
    assert data == parse_json({"image": base64.b64encode(data).decode()}).file


@pytest.mark.parametrize(
    "name",
    [
        OPTIONS_HEADER,
        OPTIONS_HEADER.lower(),
        OPTIONS_HEADER.upper(),
        "X-Amzn-Sagemaker-Custom-Attributes",
    ],
)
def test_header_names_have_no_case(name: str) -> None:
    """HTTP's header names are read in any case."""
    request = parse_request({"body": FILE}, {name: " confidence = 0.4 ; page=2;"}, LIMITS)

    assert RequestOptions(confidence=0.4, page=2) == request.options


def test_commas_stand_in_include_alone() -> None:
    """SageMaker's attributes have no lists, and other options have no use for commas."""
    request = parse_request({"body": FILE}, {OPTIONS_HEADER: "include=name,name;page=2"}, LIMITS)
    assert RequestOptions(page=2, include=frozenset({Include.NAME})) == request.options


def test_json_keys_are_options() -> None:
    """All of them stand beside the image."""
    options = {"confidence": 0.5, "iou": 0.6, "max_rooms": 7, "page": 3, "detail": "sheet"}
    request = parse_json({"image": FILE_BASE64, **options, "include": ["name"]})

    expected = RequestOptions(0.5, 0.6, 7, 3, Detail.SHEET, frozenset({Include.NAME}))
    assert expected == request.options


@pytest.mark.parametrize(
    ("row", "headers"),
    [
        pytest.param({"body": FILE}, {OPTIONS_HEADER: "page=2; detail = page"}, id="header"),
        pytest.param({"body": {"image": FILE_BASE64, "page": 2, "detail": "page"}}, {}, id="json"),
        pytest.param(
            {"image": FILE, "page": b"2", "detail": bytearray(b"page")},
            {"Content-Type": "multipart/form-data"},
            id="form",
        ),
    ],
)
def test_a_word_comes_in_every_form(row: dict[str, Any], headers: dict[str, str]) -> None:
    """Beside a number."""
    request = parse_request(row, headers, LIMITS)

    assert ImageRequest(FILE, RequestOptions(page=2, detail=Detail.PAGE)) == request


@pytest.mark.parametrize("as_bytes", ["bytes", "parsed"])
def test_a_file_may_be_named_instead(as_bytes: str) -> None:
    """The options stand beside its address, or in the header."""
    document = {"image_url": URL, "page": 3}
    row = {"body": json.dumps(document).encode() if as_bytes == "bytes" else document}
    request = parse_request(row, {OPTIONS_HEADER: "iou=0.3"}, LIMITS, ALLOWED)

    assert (
        ImageRequest(S3Address("bucket", "plans/a.png"), RequestOptions(iou=0.3, page=3)) == request
    )


@pytest.mark.parametrize(
    ("row", "headers", "message"),
    [
        pytest.param({"body": {"image_url": "s3://other/a.png"}}, {}, "may not read", id="other"),
        pytest.param({"body": {"image_url": "file:///etc/passwd"}}, {}, "nothing else", id="file"),
        pytest.param({"body": {"image_url": None}}, {}, "must be a text", id="null"),
        pytest.param({"body": {"image_url": [URL]}}, {}, "must be a text", id="list"),
        pytest.param(
            {"body": {"image_url": URL, "image": FILE_BASE64}}, {}, "send one of them", id="both"
        ),
        pytest.param(
            {"body": f'{{"image_url": "{URL}", "image_url": "{URL}"}}'.encode()},
            {},
            "'image_url' is given twice",
            id="twice",
        ),
        pytest.param({"body": {"image_url": URL, "zoom": 2}}, {}, "unknown key", id="unknown-key"),
        pytest.param({"body": {"image_url": URL, "page": 0}}, {}, "page must be", id="bad-option"),
        pytest.param({"body": {"Image_URL": URL}}, {}, 'has no "image"', id="capitals"),
        pytest.param(
            {"body": FILE},
            {OPTIONS_HEADER: f"image_url={URL}"},
            "image_url is a key of a JSON body",
            id="header",
        ),
        pytest.param(
            {"image": FILE, "image_url": URL.encode()},
            {"Content-Type": "multipart/form-data"},
            "image_url is a key of a JSON body",
            id="form-field-beside-a-file",
        ),
        pytest.param(
            {"image_url": URL.encode()},
            {"Content-Type": "multipart/form-data"},
            "exactly one file",
            id="form-field",
        ),
        pytest.param(
            {"image": json.dumps({"image_url": URL}).encode()},
            {"Content-Type": "multipart/form-data"},
            "image_url is a key of a JSON body",
            id="json-in-a-form",
        ),
        pytest.param(
            {"body": FILE, "image_url": URL}, {}, "unexpected image_url in the address", id="query"
        ),
    ],
)
def test_a_file_is_named_in_one_way_only(
    row: dict[str, Any], headers: dict[str, str], message: str
) -> None:
    """Allowed, alone, and in a JSON body."""
    with pytest.raises(ValidationError, match=message):
        parse_request(row, headers, LIMITS, ALLOWED)


def test_without_a_setting_no_file_is_named() -> None:
    """The message says that it is switched off."""
    with pytest.raises(ValidationError, match="switched off"):
        parse_request({"body": {"image_url": URL}}, {}, LIMITS)


def test_form_fields_are_options() -> None:
    """Text parts of a multipart body beside the file."""
    request = parse(
        {"image": FILE, "confidence": bytearray(b"0.5"), "page": "2"},
        Content_Type="multipart/form-data; boundary=x",
    )

    assert RequestOptions(confidence=0.5, page=2) == request.options


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({FORM_TYPE_HEADER: "Multipart/Form-Data; boundary=B"}, id="door"),
        pytest.param(
            {
                FORM_TYPE_HEADER.lower(): "multipart/form-data; boundary=B",
                "Content-Type": "application/octet-stream",
            },
            id="door-with-its-own-type",
        ),
        pytest.param({"Content-Type": "Multipart/Form-Data; boundary=B"}, id="torchserve-passes"),
        pytest.param({"Content-Type": "multipart/mixed; boundary=B"}, id="mixed"),
    ],
)
@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_a_whole_form_is_taken_apart(headers: dict[str, str], encoding: str) -> None:
    """Its fields are options, whoever left it whole, compressed or not."""
    body = FORM % FILE
    if encoding:
        headers = headers | {"Content-Encoding": encoding}
        body = gzip.compress(body)
        if "Content-Type" in headers and FORM_TYPE_HEADER.lower() not in headers:
            headers = headers | {FORM_TYPE_HEADER: headers["Content-Type"]}

    assert parse_request({"body": body}, headers, LIMITS) == ImageRequest(
        FILE, RequestOptions(page=2)
    )


def test_a_part_named_body_is_a_file_where_torchserve_took_the_form_apart() -> None:
    """Without the front door the row looks like that of a whole form."""
    request = parse({"body": FILE}, Content_Type="multipart/form-data; boundary=B")

    assert request == ImageRequest(FILE, RequestOptions())


@pytest.mark.parametrize(
    ("row", "headers", "error", "message"),
    [
        pytest.param(
            {"body": FORM % b"%PDF-1.7"},
            {"Content-Type": "multipart/form-data"},
            ValidationError,
            "reads multipart/form-data without a boundary.*boundary=B",
            id="no-boundary",
        ),
        pytest.param(
            {"body": FORM % b"%PDF-1.7"},
            {"Content-Type": "application/pdf"},
            ValidationError,
            "is a form, its first line is --B, but .* reads application/pdf; send multipart",
            id="called-pdf",
        ),
        pytest.param(
            {"body": FORM % FILE},
            {"Content-Type": "application/json"},
            ValidationError,
            "is a form",
            id="called-json",
        ),
        pytest.param({"body": FORM % FILE}, {}, ValidationError, "reads nothing", id="no-type"),
        pytest.param(
            {"body": FORM % FILE, "confidence": "0.5"},
            {FORM_TYPE_HEADER: "multipart/form-data; boundary=B"},
            ValidationError,
            "unexpected confidence in the address",
            id="form-and-address",
        ),
        pytest.param(
            {"body": (FORM % FILE).replace(b'"image"', b'"file"')},
            {FORM_TYPE_HEADER: "multipart/form-data; boundary=B"},
            ValidationError,
            "named image or data or body; got 0, but 'page', 'file'",
            id="part-named-file",
        ),
        pytest.param(
            {"body": FORM % FILE_BASE64.encode()},
            {FORM_TYPE_HEADER: "multipart/form-data; boundary=B"},
            InvalidFileFormat,
            "the file's part of the form looks like base64 text of a PNG file",
            id="base64-in-a-form",
        ),
        pytest.param(
            {"body": FILE_BASE64.encode()},
            {"Content-Type": "application/x-image"},
            InvalidFileFormat,
            r'the body looks like base64 text of a PNG file; send .* or {"image": "<base64>"}',
            id="base64-as-image",
        ),
        pytest.param(
            {"body": json.dumps(FILE_BASE64).encode()},
            {"Content-Type": "application/json"},
            InvalidFileFormat,
            "looks like base64 text of a PNG file",
            id="base64-as-json",
        ),
        pytest.param(
            {"body": FILE_BASE64.encode()},
            {FORM_TYPE_HEADER: "application/x-www-form-urlencoded"},
            InvalidFileFormat,
            "looks like base64 text",
            id="base64-by-curl",
        ),
        pytest.param(
            {"body": {"image": base64.b64encode(FILE_BASE64.encode()).decode()}},
            {},
            InvalidFileFormat,
            '"image" is base64 of base64 text of a PNG file; encode the file once',
            id="base64-of-base64",
        ),
        pytest.param(
            {"body": gzip.compress(FILE)},
            {"Content-Type": "application/json"},
            InvalidFileFormat,
            "the body is gzip data; send it unpacked, or with the header Content-Encoding: gzip",
            id="gzip-without-header",
        ),
        pytest.param(
            {"body": gzip.compress(FILE)},
            {"Content-Encoding": "br"},
            UnsupportedMediaType,
            "the header Content-Encoding reads 'br'",
            id="brotli",
        ),
        pytest.param(
            {"body": gzip.compress(bytes(200_000))},
            {"Content-Encoding": "gzip"},
            FileTooLarge,
            "more than 66,869 bytes once its Content-Encoding, gzip, is undone",
            id="gzip-bomb",
        ),
        pytest.param(
            {"body": b"a=b"},
            {FORM_TYPE_HEADER: "application/x-www-form-urlencoded"},
            ValidationError,
            "curl's default",
            id="curl-form",
        ),
        pytest.param(
            {"body": b"%PDF-1.7 as curl -d leaves it"},
            {FORM_TYPE_HEADER: "application/x-www-form-urlencoded"},
            InvalidFileFormat,
            "without any line break, as curl -d leaves it.* curl --data-binary",
            id="curl-d",
        ),
    ],
)
def test_how_it_was_sent_is_explained(
    row: dict[str, Any], headers: dict[str, str], error: type[RequestError], message: str
) -> None:
    """What was seen, where, and what to send; never a page that the form did not ask for."""
    with pytest.raises(error, match=message):
        parse_request(row, headers, LIMITS)


def test_base64_of_base64_is_told_in_details() -> None:
    """For a caller that reads no English."""
    twice = base64.b64encode(FILE_BASE64.encode()).decode()
    with pytest.raises(InvalidFileFormat) as caught:
        parse_request({"body": {"image": twice}}, {}, LIMITS)

    assert caught.value.details == {"found": "base64"}


def test_form_fields_join_a_json_part() -> None:
    """Nothing that is sent is ignored."""
    request = parse(
        {"image": json.dumps({"image": FILE_BASE64}).encode(), "page": b"2"},
        Content_Type="multipart/form-data",
    )

    assert ImageRequest(FILE, RequestOptions(page=2)) == request


@pytest.mark.parametrize("body", [b"5", b'"text"', b"null", b"nonsense"])
def test_a_body_called_json_is_read_as_json(body: bytes) -> None:
    """The message speaks of JSON, not of an unknown kind of file."""
    with pytest.raises(ValidationError, match="JSON"):
        parse({"body": body}, Content_Type="application/json")


@pytest.mark.parametrize("depth", [1, 200, 255, 256, 600, *range(960, 1000)])
def test_json_of_any_depth_is_refused(depth: int) -> None:
    """Some depths were read, and then too deep for the message that shows the value."""
    body = b'{"image":"AAAA","confidence":' + b"[" * depth + b"]" * depth + b"}"
    with pytest.raises(ValidationError, match=r"must be a number|more than 256 values"):
        parse({"body": body})


def test_a_picture_as_numbers_is_refused_before_it_is_parsed() -> None:
    """Each of its values would take 60 bytes and more."""
    body = b'{"image":[' + b"[]," * 1_000_000 + b"[]]}"
    tracemalloc.start()
    with pytest.raises(ValidationError, match="in base64, not as numbers"):
        parse({"body": body})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 5_000_000


LONG = "k\0" * 1_000_000


@pytest.mark.parametrize(
    "row",
    [
        {"body": json.dumps({"image": FILE_BASE64, LONG: 1}).encode()},
        {"body": json.dumps({LONG: 1}).encode()},
        {"body": f'{{"image":"","{"k" * 999_999}":1,"{"k" * 999_999}":1}}'.encode()},
        {"body": json.dumps({"image": FILE_BASE64, "detail": LONG, "scale": LONG}).encode()},
        {"body": json.dumps({"image": FILE_BASE64, "include": [LONG]}).encode()},
        {"body": FILE, LONG: b"1"},
        {"image": FILE, LONG: b"1"},
        {"image": FILE, LONG: 1},
    ],
)
def test_no_error_repeats_more_than_a_line_of_a_request(row: dict[str, Any]) -> None:
    """An answer over TorchServe's max_response_size would end the worker's connection."""
    headers = {"Content-Type": "multipart/form-data"} if "image" in row else {}
    with pytest.raises(RequestError) as caught:
        parse_request(row, headers, LIMITS)

    assert len(encode_error(caught.value)) < 1000


def test_header_and_json_keys_add_up() -> None:
    """Options may come from both places, each once."""
    request = parse_request(
        {"body": {"image": FILE_BASE64, "page": 2}}, {OPTIONS_HEADER: "iou=0.3"}, LIMITS
    )

    assert RequestOptions(iou=0.3, page=2) == request.options


@pytest.mark.parametrize(
    ("row", "attributes", "message"),
    [
        pytest.param(
            {"body": {"image": FILE_BASE64, "page": 1}}, "page=2", "twice", id="json-and-header"
        ),
        pytest.param({"body": FILE}, "page=1;page=2", "twice", id="header-twice"),
        pytest.param({"body": FILE}, "page", "must read like", id="no-equals"),
        pytest.param({"body": FILE}, "trace=abc", "unknown option 'trace'", id="unknown-in-header"),
        pytest.param({"body": FILE}, "trace=1", "unknown option 'trace'", id="unknown-number"),
        pytest.param({"body": FILE}, "page=two", "page must be a number", id="word"),
        pytest.param({"body": FILE}, "detail=2", "detail must be one of", id="number-for-a-word"),
        pytest.param({"body": FILE}, "include=name,colour", '"colour"', id="include-other-word"),
        pytest.param({"body": FILE}, "detail=auto,page", "must read like", id="list-of-words"),
        pytest.param({"body": FILE}, "detail=closely", "auto, page, sheet", id="other-word"),
        pytest.param(
            {"body": {"image": FILE_BASE64, "detail": True}}, "", "auto, page, sheet", id="bool"
        ),
        pytest.param({"body": FILE, "page": b"2"}, "", "in the address", id="query-string"),
        pytest.param(
            {"body": {"image": FILE_BASE64, "zoom": 2}}, "", "unknown key 'zoom'", id="unknown-key"
        ),
        pytest.param(
            {"body": {"confidence": 0.5}},
            "",
            "has no \"image\"; it has only 'confidence'",
            id="no-image",
        ),
        pytest.param({"body": {}}, "", 'has no "image"', id="empty-object"),
        pytest.param({"body": {"image": None}}, "", "got null", id="null-image"),
        pytest.param({"body": {"image": [1, 2]}}, "", "got an array", id="list-image"),
        pytest.param({"body": b"[1]"}, "", "a JSON object; got an array", id="json-list"),
        pytest.param({"body": 5}, "", "got a number", id="json-number"),
        pytest.param(
            {"body": {"image": FILE_BASE64}, "page": b"2"},
            "",
            "in the address",
            id="query-string-and-json",
        ),
        pytest.param(
            {"body": b'{"image": "a", "image": "b"}'},
            "",
            "'image' is given twice",
            id="json-key-twice",
        ),
        pytest.param({"body": FILE}, "confidence=0.4,page=1", "must read like", id="comma"),
        pytest.param(
            {"body": b'{"image": "abc'},
            "",
            "cannot be parsed as JSON: '\"' at line 1, character 11; send",
            id="cut-json",
        ),
        pytest.param(
            {"body": b"{'image': 'abc'}"}, "", '"\'" at line 1, character 2', id="single-quotes"
        ),
        pytest.param({"body": b'{"image":'}, "", "JSON: its end at line 1", id="json-ends-early"),
        pytest.param(
            {"body": b'{"image":' + b"[" * 100_000}, "", "more than 256 values", id="deep-json"
        ),
        pytest.param(
            {"body": b'{"page":' + b"9" * 5000 + b"}"}, "", "cannot be parsed", id="long-number"
        ),
        pytest.param({}, "", "exactly one file", id="nothing"),
        pytest.param({"picture": FILE}, "", "exactly one file", id="other-part"),
        pytest.param({"image": FILE, "data": FILE}, "", "got 2", id="two-files"),
    ],
)
def test_other_requests_are_refused(row: dict[str, Any], attributes: str, message: str) -> None:
    """The message says what is wrong."""
    with pytest.raises(ValidationError, match=message):
        parse_request(row, {OPTIONS_HEADER: attributes}, LIMITS)


@pytest.mark.parametrize(
    ("value", "message"),
    [(b"\xff\xfe", "page must be a number"), (7, "page is not text"), (None, "page is not text")],
)
def test_a_form_field_that_is_no_text_is_refused(value: object, message: str) -> None:
    """Bytes that are not UTF-8, or a value that is no bytes, cannot be an option."""
    with pytest.raises(ValidationError, match=message):
        parse({"image": FILE, "page": value}, Content_Type="multipart/form-data")


def test_the_default_type_of_curl_is_explained() -> None:
    """TorchServe has decoded such a body as a form, so the picture is lost."""
    with pytest.raises(ValidationError, match="curl's default"):
        parse({"a": b"b"}, Content_Type="application/x-www-form-urlencoded")


@pytest.mark.parametrize(
    "image",
    ["????", "abcde", "YWJj=YWJj", "data:image/png,abc", "data:image/png;base64", "ä"],
)
def test_what_is_no_base64_is_refused(image: str) -> None:
    """Nothing is decoded leniently into a broken picture."""
    with pytest.raises(InvalidFileFormat):
        parse_json({"image": image})


def test_base64_over_the_limit_is_refused_before_it_is_decoded() -> None:
    """The size is known from the text's length; the text here is no base64 at all."""
    with pytest.raises(FileTooLarge, match="1,002 bytes; the limit is 1,000"):
        parse_json({"image": "?" * 1336})


def test_base64_of_exactly_the_limit_is_taken() -> None:
    """Padding does not count."""
    assert parse_json({"image": base64.b64encode(bytes(1000)).decode()}).file == bytes(1000)


@given(
    st.dictionaries(
        st.sampled_from(["body", "image", "data", "page", "x"]),
        st.one_of(st.binary(max_size=50), st.text(max_size=50), st.none(), st.integers()),
        max_size=3,
    ),
    st.text(max_size=40),
)
def test_any_row_is_read_or_refused(row: dict[str, Any], attributes: str) -> None:
    """Nothing but a RequestError comes out of a bad row."""
    try:
        parse_request(row, {OPTIONS_HEADER: attributes, "Content-Type": "multipart/x"}, LIMITS)
    except RequestError:
        return
