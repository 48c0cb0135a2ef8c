# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a service model demands of values beyond their types: lengths, ranges, patterns, choices.

botocore checks types, names and lower bounds before it sends a call; SageMaker checks the rest.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.model import ListShape, MapShape, StringShape, StructureShape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.model import Shape

_NUMBERS = {"integer", "long", "float", "double"}
# Classes of characters that Python's patterns lack, as the inside of brackets. ``\w`` has digits
# and the underscore beside letters; where it stands, those are taken, too.
_JAVA_CLASSES = {
    r"\p{ASCII}": r"\x00-\x7f",
    r"\p{Print}": r"\x20-\x7e",
    r"\p{L}": r"\w",
    r"\p{N}": r"\d",
    r"\p{Z}": " \\u00a0\\u2000-\\u200a\\u2028\\u2029\\u3000",
}


def violations(value: Any, shape: Shape, name: str = "") -> Iterator[str]:
    """What a value violates, in SageMaker's words; its types have been checked."""
    if isinstance(shape, StringShape):
        yield from _of_text(value, shape, name)
    elif isinstance(shape, StructureShape):
        for key, entry in value.items():
            yield from violations(entry, shape.members[key], _joined(name, key))
    elif isinstance(shape, ListShape | MapShape):
        yield from _of_many(value, shape, name)
    elif shape.type_name in _NUMBERS:
        yield from _of_size(value, value, shape, name, "value")


def _of_many(value: Any, shape: ListShape | MapShape, name: str) -> Iterator[str]:
    yield from _of_size(len(value), value, shape, name)
    if isinstance(shape, ListShape):
        for index, entry in enumerate(value, 1):
            yield from violations(entry, shape.member, f"{name}.{index}.member")
    else:
        for key, entry in value.items():
            yield from violations(key, shape.key, f"{name}.key")
            yield from violations(entry, shape.value, f"{name}.{key}.member")


def _of_text(value: str, shape: Shape, name: str) -> Iterator[str]:
    yield from _of_size(len(value), value, shape, name)
    pattern, choices = shape.metadata.get("pattern"), shape.metadata.get("enum")
    if pattern and not compiled(pattern).fullmatch(value):
        yield _failed(value, name, f"satisfy regular expression pattern: {pattern}")
    if choices and value not in choices:
        yield _failed(value, name, f"satisfy enum value set: [{', '.join(choices)}]")


def _of_size(
    size: float, value: Any, shape: Shape, name: str, what: str = "length"
) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and size < least:
        yield _failed(value, name, f"have {what} greater than or equal to {least}")
    if most is not None and size > most:
        yield _failed(value, name, f"have {what} less than or equal to {most}")


def _failed(value: Any, name: str, demand: str) -> str:
    return f"Value '{value}' at '{name}' failed to satisfy constraint: Member must {demand}"


def _joined(name: str, key: str) -> str:
    """SageMaker names members in lower camel case."""
    key = key[0].lower() + key[1:]
    return f"{name}.{key}" if name else key


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    r"""A pattern of a service model, which is one of Java's: ``\p{…}`` and ``\z``."""
    for java, python in _JAVA_CLASSES.items():
        parts = re.split(r"(\[[^\]]*\])", pattern)
        pattern = "".join(
            part.replace(java, python if part.startswith("[") else f"[{python}]") for part in parts
        )
    return re.compile(pattern.replace(r"\z", r"\Z"))
