# SPDX-License-Identifier: AGPL-3.0-or-later
"""ECR as a registry, through its own calls: neither Docker nor a login is needed."""

from __future__ import annotations

from contextlib import contextmanager
from http import HTTPStatus
from itertools import count
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urlsplit

from deploy.aws.codes import resource_of
from deploy.aws.errors import AwsError, aws_error
from deploy.errors import NotFound, RegistryUnreachable, WrongContent
from deploy.image import media
from deploy.image.manifest import Document
from deploy.image.pool import make_pool, translated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from deploy.aws.api import AwsApi
    from deploy.image.names import EcrPlace, ImageName

_PIECE = 2**20
MAX_PART_BYTES = 20 * 2**20  # ECR API reference, UploadLayerPart


class EcrRegistry:
    """One repository of ECR.

    Args:
        aws: The account that asks, in the region of the repository.
        place: Account and region.
        name: An image in the repository.
        ca_file: Certificates to trust, where layers are downloaded, in the place of the system's.
    """

    def __init__(
        self, aws: AwsApi, place: EcrPlace, name: ImageName, ca_file: str | None = None
    ) -> None:
        self._aws = aws
        self._named = {"registryId": place.account, "repositoryName": name.repository}
        self._ca_file = ca_file

    def read_manifest(self, reference: str) -> Document:
        """See :class:`deploy.image.registry.Registry`."""
        is_digest = reference.startswith("sha256:")
        # All four: ECR converts what a tag leads to for those who take Docker's manifest alone.
        wanted = {
            "imageIds": [{"imageDigest" if is_digest else "imageTag": reference}],
            "acceptedMediaTypes": list(media.ACCEPTED),
        }
        answer = self._aws.call("ecr", "batch_get_image", self._named | wanted)
        for failed in answer.get("failures", []):
            reason = failed.get("failureReason", "")
            code = failed.get("failureCode", "")
            raise aws_error(
                "BatchGetImage", code, f"{reference}: {reason}", resource_of(self._named)
            )
        if not answer["images"]:
            raise NotFound(f"BatchGetImage gives nothing for {reference}")
        image = answer["images"][0]
        document = Document(
            image.get("imageManifestMediaType", ""), image.get("imageManifest", "").encode()
        )
        told = image.get("imageId", {}).get("imageDigest", "")
        if document.media_type not in media.SCHEMA_1 and document.digest != told:
            raise WrongContent(
                f"ECR's answer for {reference} has the digest {document.digest}, not {told}: it "
                "was converted on the way"
            )
        return document

    def write_manifest(self, document: Document, tag: str) -> None:
        """See :class:`deploy.image.registry.Registry`."""
        image = {
            "imageManifest": document.content.decode(),
            "imageManifestMediaType": document.media_type,
            "imageTag": tag,
            "imageDigest": document.digest,
        }
        try:
            self._aws.call("ecr", "put_image", self._named | image)
        except AwsError as err:
            if err.code != "ImageAlreadyExistsException":
                raise

    @contextmanager
    def open_blob(
        self, digest: str, *, first_bytes: int | None = None
    ) -> Iterator[Iterator[bytes]]:
        """See :class:`deploy.image.registry.Registry`."""
        layer = {"layerDigest": digest}
        found = self._aws.call("ecr", "get_download_url_for_layer", self._named | layer)
        url: str = found["downloadUrl"]
        headers = {"Range": f"bytes=0-{first_bytes - 1}"} if first_bytes else {}
        with make_pool(url, self._ca_file) as pool, translated(urlsplit(url).netloc):
            answer = pool.request("GET", url, headers=headers, preload_content=False)
            if answer.status not in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
                raise RegistryUnreachable(f"the download of {digest} answers {answer.status}")
            try:
                yield answer.stream(first_bytes or _PIECE, decode_content=False)
            finally:
                answer.close()  # of a whole layer no more is wanted than was read

    def write_blob(self, file: BinaryIO, digest: str, size_bytes: int) -> bool:
        """See :class:`deploy.image.registry.Registry`."""
        if self._has_layer(digest):
            return False
        begun = self._aws.call("ecr", "initiate_layer_upload", self._named)
        upload_id = begun["uploadId"]
        self._upload_parts(file, upload_id, min(begun["partSize"], MAX_PART_BYTES), size_bytes)
        whole = {"uploadId": upload_id, "layerDigests": [digest]}
        try:
            self._aws.call("ecr", "complete_layer_upload", self._named | whole)
        except AwsError as err:
            if err.code != "LayerAlreadyExistsException":
                raise
            return False
        return True

    def _upload_parts(
        self, file: BinaryIO, upload_id: str, part_bytes: int, size_bytes: int
    ) -> None:
        for first in count(0, part_bytes):
            if first >= size_bytes:
                return
            part = file.read(part_bytes)
            sent = {
                "uploadId": upload_id,
                "partFirstByte": first,
                "partLastByte": first + len(part) - 1,
                "layerPartBlob": part,
            }
            self._aws.call("ecr", "upload_layer_part", self._named | sent)

    def _has_layer(self, digest: str) -> bool:
        params = self._named | {"layerDigests": [digest]}
        answer = self._aws.call("ecr", "batch_check_layer_availability", params)
        return any(
            layer.get("layerAvailability") == "AVAILABLE" for layer in answer.get("layers", [])
        )
