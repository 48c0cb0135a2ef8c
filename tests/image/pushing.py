# SPDX-License-Identifier: AGPL-3.0-or-later
"""Small images of any kind, put into a registry by hand."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import zstandard

if TYPE_CHECKING:
    from collections.abc import Callable

OCI = "application/vnd.oci.image"
DOCKER = "application/vnd.docker"
OCI_MANIFEST, OCI_INDEX = f"{OCI}.manifest.v1+json", f"{OCI}.index.v1+json"
OCI_CONFIG = f"{OCI}.config.v1+json"
OCI_LAYER = f"{OCI}.layer.v1.tar"
V2S2 = f"{DOCKER}.distribution.manifest.v2+json"
DOCKER_LIST = f"{DOCKER}.distribution.manifest.list.v2+json"
DOCKER_CONFIG = f"{DOCKER}.container.image.v1+json"
DOCKER_LAYER = f"{DOCKER}.image.rootfs.diff.tar.gzip"
ALL = (V2S2, OCI_MANIFEST, DOCKER_LIST, OCI_INDEX)


def sha256(content: bytes) -> str:
    """A digest as registries write it."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def tar(content: bytes = b"rooms") -> bytes:
    """A layer with one file."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as packed:
        entry = tarfile.TarInfo("file")
        entry.size = len(content)
        packed.addfile(entry, io.BytesIO(content))
    return file.getvalue()


def zstd(content: bytes) -> bytes:
    """Packed in two frames with one between them that is skipped, as zstd:chunked does."""
    half = len(content) // 2
    pack = zstandard.ZstdCompressor().compress
    skipped = b"\x50\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"note"
    return pack(content[:half]) + skipped + pack(content[half:])


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda content: gzip.compress(content, mtime=0),
    "zstd": zstd,
    "none": bytes,
}


@dataclass(frozen=True, slots=True)
class Put:
    """A manifest that was put."""

    media_type: str
    content: bytes

    @property
    def digest(self) -> str:
        """Of the manifest."""
        return sha256(self.content)

    def entry(self, **more: object) -> dict[str, object]:
        """As an index names it."""
        found = {"mediaType": self.media_type, "digest": self.digest, "size": len(self.content)}
        return found | more


@dataclass(frozen=True, slots=True)
class Pusher:
    """Puts things into one repository.

    Attributes:
        registry: ``host:port``.
        repository: Its name.
    """

    registry: str
    repository: str

    @property
    def base(self) -> str:
        """Address of the repository."""
        return f"http://{self.registry}/v2/{self.repository}"

    def name(self, tag: str) -> str:
        """An image's name."""
        return f"{self.registry}/{self.repository}:{tag}"

    def blob(self, content: bytes) -> dict[str, object]:
        """Upload a layer or configuration."""
        with self._send("POST", f"{self.base}/blobs/uploads/") as answer:
            location = answer.headers["Location"]
        joint = "&" if "?" in location else "?"
        headers = {"Content-Type": "application/octet-stream"}
        url = f"{location}{joint}digest={sha256(content)}"
        self._send("PUT", url, content, headers).close()
        return {"digest": sha256(content), "size": len(content)}

    def put(
        self, reference: str, media_type: str, document: dict[str, Any], content: bytes = b""
    ) -> Put:
        """Put a manifest, given as document or as its very bytes."""
        done = Put(media_type, content or json.dumps(document, indent=2).encode())
        where = reference or done.digest
        headers = {"Content-Type": media_type}
        self._send("PUT", f"{self.base}/manifests/{where}", done.content, headers).close()
        return done

    def get(self, reference: str, accept: tuple[str, ...] = ALL) -> tuple[str, bytes]:
        """Media type and bytes of a manifest, for those who accept these types."""
        headers = {"Accept": ", ".join(accept)} if accept else {}
        url = f"{self.base}/manifests/{reference}"
        with self._send("GET", url, headers=headers) as answer:
            return answer.headers["Content-Type"], answer.read()

    def image(  # noqa: PLR0913  # what differs from image to image
        self,
        tag: str,
        *,
        packing: str = "gzip",
        layer_type: str = "",
        content: bytes = b"rooms",
        architecture: str = "amd64",
        is_docker: bool = False,
        diff_id: str = "",
    ) -> Put:
        """Put an image of one layer; an OCI one unless it is to be Docker's."""
        unpacked = tar(content)
        config = {
            "os": "linux", "architecture": architecture, "config": {"Entrypoint": ["/file"]},
            "rootfs": {"type": "layers", "diff_ids": [diff_id or sha256(unpacked)]},
            "history": [{"created_by": "COPY file /"}],
        }  # fmt: skip
        ending = {"gzip": "+gzip", "zstd": "+zstd", "none": ""}[packing]
        layer_type = layer_type or (DOCKER_LAYER if is_docker else OCI_LAYER + ending)
        kinds = (V2S2, DOCKER_CONFIG) if is_docker else (OCI_MANIFEST, OCI_CONFIG)
        return self.put(
            tag,
            kinds[0],
            {
                "schemaVersion": 2,
                "mediaType": kinds[0],
                "config": {"mediaType": kinds[1], **self.blob(json.dumps(config).encode())},
                "layers": [{"mediaType": layer_type, **self.blob(PACKERS[packing](unpacked))}],
            },
        )

    def index(self, tag: str, *children: dict[str, object], media_type: str = OCI_INDEX) -> Put:
        """Put an index."""
        manifests = {"schemaVersion": 2, "mediaType": media_type, "manifests": list(children)}
        return self.put(tag, media_type, manifests)

    def attested(self, tag: str, image: Put) -> Put:
        """Put an index as buildx does: the image, and an attestation of how it was built."""
        statement = {
            "_type": "https://in-toto.io/Statement/v0.1",
            "predicateType": "https://slsa.dev/provenance/v0.2",
            "subject": [{"name": "rooms", "digest": {"sha256": image.digest[7:]}}],
        }
        layer = self.blob(json.dumps(statement).encode())
        config = {
            "architecture": "unknown", "os": "unknown", "config": {},
            "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
        }  # fmt: skip
        attestation = self.put(
            "",
            OCI_MANIFEST,
            {
                "schemaVersion": 2,
                "mediaType": OCI_MANIFEST,
                "config": {"mediaType": OCI_CONFIG, **self.blob(json.dumps(config).encode())},
                "layers": [{"mediaType": "application/vnd.in-toto+json", **layer}],
            },
        )
        return self.index(
            tag,
            image.entry(platform={"os": "linux", "architecture": "amd64"}),
            attestation.entry(
                platform={"os": "unknown", "architecture": "unknown"},
                annotations={
                    "vnd.docker.reference.type": "attestation-manifest",
                    "vnd.docker.reference.digest": image.digest,
                },
            ),
        )

    @staticmethod
    def _send(
        method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> Any:
        request = urllib.request.Request(url, body, headers or {}, method=method)
        if method == "POST":
            request.data = b""
        return urllib.request.urlopen(request, timeout=30)
