# SPDX-License-Identifier: AGPL-3.0-or-later
"""Waiting for what happens elsewhere: looks that come again and again, up to a deadline."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_JITTER = 0.2  # so that those who began together do not ask together for ever


def poll(
    timeout_s: float,
    first_s: float,
    last_s: float | None = None,
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[float]:
    """Yield when it is time to look; ends with the deadline, after a last look.

    Who has seen enough leaves the loop; what follows it is said of the time-out::

        for waited_s in poll(60, 0.1):
            if is_done():
                return
        raise NotDone

    Args:
        timeout_s: From the first look on; there is one even if it is 0.
        first_s: The pause after the first look, plus or minus a fifth like all of them.
        last_s: The longest pause, to which each grows by a fifth of the one before; None for no
            growth.
        sleep: Waits so many seconds.

    Yields:
        Seconds since the first look.
    """
    started_s = time.monotonic()
    pause_s, last_s = first_s, last_s or first_s
    while True:
        waited_s = time.monotonic() - started_s
        yield waited_s
        left_s = timeout_s - (time.monotonic() - started_s)
        if left_s <= 0:
            return
        sleep(min(pause_s * random.uniform(1 - _JITTER, 1 + _JITTER), left_s))  # noqa: S311
        pause_s = min(pause_s * 1.2, last_s)
