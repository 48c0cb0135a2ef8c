# SPDX-License-Identifier: AGPL-3.0-or-later
"""What SageMaker takes, as a function of what was seen.

Source: aws/amazon-sagemaker-feedback#180 (manifests); SageMaker developer guide, "Serverless
endpoint operations" (10 GB, memory) and "Custom inference code" (exec form, no tini).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from deploy.image import media
from deploy.image.inspection import WANTED, is_wanted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploy.image.inspection import Inspection, Layer

MAX_SERVERLESS_BYTES = 10 * 10**9
# Docker itself unpacks no more (moby/moby, layer/layer_store.go).
MAX_LAYERS = 125
_SHELL_FORM = ("/bin/sh", "-c")


class Hosting(StrEnum):
    """Where the image is to run."""

    SERVERLESS = "serverless"
    INSTANCE = "instance"


class Level(StrEnum):
    """What a finding means: CreateModel or the endpoint fails, or it may surprise."""

    ERROR = "error"
    WARNING = "warning"


class Remedy(StrEnum):
    """What mends it."""

    FIX = "fix"
    REBUILD = "rebuild"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        rule: Short name, such as ``manifest-type``.
        level: How bad it is.
        message: What was seen, and what is taken.
        remedy: What mends it.
    """

    rule: str
    level: Level
    message: str
    remedy: Remedy = Remedy.NONE


@dataclass(frozen=True, slots=True)
class Demands:
    """What the image is measured by.

    Attributes:
        hosting: Decides the limit of size.
        is_oci_allowed: OCI media types are but warnings, for the day on which SageMaker takes them.
    """

    hosting: Hosting = Hosting.SERVERLESS
    is_oci_allowed: bool = False


def judge(seen: Inspection, demands: Demands | None = None) -> list[Finding]:
    """Everything that is wrong with an image; empty if SageMaker takes it."""
    demands = demands or Demands()
    oci = Level.WARNING if demands.is_oci_allowed else Level.ERROR
    return [
        *_manifest(seen, oci),
        *_config(seen, oci),
        *_layers(seen, oci),
        *_platform(seen),
        *_size(seen, demands.hosting),
        *_start(seen),
    ]


def is_acceptable(findings: list[Finding]) -> bool:
    """Whether nothing of it is an error."""
    return all(finding.level is not Level.ERROR for finding in findings)


def remedy(findings: list[Finding]) -> Remedy:
    """What mends the errors: a new build where a fix would not do."""
    needed = {finding.remedy for finding in findings if finding.level is Level.ERROR}
    return next((way for way in (Remedy.REBUILD, Remedy.FIX) if way in needed), Remedy.NONE)


def _manifest(seen: Inspection, oci: Level) -> Iterator[Finding]:
    if seen.problem:
        yield Finding("image", Level.ERROR, seen.problem, Remedy.REBUILD)
    if seen.index is not None:
        attestations = sum(child.is_attestation for child in seen.index.children)
        yield Finding(
            "index",
            Level.ERROR,
            f"the name leads to an index ({seen.top.media_type}) of "
            f"{len(seen.index.children)} manifests, {attestations} of them attestations; "
            f"SageMaker takes a single manifest, {media.DOCKER_MANIFEST}",
            Remedy.FIX,
        )
    manifest = seen.manifest
    if manifest is not None and manifest.document.media_type != media.DOCKER_MANIFEST:
        where = "the manifest in it" if seen.index else "the manifest"
        yield Finding(
            "manifest-type",
            oci,
            f"{where} is {manifest.document.media_type}; SageMaker takes {media.DOCKER_MANIFEST}",
            Remedy.FIX,
        )


