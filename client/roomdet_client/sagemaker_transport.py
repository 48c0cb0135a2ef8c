# SPDX-License-Identifier: AGPL-3.0-or-later
"""Requests to a SageMaker endpoint, and plans by reference in S3. Needs boto3."""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from roomdet_client.answers import parse_refusal
from roomdet_client.errors import (
    AnswerTimeout,
    ClientError,
    CredentialsRefused,
    MissingDependency,
    ServerUnreachable,
    refused,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

# Source: botocore 1.44's BodyBlob, and "Serverless Inference" of the developer guide (4 MB).
REALTIME_BYTES = 6_291_456
SERVERLESS_BYTES = 4 * 2**20
CONNECT_TIMEOUT_S = 10.0
_UNKNOWN_CALLER = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "UnrecognizedClientException",
    }
)


def _boto3() -> Any:
    try:
        import boto3  # noqa: PLC0415  # an extra
    except ImportError as err:
        raise MissingDependency("what is on AWS", "sagemaker") from err
    return boto3


@dataclass(frozen=True)
class Aws:
    """How AWS is asked.

    Attributes:
        region: Without it boto3's own configuration has it.
        timeout_s: For each read.
        concurrency: Connections that are kept.
    """

    region: str | None
    timeout_s: float
    concurrency: int


def make_client(service: str, aws: Aws) -> Any:
    """A boto3 client that asks once: who asks again is decided in one place.

    Raises:
        MissingDependency: If boto3 is not installed.
        ClientError: If no region is configured.
    """
    boto3 = _boto3()
    from botocore.config import Config  # noqa: PLC0415
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415

    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=aws.timeout_s,
        max_pool_connections=aws.concurrency,
        retries={"total_max_attempts": 1},
    )
    try:
        return boto3.session.Session(region_name=aws.region).client(service, config=config)
    except BotoCoreError as err:
        raise ClientError(f"AWS cannot be asked: {err}") from err


class SageMakerTransport:
    """An endpoint. Several threads may share one.

    Args:
        endpoint: Its name.
        aws: How AWS is asked; SageMaker itself gives up after 60 s.
        limit_bytes: The largest body; None asks SageMaker whether the endpoint is serverless, and
            takes the smaller of the two limits where that is not told.

    Raises:
        MissingDependency: If boto3 is not installed.
        ClientError: If no region is configured.
    """

    def __init__(self, endpoint: str, aws: Aws, limit_bytes: int | None = None) -> None:
        self.where = f"endpoint {endpoint}"
        self._endpoint = endpoint
        self._aws = aws
        self._runtime = make_client("sagemaker-runtime", aws)
        self._limit_bytes = limit_bytes

    @property
    def limit_bytes(self) -> int:
        """The largest body that the endpoint takes."""
        if self._limit_bytes is None:
            self._limit_bytes = self._ask_limit()
        return self._limit_bytes

    def _ask_limit(self) -> int:
        from botocore import exceptions  # noqa: PLC0415  # an extra

        try:
            sagemaker = make_client("sagemaker", self._aws)
            found = sagemaker.describe_endpoint(EndpointName=self._endpoint)
            variants = found["ProductionVariants"]
        except (
            exceptions.ClientError,
            exceptions.BotoCoreError,
            ClientError,
            KeyError,
        ):  # who may invoke may not look
            return SERVERLESS_BYTES
        is_serverless = any(variant.get("CurrentServerlessConfig") for variant in variants)
        return SERVERLESS_BYTES if is_serverless else REALTIME_BYTES

    def send(self, body: bytes, content_type: str, attributes: str) -> bytes:
        """Send one request; see :meth:`roomdet_client.http_transport.HttpTransport.send`.

        Raises:
            RequestRefused: If the container or SageMaker answered with an error.
            ServerUnreachable: If no answer came.
            CredentialsRefused: If AWS does not know who asks.
        """
        more = {"CustomAttributes": attributes} if attributes else {}
        with aws_errors(self.where):
            reply = self._runtime.invoke_endpoint(
                EndpointName=self._endpoint,
                Body=body,
                ContentType=content_type,
                Accept="application/json",
                **more,
            )
            answer: bytes = reply["Body"].read()
            return answer

    def close(self) -> None:
        self._runtime.close()


class Shelf:
    """A place in S3 that the server reads plans from.

    Args:
        place: ``s3://bucket/prefix/``, one of the server's ``image_url_prefixes``.
        aws: How AWS is asked; in the region of the bucket.

    Raises:
        ClientError: If the place is none.
        MissingDependency: If boto3 is not installed.
    """

    def __init__(self, place: str, aws: Aws) -> None:
        bucket, slash, prefix = place.removeprefix("s3://").partition("/")
        if not (place.startswith("s3://") and bucket and slash) or (
            prefix and not prefix.endswith("/")
        ):
            raise ClientError(f"{place!r} is no place for plans; one is s3://bucket/prefix/")
        self._bucket, self._prefix = bucket, prefix
        self._s3 = make_client("s3", aws)

    @contextmanager
    def stored(self, data: bytes) -> Iterator[str]:
        """Put a plan there for as long as it is needed, and yield its address.

        Raises:
            RequestRefused: If S3 does not take it.
            ServerUnreachable: If S3 does not answer.
            CredentialsRefused: If AWS does not know who asks.
        """
        key = f"{self._prefix}{uuid.uuid4().hex}"
        with aws_errors(f"s3://{self._bucket}"):
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=data)
        try:
            yield f"s3://{self._bucket}/{key}"
        finally:
            with aws_errors(f"s3://{self._bucket}"):
                self._s3.delete_object(Bucket=self._bucket, Key=key)

    def close(self) -> None:
        self._s3.close()


@contextmanager
def aws_errors(where: str) -> Iterator[None]:
    """Raise this package's errors for those of botocore."""
    from botocore import exceptions  # noqa: PLC0415  # an extra

    try:
        yield
    except exceptions.ClientError as err:
        raise _refusal(err.response) from err
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError) as err:
        raise CredentialsRefused(f"{where}: {err}") from err
    except (exceptions.ReadTimeoutError, exceptions.ConnectTimeoutError) as err:
        raise AnswerTimeout(f"no answer from {where} in time: {err}") from err
    except exceptions.BotoCoreError as err:
        raise ServerUnreachable(f"no answer from {where}: {err}") from err


def _refusal(response: Any) -> ClientError:
    """The container's own error where it is one (docs/api.md, Telling them apart), else AWS's."""
    error = response.get("Error", {})
    code, message = str(error.get("Code", "unknown")), str(error.get("Message", ""))
    if code == "ModelError" and response.get("OriginalStatusCode"):
        body = str(response.get("OriginalMessage", ""))
        return parse_refusal(int(response["OriginalStatusCode"]), body.encode())
    if code in _UNKNOWN_CALLER:
        return CredentialsRefused(f"AWS refuses the credentials: {code}: {message}")
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return refused(int(status), code, message)
