# SPDX-License-Identifier: AGPL-3.0-or-later
"""What was found and done, as text and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from deploy.image import media
from deploy.image.rules import Remedy, is_acceptable, remedy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploy.image.fix import Fixed
    from deploy.image.inspection import Inspection
    from deploy.image.manifest import Descriptor
    from deploy.image.rules import Finding

_SHORT = 19  # sha256: and twelve digits


def mending_command(seen: Inspection, findings: list[Finding]) -> str:
    """The one command that mends it; empty if none is needed or none would do."""
    match remedy(findings):
        case Remedy.FIX:
            return f"python -m deploy image fix {seen.name}"
        case Remedy.REBUILD:
            tag = seen.name.tag or "latest"
            return f"python -m deploy image build --push --tag {seen.name.at(tag=tag)}"
        case _:
            return ""


def check_document(seen: Inspection, findings: list[Finding]) -> dict[str, Any]:
    """A check as a JSON document."""
    manifest, is_accepted = seen.manifest, is_acceptable(findings)
    return {
        "image": str(seen.name),
        "is_acceptable": is_accepted,
        "use": str(seen.name.at(digest=seen.top.digest)) if is_accepted else None,
        "media_type": seen.top.media_type,
        "digest": seen.top.digest,
        "index": [_described(child) for child in seen.index.children] if seen.index else None,
        "manifest": {
            "media_type": manifest.document.media_type,
            "digest": manifest.document.digest,
            "config": _described(manifest.config),
            "layers": [
                _described(layer.described)
                | {"compression": layer.compression.value if layer.compression else "missing"}
                for layer in seen.layers
            ],
        }
        if manifest
        else None,
        "platform": str(seen.config.platform) if seen.config else None,
        "size_bytes": seen.size_bytes,
        "findings": [
            {
                "rule": finding.rule,
                "level": finding.level.value,
                "message": finding.message,
                "remedy": finding.remedy.value,
            }
            for finding in findings
        ],
        "mend": mending_command(seen, findings) or None,
    }


def _described(part: Descriptor) -> dict[str, Any]:
    return {
        "media_type": part.media_type,
        "digest": part.digest,
        "size_bytes": part.size_bytes,
        **({"platform": str(part.platform)} if part.platform else {}),
        **({"is_attestation": True} if part.is_attestation else {}),
    }


def check_text(seen: Inspection, findings: list[Finding]) -> str:
    """A check as text for people."""
    return "\n".join(_lines(seen, findings))


def _lines(seen: Inspection, findings: list[Finding]) -> Iterator[str]:
    yield str(seen.name)
    yield f"  {seen.top.media_type}  {seen.top.digest[:_SHORT]}"
    for child in seen.index.children if seen.index else ():
        what = "attestation" if child.is_attestation else str(child.platform or "")
        yield f"    {child.media_type}  {child.digest[:_SHORT]}  {what}"
    if seen.manifest is not None:
        if seen.index:
            yield f"  {seen.manifest.document.media_type}"
        yield f"  {_part(seen.manifest.config)}"
    for layer in seen.layers:
        packed = layer.compression or "missing"
        is_said = packed == media.promised_compression(layer.described.media_type)
        yield f"  {_part(layer.described)}{'' if is_said else f'  in truth: {packed}'}"
    if seen.config is not None:
        layers = f"{len(seen.layers)} layer{'s' * (len(seen.layers) != 1)}"
        yield f"{seen.config.platform}, {layers}, {seen.size_bytes / 1e6:.1f} MB"
    yield from (f"{finding.level}: {finding.rule}: {finding.message}" for finding in findings)
    if is_acceptable(findings):
        yield f"SageMaker takes it: {seen.name.at(digest=seen.top.digest)}"
        return
    command = mending_command(seen, findings)
    yield "SageMaker does not take it." + (f" This mends it:\n  {command}" if command else "")


def _part(part: Descriptor) -> str:
    return f"  {part.media_type}  {part.digest[:_SHORT]}  {part.size_bytes:,} B"


def fix_document(fixed: Fixed) -> dict[str, Any]:
    """What was done, as a JSON document."""
    return {
        "image": str(fixed.name.at(tag=fixed.name.tag)) if fixed.name.tag else None,
        "use": str(fixed.name.at(digest=fixed.name.digest)),
        "digest": fixed.name.digest,
        "before": fixed.before,
        "media_type": media.DOCKER_MANIFEST,
        "is_changed": fixed.is_changed,
        "uploaded_layers": [_described(layer) for layer in fixed.uploaded],
        "note": fixed.note or None,
    }
