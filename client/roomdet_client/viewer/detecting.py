# SPDX-License-Identifier: AGPL-3.0-or-later
"""Ask for the rooms of a page, and pass on what was answered, errors too."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any, Protocol

from roomdet_client.viewer.errors import ServerUnreachable, TooLarge
from roomdet_client.viewer.pages import png, whole
from roomdet_client.viewer.plan_set import PICTURE_PX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from roomdet_client.viewer.pages import Document

OPTIONS_HEADER = "X-Amzn-SageMaker-Custom-Attributes"
LOOPBACK = ("127.0.0.1", "localhost", "::1")
# A sheet on a busy machine may take a minute.
TIMEOUT_S = 120.0
# The server's own limit (docs/operations.md, max_bytes) and that of a real-time endpoint.
SERVER_MAX_BYTES = 20 * 1024 * 1024
ENDPOINT_MAX_BYTES = 6 * 1024 * 1024


class Detector(Protocol):
    """Where rooms come from.

    Attributes:
        name: As the page shows it.
        max_bytes: Largest body that it takes.
    """

    name: str
    max_bytes: int

    def ask(self, body: bytes, options: Mapping[str, str]) -> tuple[int, bytes]:
        """Send a picture or PDF; the HTTP status and body of the answer, whatever they are.

        Raises:
            ServerUnreachable: If no answer came.
        """


def detect(
    detector: Detector, data: bytes, document: Document, page: int, options: Mapping[str, str]
) -> tuple[int, bytes]:
    """Find the rooms of a page.

    A file that is too large is sent as a picture of the page, as large as a server looks at.

    Args:
        detector: Who knows.
        data: The document's file.
        document: The same, open.
        page: Counted from 1.
        options: Such as ``confidence``.

    Raises:
        ServerUnreachable: If no answer came.
        TooLarge: If even the picture is larger than the server takes.
    """
    if len(data) <= detector.max_bytes:
        return detector.ask(data, {**options, "page": str(page)})
    picture = png(whole(document, page, PICTURE_PX).convert("L"))
    if len(picture) > detector.max_bytes:
        raise TooLarge(
            f"the page has {len(picture):,} bytes as a picture; {detector.name} takes "
            f"{detector.max_bytes:,} at most"
        )
    return detector.ask(picture, options)


class Server:
    """A server at an address, such as TorchServe on this machine."""

    max_bytes = SERVER_MAX_BYTES

    def __init__(self, url: str) -> None:
        self.name = url.rstrip("/")
        host = urllib.request.Request(self.name).host
        # The environment's proxies, but none for this machine itself.
        direct = [urllib.request.ProxyHandler({})] if _host_name(host) in LOOPBACK else []
        self._opener = urllib.request.build_opener(*direct)

    def ask(self, body: bytes, options: Mapping[str, str]) -> tuple[int, bytes]:
        """As :meth:`Detector.ask`."""
        headers = {"Content-Type": "application/octet-stream", OPTIONS_HEADER: _header(options)}
        request = urllib.request.Request(
            f"{self.name}/invocations", data=body, headers=headers, method="POST"
        )
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as err:
            with err:
                return err.code, err.read()
        except (OSError, http.client.HTTPException) as err:
            reason = getattr(err, "reason", err)
            raise ServerUnreachable(f"no answer from {self.name}: {reason}") from err


class Endpoint:
    """A SageMaker endpoint; boto3's usual places give region and credentials.

    Args:
        name: Of the endpoint.
        region: Where it is, if the environment does not say.
    """

    max_bytes = ENDPOINT_MAX_BYTES

    def __init__(self, name: str, region: str | None = None) -> None:
        import boto3  # noqa: PLC0415  # an extra: the viewer works without it
        from botocore.config import Config  # noqa: PLC0415

        self.name = name
        config = Config(read_timeout=TIMEOUT_S, retries={"max_attempts": 2})
        self._runtime = boto3.client("sagemaker-runtime", region_name=region, config=config)

    def ask(self, body: bytes, options: Mapping[str, str]) -> tuple[int, bytes]:
        """As :meth:`Detector.ask`."""
        import botocore.exceptions  # noqa: PLC0415

        try:
            answer = self._runtime.invoke_endpoint(
                EndpointName=self.name,
                Body=body,
                ContentType="application/octet-stream",
                CustomAttributes=_header(options),
            )
            return 200, answer["Body"].read()
        except self._runtime.exceptions.ModelError as err:
            # What the server said, with its own status.
            return _original(err.response)
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as err:
            raise ServerUnreachable(f"endpoint {self.name}: {err}") from err


def _original(response: Mapping[str, Any]) -> tuple[int, bytes]:
    return int(response["OriginalStatusCode"]), str(response["OriginalMessage"]).encode()


def _host_name(host: str) -> str:
    return host.rpartition(":")[0].strip("[]") if ":" in host else host


def _header(options: Mapping[str, str]) -> str:
    return ";".join(f"{key}={value}" for key, value in options.items())
