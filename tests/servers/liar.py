# SPDX-License-Identifier: AGPL-3.0-or-later
"""Breaks the rules that its variable ``LIES`` names."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

from good import Handler, Server  # type: ignore[import-not-found]  # its neighbor, as a script

LIES = set(os.environ["LIES"].split(","))
STATE = Path("/var/lib/state")


class Liar(Handler):  # type: ignore[misc]  # see above
    """Answers as it should not."""

    def do_GET(self) -> None:  # noqa: N802  # its name is http.server's
        """Say 200 at /ping, whatever is."""
        if "busy-ping" in LIES and self.server.busy:
            time.sleep(2.5)
        if ("ping" if self.path == "/ping" else "routes") in LIES:
            self.answer(200, {})
        else:
            super().do_GET()

    def invoke(self, body: bytes) -> None:
        """Answer a body."""
        if "root" in LIES:
            STATE.mkdir(exist_ok=True)
            (STATE / "last").write_bytes(body)
        if "hungry" in LIES:
            self.server.eaten.append(bytearray(b"x") * (30 * len(body)))
        if "small" in LIES and len(body) > 1_000_000:
            self.answer(413, {"error": "too large"})
        elif "fragile" in LIES and not body:
            os._exit(3)
        elif "status" in LIES and b"number" not in body:
            self.answer(200, {"error": "what was that?"})
        elif "crash" in LIES and b"number" not in body:
            self.answer(500, {"error": 'Traceback (most recent call last):\n  File "/x.py"'})
        else:
            self.server.busy += 1
            if "busy-ping" in LIES:
                time.sleep(0.3)
            super().invoke(body)
            self.server.busy -= 1


def main() -> None:
    """Serve until SIGTERM, or longer."""
    if "user" in LIES and os.geteuid():
        sys.exit("error: this runs as root alone")
    server = Server(Liar)
    server.busy, server.eaten = 0, []
    loading = threading.Timer(2.0 if "ping" in LIES else 0.0, server.load)
    loading.start()
    if "sigterm" in LIES:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        # At once, whatever is in flight.
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    server.serve_forever()


if __name__ == "__main__":
    main()
