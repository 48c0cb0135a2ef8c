# SPDX-License-Identifier: AGPL-3.0-or-later
"""Clients that each send the same picture again as soon as they are answered.

``python -I -S benchmarks/bench/load.py URL PICTURE CLIENTS SECONDS LEAST WARM DETAIL``: a process
of its own with the standard library alone, because it shares the processor with the server. Each
client keeps its connection. After one request that is not counted, unless WARM is 0, all start at
once, and after SECONDS no new request is begun; LEAST is how many each client sends in any case.
DETAIL is the option of that name.

A refusal (503) is counted, and the client tries again after a pause, as an SDK does; its latency
runs from the first try. Prints ``{"ms": […], "elapsed_s": s, "refused": n, "rooms": n}``.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

HEADERS = {"Content-Type": "application/octet-stream"}
PAUSE_S = 0.05
TIMEOUT_S = 120


class Client:
    """One connection and what was measured on it."""

    def __init__(self, url: str, data: bytes, detail: str = "auto") -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT_S)
        self._data = data
        self._headers = HEADERS
        if detail != "auto":
            self._headers = HEADERS | {"X-Amzn-SageMaker-Custom-Attributes": f"detail={detail}"}
        self.times_ms: list[float] = []
        self.answer = b""
        self.refused = 0
        self.error: Exception | None = None

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def ask(self) -> bool:
        """Whether there is an answer, which is kept; not if the server refused for now.

        Raises:
            RuntimeError: If the status is neither 200 nor 503.
        """
        self._connection.request("POST", "/invocations", self._data, self._headers)
        response = self._connection.getresponse()
        body = response.read()
        if response.status == http.client.SERVICE_UNAVAILABLE:
            return False
        if response.status != http.client.OK:
            raise RuntimeError(f"status {response.status}: {body[:200]!r}")
        self.answer = body
        return True

    def run(self, until_s: float, least: int) -> None:
        """Send until the time is up, at least so often; a failure is kept for the caller."""
        try:
            while time.perf_counter() < until_s or len(self.times_ms) < least:
                self._send_one(until_s)
        except Exception as err:  # noqa: BLE001  # the main thread raises it
            self.error = err

    def _send_one(self, until_s: float) -> None:
        started_s = time.perf_counter()
        while not self.ask():
            self.refused += 1
            time.sleep(PAUSE_S)
            if time.perf_counter() > until_s and self.times_ms:
                return
        self.times_ms.append((time.perf_counter() - started_s) * 1000)


def run(crowd: list[Client], seconds: float, least: int, *, warm: bool = True) -> dict[str, object]:
    """Measure one block; the clients' connections are closed then.

    Raises:
        Exception: What a client met with, if it was more than a refusal.
    """
    while warm and not crowd[0].ask():
        pass
    began_s = time.perf_counter()
    threads = [
        threading.Thread(target=client.run, args=(began_s + seconds, least)) for client in crowd
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed_s = time.perf_counter() - began_s
    for client in crowd:
        client.close()
        if client.error:
            raise client.error
    return {
        "ms": [ms for client in crowd for ms in client.times_ms],
        "elapsed_s": elapsed_s,
        "refused": sum(client.refused for client in crowd),
        "rooms": len(json.loads(crowd[0].answer)["detected_rooms"]),
    }


def main() -> None:
    """Run the command line."""
    url, picture, clients, seconds, least, warm, detail = sys.argv[1:]
    data = Path(picture).read_bytes()
    crowd = [Client(url, data, detail) for _ in range(int(clients))]
    print(json.dumps(run(crowd, float(seconds), int(least), warm=bool(int(warm)))))


if __name__ == "__main__":
    main()
