# SPDX-License-Identifier: AGPL-3.0-or-later
"""Requests to a server by HTTP, over connections that are kept."""

from __future__ import annotations

import http.client
import urllib.parse
import urllib.request
from http import HTTPStatus

import urllib3
from urllib3.exceptions import (
    HTTPError,
    LocationParseError,
    NewConnectionError,
    ProtocolError,
)
from urllib3.exceptions import (
    TimeoutError as Urllib3Timeout,
)

from roomdet_client._version import __version__
from roomdet_client.answers import parse_refusal
from roomdet_client.errors import AnswerTimeout, ClientError, ServerUnreachable

LOOPBACK = ("127.0.0.1", "localhost", "::1")
OPTIONS_HEADER = "X-Amzn-SageMaker-Custom-Attributes"
# The server's max_bytes (docs/api.md, Limits).
LIMIT_BYTES = 20 * 1024 * 1024
CONNECT_TIMEOUT_S = 10.0


class HttpTransport:
    """A server's address and the connections to it. Several threads may share one.

    Args:
        url: Such as ``http://127.0.0.1:8080``. A path before ``/invocations`` is kept; one that
            names it, or ``/predictions/rooms/1.0`` for one version, is asked as it is.
        timeout_s: For each read.
        concurrency: Connections that are kept.

    Raises:
        ClientError: If the address is none.
    """

    limit_bytes = LIMIT_BYTES

    def __init__(self, url: str, *, timeout_s: float, concurrency: int) -> None:
        self.where = url.rstrip("/")
        parts = urllib.parse.urlsplit(self.where)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ClientError(f"{url!r} is no address; one is http://127.0.0.1:8080")
        is_whole = parts.path.endswith("/invocations") or "/predictions/" in parts.path
        self._address = self.where if is_whole else f"{self.where}/invocations"
        timeout = urllib3.Timeout(connect=CONNECT_TIMEOUT_S, read=timeout_s)
        headers = {"User-Agent": f"roomdet-client/{__version__}"}
        proxy = _proxy(parts.scheme, parts.hostname)
        self._pool: urllib3.PoolManager
        if proxy:
            self._pool = urllib3.ProxyManager(
                proxy, maxsize=concurrency, timeout=timeout, headers=headers, retries=False
            )
        else:
            self._pool = urllib3.PoolManager(
                maxsize=concurrency, timeout=timeout, headers=headers, retries=False
            )

    def send(self, body: bytes, content_type: str, attributes: str) -> bytes:
        """Send one request.

        Args:
            body: A plan, or JSON.
            content_type: Of the body.
            attributes: Options as ``name=value;…``; may be empty.

        Returns:
            The body of a successful answer.

        Raises:
            RequestRefused: If the server answered with an error.
            ServerUnreachable: If no answer came.
        """
        headers = {**self._pool.headers, "Content-Type": content_type}
        if attributes:
            headers[OPTIONS_HEADER] = attributes
        try:
            response = self._pool.request(
                "POST", self._address, body=body, headers=headers, redirect=False
            )
        except NewConnectionError as err:  # one of urllib3's timeouts, too, before 2.0's renaming
            raise NothingListens(f"no answer from {self.where}: {_reason(err)}") from err
        except Urllib3Timeout as err:
            raise AnswerTimeout(f"no answer from {self.where} in time: {_reason(err)}") from err
        except ProtocolError as err:
            raise BrokenConnection(self._broken(len(body), err)) from err
        except (HTTPError, LocationParseError) as err:
            raise ServerUnreachable(f"no answer from {self.where}: {_reason(err)}") from err
        if response.status != HTTPStatus.OK:
            raise parse_refusal(response.status, response.data)
        return response.data

    def _broken(self, size: int, err: ProtocolError) -> str:
        reason = err.args[-1]
        is_reset = isinstance(reason, (ConnectionResetError, BrokenPipeError))
        if is_reset and not isinstance(reason, http.client.RemoteDisconnected):
            return (
                f"{self.where} closed the connection while {size:,} bytes were sent; TorchServe "
                "does so with a body over its max_request_size"
            )
        return f"no answer from {self.where}: {reason}"

    def close(self) -> None:
        self._pool.clear()


class NothingListens(ServerUnreachable):
    """The connection was not made: the request did not arrive."""


class BrokenConnection(ServerUnreachable):
    """The connection broke before the answer came."""


def _proxy(scheme: str, host: str) -> str | None:
    """The environment's proxy, but none for this machine itself."""
    if host in LOOPBACK or urllib.request.proxy_bypass(host):
        return None
    proxy = urllib.request.getproxies().get(scheme)
    return proxy if not proxy or "://" in proxy else f"http://{proxy}"


def _reason(err: BaseException) -> str:
    """The reason without the connection object that urllib3 puts before it."""
    text = str(err.__cause__ or err.__context__ or err)
    return text.rpartition("]: ")[2] if "object at 0x" in text else text
