# SPDX-License-Identifier: AGPL-3.0-or-later
"""docs/api.md and docs/openapi.yaml say what the code does."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import fields
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from roomdet.bodies import OPTIONS_HEADER
from roomdet.config import Config, Limits
from roomdet.detector import load_detector
from roomdet.errors import FileTooLarge, RequestError, ValidationError
from roomdet.geometry import fractions_to_grid
from roomdet.images import read_page
from roomdet.request import parse_request
from roomdet.s3_address import MAX_KEY_CHARS, URL_PATTERN, AllowList, S3Address
from roomdet.schema import RequestOptions, build_rooms, encode_answer, encode_error
from tests.conftest import NETWORK, ROOT, SAMPLE_PDF
from tests.openapi import (
    ADDRESSES,
    JSON,
    OPENAPI,
    followed,
    resolve,
    responses,
    validator,
    validator_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

API = (ROOT / "docs" / "api.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")
CODES = {(error.code, error.status) for error in RequestError.__subclasses__()}
ALLOWED = AllowList.parse("s3://my-bucket/plans/")


def rows(heading: str) -> list[list[str]]:
    """Cells of the rows of the table below a heading of api.md, without back quotes."""
    below = re.split(rf"^#+ {re.escape(heading)}$", API, flags=re.MULTILINE)[1]
    section = re.split(r"^#", below, maxsplit=1, flags=re.MULTILINE)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines[2:]]


def references(node: Any) -> Iterator[str]:
    """All references of a document."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for child in node.values():
            yield from references(child)
    elif isinstance(node, list):
        for child in node:
            yield from references(child)


def answered(*, rooms: int = 2, page_count: int = 1) -> dict[str, Any]:
    """An answer as the handler encodes it."""
    boxes = np.array([[0, 0, 1, 1], [50, 60, 999, 1000]][:rooms], np.int64).reshape(-1, 4)
    scores = np.array([0.95, 1.0][:rooms], np.float32)
    answer: dict[str, Any] = json.loads(
        encode_answer(
            build_rooms(boxes, scores), processing_time_ms=15, page=1, page_count=page_count
        )
    )
    return answer


# -- openapi.yaml itself --------------------------------------------------------------------


def test_openapi_follows_its_specification() -> None:
    """Version 3.1, as a linter that others keep reads it: its parts, references and defaults."""
    validate(OPENAPI)


def test_openapi_has_the_parts_that_the_specification_asks_for() -> None:
    """Version 3.1, a title and a version, both addresses, each operation with its own id."""
    operations = [OPENAPI["paths"][address]["post"] for address in ADDRESSES]

    assert OPENAPI["openapi"].startswith("3.1.")
    assert {"title", "version"} <= OPENAPI["info"].keys()
    assert set(OPENAPI["paths"]) == set(ADDRESSES)
    assert len({operation["operationId"] for operation in operations}) == len(ADDRESSES)


def test_every_response_has_a_description_and_a_real_status() -> None:
    """OpenAPI wants a description; a status is one that HTTP knows."""
    for address in ADDRESSES:
        for status, response in OPENAPI["paths"][address]["post"]["responses"].items():
            assert followed(response)["description"], (address, status)
            assert HTTPStatus(int(status))


def test_both_addresses_are_documented_alike() -> None:
    """The two addresses differ in nothing but their name."""
    first, second = (copy.deepcopy(OPENAPI["paths"][address]["post"]) for address in ADDRESSES)
    for operation in (first, second):
        del operation["operationId"], operation["summary"]

    assert first == second


def test_every_reference_resolves() -> None:
    """No reference points into nothing."""
    found = list(references(OPENAPI))

    assert found
    for reference in found:
        assert resolve(reference), reference


@pytest.mark.parametrize("name", sorted(OPENAPI["components"]["schemas"]))
def test_every_schema_is_a_valid_json_schema(name: str) -> None:
    """Each schema follows JSON Schema 2020-12, which OpenAPI 3.1 uses."""
    Draft202012Validator.check_schema(OPENAPI["components"]["schemas"][name])


def test_examples_of_responses_follow_their_schemas() -> None:
    """Each response has an example, and each example is valid."""
    for address, status, content in responses():
        assert content["examples"], (address, status)
        for example in content["examples"].values():
            validator_of(content["schema"]).validate(example["value"])


def test_examples_of_requests_follow_their_schema_and_the_parser() -> None:
    """Each example of a request is valid, is accepted, and holds a file that can be read."""
    content = OPENAPI["components"]["requestBodies"]["Plan"]["content"][JSON]

    assert content["examples"]
    for example in content["examples"].values():
        validator_of(content["schema"]).validate(example["value"])
        body = json.dumps(example["value"]).encode()
        match parse_request({"body": body}, {}, Limits(), ALLOWED).file:
            case bytes(file):
                assert read_page(file, page=1, side_px=64, limits=Limits()).count == 1
            case address:
                assert address == S3Address("my-bucket", "plans/ground-floor.pdf")


