# SPDX-License-Identifier: AGPL-3.0-or-later
"""What moto's ECR lacks: layers that can be downloaded, and digests that are the manifests'."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import tempfile
import threading
import time
import uuid
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sagemaker_local.protocol import Response, render_refusal
from sagemaker_local.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

TARGET = "AmazonEC2ContainerRegistry_V20150921."
PATH = "/ecr-layers/"
_TOKEN_S = 12 * 3600.0
_RANGE = re.compile(r"bytes=0-(\d+)")


class Layers:
    """Content of layers and configurations, as uploads bring it; an image's are large, so files."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="layers-")
        self._lock = threading.Lock()

    def close(self) -> None:
        """Forget all of it."""
        self._folder.cleanup()

    def begin(self) -> str:
        """The id of a new upload."""
        upload_id = str(uuid.uuid4())
        self._file(upload_id).touch()
        return upload_id

    def is_open(self, upload_id: str) -> bool:
        """Whether there is such an upload."""
        return self._file(upload_id).is_file()

    def size_of(self, upload_id: str) -> int:
        """Bytes that have come."""
        return self._file(upload_id).stat().st_size

    def extend(self, upload_id: str, content: bytes) -> None:
        """More of an upload."""
        with self._lock, self._file(upload_id).open("ab") as file:
            file.write(content)

    def complete(self, upload_id: str, digest: str = "") -> bool:
        """End an upload; False if it has not the digest that was told, and then it is gone."""
        file = self._file(upload_id)
        with file.open("rb") as content:
            found = f"sha256:{hashlib.file_digest(content, 'sha256').hexdigest()}"
        if digest and found != digest:
            file.unlink()
            return False
        file.rename(self._file(found))
        return True

    def changed(self, operation: str, body: bytes) -> bytes:
        """The body of a call as moto shall get it; what it uploads is kept."""
        given = json.loads(body or b"{}")
        match operation:
            case "UploadLayerPart":
                self.extend(given["uploadId"], base64.b64decode(given["layerPartBlob"]))
            case "CompleteLayerUpload" if self.is_open(given["uploadId"]):
                self.complete(given["uploadId"])
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
        if not self._file(digest).is_file():
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
        file = self._file(digest)
        if not file.is_file():
            return Response(HTTPStatus.NOT_FOUND, b"")
        if found := _RANGE.fullmatch(wanted):
            with file.open("rb") as content:
                return Response(HTTPStatus.PARTIAL_CONTENT, content.read(int(found[1]) + 1))
        return Response(HTTPStatus.OK, file.read_bytes())

    def _file(self, name: str) -> Path:
        """Of an upload by its id, or of a layer by its digest."""
        return Path(self._folder.name, re.sub(r"[^0-9a-zA-Z-]", "-", name))


def authorization(url: str) -> Response:
    """GetAuthorizationToken: any password does, and images are pushed to this very server."""
    token = base64.b64encode(b"AWS:local").decode()
    expires_at = time.time() + _TOKEN_S
    data = {"authorizationToken": token, "proxyEndpoint": url, "expiresAt": expires_at}
    return Response(HTTPStatus.OK, json.dumps({"authorizationData": [data]}).encode())


def digest_of(content: bytes) -> str:
    """The digest under which a registry has it."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
