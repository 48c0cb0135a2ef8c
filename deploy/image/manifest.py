# SPDX-License-Identifier: AGPL-3.0-or-later
"""Manifests, indexes and configurations as values; nothing here knows a registry."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from deploy.errors import Malformed
from deploy.image import media

if TYPE_CHECKING:
    from collections.abc import Mapping

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
# Source: buildx, attestation storage: the manifest of an attestation is annotated so, and its
# platform is unknown/unknown.
_ATTESTATION = "vnd.docker.reference.type"


def digest_of(content: bytes) -> str:
    """``sha256:…`` of some bytes."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Document:
    """A manifest as a registry keeps it.

    Attributes:
        media_type: What the registry says that it is.
        content: Its very bytes.
    """

    media_type: str
    content: bytes = field(repr=False)

    @property
    def digest(self) -> str:
        """``sha256:…`` of the bytes."""
        return digest_of(self.content)


@dataclass(frozen=True, slots=True)
class Platform:
    """What an image runs on.

    Attributes:
        os: Such as ``linux``.
        architecture: Such as ``amd64``.
        variant: Such as ``v8``; mostly empty.
    """

    os: str
    architecture: str
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(filter(None, (self.os, self.architecture, self.variant)))


@dataclass(frozen=True, slots=True)
class Descriptor:
    """What a manifest says of a configuration or a layer, or an index of a manifest.

    Attributes:
        media_type: Of the content.
        digest: ``sha256:…`` of the content.
        size_bytes: Its length.
        platform: Of a manifest in an index, where it is said.
        annotations: Further keys and values.
    """

    media_type: str
    digest: str
    size_bytes: int
    platform: Platform | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_attestation(self) -> bool:
        """Whether it is no image but what buildx says about one."""
        unknown = self.platform is not None and self.platform.os == "unknown"
        return unknown or _ATTESTATION in self.annotations


@dataclass(frozen=True, slots=True)
class Manifest:
    """One image for one platform.

    Attributes:
        document: As the registry keeps it.
        config: Its configuration.
        layers: Lowest first.
        artifact_type: Set where it is no image but some other content.
    """

    document: Document
    config: Descriptor
    layers: tuple[Descriptor, ...]
    artifact_type: str = ""


@dataclass(frozen=True, slots=True)
class Index:
    """Several manifests under one name.

    Attributes:
        document: As the registry keeps it.
        children: The manifests.
    """

    document: Document
    children: tuple[Descriptor, ...]


@dataclass(frozen=True, slots=True)
class Config:
    """What is needed of an image's configuration.

    Attributes:
        platform: What it runs on.
        diff_ids: ``sha256:…`` of each unpacked layer, lowest first.
        entrypoint: What is run, before the argument ``serve``.
    """

    platform: Platform
    diff_ids: tuple[str, ...]
    entrypoint: tuple[str, ...] = ()


def parse_document(document: Document) -> Manifest | Index:
    """Read a manifest or an index.

    Raises:
        Malformed: If it is neither, or not of the form that its media type promises.
    """
    if document.media_type in media.SCHEMA_1:
        raise Malformed(
            f"{document.media_type} is Docker's schema 1 of before 2016, without sizes and "
            "configuration"
        )
    if document.media_type not in media.ACCEPTED:
        raise Malformed(f"{document.media_type or 'no media type'} is no manifest of an image")
    fields = _object(document.content, document.media_type)
    inside = fields.get("mediaType", document.media_type)
    if inside != document.media_type:
        raise Malformed(f"the registry calls it {document.media_type}, it calls itself {inside}")
    try:
        if document.media_type in media.INDEXES:
            return Index(document, tuple(_descriptor(child) for child in fields["manifests"]))
        return Manifest(
            document,
            _descriptor(fields["config"]),
            tuple(_descriptor(layer) for layer in fields["layers"]),
            str(fields.get("artifactType") or ""),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as err:
        raise Malformed(f"not a valid {document.media_type}: {err!r}") from err


def parse_config(content: bytes) -> Config:
    """Read a configuration.

    Raises:
        Malformed: If it is none of an image.
    """
    fields = _object(content, "the configuration")
    try:
        run = fields.get("config") or {}
        entrypoint = run.get("Entrypoint") or ()
        return Config(
            Platform(fields["os"], fields["architecture"], fields.get("variant") or ""),
            tuple(_digest(diff_id) for diff_id in fields["rootfs"]["diff_ids"]),
            tuple(map(str, entrypoint)),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as err:
        raise Malformed(f"the configuration is none of an image: {err!r}") from err


def build_manifest(config: Descriptor, layers: tuple[Descriptor, ...]) -> Document:
    """A Docker v2 schema 2 manifest; the same parts give the same bytes."""
    content = {
        "schemaVersion": 2,
        "mediaType": media.DOCKER_MANIFEST,
        "config": _entry(media.DOCKER_CONFIG, config),
        "layers": [_entry(media.DOCKER_LAYER, layer) for layer in layers],
    }
    return Document(media.DOCKER_MANIFEST, json.dumps(content, indent=3).encode())


def _entry(media_type: str, part: Descriptor) -> dict[str, object]:
    return {"mediaType": media_type, "size": part.size_bytes, "digest": part.digest}


def _object(content: bytes, what: str) -> dict[str, Any]:
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError) as err:
        raise Malformed(f"{what} is no JSON: {err}") from err
    if not isinstance(parsed, dict):
        raise Malformed(f"{what} is no JSON object")
    return parsed


def _descriptor(fields: dict[str, Any]) -> Descriptor:
    size_bytes = fields["size"]
    if not isinstance(size_bytes, int) or size_bytes < 0:
        raise ValueError(f"size {size_bytes!r}")
    platform = fields.get("platform")
    return Descriptor(
        str(fields["mediaType"]),
        _digest(fields["digest"]),
        size_bytes,
        Platform(
            str(platform["os"]), str(platform["architecture"]), str(platform.get("variant") or "")
        )
        if platform
        else None,
        {str(key): str(value) for key, value in (fields.get("annotations") or {}).items()},
    )


def _digest(value: object) -> str:
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        raise ValueError(f"{value!r} is no sha256 digest")
    return value
