# SPDX-License-Identifier: AGPL-3.0-or-later
"""From text to a :class:`deploy.endpoint.spec.Spec`: YAML, ``--set``, and what no key means."""

from __future__ import annotations

import difflib
from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Any

import yaml

from deploy.endpoint.spec import Mode, Realtime, Serverless, Spec, Traffic
from deploy.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Sequence

_SECTIONS = {"serverless": Serverless, "realtime": Realtime}
_MAPS = ("environment", "tags")
# What people look for and do not find here.
_REFUSED = {
    "alarms": "SageMaker refuses them in mode serverless, and for instances they are not built yet",
    "vpc": "a serverless endpoint refuses it, and for instances it is not built",
    "variants": "there is one variant; SageMaker refuses more in mode serverless",
    "data_capture": "SageMaker refuses it in mode serverless, and for instances it is not built",
    "gpu": "the network runs on CPUs, and SageMaker has none in mode serverless",
    "model_data_source": "SageMaker refuses it in mode serverless; the model is one .tar.gz",
}


def read_spec(text: str, changes: Sequence[str] = ()) -> Spec:
    """Read a configuration.

    Args:
        text: YAML.
        changes: ``KEY=VALUE`` or ``SECTION.KEY=VALUE``, which go before the text.

    Raises:
        SpecError: If it is malformed; nothing was asked of AWS.
    """
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as err:
        raise SpecError(f"the configuration is no YAML: {err}") from err
    if not isinstance(document, dict):
        raise SpecError("the configuration has no keys")
    for change in changes:
        _apply(document, change)
    values = _checked(document, Spec, "")
    for name, kind in _SECTIONS.items():
        if name in values:
            section = _checked(_mapping(name, values[name]), kind, f"{name}.")
            values[name] = _made(kind, section, f"{name}.")
    for name in _MAPS:
        if name in values:
            values[name] = _strings(name, values[name])
    spec: Spec = _made(Spec, values, "")
    return spec


def _apply(document: dict[str, Any], change: str) -> None:
    """Let one ``--set`` go before the text."""
    path, equals, value = change.partition("=")
    *parents, key = path.split(".", 1)
    if not equals or not key:
        raise SpecError(f"--set {change!r} is not KEY=VALUE")
    target = document
    for name in parents:
        if document.get(name) is None:
            document[name] = {}
        target = _mapping(name, document[name])
    try:
        # In `environment` and `tags` a value is text; elsewhere it is read as YAML would.
        target[key] = value if parents and parents[0] in _MAPS else yaml.safe_load(value)
    except yaml.YAMLError as err:
        raise SpecError(f"--set {path}: {value!r} cannot be read") from err


def _checked(found: dict[str, Any], kind: Any, prefix: str) -> dict[str, Any]:
    """The values of a section without those that are null, each of the type that it must have."""
    known = {entry.name: entry for entry in fields(kind)}
    for key in found:
        if key not in known:
            raise SpecError(_unknown(str(key), prefix, list(known)))
    return {
        key: _typed(f"{prefix}{key}", value, str(known[key].type))
        for key, value in found.items()
        if value is not None
    }


def _unknown(key: str, prefix: str, known: list[str]) -> str:
    reason = _REFUSED.get(key)
    if reason:
        return f"{prefix}{key} is not taken: {reason}"
    near = difflib.get_close_matches(key, known, n=1, cutoff=0)[0]
    return f"unknown key {prefix}{key}; did you mean {prefix}{near}? Known: {', '.join(known)}"


def _typed(name: str, value: Any, kind: str) -> Any:
    if kind == "int":
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        raise SpecError(f"{name} is {value!r}; an integer is wanted")
    if kind in {"str", "str | None"} and not isinstance(value, str):
        raise SpecError(f"{name} is {value!r}; text is wanted")
    for choice in (Mode, Traffic):
        if kind == choice.__name__:
            if value in list(choice):
                return choice(value)
            raise SpecError(f"{name} is {value!r}; one of {', '.join(choice)} is wanted")
    return value


def _made(kind: Any, values: dict[str, Any], prefix: str) -> Any:
    missing = [
        f"{prefix}{entry.name}"
        for entry in fields(kind)
        if entry.default is MISSING
        and entry.default_factory is MISSING
        and entry.name not in values
    ]
    if missing:
        raise SpecError(f"no value for {', '.join(missing)}: in the file, or --set {missing[0]}=…")
    return kind(**values)


def _mapping(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise SpecError(f"{name} is {value!r}; a section with keys is wanted")
    return value


def _strings(name: str, value: Any) -> dict[str, str]:
    for key, entry in _mapping(name, value).items():
        if not isinstance(entry, str):
            raise SpecError(f"{name}.{key} is {entry!r}; text is wanted, so put it into quotes")
    return {str(key): str(entry) for key, entry in value.items()}