def _config(seen: Inspection, oci: Level) -> Iterator[Finding]:
    if seen.manifest is not None and seen.manifest.config.media_type == media.OCI_CONFIG:
        yield Finding(
            "config-type",
            oci,
            f"the configuration is {media.OCI_CONFIG} instead of {media.DOCKER_CONFIG}",
            Remedy.FIX,
        )
    if seen.config is not None and len(seen.config.diff_ids) != len(seen.layers):
        yield Finding(
            "layer-count",
            Level.ERROR,
            f"the manifest has {len(seen.layers)} layers, its configuration "
            f"{len(seen.config.diff_ids)}",
            Remedy.REBUILD,
        )


def _layers(seen: Inspection, oci: Level) -> Iterator[Finding]:
    named: dict[str, list[int]] = {}
    for number, layer in enumerate(seen.layers, 1):
        yield from _layer(number, layer)
        kind = layer.described.media_type
        if kind != media.DOCKER_LAYER and kind in media.LAYERS and _is_gzip(layer):
            named.setdefault(kind, []).append(number)
    for kind, numbers in named.items():
        yield Finding(
            "layer-type",
            oci,
            f"{len(numbers)} of {len(seen.layers)} layers are {kind} instead of "
            f"{media.DOCKER_LAYER}",
            Remedy.FIX,
        )
    if len(seen.layers) > MAX_LAYERS:
        yield Finding(
            "layer-count",
            Level.ERROR,
            f"{len(seen.layers)} layers; Docker unpacks at most {MAX_LAYERS}",
            Remedy.REBUILD,
        )


def _is_gzip(layer: Layer) -> bool:
    return layer.compression is media.Compression.GZIP


def _layer(number: int, layer: Layer) -> Iterator[Finding]:
    kind = layer.described.media_type
    what = f"layer {number} ({layer.described.digest[:19]}…)"
    if kind not in media.LAYERS:
        message = f"{what} is {kind}, which no registry but its own can unpack"
        yield Finding("layer-type", Level.ERROR, message, Remedy.REBUILD)
    elif layer.compression is None:
        message = f"{what} is not in the registry"
        yield Finding("layer-missing", Level.ERROR, message, Remedy.REBUILD)
    elif not _is_gzip(layer):
        promised = media.promised_compression(kind)
        lie = "" if promised is layer.compression else f", though it is called {kind}"
        packed = "not packed" if layer.compression is media.Compression.NONE else "packed with zstd"
        message = f"{what} is {packed}{lie}; SageMaker takes gzip"
        yield Finding("layer-compression", Level.ERROR, message, Remedy.FIX)


def _platform(seen: Inspection) -> Iterator[Finding]:
    if seen.config is not None and not is_wanted(seen.config.platform):
        yield Finding(
            "platform",
            Level.ERROR,
            f"built for {seen.config.platform}; SageMaker runs {WANTED} "
            '(elsewhere the container ends with "exec format error")',
            Remedy.REBUILD,
        )


def _size(seen: Inspection, hosting: Hosting) -> Iterator[Finding]:
    size = seen.size_bytes
    if size > MAX_SERVERLESS_BYTES:
        is_serverless = hosting is Hosting.SERVERLESS
        yield Finding(
            "size",
            Level.ERROR if is_serverless else Level.WARNING,
            f"{size / 1e9:.1f} GB packed; a serverless endpoint takes at most "
            f"{MAX_SERVERLESS_BYTES / 1e9:.0f} GB",
            Remedy.REBUILD,
        )


def _start(seen: Inspection) -> Iterator[Finding]:
    entrypoint = seen.config.entrypoint if seen.config else ()
    if entrypoint[:2] == _SHELL_FORM:
        yield Finding(
            "entrypoint",
            Level.WARNING,
            "the ENTRYPOINT is in shell form: it sees neither the argument `serve` nor SIGTERM",
            Remedy.REBUILD,
        )
    elif entrypoint and entrypoint[0].rpartition("/")[2] in {"tini", "docker-init"}:
        yield Finding(
            "entrypoint",
            Level.WARNING,
            "SageMaker's guide warns of tini as ENTRYPOINT: it takes `serve` for its own argument",
            Remedy.REBUILD,
        )
