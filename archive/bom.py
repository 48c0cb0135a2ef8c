# SPDX-License-Identifier: AGPL-3.0-or-later
"""What an archive holds, as CycloneDX 1.6."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

LICENSE = "AGPL-3.0-or-later"
WEIGHTS_LICENSE = "AGPL-3.0-only"  # weights/MODEL_CARD.md
SCHEMA = "http://cyclonedx.org/schema/bom-1.6.schema.json"
_WEIGHTS = (".bin", ".xml")


def document(report: Mapping[str, Any]) -> dict[str, Any]:
    """The list of an archive's files; without a time, so that the same archive has the same.

    What serves it, packages of Python among it, is in the image's own list.

    Args:
        report: What :func:`archive.pack.record` writes: name, version, sha256 of the archive and of
            each of its files.
    """
    return {
        "$schema": SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": _component("application", "archive", report["archive"], report["sha256"])
            | {"version": report["version"]}
        },
        "components": [
            _component(
                "machine-learning-model" if name.endswith(_WEIGHTS) else "file",
                f"file:{name}",
                name,
                digest,
            )
            for name, digest in sorted(report["files"].items())
        ],
    }


def _component(kind: str, reference: str, name: str, sha256: str) -> dict[str, Any]:
    license_id = WEIGHTS_LICENSE if kind == "machine-learning-model" else LICENSE
    return {
        "type": kind,
        "bom-ref": reference,
        "name": name,
        "hashes": [{"alg": "SHA-256", "content": sha256}],
        "licenses": [{"license": {"id": license_id}}],
    }
