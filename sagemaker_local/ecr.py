# SPDX-License-Identifier: AGPL-3.0-or-later
"""What moto's ECR lacks: layers that can be downloaded, and digests that are the manifests'."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from sagemaker_local.protocol import Response, render_refusal
from sagemaker_local.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

TARGET = "AmazonEC2ContainerRegistry_V20150921."
PATH = "/ecr-layers/"
_RANGE = re.compile(r"bytes=0-(\d+)")


@dataclass(slots=True)
class Layers:
    """Content of layers and configurations, as uploads bring it."""

    _uploads: dict[str, bytearray] = field(default_factory=dict)
    _blobs: dict[str, bytes] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def changed(self, operation: str, body: bytes) -> bytes:
        """The body of a call as moto shall get it; what it uploads is kept."""
        given = json.loads(body or b"{}")
        with self._lock:
            match operation:
                case "UploadLayerPart":
                    part = base64.b64decode(given["layerPartBlob"])
                    self._uploads.setdefault(given["uploadId"], bytearray()).extend(part)
                case "CompleteLayerUpload":
                    content = bytes(self._uploads.pop(given["uploadId"], b""))
                    self._blobs[digest_of(content)] = content
                case "PutImage":
                    # Without a digest moto takes one of the layers for the manifest's.
                    manifest = str(given.get("imageManifest", "")).encode()
                    given.setdefault("imageDigest", digest_of(manifest))
                    return json.dumps(given).encode()
        return body

    def locate(self, body: bytes, url: str) -> Response:
        """GetDownloadUrlForLayer."""
        given: Mapping[str, Any] = json.loads(body)
        digest = given["layerDigest"]
        if digest not in self._blobs:
            name = given.get("repositoryName")
            missing = f"The layer with digest '{digest}' is not in repository '{name}'"
            return render_refusal(Refusal("LayersNotFoundException", missing))
        content = {"downloadUrl": f"{url}{PATH}{digest}", "layerDigest": digest}
        return Response(HTTPStatus.OK, json.dumps(content).encode())

    def download(self, digest: str, wanted: str) -> Response:
        """The content of a layer.

        Args:
            digest: Its digest.
            wanted: A ``Range`` from its start; empty for all of it.
        """
        content = self._blobs.get(digest)
        if content is None:
            return Response(HTTPStatus.NOT_FOUND, b"")
        if found := _RANGE.fullmatch(wanted):
            return Response(HTTPStatus.PARTIAL_CONTENT, content[: int(found[1]) + 1])
        return Response(HTTPStatus.OK, content)


def digest_of(content: bytes) -> str:
    """The digest under which a registry has it."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
