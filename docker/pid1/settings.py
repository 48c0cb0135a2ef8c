# SPDX-License-Identifier: AGPL-3.0-or-later
"""The container's settings: read from its environment once, and checked."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from pid1.errors import StartError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

STOP_FILE_VARIABLE = "ROOMDET_STOP_FILE"
MAX_BYTES_VARIABLE = "ROOMDET_MAX_BYTES"
_MOST_PORT = 65535
_PORTS_BESIDE = 4  # management, metrics and two of gRPC, all on loopback


def _variable(name: str, meaning: str, also: str = "") -> dict[str, Any]:
    """A setting's line in ``docs/image.md``; ``also`` is a second name, which goes after."""
    return {"name": name, "meaning": meaning, "also": also}


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says; the worker's own variables are passed on unread."""

    port: int = field(
        default=8080,
        metadata=_variable("SAGEMAKER_BIND_TO_PORT", "Port of `/ping` and `/invocations`"),
    )
    first_loopback_port: int = field(
        default=8081,
        metadata=_variable(
            "SAGEMAKER_SAFE_PORT_RANGE",
            "`FIRST-LAST`: ports that the container may use beside it; the first four are taken "
            "for what listens on loopback only",
        ),
    )
    is_multi_model: bool = field(
        default=False,
        metadata=_variable("SAGEMAKER_MULTI_MODEL", "`true` is refused: one image, one model"),
    )
    workers: int | None = field(
        default=None,
        metadata=_variable(
            "ROOMDET_WORKERS",
            "Python processes; unset, the container's CPUs and memory decide",
            also="SAGEMAKER_MODEL_SERVER_WORKERS",
        ),
    )
    archive_sha256: str | None = field(
        default=None,
        metadata=_variable(
            "ROOMDET_ARCHIVE_SHA256", "sha256 of the `.mar` file; another file is refused"
        ),
    )
    start_timeout_s: int = field(
        default=180,
        metadata=_variable(
            "ROOMDET_START_TIMEOUT_S",
            "The container ends when `/ping` has not said 200 for so long, at the start or later",
        ),
    )
    max_bytes: int | None = field(
        default=None,
        metadata=_variable(
            MAX_BYTES_VARIABLE,
            "Largest file; unset, 20 MiB or, with less than 1536 MiB of memory, 6 MiB. "
            "Also a setting of the worker. The largest body is 7/5 of it",
        ),
    )

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Settings:
        """Read the settings.

        Raises:
            StartError: If a value is malformed; the message names the variable.
        """
        given = {}
        for setting in fields(cls):
            about = setting.metadata
            for name in (about["name"], about["also"]):
                if environ.get(name) and setting.name not in given:
                    given[setting.name] = _parse(name, environ[name], _PARSERS[setting.name])
        settings = cls(**given)
        if settings.is_multi_model:
            raise StartError("SAGEMAKER_MULTI_MODEL is true; this image serves one model")
        return settings

    @property
    def loopback_ports(self) -> tuple[int, ...]:
        """Ports of management, metrics and gRPC, none of them the inference port."""
        first = self.first_loopback_port
        candidates = range(first, first + _PORTS_BESIDE + 1)
        return tuple(port for port in candidates if port != self.port)[:_PORTS_BESIDE]


def own_variables() -> set[str]:
    """Variables that are ours alone; the worker refuses ``ROOMDET_*`` that it does not know."""
    names = {setting.metadata["name"] for setting in fields(Settings)}
    return {name for name in names if name.startswith("ROOMDET_")} - {MAX_BYTES_VARIABLE}


def _parse(name: str, text: str, parser: Callable[[str], Any]) -> Any:
    try:
        return parser(text.strip())
    except ValueError as err:
        raise StartError(f"{name} is {text!r}; {err}") from err


def _integer(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"\d{1,12}", text) or not low <= int(text) <= high:
            raise ValueError(f"allowed: {low} to {high}")
        return int(text)

    return parse


def _sha256(text: str) -> str:
    if not re.fullmatch(r"[0-9a-fA-F]{64}", text):
        raise ValueError("a sha256 has 64 hexadecimal digits")
    return text.lower()


def _truth(text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise ValueError("allowed: true, false")
    return text.lower() == "true"


def _first_port(text: str) -> int:
    match = re.fullmatch(r"(\d{1,5})-(\d{1,5})", text)
    if (
        not match
        or not 1 <= int(match[1]) <= int(match[2]) - _PORTS_BESIDE
        or int(match[2]) > _MOST_PORT
    ):
        raise ValueError(
            f"allowed: FIRST-LAST, more than {_PORTS_BESIDE} ports, up to {_MOST_PORT}"
        )
    return int(match[1])


_PORT = _integer(1, _MOST_PORT)
_PARSERS: dict[str, Callable[[str], Any]] = {
    "port": _PORT,
    "first_loopback_port": _first_port,
    "is_multi_model": _truth,
    "workers": _integer(1, 64),
    "archive_sha256": _sha256,
    "start_timeout_s": _integer(5, 3600),
    "max_bytes": _integer(1, 1024**3),
}