ADDRESSES_IN_S3 = {
    "s3://my-bucket/plans/a.png": True,
    "s3://my-bucket/plans/a/b!-_.*'()9": True,
    "s3://my-bucket/plans/...": True,
    "s3://my-bucket/plans/../a.png": False,
    "s3://my-bucket/plans/.": False,
    "s3://my-bucket/plans//a.png": False,
    "s3://my-bucket/plans/": False,
    "s3://my-bucket/plans/a b.png": False,
    "s3://my-bucket/plans/%2e%2e/a.png": False,
    "s3://my-bucket/plans/a.png?versionId=1": False,
    "S3://my-bucket/plans/a.png": False,
    "https://my-bucket/plans/a.png": False,
}


@pytest.mark.parametrize(("url", "is_fine"), ADDRESSES_IN_S3.items())
def test_openapi_and_the_parser_agree_on_addresses(url: str, *, is_fine: bool) -> None:
    """What the pattern refuses, the server refuses; which prefixes it allows is not in there."""
    document = {"image_url": url}

    assert validator("PlanAsJson").is_valid(document) is is_fine
    if is_fine:
        ALLOWED.admit(url)
    else:
        with pytest.raises(ValidationError):
            ALLOWED.admit(url)


def test_the_pattern_of_openapi_is_the_parsers() -> None:
    """Character by character, and the longest address as well."""
    schema = OPENAPI["components"]["schemas"]["PlanAsJson"]["properties"]["image_url"]

    assert schema["pattern"] == f"^{URL_PATTERN}$"
    assert schema["maxLength"] == len("s3://" + "b" * 63 + "/") + MAX_KEY_CHARS


@pytest.mark.parametrize(
    "document", [{}, {"image": "aaaa", "image_url": "s3://my-bucket/plans/a.png"}, {"image_url": 5}]
)
def test_openapi_and_the_parser_want_one_file(document: dict[str, object]) -> None:
    """Sent or named, and not both."""
    assert not validator("PlanAsJson").is_valid(document)
    with pytest.raises(ValidationError):
        parse_request({"body": json.dumps(document).encode()}, {}, Limits(), ALLOWED)


def test_the_header_of_the_options_is_documented() -> None:
    """The header's name is the one that is read, and its example is accepted."""
    header = OPENAPI["components"]["parameters"]["Options"]
    request = parse_request({"body": b"x"}, {OPTIONS_HEADER: header["example"]}, Limits())

    assert header["name"] == OPTIONS_HEADER
    assert OPTIONS_HEADER in API
    assert request.options == RequestOptions(confidence=0.4, page=2)


# -- error codes ----------------------------------------------------------------------------


def test_the_error_table_lists_every_code_and_no_other() -> None:
    """Codes and statuses of api.md are those of the classes."""
    table = rows("Errors of the detector")

    assert {(row[0], int(row[1])) for row in table} == CODES
    assert len(table) == len(CODES)


def test_openapi_lists_every_code_and_no_other() -> None:
    """The schema allows exactly the codes of the classes."""
    codes = OPENAPI["components"]["schemas"]["Error"]["properties"]["error"]["enum"]

    assert sorted(codes) == sorted(code for code, _ in CODES)


@pytest.mark.parametrize("address", ADDRESSES)
def test_openapi_gives_an_example_of_each_code_at_its_status(address: str) -> None:
    """Under each status stand examples of exactly the codes that go out with it."""
    found = {
        (example["value"]["error"], status)
        for where, status, content in responses()
        for example in content["examples"].values()
        if where == address and "error" in example["value"]
    }

    assert found == CODES


# -- options --------------------------------------------------------------------------------


def bounds(text: str) -> tuple[float, float | None]:
    """Lowest and highest value of a range such as ``0.01 to 1`` or ``1 and up``."""
    low, _, high = text.partition(" to ")
    return (float(low), float(high)) if high else (float(text.removesuffix(" and up")), None)


def check_range(name: str, low: float, high: float | None, kind: type[int] | type[float]) -> None:
    """Assert that exactly the numbers from ``low`` to ``high`` are accepted."""
    step = 1 if kind is int else 1e-6
    for value in (low, high or 10**9):
        RequestOptions.from_values({name: kind(value)})
    for value in (low - step, *([high + step] if high else [])):
        with pytest.raises(ValidationError):
            RequestOptions.from_values({name: kind(value)})


