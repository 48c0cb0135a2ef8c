# SPDX-License-Identifier: AGPL-3.0-or-later
"""ECR's calls for images over a real registry: true digests, and media types that are honored.

It speaks AWS's JSON protocol 1.1 over HTTP, so that boto3 itself is what is tested. What it knows
of ECR: stored manifests are given as they are to those who accept their type; what a *tag* leads
to is converted for those who take Docker's manifest alone (AWS: "Container image manifest format
support in Amazon ECR"); parts of a layer come in order, each but the last of 5 MiB or more; a
manifest needs its layers; a tag of an immutable repository cannot be moved.
"""

from __future__ import annotations

import base64
import json
import threading
import urllib.error
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen

from tests.image import pushing
from tests.image.pushing import Pusher, sha256

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCOUNT, REGION = "123456789012", "eu-central-1"
HOST = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
PART_BYTES = 5 * 2**20


class Refusal(Exception):
    """An error as AWS names it."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(message)
        self.code = code


@dataclass(slots=True)
class FakeEcr:
    """The calls.

    Attributes:
        registry: ``host:port`` of the real registry.
        url: Address of this server.
        immutable: Repositories whose tags cannot be moved.
        calls: Names of the calls so far.
    """

    registry: str
    url: str = ""
    immutable: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)
    _uploads: dict[str, bytearray] = field(default_factory=dict)

    def call(self, operation: str, given: dict[str, Any]) -> dict[str, Any]:
        """Answer one call."""
        self.calls.append(operation)
        if given.get("registryId", ACCOUNT) != ACCOUNT:
            raise Refusal("RepositoryNotFoundException", "not in this account")
        match operation:
            case "BatchGetImage":
                return self._batch_get_image(given)
            case "PutImage":
                return self._put_image(given)
            case "GetAuthorizationToken":
                token = base64.b64encode(b"AWS:a-token").decode()
                return {"authorizationData": [{"authorizationToken": token}]}
            case _:
                return self._layer_call(operation, given)

    def _batch_get_image(self, given: dict[str, Any]) -> dict[str, Any]:
        repository = self._repository(given)
        if not self._exists(f"{repository.base}/tags/list"):
            raise Refusal("RepositoryNotFoundException", repository.repository)
        accepted = given.get("acceptedMediaTypes") or [pushing.V2S2]
        images, failures = [], []
        for wanted in given["imageIds"]:
            reference = wanted.get("imageDigest") or wanted["imageTag"]
            try:
                kind, content = repository.get(reference)
            except urllib.error.HTTPError:
                kind, content = "", b""
            if kind not in accepted and _can_be_converted(kind, accepted) and "imageTag" in wanted:
                kind, content = pushing.V2S2, _converted(content)
            if kind not in accepted:
                failures.append({"imageId": wanted, "failureCode": "ImageNotFound",
                                 "failureReason": "Requested image not found"})  # fmt: skip
                continue
            images.append(
                {
                    "registryId": ACCOUNT,
                    "repositoryName": repository.repository,
                    "imageId": {**wanted, "imageDigest": sha256(content)},
                    "imageManifest": content.decode(),
                    "imageManifestMediaType": kind,
                }
            )
        return {"images": images, "failures": failures}

    def _put_image(self, given: dict[str, Any]) -> dict[str, Any]:
        repository, content = self._repository(given), given["imageManifest"].encode()
        manifest = json.loads(content)
        kind = given.get("imageManifestMediaType") or manifest["mediaType"]
        digest, tag = sha256(content), given.get("imageTag")
        if given.get("imageDigest", digest) != digest:
            raise Refusal("ImageDigestDoesNotMatchException")
        for part in [manifest["config"], *manifest["layers"]]:
            if not self._has(repository, part["digest"]):
                raise Refusal("LayersNotFoundException", part["digest"])
        if tag:
            try:
                before = sha256(repository.get(tag)[1])
            except urllib.error.HTTPError:
                before = ""
            if before == digest:
                raise Refusal("ImageAlreadyExistsException")
            if before and repository.repository in self.immutable:
                raise Refusal("ImageTagAlreadyExistsException", f"The tag {tag} already exists")
        repository.put(tag or digest, kind, {}, content=content)
        return {"image": {"imageId": {"imageDigest": digest}}}

    def _layer_call(self, operation: str, given: dict[str, Any]) -> dict[str, Any]:
        repository = self._repository(given)
        digests = given.get("layerDigests") or [given.get("layerDigest", "")]
        match operation:
            case "BatchCheckLayerAvailability":
                found = {True: "AVAILABLE", False: "UNAVAILABLE"}
                layers = [
                    {
                        "layerDigest": digest,
                        "layerAvailability": found[self._has(repository, digest)],
                    }
                    for digest in digests
                ]
                return {"layers": layers, "failures": []}
            case "GetDownloadUrlForLayer":
                if not self._has(repository, digests[0]):
                    raise Refusal("LayersNotFoundException", digests[0])
                path = f"{repository.repository}/blobs/{digests[0]}"
                return {"downloadUrl": f"{self.url}/signed/{path}", "layerDigest": digests[0]}
            case "InitiateLayerUpload":
                upload = f"upload-{len(self._uploads)}"
                self._uploads[upload] = bytearray()
                return {"uploadId": upload, "partSize": PART_BYTES}
            case "UploadLayerPart":
                return self._upload_part(given)
            case "CompleteLayerUpload":
                return self._complete(repository, given["uploadId"], digests[0])
        raise Refusal("UnknownOperationException", operation)

    def _upload_part(self, given: dict[str, Any]) -> dict[str, Any]:
        received = self._uploads[given["uploadId"]]
        part = base64.b64decode(given["layerPartBlob"])
        if given["partFirstByte"] != len(received) or len(received) % PART_BYTES:
            raise Refusal("InvalidLayerPartException", "parts come in order, each of full size")
        received += part
        if given["partLastByte"] != len(received) - 1 or len(part) > 4 * PART_BYTES:
            raise Refusal("InvalidLayerPartException", "not the bytes that were announced")
        return {"uploadId": given["uploadId"], "lastByteReceived": len(received) - 1}

    def _complete(self, repository: Pusher, upload: str, digest: str) -> dict[str, Any]:
        content = bytes(self._uploads.pop(upload))
        if sha256(content) != digest:
            raise Refusal("InvalidLayerException", "Layer digest does not match")
        if self._has(repository, digest):
            raise Refusal("LayerAlreadyExistsException")
        repository.blob(content)
        return {"uploadId": upload, "layerDigest": digest}

    def _repository(self, given: dict[str, Any]) -> Pusher:
        return Pusher(self.registry, given["repositoryName"])

    def _has(self, repository: Pusher, digest: str) -> bool:
        return self._exists(f"{repository.base}/blobs/{digest}", "HEAD")

    @staticmethod
    def _exists(url: str, method: str = "GET") -> bool:
        try:
            with urlopen(Request(url, method=method), timeout=30):
                return True
        except urllib.error.HTTPError:
            return False


def _can_be_converted(kind: str, accepted: list[str]) -> bool:
    return kind == pushing.OCI_MANIFEST and pushing.V2S2 in accepted


def _converted(content: bytes) -> bytes:
    text = content.decode().replace(pushing.OCI_MANIFEST, pushing.V2S2)
    text = text.replace(pushing.OCI_CONFIG, pushing.DOCKER_CONFIG)
    return text.replace(f"{pushing.OCI_LAYER}+gzip", pushing.DOCKER_LAYER).encode()


@contextmanager
def serve_ecr(registry: str) -> Iterator[FakeEcr]:
    """Run it on a free port of loopback."""
    fake = FakeEcr(registry)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            assert self.headers["Authorization"].startswith("AWS4-HMAC-SHA256 ")
            try:
                status, answer = 200, fake.call(self.headers["X-Amz-Target"].split(".")[1], given)
            except Refusal as err:
                status, answer = 400, {"__type": err.code, "message": str(err)}
            self._answer(status, json.dumps(answer).encode())

        def do_GET(self) -> None:
            assert "Authorization" not in self.headers  # the address is signed
            path = self.path.removeprefix("/signed/")
            wanted = {"Range": self.headers["Range"]} if "Range" in self.headers else {}
            with urlopen(Request(f"http://{registry}/v2/{path}", headers=wanted)) as blob:
                self._answer(blob.status, blob.read())

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    fake.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
