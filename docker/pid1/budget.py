# SPDX-License-Identifier: AGPL-3.0-or-later
"""How CPUs and memory are shared out among the JVM, the workers and their requests."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pid1.errors import StartError

if TYPE_CHECKING:
    from pid1.cgroup import Limits

# Resident memory in MiB as measured in the image (docs/image.md, docs/memory.md).
JVM_MB = 160  # while it serves; a full queue of large bodies adds up to the heap's size
WORKER_MB = 230  # with every form of canvas of a first look seen, between requests
# With every form of canvas of slices seen, in addition (docs/decisions/0027-sliced-inference.md).
SLICES_MB = 75
OTHER_MB = 48  # process 1 and what lies in /tmp
# The archive's own setting (handler/model-config.yaml) is the most that a request is given, and
# with less than this an ordinary sheet could not be read.
MOST_REQUEST_MB = 1200
LEAST_REQUEST_MB = 128
# What a further worker must find for its requests, and any that looks at slices of a page drawn
# at 4160 px; for one further level, of 1280 px, this is enough.
WORKER_REQUEST_MB = 600
SECOND_LEVEL_REQUEST_MB = 400
ALL_LEVELS = 4
# A second thread halves the network's time, further ones bring little; decoding has only one.
THREADS_PER_WORKER = 2

QUEUE = 10  # as in config.properties
# Bodies in the heap beside the queue: with two Netty threads and on their way to the worker.
BODIES_BESIDE_QUEUE = 4
HEAP_PER_BODY = 1.5  # large bodies leave gaps (docs/operations.md)
LEAST_HEAP_MB = 128
MOST_HEAP_SHARE = 0.3  # of the memory; fewer requests wait where it is not enough
# Bodies that are being received at once lie outside the heap. Where there is no room for one more,
# TorchServe stops to answer on some connections, and loses its worker's (docs/image.md).
BODIES_RECEIVED = 24  # 12 at once, with room for gaps and for what goes to the worker
LARGE_DIRECT_MB = 1024  # as in config.properties, where there is plenty
# The largest file where nothing is set: config.properties' and the worker's own, and in a small
# container SageMaker's largest body. SageMaker forwards 4 MB (serverless) or 6 MiB. A small one has
# no memory for the larger levels of a page either.
MAX_BYTES = 20 * 2**20
SMALL_MAX_BYTES = 6 * 2**20
SMALL_MB = 1536


@dataclass(frozen=True, slots=True)
class Budget:
    """What everything may take; all memory in MiB.

    Attributes:
        workers: Python processes, each with a copy of the network.
        threads: CPU threads of one worker's network.
        request_mb: Memory that requests may take in one worker beyond the loaded network.
        heap_mb: Heap of the JVM, which holds the bodies that wait.
        direct_mb: Memory of the JVM for bodies that are being received.
        queue: Requests that may wait.
        max_bytes: Largest file of a request.
        max_levels: Levels that a page may be seen on, 1 to ``ALL_LEVELS``.
    """

    workers: int
    threads: int
    request_mb: int
    heap_mb: int
    direct_mb: int
    queue: int
    max_bytes: int
    max_levels: int

    @property
    def max_request_bytes(self) -> int:
        """Largest body: the largest file as base64 in JSON, with room for the rest."""
        return _body_bytes(self.max_bytes)


def share_out(
    limits: Limits, *, max_bytes: int | None = None, workers: int | None = None
) -> Budget:
    """Share out what a container has.

    Args:
        limits: CPUs and memory of the container.
        max_bytes: Largest file of a request; None lets the memory decide.
        workers: How many workers; None lets CPUs and memory decide.

    Raises:
        StartError: If the memory is too small; the message says how much is needed.
    """
    is_small = limits.memory_mb < SMALL_MB
    if max_bytes is None:
        max_bytes = SMALL_MAX_BYTES if is_small else MAX_BYTES
    body_mb = _body_bytes(max_bytes) / 2**20
    cpus = max(1, round(limits.cpus))
    wanted_heap_mb = max(LEAST_HEAP_MB, HEAP_PER_BODY * (QUEUE + BODIES_BESIDE_QUEUE) * body_mb)
    heap_mb = math.ceil(min(wanted_heap_mb, limits.memory_mb * MOST_HEAP_SHARE))
    queue = min(QUEUE, int(heap_mb / (HEAP_PER_BODY * body_mb)) - BODIES_BESIDE_QUEUE)
    free_mb = limits.memory_mb - JVM_MB - OTHER_MB
    if workers is None:
        each_mb = WORKER_MB + SLICES_MB + WORKER_REQUEST_MB
        workers = max(1, min(cpus // THREADS_PER_WORKER, (free_mb - heap_mb // 2) // each_mb))
    share_mb = free_mb // workers - WORKER_MB
    max_levels = _levels(share_mb - SLICES_MB, is_small=is_small)
    request_mb = min(MOST_REQUEST_MB, share_mb if max_levels == 1 else share_mb - SLICES_MB)
    if request_mb < LEAST_REQUEST_MB:
        needed_mb = JVM_MB + OTHER_MB + workers * (WORKER_MB + LEAST_REQUEST_MB)
        raise _too_little(limits, f"{workers} worker(s); {needed_mb} MiB are the least")
    if queue < 1:
        least_heap_mb = HEAP_PER_BODY * (1 + BODIES_BESIDE_QUEUE) * body_mb
        needed_mb = int(least_heap_mb / MOST_HEAP_SHARE) + 1
        least = f"{needed_mb} MiB are the least; or lower ROOMDET_MAX_BYTES"
        raise _too_little(limits, f"bodies of {body_mb:.0f} MiB: {least}")
    return Budget(
        workers=workers,
        threads=max(1, cpus // workers),
        request_mb=request_mb,
        heap_mb=heap_mb,
        direct_mb=_direct_mb(limits, body_mb),
        queue=queue,
        max_bytes=max_bytes,
        max_levels=max_levels,
    )


def _levels(request_mb: int, *, is_small: bool) -> int:
    """How many levels what is left for requests beside the canvases of slices allows."""
    if request_mb >= WORKER_REQUEST_MB and not is_small:
        return ALL_LEVELS
    return 2 if request_mb >= SECOND_LEVEL_REQUEST_MB else 1


def _direct_mb(limits: Limits, body_mb: float) -> int:
    """Memory for bodies that are being received: a third of all or three bodies at most."""
    wanted_mb = max(BODIES_RECEIVED * body_mb, min(LARGE_DIRECT_MB, limits.memory_mb / 8))
    return math.ceil(min(wanted_mb, max(limits.memory_mb / 3, 3 * body_mb)))


def _too_little(limits: Limits, what_for: str) -> StartError:
    return StartError(f"{limits.memory_mb} MiB of memory are too little for {what_for}")


def _body_bytes(max_bytes: int) -> int:
    return max_bytes * 7 // 5