def check_words(name: str, words: list[str]) -> None:
    """Assert that these words are accepted, and no other and no number."""
    for word in words:
        RequestOptions.from_values({name: word})
    for value in (words[0].upper(), "", 1, None):
        with pytest.raises(ValidationError, match=f"{name} must be one of {', '.join(words)}"):
            RequestOptions.from_values({name: value})


def check_lists(name: str, words: list[str]) -> None:
    """Assert that lists of these words are accepted, and no other word and no number."""
    assert frozenset(words) == getattr(RequestOptions.from_values({name: words}), name)
    assert frozenset(words) == getattr(RequestOptions.from_values({name: ",".join(words)}), name)
    for value in ([words[0].upper()], [""], [1], [None]):
        with pytest.raises(ValidationError, match=f"{name} must be one of {', '.join(words)}"):
            RequestOptions.from_values({name: value})


KINDS: dict[str, type[int] | type[float]] = {"number": float, "integer": int}


def test_the_options_table_equals_the_code() -> None:
    """Names, types, ranges and defaults of api.md are those of RequestOptions."""
    table = {row[0]: row[1:4] for row in rows("Options")}

    assert list(table) == [option.name for option in fields(RequestOptions)]
    for option in fields(RequestOptions):
        kind, allowed, default = table[option.name]
        if kind == "text":
            assert ("none", "") == (default, option.default)
            continue
        if kind == "words":
            assert ("none", frozenset()) == (default, option.default)
            check_lists(option.name, allowed.split("`, `"))
            continue
        if kind == "word":
            assert default == option.default
            check_words(option.name, allowed.split("`, `"))
            continue
        assert type(option.default) is KINDS[kind]
        assert float(default) == option.default
        check_range(option.name, *bounds(allowed), KINDS[kind])


def test_the_options_of_openapi_equal_the_code() -> None:
    """Names, types, ranges and defaults of openapi.yaml are those of RequestOptions."""
    documented = OPENAPI["components"]["schemas"]["Options"]["properties"]

    assert list(documented) == [option.name for option in fields(RequestOptions)]
    for option in fields(RequestOptions):
        schema = documented[option.name]
        if schema["type"] == "array":
            assert frozenset(schema["default"]) == option.default
            check_lists(option.name, schema["items"]["enum"])
            continue
        assert schema["default"] == option.default
        if schema["type"] == "string" and "enum" not in schema:
            continue
        if schema["type"] == "string":
            check_words(option.name, schema["enum"])
            continue
        assert type(option.default) is KINDS[schema["type"]]
        check_range(option.name, schema["minimum"], schema.get("maximum"), KINDS[schema["type"]])


@pytest.mark.parametrize(
    "extra",
    [
        {"confidence": 1.4},
        {"max_rooms": 0},
        {"page": 1.5},
        {"treshold": 0.4},
        {"detail": "all"},
        {"include": ["color"]},
        {"scale": 100},
    ],
    ids=lambda extra: next(iter(extra)),
)
def test_openapi_and_the_parser_refuse_the_same_requests(extra: dict[str, float | str]) -> None:
    """A document that the parser refuses is not valid either."""
    document = {"image": "aaaa", **extra}

    assert not validator("PlanAsJson").is_valid(document)
    with pytest.raises(ValidationError):
        parse_request({"body": json.dumps(document).encode()}, {}, Limits())


# -- answers --------------------------------------------------------------------------------


def readme_answer() -> list[dict[str, Any]]:
    """The rooms that README.md shows of the sample plan; it leaves the further ones out."""
    (begin,) = re.findall(r'^{"status":"success".*(?=, …$)', README, re.MULTILINE)
    rooms: list[dict[str, Any]] = json.loads(f"{begin}]}}")["detected_rooms"]
    return rooms


def api_answer() -> list[dict[str, Any]]:
    """The rooms that api.md shows of the sample plan."""
    (line,) = re.findall(r'^{"status":"success".*', API, re.MULTILINE)
    rooms: list[dict[str, Any]] = json.loads(line)["detected_rooms"]
    return rooms


def openapi_answer() -> list[dict[str, Any]]:
    """The rooms of an example of openapi.yaml."""
    examples = OPENAPI["components"]["responses"]["Rooms"]["content"][JSON]["examples"]
    rooms: list[dict[str, Any]] = examples["two-rooms"]["value"]["detected_rooms"]
    return rooms


@pytest.fixture(scope="module")
def sample_rooms() -> list[dict[str, Any]]:
    """What the shipped weights find on the sample plan."""
    config = Config()
    detector = load_detector(NETWORK, config)
    page = read_page(
        SAMPLE_PDF.read_bytes(), page=1, side_px=detector.input_px, limits=config.limits
    )
    found = detector.detect(page.pixels, RequestOptions())
    return build_rooms(fractions_to_grid(found.boxes_xyxy), found.scores)


