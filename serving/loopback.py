# SPDX-License-Identifier: AGPL-3.0-or-later
"""Requests to a server on this machine."""

from __future__ import annotations

import urllib.error
import urllib.request

# Loopback is never reached through a proxy.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def exchange(request: urllib.request.Request, *, timeout_s: float) -> tuple[int, bytes]:
    """Send a request; status and body of the answer, whatever the status says.

    Raises:
        OSError: If there is no answer.
    """
    try:
        with OPENER.open(request, timeout=timeout_s) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as err:
        with err:
            return err.code, err.read()
