# SPDX-License-Identifier: AGPL-3.0-or-later
"""What an account needs before anything can be deployed: a bucket, a role, an image in ECR."""

from __future__ import annotations

import gzip
import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deploy.account.bootstrap import bootstrap
from deploy.account.places import Account as AwsPlace
from deploy.account.places import Names
from deploy.account.reading import Found
from sagemaker_local.aws_clients import ACCOUNT
from sagemaker_local.ecr import digest_of
from sagemaker_local.models import WANTED_MANIFEST

if TYPE_CHECKING:
    from sagemaker_local.aws_clients import AwsClients

_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


@dataclass(frozen=True, slots=True)
class Account:
    """Names for an endpoint's configuration.

    Attributes:
        artifacts: S3 address.
        role: ARN of the role.
        image: Image by digest.
        region: Where all of it is.
    """

    artifacts: str
    role: str
    image: str
    region: str

    def settings(self) -> list[str]:
        """Values for ``--set`` of ``python -m deploy``."""
        return [f"{name}={getattr(self, name)}" for name in self.__slots__]


def seed(aws: AwsClients, region: str) -> Account:
    """Make what `python -m deploy bootstrap` makes of an empty account, and an image.

    The image has nothing in it: what runs is TorchServe of this machine, or ``--image``.
    """
    names = Names(AwsPlace("aws", region, ACCOUNT), with_tls=False)
    for step in bootstrap(names, Found()):
        getattr(aws.client(step.service, region), step.operation)(**step.params)
    digest = put_image(aws, region, names.name)
    image = f"{names.repository_address}@{digest}"
    return Account(names.artifacts, names.role_arn, image, region)


def put_image(
    aws: AwsClients, region: str, repository: str, kind: str = WANTED_MANIFEST, **tag: str
) -> str:
    """Push a small image for linux/amd64 to a repository of ECR; its digest.

    Args:
        aws: Where ECR is.
        region: Likewise.
        repository: Its name.
        kind: Media type of the manifest.
        tag: ``imageTag``, if it gets one other than ``latest``.
    """
    files = b"\0" * 10240  # the end of an empty tar
    layer = gzip.compress(files, mtime=0)
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Cmd": ["serve"]},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(files)]},
        }
    ).encode()
    ecr = aws.client("ecr", region)
    for content in (config, layer):
        upload = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
        names = {"repositoryName": repository, "uploadId": upload}
        ecr.upload_layer_part(
            **names, partFirstByte=0, partLastByte=len(content) - 1, layerPartBlob=content
        )
        with suppress(ecr.exceptions.LayerAlreadyExistsException):
            ecr.complete_layer_upload(**names, layerDigests=[digest_of(content)])
    manifest = {
        "schemaVersion": 2,
        "mediaType": kind,
        "config": _described(_CONFIG, config),
        "layers": [_described(_LAYER, layer)],
    }
    answer = ecr.put_image(
        repositoryName=repository,
        imageManifest=json.dumps(manifest),
        imageManifestMediaType=kind,
        **{"imageTag": "latest", **tag},
    )
    return str(answer["image"]["imageId"]["imageDigest"])


def _described(kind: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": kind, "size": len(content), "digest": digest_of(content)}
