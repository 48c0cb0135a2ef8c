# SPDX-License-Identifier: AGPL-3.0-or-later
"""ECR as a registry, through its own calls: neither Docker nor a login is needed."""

from __future__ import annotations

from contextlib import contextmanager
from http import HTTPStatus
from itertools import count
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urlsplit

from deploy.aws import failure, translated
from deploy.aws_codes import resource_of
from deploy.errors import AwsError, NotFound, RegistryUnreachable, WrongContent
from deploy.image import media
from deploy.image.manifest import Document
from deploy.image.pool import make_pool
from deploy.image.pool import translated as reached

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_ecr import ECRClient
    from types_boto3_ecr.type_defs import ImageIdentifierTypeDef

    from deploy.image.names import EcrPlace, ImageName

_PIECE = 2**20
MAX_PART_BYTES = 20 * 2**20  # ECR API reference, UploadLayerPart


class EcrRegistry:
    """One repository of ECR.

    Args:
        client: boto3's.
        place: Account and region.
        name: An image in the repository.
        ca_file: Certificates to trust, where layers are downloaded, in the place of the system's.
    """

    def __init__(
        self, client: ECRClient, place: EcrPlace, name: ImageName, ca_file: str | None = None
    ) -> None:
        self._client = client
        self._account, self._repository = place.account, name.repository
        self._named = {"repositoryName": name.repository}
        self._ca_file = ca_file

    def read_manifest(self, reference: str) -> Document:
        """See :class:`deploy.image.registry.Registry`."""
        is_digest = reference.startswith("sha256:")
        wanted: ImageIdentifierTypeDef = (
            {"imageDigest": reference} if is_digest else {"imageTag": reference}
        )
        # All four: ECR converts what a tag leads to for those who take Docker's manifest alone.
        with translated("BatchGetImage", self._named):
            answer = self._client.batch_get_image(
                registryId=self._account,
                repositoryName=self._repository,
                imageIds=[wanted],
                acceptedMediaTypes=list(media.ACCEPTED),
            )
        for failed in answer.get("failures", []):
            reason = failed.get("failureReason", "")
            code = failed.get("failureCode", "")
            raise failure("BatchGetImage", code, f"{reference}: {reason}", resource_of(self._named))
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
        try:
            with translated("PutImage", self._named):
                self._client.put_image(
                    registryId=self._account,
                    repositoryName=self._repository,
                    imageManifest=document.content.decode(),
                    imageManifestMediaType=document.media_type,
                    imageTag=tag,
                    imageDigest=document.digest,
                )
        except AwsError as err:
            if err.code != "ImageAlreadyExistsException":
                raise

    @contextmanager
    def open_blob(
        self, digest: str, *, first_bytes: int | None = None
    ) -> Iterator[Iterator[bytes]]:
        """See :class:`deploy.image.registry.Registry`."""
        with translated("GetDownloadUrlForLayer", self._named):
            url = self._client.get_download_url_for_layer(
                registryId=self._account, repositoryName=self._repository, layerDigest=digest
            )["downloadUrl"]
        headers = {"Range": f"bytes=0-{first_bytes - 1}"} if first_bytes else {}
        with make_pool(url, self._ca_file) as pool, reached(urlsplit(url).netloc):
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
        with translated("InitiateLayerUpload", self._named):
            begun = self._client.initiate_layer_upload(
                registryId=self._account, repositoryName=self._repository
            )
        upload_id = begun["uploadId"]
        self._upload_parts(file, upload_id, min(begun["partSize"], MAX_PART_BYTES), size_bytes)
        try:
            with translated("CompleteLayerUpload", self._named):
                self._client.complete_layer_upload(
                    registryId=self._account,
                    repositoryName=self._repository,
                    uploadId=upload_id,
                    layerDigests=[digest],
                )
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
            with translated("UploadLayerPart", self._named):
                self._client.upload_layer_part(
                    registryId=self._account,
                    repositoryName=self._repository,
                    uploadId=upload_id,
                    partFirstByte=first,
                    partLastByte=first + len(part) - 1,
                    layerPartBlob=part,
                )

    def _has_layer(self, digest: str) -> bool:
        with translated("BatchCheckLayerAvailability", self._named):
            answer = self._client.batch_check_layer_availability(
                registryId=self._account, repositoryName=self._repository, layerDigests=[digest]
            )
        return any(
            layer.get("layerAvailability") == "AVAILABLE" for layer in answer.get("layers", [])
        )
