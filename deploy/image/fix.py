# SPDX-License-Identifier: AGPL-3.0-or-later
"""Put a manifest that SageMaker takes beside, or in the place of, one that it does not take."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, cast

from deploy.errors import NotFound, TagIsImmutable, Unconvertible, WrongContent
from deploy.image import media
from deploy.image.inspection import Inspection, Layer, inspect
from deploy.image.layers import pack_anew
from deploy.image.manifest import Descriptor, Document, Manifest, build_manifest
from deploy.image.rules import Level, Remedy, judge

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploy.image.names import ImageName
    from deploy.image.registry import Registry

# Rules that are about where the image is to run, not about what it is.
_NOT_OURS = {"size"}


@dataclass(frozen=True, slots=True)
class Fixed:
    """What was done.

    Attributes:
        name: With the tag, and with the digest that was read back.
        before: Media type that the name led to.
        is_changed: Whether anything was written.
        uploaded: Layers that were packed anew and uploaded.
        note: What the operator should know; mostly empty.
    """

    name: ImageName
    before: str
    is_changed: bool
    uploaded: tuple[Descriptor, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done, without having asked for a single layer.

    Attributes:
        manifest: The image's own.
        anew: Layers to be packed anew, each with its ``diff_id``.
        is_right: The manifest can stay as it is.
    """

    manifest: Manifest
    anew: tuple[tuple[Layer, str], ...]
    is_right: bool


def plan_fix(seen: Inspection) -> Plan:
    """How to make an image acceptable.

    Raises:
        Unconvertible: If a new manifest would not do; the message says why.
    """
    problems = [
        finding.message
        for finding in judge(seen)
        if finding.level is Level.ERROR
        and finding.remedy is not Remedy.FIX
        and finding.rule not in _NOT_OURS
    ]
    if problems or seen.manifest is None or seen.config is None:
        raise Unconvertible("; ".join(problems) or "there is no image")
    anew = tuple(
        (layer, diff_id)
        for layer, diff_id in zip(seen.layers, seen.config.diff_ids, strict=True)
        if layer.compression is not media.Compression.GZIP
    )
    named = {layer.media_type for layer in seen.manifest.layers} | {media.DOCKER_LAYER}
    is_right = (
        not anew
        and seen.manifest.document.media_type == media.DOCKER_MANIFEST
        and seen.manifest.config.media_type == media.DOCKER_CONFIG
        and named == {media.DOCKER_LAYER}
    )
    return Plan(seen.manifest, anew, is_right)


def fix(registry: Registry, name: ImageName, *, tag: str = "", say: Callable[[str], None]) -> Fixed:
    """Make SageMaker take what lies under a name.

    Args:
        registry: Where it lies.
        name: What is to be fixed.
        tag: Where the new manifest goes; the name's own tag if empty, or one made of the digest
            if the name has none.
        say: Is told what is being done.

    Raises:
        Unconvertible: If that cannot be done without building anew.
        WrongContent: If the registry does not give back what was written.
        RegistryError: If the registry does not let it.
    """
    seen = inspect(registry, name)
    plan = plan_fix(seen)
    if plan.is_right and seen.index is None and tag in {"", name.tag}:
        say(f"{name} is {seen.top.media_type} already; nothing is written")
        return Fixed(
            name.at(tag=name.tag, digest=seen.top.digest), seen.top.media_type, is_changed=False
        )
    uploaded = {
        layer.described.digest: _upload_anew(registry, layer, diff_id, say)
        for layer, diff_id in plan.anew
    }
    document = plan.manifest.document if plan.is_right else _converted(plan.manifest, uploaded)
    return _publish(registry, seen, document, tag, tuple(uploaded.values()), say)


def _converted(manifest: Manifest, uploaded: dict[str, Descriptor]) -> Document:
    layers = tuple(uploaded.get(layer.digest, layer) for layer in manifest.layers)
    return build_manifest(manifest.config, layers)


def _upload_anew(
    registry: Registry, layer: Layer, diff_id: str, say: Callable[[str], None]
) -> Descriptor:
    described = layer.described
    say(f"Packing layer {described.digest[:19]}… anew ({described.size_bytes / 1e6:.1f} MB) …")
    with tempfile.TemporaryFile() as file:
        out = cast("BinaryIO", file)
        with registry.open_blob(described.digest) as pieces:
            packed = pack_anew(layer, pieces, diff_id, out)
        out.seek(0)
        is_new = registry.write_blob(out, packed.digest, packed.size_bytes)
    say(f"  {packed.digest[:19]}… {'uploaded' if is_new else 'is there already'}")
    return packed


def _publish(
    registry: Registry,
    seen: Inspection,
    document: Document,
    tag: str,
    uploaded: tuple[Descriptor, ...],
    say: Callable[[str], None],
) -> Fixed:
    name, note = seen.name, ""
    neighbor = f"v2s2-{document.digest[7:15]}"
    target = tag or name.tag or neighbor
    try:
        is_changed = _put(registry, document, target)
    except TagIsImmutable:
        if tag:
            raise
        note = f"the repository lets no tag be moved, so that {target} stays as it is"
        target = f"{target[:100]}-{neighbor}"
        say(f"{note}; its neighbor is {target}")
        is_changed = _put(registry, document, target)
    done = name.at(tag=target, digest=document.digest)
    if is_changed:
        say(f"Wrote {len(document.content):,} bytes as {name.at(tag=target)} and read them back")
    else:
        say(f"{name.at(tag=target)} is {document.digest} already; nothing is written")
    return Fixed(done, seen.top.media_type, is_changed=is_changed, uploaded=uploaded, note=note)


def _put(registry: Registry, document: Document, tag: str) -> bool:
    """Write a manifest and read it back; False if it lies there already."""
    if _digest_at(registry, tag) == document.digest:
        return False
    registry.write_manifest(document, tag)
    _verify(registry, document, tag)
    return True


def _verify(registry: Registry, document: Document, tag: str) -> None:
    for reference in (tag, document.digest):
        found = registry.read_manifest(reference)
        if found != document:
            raise WrongContent(
                f"{document.digest} ({document.media_type}) was written, but {reference} gives "
                f"{found.digest} ({found.media_type})"
            )


def _digest_at(registry: Registry, tag: str) -> str:
    try:
        return registry.read_manifest(tag).digest
    except NotFound:
        return ""
