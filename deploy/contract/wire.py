# SPDX-License-Identifier: AGPL-3.0-or-later
"""A server over HTTP, asked in the ways of which a client library would keep silent.

Each request has a connection of its own, whose times are measured; answers that come before the
body is sent, connections that are cut and bodies that are sent by halves are seen as they are.
That is why it is the standard library's client here.
"""

from __future__ import annotations

import http.client
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from deploy.contract.answers import ATTRIBUTES, Answer, Sample
from serving.errors import BadUsage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ANSWER_TIMEOUT_S = 65.0  # the rule is 60 s
PING_TIMEOUT_S = 5.0  # the rule is 2 s
_MAX_ANSWER_BYTES = 64 * 2**20
_PIECE = 2**16


@dataclass(slots=True)
class Server:
    """A server.

    Attributes:
        host: Name or address.
        port: TCP port.
        prefix: Path before ``/ping`` and ``/invocations``; mostly empty.
        is_tls: Whether it speaks HTTPS.
        answers: Every answer that came so far.
    """

    host: str
    port: int
    prefix: str = ""
    is_tls: bool = False
    answers: list[Answer] = field(default_factory=list)

    def invoke(self, sample: Sample) -> Answer:
        """Send a body to /invocations."""
        return self.ask("POST", "/invocations", sample.body, headers_of(sample))

    def ping(self) -> Answer:
        return self.ask("GET", "/ping", timeout_s=PING_TIMEOUT_S)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        timeout_s: float = ANSWER_TIMEOUT_S,
    ) -> Answer:
        """Send a request; whatever happens becomes an answer."""
        connection, started_s = self._connection(timeout_s), time.monotonic()
        connect_s = 0.0
        with closing(connection):
            try:
                connection.connect()
                connect_s = time.monotonic() - started_s
                _send(connection, method, f"{self.prefix}{path}", body, headers or {})
                answer = _receive(connection, started_s, connect_s, timeout_s)
            except (OSError, http.client.HTTPException) as err:
                seconds = time.monotonic() - started_s
                answer = Answer(0, seconds=seconds, connect_s=connect_s, failure=repr(err))
        self.answers.append(answer)
        return answer

    @contextmanager
    def half_sent(self, sample: Sample) -> Iterator[Callable[[], Answer]]:
        """Send the head of a request and half of its body; what is yielded sends the rest."""
        connection, started_s = self._connection(ANSWER_TIMEOUT_S), time.monotonic()
        half = len(sample.body) // 2
        with closing(connection):
            broken = ""
            try:
                connection.putrequest("POST", f"{self.prefix}/invocations")
                for name, value in headers_of(sample).items():
                    connection.putheader(name, value)
                connection.putheader("Content-Length", str(len(sample.body)))
                connection.endheaders(sample.body[:half])
            except (OSError, http.client.HTTPException) as err:
                broken = repr(err)

            def finish() -> Answer:
                if broken:
                    return Answer(0, failure=broken)
                try:
                    connection.send(sample.body[half:])
                    return _receive(connection, started_s, 0.0, ANSWER_TIMEOUT_S)
                except (OSError, http.client.HTTPException) as err:
                    return Answer(0, failure=repr(err))

            yield finish

    def _connection(self, timeout_s: float) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self.is_tls else http.client.HTTPConnection
        return kind(self.host, self.port, timeout=timeout_s)


def parse_url(url: str) -> Server:
    """The server of an address.

    Raises:
        BadUsage: If it is no HTTP address, or holds a login, which would be printed with it.
    """
    if "@" in url:
        raise BadUsage("an address with a login in it is not taken")
    try:
        parts = urlsplit(url)
        port = parts.port
        (parts.hostname or "").encode("idna")
        url.encode("ascii")
    except ValueError as err:
        raise BadUsage(f"{url!r} is no address: {err}") from err
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
        raise BadUsage(f"{url!r} is no address of a server, such as http://127.0.0.1:8080")
    is_tls = parts.scheme == "https"
    prefix = parts.path.rstrip("/").removesuffix("/invocations").removesuffix("/ping")
    return Server(parts.hostname, port or (443 if is_tls else 80), prefix, is_tls)


def headers_of(sample: Sample) -> dict[str, str]:
    """The headers that a sample is sent with."""
    headers = dict(sample.headers)
    if sample.content_type:
        headers["Content-Type"] = sample.content_type
    if sample.attributes:
        headers[ATTRIBUTES] = sample.attributes
    return headers


def _send(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: bytes | None,
    headers: Mapping[str, str],
) -> None:
    connection.putrequest(method, path)
    for name, value in headers.items():
        connection.putheader(name, value)
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders()
    try:
        for at in range(0, len(body or b""), _PIECE):
            connection.send((body or b"")[at : at + _PIECE])
    except (BrokenPipeError, ConnectionResetError):
        return  # the server has enough; it may have answered before it closed


def _receive(
    connection: http.client.HTTPConnection, started_s: float, connect_s: float, timeout_s: float
) -> Answer:
    response = connection.getresponse()
    body = b""
    while piece := response.read1(_PIECE):
        body += piece
        if len(body) > _MAX_ANSWER_BYTES:
            raise http.client.HTTPException(f"an answer of more than {_MAX_ANSWER_BYTES:,} bytes")
        if time.monotonic() - started_s > timeout_s:
            raise TimeoutError(f"the answer is not complete after {timeout_s:.0f} s")
    if response.length:
        raise http.client.IncompleteRead(body, response.length)
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, body, headers, time.monotonic() - started_s, connect_s)
