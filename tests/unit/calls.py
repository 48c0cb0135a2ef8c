# SPDX-License-Identifier: AGPL-3.0-or-later
"""Calls that were planned, held against botocore's own description of the services."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore import xform_name
from botocore.validate import ParamValidator

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botocore.model import OperationModel


def faults(service: str, operation: str, params: Mapping[str, Any]) -> str:
    """What botocore says against a call: names, types, ranges, what is missing; empty if nothing.

    What its validator leaves out is looked at, too: values of enumerations.
    """
    shape = _operation(service, operation).input_shape
    assert shape is not None
    report: str = ParamValidator().validate(params, shape).generate_report()
    return "; ".join(filter(None, [report, *_strange_words(params, shape, operation)]))


@lru_cache
def _operation(service: str, operation: str) -> OperationModel:
    model = botocore.session.get_session().get_service_model(service)
    (name,) = [name for name in model.operation_names if xform_name(name) == operation]
    return model.operation_model(name)


def _strange_words(value: Any, shape: Any, name: str) -> list[str]:
    if shape.type_name == "structure":
        pairs = [(value[key], shape.members[key], key) for key in value if key in shape.members]
        return [word for entry in pairs for word in _strange_words(*entry)]
    if shape.type_name == "list":
        return [word for entry in value for word in _strange_words(entry, shape.member, name)]
    words = shape.metadata.get("enum")
    return [f"{name} is {value}, none of {words}"] if words and value not in words else []
