# SPDX-License-Identifier: AGPL-3.0-or-later
"""From text to a :class:`deploy.endpoint.spec.Spec`: YAML, ``--set``, and what no key means."""

from __future__ import annotations

import difflib
from dataclasses import MISSING, fields
from keyword import iskeyword
from typing import TYPE_CHECKING, Any

import yaml

from deploy.endpoint.asynchronous import Asynchronous, Backlog
from deploy.endpoint.capacity import Autoscaling, Realtime, Serverless, Traffic
from deploy.endpoint.spec import Mode, Spec
from deploy.endpoint.thresholds import Alarms
from deploy.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from enum import StrEnum

_SECTIONS = {
    "serverless": Serverless,
    "realtime": Realtime,
    "realtime.autoscaling": Autoscaling,
    "async": Asynchronous,
    "async.autoscaling": Backlog,
    "alarms": Alarms,
}
_MAPS = ("environment", "tags")
_VPC = "a serverless endpoint refuses it, and for instances it is not built"
_ONE_VARIANT = "there is one variant; SageMaker refuses more in mode serverless"
_NO_GPU = "the network runs on CPUs, and SageMaker has nothing else in mode serverless"
_ONE_ARCHIVE = "an endpoint serves one archive, and a serverless one never more"
_CAPTURE = "SageMaker refuses it in mode serverless, and for instances it is not built"
_MEMORY = "an instance has the memory of its type; serverless.memory_mb is for mode serverless"
_MEMORY_KEYS = ("memory", "memory_mb")
# What people look for and do not find here: a key, or a section and a key, which goes first.
_REFUSED = {
    "vpc": _VPC,
    "vpc_config": _VPC,
    "subnets": _VPC,
    "security_group_ids": _VPC,
    "network_isolation": _VPC,
    "data_capture": _CAPTURE,
    "model_monitor": _CAPTURE,
    "variants": _ONE_VARIANT,
    "shadow_variants": _ONE_VARIANT,
    "gpu": _NO_GPU,
    "accelerator_type": _NO_GPU,
    "multi_model": _ONE_ARCHIVE,
    "inference_components": _ONE_ARCHIVE,
    "containers": "an endpoint has one container; a serverless one refuses pipelines",
    "model_data_source": "SageMaker refuses it in mode serverless; the model is one .tar.gz",
    "rolling": "an update is blue/green: the old instances stay until the new ones are proved",
    "instance_type": "it lies in the section `realtime` or `async`; mode serverless has no "
    "instances",
    "autoscaling": "it lies in the section `realtime` or `async`",
    **{f"{section}.{key}": _MEMORY for section in ("realtime", "async") for key in _MEMORY_KEYS},
    "serverless.autoscaling": "such an endpoint scales by itself, from none to max_concurrency; "
    "provisioned_concurrency is a fixed number here",
}
# What makes a value that is missing, and so comes first.
_BOOTSTRAP = "`python -m deploy bootstrap --write deploy.yaml` comes first, and writes "
_FIRST = {
    "artifacts": f"{_BOOTSTRAP}artifacts, role and the image's repository",
    "role": f"{_BOOTSTRAP}it",
    "image": "`python -m deploy image push` comes first, and writes it",
}
# Values that SageMaker has, and we do not.
_REFUSED_VALUES = {
    "rolling": "an update is blue/green: the old instances stay until the new ones are proved, "
    "and SageMaker refuses it in mode serverless",
    "batch": "it needs no endpoint: `python -m deploy batch submit`",
}


