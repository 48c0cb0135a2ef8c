# SPDX-License-Identifier: AGPL-3.0-or-later
"""An address to push images to: the registry's HTTP of ECR, in front of moto's.

Source: OCI distribution specification 1.1, "Pulling manifests", "Pulling blobs" and "Push"; errors
have the form of its "Error Codes".
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sagemaker_local.ecr import digest_of
from sagemaker_local.protocol import Response

if TYPE_CHECKING:
    from werkzeug.wrappers import Request

    from sagemaker_local.aws_clients import AwsClients
    from sagemaker_local.ecr import Layers

PATH = "/v2/"
_BLOB = re.compile(r"/v2/(?P<name>.+)/blobs/(?P<digest>sha256:[0-9a-f]{64})")
_UPLOADS = re.compile(r"/v2/(?P<name>.+)/blobs/uploads/(?P<upload_id>[0-9a-f-]*)")
_MANIFEST = re.compile(r"/v2/(?P<name>.+)/manifests/(?P<reference>[^/]+)")
_PIECE = 2**20
# ECR's own errors, in the registry's words.
_CODES = {"RepositoryNotFoundException": (HTTPStatus.NOT_FOUND, "NAME_UNKNOWN")}


class Registry:
    """The repositories of one region.

    Args:
        aws: Where ECR is.
        layers: Content of layers and configurations.
        region: Of the repositories.
    """

    def __init__(self, aws: AwsClients, layers: Layers, region: str) -> None:
        self._aws, self._layers, self.region = aws, layers, region

    def answer(self, request: Request) -> Response:
        """Answer one request below ``/v2/``."""
        ways = ((_UPLOADS, self._upload), (_BLOB, self._blob), (_MANIFEST, self._manifest))
        try:
            for form, way in ways:
                if found := form.fullmatch(request.path):
                    return way(request, **found.groupdict())
        except ClientError as err:
            error = err.response["Error"]
            status, code = _CODES.get(error["Code"], (HTTPStatus.BAD_REQUEST, "MANIFEST_INVALID"))
            return _refusal(status, code, error["Message"])
        if request.path == PATH:
            return Response(HTTPStatus.OK, b"{}")
        return _refusal(HTTPStatus.NOT_FOUND, "UNSUPPORTED", f"{request.path} is not served here")

    def _upload(self, request: Request, name: str, upload_id: str) -> Response:
        """Begin an upload, go on with it, or end it."""
        if not upload_id:
            self._ecr.describe_repositories(repositoryNames=[name])
            upload_id = self._layers.begin()
        elif not self._layers.is_open(upload_id):
            return _refusal(HTTPStatus.NOT_FOUND, "BLOB_UPLOAD_UNKNOWN", upload_id)
        while piece := request.stream.read(_PIECE):
            self._layers.extend(upload_id, piece)
        size = self._layers.size_of(upload_id)
        if digest := request.args.get("digest"):
            if not self._layers.complete(upload_id, digest):
                return _refusal(HTTPStatus.BAD_REQUEST, "DIGEST_INVALID", f"it is not {digest}")
            headers = {
                "Location": f"{_root(request)}/{name}/blobs/{digest}",
                "Docker-Content-Digest": digest,
            }
            return Response(HTTPStatus.CREATED, b"", headers)
        headers = {
            "Location": f"{_root(request)}/{name}/blobs/uploads/{upload_id}",
            "Range": f"0-{max(size - 1, 0)}",
            "Docker-Upload-UUID": upload_id,
        }
        return Response(HTTPStatus.ACCEPTED, b"", headers)

    def _blob(self, request: Request, name: str, digest: str) -> Response:
        del name  # a layer is the same in all repositories
        found = self._layers.download(digest, request.headers.get("Range", ""))
        if found.status == HTTPStatus.NOT_FOUND:
            return _refusal(HTTPStatus.NOT_FOUND, "BLOB_UNKNOWN", digest)
        headers = {"Docker-Content-Digest": digest, "Content-Type": "application/octet-stream"}
        return Response(found.status, found.body, headers)

    def _manifest(self, request: Request, name: str, reference: str) -> Response:
        if request.method == "PUT":
            return self._put(request, name, reference)
        kind = "imageDigest" if reference.startswith("sha256:") else "imageTag"
        found = self._ecr.batch_get_image(repositoryName=name, imageIds=[{kind: reference}])
        if not found["images"]:
            return _refusal(HTTPStatus.NOT_FOUND, "MANIFEST_UNKNOWN", reference)
        image = found["images"][0]
        body = image["imageManifest"].encode()
        headers = {
            "Content-Type": image.get("imageManifestMediaType")
            or json.loads(body).get("mediaType", ""),
            "Docker-Content-Digest": image["imageId"]["imageDigest"],
        }
        return Response(HTTPStatus.OK, body, headers)

    def _put(self, request: Request, name: str, reference: str) -> Response:
        body = request.get_data()
        digest = digest_of(body)
        tag = {} if reference.startswith("sha256:") else {"imageTag": reference}
        if tag and self._is_taken(name, reference, digest):
            return _refusal(HTTPStatus.BAD_REQUEST, "TAG_INVALID", f"{reference} cannot be moved")
        # The same image may be pushed again, under the same tag.
        with suppress(self._ecr.exceptions.ImageAlreadyExistsException):
            self._ecr.put_image(
                repositoryName=name,
                imageManifest=body.decode(),
                imageManifestMediaType=request.headers.get("Content-Type", ""),
                **tag,
            )
        where = f"{_root(request)}/{name}/manifests/{digest}"
        headers = {"Location": where, "Docker-Content-Digest": digest}
        return Response(HTTPStatus.CREATED, b"", headers)

    def _is_taken(self, name: str, tag: str, digest: str) -> bool:
        """Whether another image has a tag that stays with it, which moto does not look at."""
        found = self._ecr.describe_repositories(repositoryNames=[name])["repositories"][0]
        images = self._ecr.batch_get_image(repositoryName=name, imageIds=[{"imageTag": tag}])
        digests = {image["imageId"]["imageDigest"] for image in images["images"]}
        return found["imageTagMutability"].startswith("IMMUTABLE") and bool(digests - {digest})

    @property
    def _ecr(self) -> Any:
        return self._aws.client("ecr", self.region)


def _root(request: Request) -> str:
    return f"{request.host_url.rstrip('/')}/v2"


def _refusal(status: int, code: str, message: str) -> Response:
    body = {"errors": [{"code": code, "message": message}]}
    return Response(status, json.dumps(body).encode(), {"Content-Type": "application/json"})
