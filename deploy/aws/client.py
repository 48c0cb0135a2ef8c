# SPDX-License-Identifier: AGPL-3.0-or-later
"""The one file that knows boto3: an account that is asked, and boto3's errors as ours.

Credentials come through boto3's own chain; addresses in the place of AWS's own are given, or come
through boto3's ``AWS_ENDPOINT_URL``.
"""

from __future__ import annotations

import copy
import logging
import time
from contextlib import contextmanager
from io import BytesIO
from threading import Lock
from typing import TYPE_CHECKING, Any

import boto3
import botocore.exceptions
import botocore.parsers
from botocore.config import Config

from deploy.aws.api import OCTETS, Reply
from deploy.aws.codes import DENIED, api_name, is_absent, resource_of
from deploy.aws.errors import AwsError, aws_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Shown with --debug: names alone, since values may hold what is nobody's business.
_LOG = logging.getLogger(__name__)
# Adaptive: beside trying again, a client that was throttled sends more slowly.
_CONFIG = Config(
    connect_timeout=10,
    read_timeout=70,  # an endpoint answers within 60 s
    retries={"mode": "adaptive", "total_max_attempts": 5},
)
# For what is of no use once it comes late, such as an endpoint's lock (endpoint/lock.py).
_BRIEF = _CONFIG.merge(
    Config(
        connect_timeout=5,
        read_timeout=10,
        retries={"mode": "standard", "total_max_attempts": 2},
    )
)
# A retry would hide an error status, which the caller wants to see.
_ONE_ATTEMPT = _CONFIG.merge(Config(retries={"mode": "standard", "total_max_attempts": 1}))
# Buckets as names of hosts would not be found on a server of one's own.
_BY_PATH = Config(s3={"addressing_style": "path"})
# All that botocore raises beside ClientError, which is an answer of AWS's; the parser's is for
# another server's, such as a proxy's page.
_NO_ANSWER = (
    botocore.exceptions.BotoCoreError,
    botocore.parsers.ResponseParserError,
    botocore.exceptions.UndefinedModelAttributeError,
)


