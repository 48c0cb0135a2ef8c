# SPDX-License-Identifier: AGPL-3.0-or-later
"""Configuration of a worker: parsed and checked once, when the archive is loaded.

Order of precedence: defaults < ``roomdet:`` section of ``model-config.yaml`` < ``ROOMDET_*``
environment variables.
"""

from __future__ import annotations

import difflib
from dataclasses import Field, dataclass, field, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from roomdet.errors import ConfigError
from roomdet.s3_address import AllowList

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ENV_PREFIX = "ROOMDET_"
SECTION = "roomdet"
# Variables of that prefix which are not the worker's: docker/endpoints reads them.
SERVER_VARIABLES = frozenset({"ROOMDET_STOP_FILE"})

# Pillow itself refuses pictures of more than twice its MAX_IMAGE_PIXELS (Pillow docs, Image.open).
PILLOW_MAX_PIXELS = 178_956_970

# What TorchServe 0.12 reads from model-config.yaml; it ignores any other key without a word
# (pytorch/serve v0.12.0, ModelConfig.java).
TORCHSERVE_KEYS = frozenset(
    {
        "minWorkers",
        "maxWorkers",
        "batchSize",
        "maxBatchDelay",
        "responseTimeout",
        "startupTimeout",
        "deviceType",
        "maxRetryTimeoutInSec",
        "clientTimeoutInMills",
        "jobQueueSize",
    }
)


# Settings as they were called before, with the new name of each and what to add to its value.
FORMER_NAMES = {"passes": ("tta_flip", -1)}


class Switch(StrEnum):
    """Whether what needs an extra is done; ``auto``: where it is installed."""

    AUTO = "auto"
    ON = "on"
    OFF = "off"


class Precision(StrEnum):
    """Arithmetic of the network on the CPU."""

    AUTO = "auto"
    FP32 = "fp32"
    BF16 = "bf16"


_CHOICES: dict[Any, type[StrEnum]] = {"Precision": Precision, "Switch": Switch}


def _about(
    meaning: str, low: int = 0, high: int = 0, *, is_operators: bool = False
) -> dict[str, Any]:
    """A setting's line in ``docs/operations.md`` and, of an integer, its allowed range.

    One that is the operator's is taken from the environment alone: who packs an archive does not
    decide it.
    """
    return {"meaning": meaning, "low": low, "high": high, "is_operators": is_operators}


