# SPDX-License-Identifier: AGPL-3.0-or-later
"""A registry in memory, and what is found in it."""

from __future__ import annotations

import gzip
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

from deploy.errors import NotFound
from deploy.image import media
from deploy.image.inspection import Inspection, inspect
from deploy.image.manifest import Document, digest_of
from deploy.image.names import ImageName
from deploy.image.rules import judge

if TYPE_CHECKING:
    from collections.abc import Iterator


class Shelf:
    """A registry in memory."""

    def __init__(self) -> None:
        self.documents: dict[str, Document] = {}
        self.blobs: dict[str, bytes] = {}
        self.loses_writes = False

    def read_manifest(self, reference: str) -> Document:
        """What lies there."""
        if reference not in self.documents:
            raise NotFound(reference)
        return self.documents[reference]

    def write_manifest(self, document: Document, tag: str) -> None:
        """Keep it, under its digest, too."""
        if not self.loses_writes:
            self.documents[tag] = document
        self.documents[document.digest] = document

    @contextmanager
    def open_blob(
        self, digest: str, *, first_bytes: int | None = None
    ) -> Iterator[Iterator[bytes]]:
        """In pieces of three bytes."""
        if digest not in self.blobs:
            raise NotFound(digest)
        content = self.blobs[digest][:first_bytes]
        yield (content[at : at + 3] for at in range(0, len(content), 3))

    def write_blob(self, file: BinaryIO, digest: str, size_bytes: int) -> bool:
        """Keep it."""
        content = file.read()
        assert (digest, size_bytes) == (digest_of(content), len(content))
        self.blobs[digest] = content
        return True

    def keep(self, content: bytes) -> dict[str, Any]:
        """A layer or configuration, as a manifest names it."""
        self.blobs[digest_of(content)] = content
        return {"digest": digest_of(content), "size": len(content)}

    def put(self, tag: str, kind: str, **parts: object) -> Document:
        """A manifest or index."""
        fields = {"schemaVersion": 2, "mediaType": kind, **parts}
        document = Document(kind, json.dumps(fields).encode())
        self.write_manifest(document, tag)
        return document

    def image(self, tag: str, layer: bytes = b"layer", **config: object) -> Document:
        """An OCI image of one gzip layer."""
        settings = {
            "os": "linux", "architecture": "amd64",
            "rootfs": {"diff_ids": [digest_of(layer)]}, **config,
        }  # fmt: skip
        packed = gzip.compress(layer, mtime=0)
        return self.put(
            tag,
            media.OCI_MANIFEST,
            config={"mediaType": media.OCI_CONFIG, **self.keep(json.dumps(settings).encode())},
            layers=[{"mediaType": media.LAYERS[4], **self.keep(packed)}],
        )


def look(shelf: Shelf, tag: str = "1") -> Inspection:
    """Inspect what lies under a tag."""
    return inspect(shelf, ImageName("registry", "rooms", tag))


def found(shelf: Shelf, tag: str = "1") -> list[str]:
    """The rules that an image breaks."""
    return [finding.rule for finding in judge(look(shelf, tag))]