class _UniqueKeys(yaml.SafeLoader):
    """Refuses a key that stands twice, of which YAML would take the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
        seen: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            line = key.start_mark.line + 1
            if key.value in seen:
                raise SpecError(f"{key.value} stands in line {seen[key.value]} and in line {line}")
            seen[key.value] = line
        return super().construct_mapping(node, deep)


def read_spec(text: str, changes: Sequence[str] = ()) -> Spec:
    """Read a configuration.

    Args:
        text: YAML.
        changes: ``KEY=VALUE`` or ``SECTION.KEY=VALUE``, which go before the text.

    Raises:
        SpecError: If it is malformed; nothing was asked of AWS.
    """
    try:
        document = yaml.load(text, _UniqueKeys)  # noqa: S506  # a SafeLoader
    except yaml.YAMLError as err:
        raise SpecError(f"the configuration is no YAML: {err}") from err
    if not isinstance(document, dict):
        raise SpecError("the configuration has no keys")
    for change in changes:
        _apply(document, change)
    values = _values(document, Spec, "")
    _fill(values, document)
    spec: Spec = _made(Spec, values, "")
    return spec


def value_of(text: str, changes: Sequence[str], key: str) -> Any:
    """The value of a key of the first level, whichever goes before; None if it cannot be read."""
    try:
        document = yaml.safe_load(text)
        pairs = (change.partition("=") for change in changes)
        found = [yaml.safe_load(value) for name, equals, value in pairs if equals and name == key]
    except yaml.YAMLError:
        return None
    return [document.get(key) if isinstance(document, dict) else None, *found][-1]


def _fill(values: dict[str, Any], document: dict[str, Any]) -> None:
    """What the mode has where the text has no such key; `alarms: null` says that there are none."""
    if values.get("mode") is Mode.SERVERLESS and values.get("serverless") is None:
        values["serverless"] = Serverless()
    if values.get("mode") is Mode.REALTIME and "alarms" not in document:
        values["alarms"] = Alarms()


def _apply(document: dict[str, Any], change: str) -> None:
    """Let one ``--set`` go before the text."""
    path, equals, value = change.partition("=")
    section, _, rest = path.partition(".")
    is_text = section in _MAPS and bool(rest)  # where a key may have dots
    *parents, key = [section, rest] if is_text else path.split(".")
    if not equals or not all([*parents, key]):
        raise SpecError(f"--set {change!r} is not KEY=VALUE")
    target = document
    for number, name in enumerate(parents, 1):
        if target.get(name) is None:
            target[name] = {}
        target = _mapping(".".join(parents[:number]), target[name])
    try:
        # In `environment` and `tags` a value is text; elsewhere it is read as YAML would.
        target[key] = value if is_text else yaml.safe_load(value)
    except yaml.YAMLError as err:
        raise SpecError(f"--set {path}: {value!r} cannot be read") from err


def _values(found: dict[str, Any], kind: Any, prefix: str) -> dict[str, Any]:
    """The values of a section, each of the type that it must have.

    A null is kept where it says something (`X | None`), and is the default where it does not.
    """
    known = {entry.name.rstrip("_"): str(entry.type) for entry in fields(kind)}
    for key in found:
        if key not in known:
            raise SpecError(_unknown(str(key), prefix, list(known)))
    values: dict[str, Any] = {}
    for key, value in found.items():
        name = f"{prefix}{key}"
        if value is None:
            if known[key].endswith("| None"):
                values[key] = None
        elif name in _SECTIONS:
            section = _values(_mapping(name, value), _SECTIONS[name], f"{name}.")
            values[key] = _made(_SECTIONS[name], section, f"{name}.")
        else:
            is_map = name in _MAPS
            values[key] = _strings(name, value) if is_map else _typed(name, value, known[key])
    return values


def _unknown(key: str, prefix: str, known: list[str]) -> str:
    reason = _REFUSED.get(f"{prefix}{key}") or _REFUSED.get(key)
    if reason:
        return f"{prefix}{key} is not taken: {reason}"
    near = _where(key, prefix) or next(
        (prefix + name for name in difflib.get_close_matches(key, known, n=1)), ""
    )
    guess = f"; did you mean {near}?" if near else "."
    return f"unknown key {prefix}{key}{guess} Known: {', '.join(known)}"


def _where(key: str, prefix: str) -> str:
    """A key with its section, if it is one of another section, or begins one; else empty.

    So `memory` is `serverless.memory_mb`, whose unit was forgotten.
    """
    sections = {"": Spec, **{f"{name}.": kind for name, kind in _SECTIONS.items()}}
    names = [f"{start}{entry.name}" for start, kind in sections.items() for entry in fields(kind)]
    same = [name for name in names if name.rpartition(".")[2] == key]
    longer = [name for name in names if name.rpartition(".")[2].startswith(f"{key}_")]
    here = [name for name in longer if name.rpartition(".")[0] == prefix.rstrip(".")]
    return " or ".join(same[:1] or here or longer)


def _typed(name: str, value: Any, kind: str) -> Any:
    kind = kind.removesuffix(" | None")
    if kind in {"int", "float"}:
        types = int if kind == "int" else (int, float)
        if isinstance(value, types) and not isinstance(value, bool):
            return value
        wanted = "an integer" if kind == "int" else "a number"
        raise SpecError(f"{name} is {value!r}; {wanted} is wanted")
    for choice in (Mode, Traffic):
        if kind == choice.__name__:
            return _chosen(name, value, choice)
    if not isinstance(value, str):
        raise SpecError(f"{name} is {value!r}; text is wanted")
    return value


def _chosen(name: str, value: Any, choice: type[StrEnum]) -> StrEnum:
    if value in list(choice):
        return choice(value)
    reason = _REFUSED_VALUES.get(str(value), "")
    note = f" ({value}: {reason})" if reason else ""
    raise SpecError(f"{name} is {value!r}; one of {', '.join(choice)} is wanted{note}")


def _made(kind: Any, values: dict[str, Any], prefix: str) -> Any:
    # What is a word of Python's has an underscore there.
    values = {f"{key}_" if iskeyword(key) else key: value for key, value in values.items()}
    missing = [
        f"{prefix}{entry.name}"
        for entry in fields(kind)
        if entry.default is MISSING
        and entry.default_factory is MISSING
        and entry.name not in values
    ]
    if missing:
        first = next((step for key, step in _FIRST.items() if key in missing), "name it")
        raise SpecError(f"no value for {', '.join(missing)}: {first}, or --set {missing[0]}=…")
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
