# SPDX-License-Identifier: AGPL-3.0-or-later
"""The waits of a rollout: until a version is ready, has baked, and is drained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from serving.errors import RolloutError
from serving.polling import poll
from serving.traffic import read_traffic

if TYPE_CHECKING:
    from collections.abc import Callable

    from serving.running import Place

READY_TIMEOUT_S = 150.0  # a worker's startupTimeout is 120 s
DRAIN_TIMEOUT_S = 90.0  # a request's responseTimeout is 60 s, after a wait in the queue
# TorchServe moves a request from queue to worker in some instructions, in which it is in neither;
# an answer that is written takes a moment to be sent.
QUIET_S = 0.5
POLL_S = 0.1
# Requests that the detector fails while it is watched, beside a caller's oddity or two.
_MOST_FAILED, _MOST_FAILED_SHARE = 1, 0.02


def wait_ready(place: Place, version: str, printed_bytes: int) -> None:
    """Wait until a worker has proved a version's archive.

    Raises:
        RolloutError: With what the log says since so many bytes, if none does.
    """
    for _ in poll(READY_TIMEOUT_S, POLL_S):
        found = place.management.versions().get(version)
        if found is None:
            raise RolloutError(place.log.why("TorchServe has dropped it again", printed_bytes))
        if found.status == "Healthy":
            return
        if found.status == "Unhealthy":
            told = f"the archive does not load: {found.reason}"
            raise RolloutError(place.log.why(told, printed_bytes))
    raise RolloutError(f"no worker was ready after {READY_TIMEOUT_S:.0f} s")


def bake(place: Place, version: str, watch_s: float) -> tuple[int, int]:
    """See what real requests get of a version; how many were answered, and how many failed.

    Raises:
        RolloutError: With what the log says, if too many fail, or the worker ends.
    """
    before, printed_bytes = read_traffic(place.url), place.log.size()
    now = before
    for _ in poll(watch_s, 2 * POLL_S):
        now = read_traffic(place.url).since(before)
        if now.failed > max(_MOST_FAILED, _MOST_FAILED_SHARE * now.answered):
            told = f"{now.failed} of {now.answered} requests failed (500)"
            raise RolloutError(place.log.why(told, printed_bytes))
        found = place.management.versions().get(version)
        if found is None or found.status != "Healthy":
            told = f"its worker ended: {found.reason if found else 'it is not registered'}"
            raise RolloutError(place.log.why(told, printed_bytes))
    return now.answered, now.failed


def drain(place: Place, version: str, say: Callable[[str], None]) -> None:
    """Unregister a version once it has answered everything.

    Raises:
        RolloutError: If it goes on having requests.
    """
    say(f"waiting until {version} has answered what it had")
    quiet_since_s = None
    for waited_s in poll(DRAIN_TIMEOUT_S, POLL_S):
        found = place.management.versions().get(version)
        if found is None:
            return
        if found.in_flight:
            quiet_since_s = None
        elif quiet_since_s is None:
            quiet_since_s = waited_s
        elif waited_s - quiet_since_s >= QUIET_S:
            place.management.unregister(version)
            say(f"{version} is unregistered")
            return
    raise RolloutError(
        f"{version} still has requests after {DRAIN_TIMEOUT_S:.0f} s and stays registered"
    )