class AwsAccount:
    """The account that boto3's chain of credentials leads to, in one region.

    Args:
        region: None takes that of boto3's own configuration.
        endpoint_url: Address of all services, in the place of AWS's own.

    Attributes:
        region: Where it is asked.

    Raises:
        AwsError: If there is no region.
    """

    def __init__(self, region: str | None, endpoint_url: str | None = None) -> None:
        with translated("session"):
            self._session = boto3.session.Session(region_name=region)
        if not self._session.region_name:
            raise aws_error("session", "NoRegionError", "no region is named")
        self.region: str = self._session.region_name
        self._endpoint_url = endpoint_url
        self._config = _CONFIG
        self._clients: dict[tuple[str, bool], Any] = {}
        self._lock = Lock()  # a session is not safe for threads, a client is

    def brief(self) -> AwsAccount:
        """The same account, whose calls end soon: after two tries of 15 s."""
        other = copy.copy(self)
        other._config, other._clients = _BRIEF, {}
        return other

    def ask(
        self, service: str, operation: str, params: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        """The answer of a call; None if what it names is not there.

        Raises:
            AwsError: If AWS refuses the call or does not answer.
        """
        try:
            return self.call(service, operation, params)
        except AwsError as err:
            if is_absent(err.code, err.reason):
                return None
            raise

    def call(self, service: str, operation: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer of a call; ``operation`` is boto3's, such as ``create_model``.

        A ``Body`` in it has been received as a whole.

        Raises:
            AwsError: If AWS refuses the call or does not answer.
        """
        with translated(api_name(operation), params):
            answer: dict[str, Any] = getattr(self._client(service), operation)(**params)
            if "Body" in answer:  # while it is read the connection may break off, too
                answer["Body"] = BytesIO(answer["Body"].read())
            return answer

    def pages(self, service: str, operation: str, params: Mapping[str, Any], key: str) -> list[Any]:
        """All items of a call whose answer comes in pages; ``key`` is their name in it.

        Raises:
            AwsError: If AWS refuses the call or does not answer.
        """
        with translated(api_name(operation), params):
            pages = self._client(service).get_paginator(operation).paginate(**params)
            return [item for page in pages for item in page.get(key, [])]

    def invoke(
        self,
        endpoint: str,
        body: bytes,
        content_type: str = OCTETS,
        attributes: str = "",
    ) -> Reply:
        """Invoke an endpoint once; an error of its container or of this request becomes a reply.

        Raises:
            AwsDenied: If credentials are missing or not sufficient.
            AwsError: If the endpoint does not exist or cannot be reached.
        """
        # An empty value is not the same as none: SageMaker refuses it.
        optional = {"ContentType": content_type, "CustomAttributes": attributes}
        given = {key: value for key, value in optional.items() if value}
        named = {"EndpointName": endpoint}
        with translated("InvokeEndpoint", named):
            client = self._client("sagemaker-runtime", _ONE_ATTEMPT)
            try:
                answer = client.invoke_endpoint(Body=body, **named, **given)
                metadata = answer["ResponseMetadata"]
                return Reply(
                    metadata["HTTPStatusCode"],
                    answer["Body"].read(),
                    answer.get("ContentType", ""),
                    answer.get("CustomAttributes", ""),
                    request_id=metadata.get("RequestId", ""),
                )
            except botocore.exceptions.ClientError as err:
                return _reply_of(err)
            except botocore.exceptions.HTTPClientError as err:
                return Reply(0, b"", failure=str(err), code=type(err).__name__)

    def _client(self, service: str, config: Config | None = None) -> Any:
        key = (service, config is _ONE_ATTEMPT)
        config = config or self._config
        with self._lock:
            if key not in self._clients:
                if self._endpoint_url:
                    config = config.merge(_BY_PATH)
                try:
                    self._clients[key] = self._session.client(
                        service,
                        config=config,
                        endpoint_url=self._endpoint_url,
                    )
                except ValueError as err:  # boto3's own, for an address
                    raise aws_error(service, type(err).__name__, str(err)) from err
            return self._clients[key]


def _reply_of(err: botocore.exceptions.ClientError) -> Reply:
    response: Mapping[str, Any] = err.response
    error = response.get("Error", {})
    code, message = str(error.get("Code", "")), str(error.get("Message", ""))
    metadata = response.get("ResponseMetadata", {})
    request_id = str(metadata.get("RequestId", ""))
    if code == "ModelError":  # the container's own answer, wrapped (424)
        original = str(response.get("OriginalMessage", ""))
        status = int(response.get("OriginalStatusCode", 0))
        # 0: SageMaker's own words, for a container that did not answer in time.
        why = "" if status else original
        return Reply(status, original.encode(), failure=why, code=code, request_id=request_id)
    if code in DENIED or (code == "ValidationError" and "not found" in message):
        raise err
    status = int(metadata.get("HTTPStatusCode", 0))
    why = f"SageMaker's own: {code}: {message[:200]}"
    return Reply(status, message.encode(), failure=why, code=code, request_id=request_id)


@contextmanager
def translated(operation: str, params: Mapping[str, Any] | None = None) -> Iterator[None]:
    """Raise boto3's errors as ours.

    Args:
        operation: AWS's name of the call, such as ``CreateModel``.
        params: Of the call; what it is about is read from them.

    Raises:
        AwsError: Of the kind that :func:`deploy.aws.errors.aws_error` finds.
    """
    resource, started_s, outcome = resource_of(params or {}), time.monotonic(), "done"
    try:
        yield
    except botocore.exceptions.ClientError as err:
        error, metadata = err.response.get("Error", {}), err.response.get("ResponseMetadata", {})
        reason = error.get("Message", "")
        if retries := metadata.get("RetryAttempts", 0):
            reason = f"{reason} (after {retries} retries)"
        request_id, outcome = metadata.get("RequestId", ""), error.get("Code", "")
        raise aws_error(operation, error.get("Code", ""), reason, resource, request_id) from err
    except _NO_ANSWER as err:
        outcome = type(err).__name__
        raise aws_error(operation, outcome, str(err), resource) from err
    finally:
        seconds = time.monotonic() - started_s
        _LOG.debug("aws: %s %s: %s, %.2f s", operation, resource, outcome, seconds)