@pytest.mark.parametrize("shown", [readme_answer, api_answer, openapi_answer])
def test_rooms_that_are_shown_are_those_of_the_shipped_weights(
    sample_rooms: list[dict[str, Any]], shown: Callable[[], list[dict[str, Any]]]
) -> None:
    """Another CPU computes otherwise by 4 thousandths of the page or 0.02 of confidence at most."""
    assert shown()
    for room in shown():
        assert any(
            np.abs(np.subtract(room["bounding_box"], found["bounding_box"])).max() <= 4
            and abs(room["confidence"] - found["confidence"]) <= 0.02
            for found in sample_rooms
        ), room


@pytest.mark.parametrize(
    "answer",
    [answered(), answered(rooms=0), answered(page_count=3)],
    ids=["rooms", "no rooms", "several pages"],
)
def test_encoded_answers_follow_the_schema(answer: dict[str, Any]) -> None:
    """What the handler encodes is what openapi.yaml promises."""
    validator("Answer").validate(answer)


def without(key: str) -> Callable[[dict[str, Any]], None]:
    """Mangle an answer: take a key away."""
    return lambda answer: answer.pop(key)


def with_first_room(key: str, value: object) -> Callable[[dict[str, Any]], None]:
    """Mangle an answer: give its first room another value."""
    return lambda answer: answer["detected_rooms"][0].update({key: value})


@pytest.mark.parametrize(
    "mangle",
    [
        without("status"),
        without("processing_time_ms"),
        without("detected_rooms"),
        without("page"),
        lambda answer: answer.update(status="error"),
        lambda answer: answer.update(processing_time_ms=1.5),
        with_first_room("id", "1"),
        with_first_room("confidence", 1.2),
        with_first_room("bounding_box", [0, 0, 1]),
        with_first_room("bounding_box", [0, 0, 1, 1, 1]),
        with_first_room("bounding_box", [0.5, 0, 1, 1]),
        with_first_room("bounding_box", [0, 0, 1001, 1]),
        with_first_room("bounding_box", [0, 0, 0, 1]),
    ],
)
def test_a_mangled_answer_does_not_follow_the_schema(
    mangle: Callable[[dict[str, Any]], None],
) -> None:
    """The schema is strict enough to notice what clients would stumble over."""
    answer = answered(page_count=3)
    mangle(answer)

    assert not validator("Answer").is_valid(answer)


@pytest.mark.parametrize("error", RequestError.__subclasses__(), ids=lambda error: error.code)
def test_encoded_errors_follow_the_schema(error: type[RequestError]) -> None:
    """Each error is the documented document, and none is mistaken for an answer."""
    document = json.loads(encode_error(error("why", {"found": "PNG"})))

    validator("Error").validate(document)
    assert not validator("Answer").is_valid(document)
    assert not validator("ServerError").is_valid(document)


@pytest.mark.parametrize(
    "change",
    [{"error": "unknown_code"}, {"status": "success"}, {"message": 5}, {"details": None}],
    ids=lambda change: next(iter(change)),
)
def test_a_mangled_error_does_not_follow_the_schema(change: dict[str, object]) -> None:
    """An unknown code or another type is noticed."""
    document = json.loads(encode_error(FileTooLarge("why")))

    assert not validator("Error").is_valid(document | change)


# -- limits ---------------------------------------------------------------------------------


def test_the_limits_table_equals_the_configuration() -> None:
    """Limits of api.md are the defaults, model-config.yaml and config.properties."""
    documented = {
        name: int(row[1].replace(",", ""))
        for row in rows("Limits")
        for name in re.findall(r"\(`(\w+)`\)", row[0])
    }
    model = yaml.safe_load((ROOT / "handler" / "model-config.yaml").read_text("utf-8"))
    properties = dict(
        line.split("=", 1)
        for line in (ROOT / "config.properties").read_text("utf-8").splitlines()
        if "=" in line and not line.startswith("#")
    )
    limits = {limit.name: limit.default for limit in fields(Limits)}
    worker_limits = (
        "page_seconds",
        "page_mb",
        "memory_mb",
        "max_levels",
        "max_seconds",
        "fetch_timeout_s",
    )

    assert limits == {name: model["roomdet"][name] for name in limits}
    assert documented == {
        **limits,
        **{name: model["roomdet"][name] for name in worker_limits},
        "responseTimeout": model["responseTimeout"],
        "max_request_size": int(properties["max_request_size"]),
        "job_queue_size": int(properties["job_queue_size"]),
    }
