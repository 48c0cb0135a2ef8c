# SPDX-License-Identifier: AGPL-3.0-or-later
"""Follow a name to the image that SageMaker would run, and keep what was seen on the way."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from deploy.errors import ManifestError, NotFound
from deploy.image import media
from deploy.image.manifest import (
    Config,
    Descriptor,
    Document,
    Index,
    Manifest,
    Platform,
    parse_config,
    parse_document,
)
from deploy.image.registry import MAX_CONFIG_BYTES, Registry, read_head, read_small_blob

if TYPE_CHECKING:
    from deploy.image.media import Compression
    from deploy.image.names import ImageName

WANTED = Platform("linux", "amd64")
# An index names a platform's image; one with more entries than this is not looked through.
_MAX_CHILDREN = 64
_BASELINE = ("", "v1")  # variants of amd64 that every machine runs


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer.

    Attributes:
        described: As the manifest describes it.
        compression: How its bytes are packed in truth; None if it is not in the registry.
    """

    described: Descriptor
    compression: Compression | None


@dataclass(frozen=True, slots=True)
class Inspection:
    """What lies under a name.

    Attributes:
        name: The name.
        top: What the name leads to.
        index: Set if that is an index.
        manifest: The one for linux/amd64; None if the way to it is broken.
        config: Its configuration; likewise.
        layers: Its layers.
        problem: Why the way is broken; else empty.
    """

    name: ImageName
    top: Document
    index: Index | None = None
    manifest: Manifest | None = None
    config: Config | None = None
    layers: tuple[Layer, ...] = ()
    problem: str = ""

    @property
    def size_bytes(self) -> int:
        """Of configuration and layers, as the registry keeps them."""
        if self.manifest is None:
            return 0
        return self.manifest.config.size_bytes + sum(
            layer.described.size_bytes for layer in self.layers
        )


def inspect(registry: Registry, name: ImageName) -> Inspection:
    """Follow a name to its image; three or more small requests, no layer is downloaded.

    Raises:
        NotFound: If nothing lies under the name.
        RegistryError: If the registry cannot be asked.
    """
    seen = _find(registry, name)
    if seen.manifest is None:
        return seen
    try:
        return _look_inside(registry, seen, seen.manifest)
    except ManifestError as err:
        return replace(seen, problem=str(err))


def inspect_manifest(registry: Registry, name: ImageName) -> Inspection:
    """Follow a name to the manifest of its image, and believe what that says of its layers.

    Raises:
        NotFound: If nothing lies under the name.
        RegistryError: If the registry cannot be asked.
    """
    seen = _find(registry, name)
    parts = seen.manifest.layers if seen.manifest else ()
    layers = (Layer(part, media.promised_compression(part.media_type)) for part in parts)
    return replace(seen, layers=tuple(layers))


def _find(registry: Registry, name: ImageName) -> Inspection:
    seen = Inspection(name, registry.read_manifest(name.reference))
    try:
        parsed = parse_document(seen.top)
        if isinstance(parsed, Index):
            seen = replace(seen, index=parsed)
            parsed = _choose(registry, parsed)
    except ManifestError as err:
        return replace(seen, problem=str(err))
    return replace(seen, manifest=parsed)


def _look_inside(registry: Registry, seen: Inspection, manifest: Manifest) -> Inspection:
    if manifest.config.media_type not in media.CONFIGS or manifest.artifact_type:
        kind = manifest.artifact_type or manifest.config.media_type
        return replace(seen, problem=f"it is no image: its content is {kind}")
    layers = tuple(Layer(layer, _compression(registry, layer)) for layer in manifest.layers)
    seen = replace(seen, layers=layers)
    try:
        config = parse_config(read_small_blob(registry, manifest.config, MAX_CONFIG_BYTES))
    except NotFound:
        return replace(seen, problem=f"its configuration {manifest.config.digest} is missing")
    return replace(seen, config=config)


def _compression(registry: Registry, layer: Descriptor) -> Compression | None:
    if layer.media_type not in media.LAYERS:
        return media.promised_compression(layer.media_type)  # it need not lie in the registry
    try:
        head = read_head(registry, layer.digest, media.MAGIC_LENGTH)
    except NotFound:
        return None
    return media.compression_of(head)


def _choose(registry: Registry, index: Index) -> Manifest:
    """The manifest for linux/amd64 of an index.

    Raises:
        ManifestError: If there is none, there are several, or it is missing.
    """
    images = [child for child in index.children if not child.is_attestation]
    if len(images) > _MAX_CHILDREN:
        raise ManifestError(f"the index has {len(images)} images; {_MAX_CHILDREN} are looked at")
    silent = [child for child in images if child.platform is None]
    fitting = [child for child in images if child.platform and is_wanted(child.platform)]
    found = [_fetch(registry, child) for child in fitting] or [
        manifest
        for manifest in (_fetch(registry, child) for child in silent)
        if manifest.config.media_type in media.CONFIGS
        and is_wanted(
            parse_config(read_small_blob(registry, manifest.config, MAX_CONFIG_BYTES)).platform
        )
    ]
    if len({manifest.document.digest for manifest in found}) != 1:
        others = ", ".join(str(child.platform or "unnamed platform") for child in images)
        raise ManifestError(
            f"the index has {len(found)} images for {WANTED}; it has {others or 'no image at all'}"
        )
    return found[0]


def is_wanted(platform: Platform) -> bool:
    """Whether SageMaker's amd64 machines run it."""
    is_baseline = platform.variant in _BASELINE
    return is_baseline and (platform.os, platform.architecture) == (WANTED.os, WANTED.architecture)


def _fetch(registry: Registry, child: Descriptor) -> Manifest:
    try:
        parsed = parse_document(registry.read_manifest(child.digest))
    except NotFound as err:
        platform = child.platform or "an unnamed platform"
        raise ManifestError(
            f"the index names {child.digest} for {platform}, which is not in the registry"
        ) from err
    if isinstance(parsed, Index):
        raise ManifestError(f"the index holds another index, {child.digest}")
    return parsed
