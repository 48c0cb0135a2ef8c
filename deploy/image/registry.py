# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is asked of a registry, whether it is ECR or any other."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO, Protocol

from deploy.errors import Malformed, WrongContent
from deploy.image.manifest import digest_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from deploy.image.manifest import Descriptor, Document

# A registry takes no larger manifests (OCI distribution specification: at least 4 MiB).
MAX_MANIFEST_BYTES = 4 * 2**20
MAX_CONFIG_BYTES = 8 * 2**20


class Registry(Protocol):
    """One repository of a registry; every method may raise a RegistryError or AwsError."""

    def read_manifest(self, reference: str) -> Document:
        """What lies under a tag or digest, asked with all media types of ``media.ACCEPTED``.

        Raises:
            NotFound: If nothing does.
            WrongContent: If it is not what its digest says.
        """

    def write_manifest(self, document: Document, tag: str) -> None:
        """Put a manifest under a tag; nothing happens if it lies there already.

        Raises:
            TagIsImmutable: If something else lies there and may not be replaced.
        """

    def open_blob(
        self, digest: str, *, first_bytes: int | None = None
    ) -> AbstractContextManager[Iterator[bytes]]:
        """A layer or configuration, in pieces; of a whole one the caller checks the digest.

        Args:
            digest: Which.
            first_bytes: No more is needed; more may come.

        Raises:
            NotFound: If it is not there.
        """

    def write_blob(self, file: BinaryIO, digest: str, size_bytes: int) -> bool:
        """Upload a layer; False if it was there already."""


def read_small_blob(registry: Registry, part: Descriptor, limit_bytes: int) -> bytes:
    """A whole configuration, checked against its digest.

    Raises:
        Malformed: If it is larger than the limit.
        NotFound: If it is not there.
        WrongContent: If it is not what its digest and size say.
    """
    if part.size_bytes > limit_bytes:
        raise Malformed(f"{part.digest} has {part.size_bytes:,} bytes; {limit_bytes:,} are read")
    content = b""
    with registry.open_blob(part.digest) as pieces:
        for piece in pieces:
            content += piece
            if len(content) > part.size_bytes:
                break
    if len(content) != part.size_bytes or digest_of(content) != part.digest:
        raise WrongContent(f"what the registry gives as {part.digest} is something else")
    return content


def read_head(registry: Registry, digest: str, length: int) -> bytes:
    """How a layer begins.

    Raises:
        NotFound: If it is not there.
    """
    head = b""
    with registry.open_blob(digest, first_bytes=length) as pieces:
        for piece in pieces:
            head += piece
            if len(head) >= length:
                break
    return head[:length]
