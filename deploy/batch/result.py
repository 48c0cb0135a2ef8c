# SPDX-License-Identifier: AGPL-3.0-or-later
"""What came of each plan of a batch: answers joined back to the names of files."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

from deploy.aws.s3 import fetch
from deploy.batch.state import read_state
from roomdet_client.answers import parse_answer
from roomdet_client.errors import ClientError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from deploy.aws.api import AwsApi
    from deploy.batch.place import Batch
    from deploy.batch.state import State

COLUMNS = ("file", "status", "rooms", "error", "message")
_THREADS = 8


def read_status(account: AwsApi, batch: Batch) -> dict[str, Any]:
    """How far a batch is, as JSON.

    Returns:
        ``status`` is ``in progress``; else ``complete`` if each plan is answered or refused, and
        ``incomplete`` if `submit` has something to send.

    Raises:
        AwsError: If AWS does not answer.
    """
    return status_of(batch, read_state(account, batch))


def status_of(batch: Batch, state: State) -> dict[str, Any]:
    """The same of a state that is known."""
    is_running = any(job.is_running for job in state.jobs)
    is_open = bool(state.open_keys())
    answered = [name for name, key in state.files.items() if key in state.answered]
    failed = [name for name, key in state.files.items() if key in state.failures]
    files = len(state.files) + len(state.unfit)
    refused = len(failed) + len(state.unfit)
    names = Counter(state.files.values())  # the same content may have several names
    return {
        "batch": batch.name,
        "folder": batch.folder,
        "status": "in progress" if is_running else "incomplete" if is_open else "complete",
        "files": files,
        "answered": len(answered),
        "failed": refused,
        "waiting": files - len(answered) - refused,
        "jobs": [
            {
                "job": job.name,
                "status": job.status,
                "reason": job.reason or None,
                "log_says": job.cause or None,
                "files": sum(names[key] for key in job.keys),
                "answered": sum(names[key] for key in job.keys & set(state.answered)),
                "instances": job.described["TransformResources"]["InstanceCount"],
                "duration_s": _duration_s(job.described),
            }
            for job in state.jobs
        ],
    }


def _duration_s(described: Mapping[str, Any]) -> float | None:
    """That is paid for on each instance; None if the job has not ended."""
    start, end = described.get("TransformStartTime"), described.get("TransformEndTime")
    return round((end - start).total_seconds(), 1) if start and end else None


def read_results(account: AwsApi, batch: Batch) -> list[dict[str, Any]]:
    """One entry for each file, by name.

    Returns:
        ``status`` is ``success`` with its rooms, ``error`` with code and message, or ``pending``.

    Raises:
        AwsError: If AWS does not answer.
    """
    state = read_state(account, batch)
    with ThreadPoolExecutor(_THREADS) as threads:
        join = partial(_joined, account, state)
        joined = list(threads.map(join, state.files.items()))
    unfit = [failure.entry(file) for file, failure in state.unfit.items()]
    return sorted([*joined, *unfit], key=lambda entry: str(entry["file"]))


def _joined(account: AwsApi, state: State, entry: tuple[str, str]) -> dict[str, Any]:
    file, key = entry
    if key in state.answered:
        return {"file": file, **_answer(fetch(account, state.answered[key]) or b"")}
    failure = state.failures.get(key)
    if failure and key not in state.running:
        return failure.entry(file)
    was_sent = any(key in job.keys for job in state.jobs)
    if key in state.running or not was_sent:
        return {"file": file, "status": "pending"}
    reasons = "; ".join(
        f"{job.name}: {job.cause or job.reason or job.status}" for job in state.jobs
    )
    return {
        "file": file,
        "status": "error",
        "error": "unknown",
        "message": f"no answer, and the job's log says nothing of it ({reasons}); submit again",
    }


def _answer(body: bytes) -> dict[str, Any]:
    try:
        answer = parse_answer(body.decode(errors="replace"))
    except ClientError as err:
        return {"status": "error", "error": "unknown", "message": str(err)}
    document = json.loads(answer.body)
    return {"status": "success", "rooms": len(answer.rooms), **document}


def as_csv(results: Sequence[Mapping[str, Any]]) -> str:
    """The table without boxes."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(results)
    return text.getvalue()
