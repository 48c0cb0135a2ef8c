# SPDX-License-Identifier: AGPL-3.0-or-later
"""What real requests get of a server: the detector's own counter, at ``/metrics``."""

from __future__ import annotations

import re
import urllib.request
from dataclasses import dataclass

from serving.errors import RolloutError
from serving.loopback import exchange

_TIMEOUT_S = 5
_REQUESTS = re.compile(r"^roomdet_requests_total\{(?P<labels>[^}]*)\} (?P<count>[0-9.eE+]+)", re.M)
_FAILED = 'outcome="processing_failed"'


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests that the detector has answered.

    Attributes:
        answered: All, refused ones included.
        failed: Of these with 500.
    """

    answered: int = 0
    failed: int = 0

    def since(self, before: Traffic) -> Traffic:
        """What came later than another count."""
        return Traffic(self.answered - before.answered, self.failed - before.failed)


def read_traffic(url: str) -> Traffic:
    """Count what a server has answered since its start.

    Args:
        url: Address of the inference API.

    Raises:
        RolloutError: If it does not say.
    """
    try:
        _, body = exchange(urllib.request.Request(f"{url}/metrics"), timeout_s=_TIMEOUT_S)
    except OSError as err:
        raise RolloutError(f"{url}/metrics does not answer: {err}") from err
    counts = [
        (round(float(found["count"])), _FAILED in found["labels"])
        for found in _REQUESTS.finditer(body.decode(errors="replace"))
    ]
    return Traffic(
        sum(count for count, _ in counts), sum(count for count, failed in counts if failed)
    )
