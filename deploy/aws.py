# SPDX-License-Identifier: AGPL-3.0-or-later
"""The one file that knows boto3: clients, and its errors as ours.

Credentials come through boto3's own chain, addresses of test servers through its
``AWS_ENDPOINT_URL_<SERVICE>``.
"""

from __future__ import annotations

import base64
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import botocore.exceptions
from botocore.config import Config

from deploy.errors import AccessDenied, AwsError, NotFound, TagIsImmutable
from deploy.image.credentials import Credentials

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of invoking an endpoint.

    Attributes:
        status: What the container answered, or SageMaker in its place; 0 if no answer came.
        body: Likewise.
        content_type: Of a success.
        attributes: Custom attributes of a success.
        failure: Why no answer came, or SageMaker's own error; else empty.
    """

    status: int
    body: bytes
    content_type: str = ""
    attributes: str = ""
    failure: str = ""


def invoke_endpoint(
    client: SageMakerRuntimeClient, name: str, body: bytes, content_type: str, attributes: str
) -> Reply:
    """Invoke an endpoint; an error of its container or of this request becomes a reply.

    Raises:
        AccessDenied: If credentials are missing or not sufficient.
        AwsError: If the endpoint does not exist or does not run.
    """
    # An empty value is not the same as none: SageMaker refuses it.
    optional = {"ContentType": content_type, "CustomAttributes": attributes}
    given = {key: value for key, value in optional.items() if value}
    try:
        answer = client.invoke_endpoint(EndpointName=name, Body=body, **given)
        return Reply(
            answer["ResponseMetadata"]["HTTPStatusCode"],
            answer["Body"].read(),
            answer.get("ContentType", ""),
            answer.get("CustomAttributes", ""),
        )
    except botocore.exceptions.ClientError as err:
        return _reply_of(err, name)
    except botocore.exceptions.HTTPClientError as err:
        return Reply(0, b"", failure=str(err))
    except botocore.exceptions.BotoCoreError as err:
        raise AwsError("InvokeEndpoint", "", str(err)) from err


def _reply_of(err: botocore.exceptions.ClientError, name: str) -> Reply:
    response: Mapping[str, Any] = err.response
    error = response.get("Error", {})
    code, message = str(error.get("Code", "")), str(error.get("Message", ""))
    if code == "ModelError":  # the container's own answer, wrapped (424)
        original = str(response.get("OriginalMessage", ""))
        return Reply(int(response.get("OriginalStatusCode", 0)), original.encode())
    if code in _DENIED or (code == "ValidationError" and "not found" in message):
        raise failure("InvokeEndpoint", code, f"{name}: {message}") from err
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return Reply(status, message.encode(), failure=f"SageMaker's own: {code}: {message[:200]}")


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


class AwsAccount:
    """Describing calls to the account of boto3's chain.

    Args:
        region: None takes that of boto3's own configuration.

    Raises:
        AwsError: If there is no region.
    """

    def __init__(self, region: str | None) -> None:
        with translated("session"):
            self._session = boto3.session.Session(region_name=region)
        if not self._session.region_name:
            raise AwsError("session", "", "no region: --set region=…, or boto3's configuration")

    def ask(
        self, service: str, operation: str, params: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        """The answer of a describing call; None if what it names is not there."""
        with translated(operation):
            client: Any = self._session.client(service, config=_CONFIG)
            try:
                answer: Mapping[str, Any] = getattr(client, operation)(**params)
            except botocore.exceptions.ClientError as err:
                error = err.response.get("Error", {})
                if is_absent(error.get("Code", ""), error.get("Message", "")):
                    return None
                raise
            return answer


def is_absent(code: str, message: str) -> bool:
    """SageMaker has no code of its own for it; S3's HEAD has a status alone."""
    return code == "404" or (code == "ValidationException" and message.startswith("Could not find"))
