# SPDX-License-Identifier: AGPL-3.0-or-later
"""Clients that keep their connections, as SageMaker and busy programs do."""

from __future__ import annotations

import http.client
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.traffic import Request

CONCURRENCY = 5  # clients at once, where nothing else is said
_ATTEMPTS = 3  # TorchServe closes connections, after some errors for one
_TIMEOUT_S = 120.0


class Caller(threading.local):
    """A connection for each thread; :func:`calling` makes and closes them."""

    def __init__(self, url: str, opened: list[http.client.HTTPConnection]) -> None:
        self._place = urlsplit(url).netloc
        self._connection = http.client.HTTPConnection(self._place, timeout=_TIMEOUT_S)
        opened.append(self._connection)

    def send(self, request: Request) -> int:
        """Send it; the status of the answer, or 0 where the caller did not wait for one."""
        if request.is_abandoned:
            connection = http.client.HTTPConnection(self._place, timeout=_TIMEOUT_S)
            with closing(connection):
                connection.request("POST", request.path, request.body, request.headers)
            return 0
        for attempt in range(_ATTEMPTS):
            try:
                self._connection.request("POST", request.path, request.body, request.headers)
                answer = self._connection.getresponse()
                answer.read()
            except (http.client.HTTPException, OSError):
                self._connection.close()
                if attempt == _ATTEMPTS - 1:
                    raise
            else:
                return answer.status
        raise AssertionError


@contextmanager
def calling(url: str) -> Iterator[Caller]:
    """A caller for any number of threads until the block ends."""
    opened: list[http.client.HTTPConnection] = []
    try:
        yield Caller(url, opened)
    finally:
        for connection in opened:
            connection.close()
