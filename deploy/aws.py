# SPDX-License-Identifier: AGPL-3.0-or-later
"""The one file that knows boto3: clients, and its errors as ours.

Credentials come through boto3's own chain, addresses of test servers through its
``AWS_ENDPOINT_URL_<SERVICE>``.
"""

from __future__ import annotations

import base64
from contextlib import contextmanager
from typing import TYPE_CHECKING

import boto3
import botocore.exceptions
from botocore.config import Config

from deploy.errors import AccessDenied, AwsError, NotFound, TagIsImmutable
from deploy.image.credentials import Credentials

if TYPE_CHECKING:
    from collections.abc import Iterator

    from types_boto3_ecr import ECRClient
    from types_boto3_sagemaker_runtime import SageMakerRuntimeClient

    from deploy.image.names import EcrPlace

_CONFIG = Config(
    connect_timeout=10,
    read_timeout=70,  # an endpoint answers within 60 s
    retries={"mode": "standard", "total_max_attempts": 3},
)
# Codes that mean the same as an answer of any other registry.
_MISSING = {
    "RepositoryNotFoundException",
    "ImageNotFoundException",
    "ImageNotFound",
    "LayersNotFoundException",
    "LayerInaccessibleException",
}
_DENIED = {
    "AccessDeniedException",
    "UnrecognizedClientException",
    "ExpiredTokenException",
    "InvalidSignatureException",
    "InvalidClientTokenId",
}


def ecr_client(place: EcrPlace) -> ECRClient:
    """A client for the ECR of a region.

    Raises:
        AwsError: If boto3 finds no credentials or no such region.
    """
    with translated("ecr"):
        session = boto3.session.Session()
        client: ECRClient = session.client("ecr", region_name=place.region, config=_CONFIG)
        return client


def runtime_client(region: str | None) -> SageMakerRuntimeClient:
    """A client that invokes endpoints; without a region that of boto3's own configuration.

    Raises:
        AwsError: If there is no region.
    """
    # A retry would hide an error status, which the caller wants to see.
    config = _CONFIG.merge(Config(retries={"total_max_attempts": 1}))
    with translated("sagemaker-runtime"):
        session = boto3.session.Session()
        client: SageMakerRuntimeClient = session.client(
            "sagemaker-runtime", region_name=region, config=config
        )
        return client


def ecr_login(client: ECRClient, place: EcrPlace) -> Credentials:
    """User name and password for ``docker login``, valid for twelve hours.

    Raises:
        AwsError: If AWS gives none.
    """
    with translated("GetAuthorizationToken"):
        answer = client.get_authorization_token(registryIds=[place.account])
    token = answer["authorizationData"][0].get("authorizationToken", "")
    user, _, password = base64.b64decode(token).decode().partition(":")
    return Credentials(user, password)


@contextmanager
def translated(operation: str) -> Iterator[None]:
    """Raise boto3's errors as ours.

    Raises:
        AccessDenied: If credentials are missing or not sufficient.
        AwsError: If anything else is wrong.
        NotFound: If there is no such repository, image or layer.
        TagIsImmutable: If a tag may not be moved.
    """
    try:
        yield
    except botocore.exceptions.ClientError as err:
        error = err.response.get("Error", {})
        raise failure(operation, error.get("Code", ""), error.get("Message", "")) from err
    except (
        botocore.exceptions.NoCredentialsError,
        botocore.exceptions.PartialCredentialsError,
    ) as err:
        raise AccessDenied(f"{operation}: {err}") from err
    except botocore.exceptions.BotoCoreError as err:
        raise AwsError(operation, "", str(err)) from err


def failure(operation: str, code: str, message: str) -> Exception:
    """An error of ours for a code of AWS's."""
    text = f"{operation}: {code}: {message}"
    if code in _MISSING:
        return NotFound(text)
    if code == "ImageTagAlreadyExistsException":
        return TagIsImmutable(text)
    if code in _DENIED:
        return AccessDenied(text)
    return AwsError(operation, code, message)
