# SPDX-License-Identifier: AGPL-3.0-or-later
"""docs/openapi.yaml, its references followed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import yaml
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

OPENAPI: dict[str, Any] = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text("utf-8"))
ADDRESSES = ("/invocations", "/predictions/rooms")
JSON = "application/json"


def validator(name: str) -> Draft202012Validator:
    """Validator of a schema of openapi.yaml by its name."""
    return validator_of({"$ref": f"#/components/schemas/{name}"})


def validator_of(schema: dict[str, Any]) -> Draft202012Validator:
    """Validator of a schema whose references lead into openapi.yaml."""
    rebased = json.loads(json.dumps(schema).replace('"#/', '"urn:openapi#/'))
    registry = Registry().with_resource("urn:openapi", DRAFT202012.create_resource(OPENAPI))
    return Draft202012Validator(rebased, registry=registry)


def resolve(reference: str) -> Any:
    """What a local reference of openapi.yaml points at."""
    assert reference.startswith("#/")
    node: Any = OPENAPI
    for step in reference[2:].split("/"):
        node = node[step]
    return node


def followed(node: dict[str, Any]) -> dict[str, Any]:
    """A node of openapi.yaml, or what it refers to."""
    target: dict[str, Any] = resolve(node["$ref"]) if "$ref" in node else node
    return target


def responses() -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Address, status and JSON content of each documented response."""
    for address in ADDRESSES:
        for status, response in OPENAPI["paths"][address]["post"]["responses"].items():
            yield address, int(status), followed(response)["content"][JSON]