@dataclass(frozen=True, slots=True)
class Limits:
    """What one request may bring; checked before anything is decoded."""

    max_bytes: int = field(
        default=20 * 1024 * 1024,
        # The largest body that any mode of SageMaker forwards is asynchronous inference's 1 GB.
        metadata=_about("Largest file in bytes, after base64 is decoded", 1, 1024**3),
    )
    max_pixels: int = field(
        default=150_000_000,
        metadata=_about(
            "Largest picture in pixels (A0 at 300 dpi has 139 million)", 1, PILLOW_MAX_PIXELS
        ),
    )
    max_pages: int = field(
        default=500, metadata=_about("Most pages that a document may have", 1, 100_000)
    )


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of one worker.

    ``region`` is AWS's, where buckets are asked for; without it boto3's own configuration has it.
    """

    precision: Precision = field(
        default=Precision.AUTO,
        metadata=_about("Arithmetic of the network beside int8: `auto`, `fp32` or `bf16`"),
    )
    threads: int = field(
        default=0,
        metadata=_about(
            "CPU threads of the network, and files read at a time; 0 takes all CPUs", 0, 256
        ),
    )
    tta_flip: int = field(
        default=0,
        metadata=_about(
            "Test-time augmentation: with 1 the mirrored page is seen, too, and the mean is taken",
            0,
            1,
        ),
    )
    max_levels: int = field(
        default=4,
        metadata=_about(
            "Levels that a page may be seen on: 640, 1280, 2560 and 4160 px; 1 is one look", 1, 4
        ),
    )
    max_seconds: int = field(
        default=15,
        # TorchServe's responseTimeout and SageMaker's own are 60 s, for a batch of three.
        metadata=_about(
            "Seconds of looking at a page after which no further slice of it is looked at", 1, 60
        ),
    )
    page_seconds: int = field(
        default=8,
        # Rows of a batch are read at once or one after the other, and looked at after that.
        metadata=_about(
            "Seconds in which a page must be decoded or drawn, on all levels together", 1, 50
        ),
    )
    page_mb: int = field(
        default=900,  # a sheet of 150 million pixels in RGB, for 4160 px, needs more than 750
        metadata=_about(
            "Memory in MiB that decoding or drawing a page may take, in a process of its own, "
            "and not more than `memory_mb`; 0 is no limit but that",
            0,
            1024**2,
        ),
    )
    memory_mb: int = field(
        default=1200,
        metadata=_about(
            "Memory in MiB that requests may take beyond the loaded network; 0 is no limit",
            0,
            1024**2,
        ),
    )
    image_url_prefixes: AllowList = field(
        default=AllowList(),
        metadata=_about(
            "What `image_url` may name: `s3://bucket/` or `s3://bucket/prefix/`, several with "
            "spaces between them; empty, it is switched off",
            is_operators=True,
        ),
    )
    ocr: Switch = field(
        default=Switch.AUTO,
        metadata=_about(
            "Whether names of rooms are read from the picture where a page has no text: `auto` "
            "where `pip install '.[ocr]'` was run, `on` or `off`"
        ),
    )
    ocr_seconds: int = field(
        default=8,
        metadata=_about(
            "Seconds of reading a page's names after which the rest of its rooms get none", 1, 30
        ),
    )
    fetch_timeout_s: int = field(
        default=10,
        # Reading and detection follow within TorchServe's responseTimeout, 60 s.
        metadata=_about("Seconds in which the file of an `image_url` must be there", 1, 50),
    )
    limits: Limits = field(default_factory=Limits)
    region: str | None = None

    @classmethod
    def load(cls, model_yaml: Mapping[str, Any] | None, environ: Mapping[str, str]) -> Config:
        """Build the configuration of a worker.

        Args:
            model_yaml: The parsed ``model-config.yaml``; its ``roomdet:`` section is ours, the
                other keys are TorchServe's.
            environ: The process environment; ``ROOMDET_MAX_BYTES`` sets ``max_bytes``, and so on.

        Raises:
            ConfigError: If a key is unknown or a value is out of range.
        """
        document = dict(model_yaml or {})
        section = document.pop(SECTION, None) or {}
        if not isinstance(section, dict):
            raise ConfigError(f"`{SECTION}:` in model-config.yaml must be a mapping")
        section = _renamed(section)
        _refuse_unknown(document, TORCHSERVE_KEYS | {SECTION}, "model-config.yaml")
        known = {setting.name: setting for setting in settings()}
        _refuse_unknown(section, known, f"section `{SECTION}:` of model-config.yaml")
        for key in section:
            if known[key].metadata["is_operators"]:
                raise ConfigError(f"{key} is taken from {ENV_PREFIX}{key.upper()} alone")
        overrides = _renamed(
            {
                key.removeprefix(ENV_PREFIX).lower(): value
                for key, value in environ.items()
                if key.startswith(ENV_PREFIX) and key not in SERVER_VARIABLES
            }
        )
        _refuse_unknown(overrides, known, f"the {ENV_PREFIX}* environment")
        values = {key: _parse(known[key], raw) for key, raw in {**section, **overrides}.items()}
        limit_names = {setting.name for setting in fields(Limits)}
        limits = Limits(**{key: values.pop(key) for key in limit_names & values.keys()})
        return cls(limits=limits, region=environ.get("AWS_REGION"), **values)


def settings() -> list[Field[Any]]:
    """All settings in the order in which they are documented."""
    return [setting for setting in fields(Config) if setting.metadata] + list(fields(Limits))


def _renamed(given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings under the names of today; the older name beside it is left to be refused."""
    renamed = dict(given)
    for old, (new, step) in FORMER_NAMES.items():
        if old in renamed and new not in renamed:
            value = str(renamed.pop(old))
            renamed[new] = int(value) + step if value.lstrip("-").isdecimal() else value
    return renamed


def _refuse_unknown(given: Iterable[str], known: Iterable[str], where: str) -> None:
    known = sorted(known)
    for key in given:
        if key not in known:
            nearest = difflib.get_close_matches(str(key), known, n=1, cutoff=0.0)
            raise ConfigError(f"unknown key {key!r} in {where}; the nearest is {nearest[0]!r}")


def _choose(name: str, raw: Any, choices: type[StrEnum]) -> StrEnum:
    if isinstance(raw, bool):  # as YAML reads on and off
        raw = "on" if raw else "off"
    try:
        return choices(raw)
    except ValueError as err:
        raise ConfigError(f"{name} is {raw!r}; allowed: {', '.join(choices)}") from err


def _parse(setting: Field[Any], raw: Any) -> Any:
    name = setting.name
    if setting.type == "AllowList":
        return AllowList.parse(raw)
    if setting.type in _CHOICES:
        return _choose(name, raw, _CHOICES[setting.type])
    low, high = setting.metadata["low"], setting.metadata["high"]
    try:
        value = int(str(raw))
    except ValueError as err:
        raise ConfigError(f"{name} is {raw!r}; it must be an integer") from err
    if not low <= value <= high:
        raise ConfigError(f"{name} is {value}; allowed: {low} to {high}")
    return value
