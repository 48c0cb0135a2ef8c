# SPDX-License-Identifier: AGPL-3.0-or-later
"""Media types of images, and which of them mean the same bytes.

Source: OCI image specification 1.1, media-types.md; Docker image manifest version 2, schema 2.
"""

from __future__ import annotations

from enum import StrEnum

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
SCHEMA_1 = (
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
)
# A registry answers what it has only to those who say that they take it: without OCI_MANIFEST,
# ECR would convert a tag on the fly, and a registry of Docker's would say 404.
ACCEPTED = (DOCKER_MANIFEST, OCI_MANIFEST, DOCKER_LIST, OCI_INDEX)
INDEXES = (DOCKER_LIST, OCI_INDEX)
MANIFESTS = (DOCKER_MANIFEST, OCI_MANIFEST)
CONFIGS = (DOCKER_CONFIG, OCI_CONFIG)

_OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
# Layers that lie in the registry itself. Not among them: "foreign" and "nondistributable" layers,
# which lie elsewhere, and encrypted ones.
LAYERS = (
    DOCKER_LAYER,
    "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.docker.image.rootfs.diff.tar.zstd",
    _OCI_LAYER,
    f"{_OCI_LAYER}+gzip",
    f"{_OCI_LAYER}+zstd",
)


class Compression(StrEnum):
    """How a layer's bytes are packed."""

    GZIP = "gzip"
    ZSTD = "zstd"
    NONE = "none"


# How the bytes begin: RFC 1952, 2.3.1; RFC 8878, 3.1.1, and 3.1.2 for the frames that can be
# skipped, with which zstd:chunked begins no layer but may.
_MAGIC = {b"\x1f\x8b": Compression.GZIP, b"\x28\xb5\x2f\xfd": Compression.ZSTD}
MAGIC_LENGTH = 4


def compression_of(head: bytes) -> Compression:
    """How bytes are packed, by what they begin with."""
    if head[1:4] == b"\x2a\x4d\x18" and head[0] & 0xF0 == 0x50:  # noqa: PLR2004  # RFC 8878
        return Compression.ZSTD
    return next(
        (kind for magic, kind in _MAGIC.items() if head.startswith(magic)), Compression.NONE
    )


def promised_compression(media_type: str) -> Compression:
    """How a layer of this media type is said to be packed."""
    if media_type.endswith("zstd"):
        return Compression.ZSTD
    return Compression.GZIP if media_type.endswith("gzip") else Compression.NONE
