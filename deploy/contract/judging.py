# SPDX-License-Identifier: AGPL-3.0-or-later
"""What answers mean: functions of what was seen; nothing is asked here."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deploy.contract.answers import ATTRIBUTES
from deploy.contract.rows import Row, failed, from_problems, not_judged, passed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from deploy.contract.answers import Answer

PING_LIMIT_S = 2.0
ACCEPT_LIMIT_S = 0.25
ANSWER_LIMIT_S = 60.0
START_LIMIT_S = 180.0
STOP_LIMIT_S = 30.0
MAX_ATTRIBUTES = 1024
# The caller gets an error's body as a string inside of another error (ModelError).
MAX_ERROR_BYTES = 4096
_OK, _TOO_LARGE, _SERVER_ERROR, _BUSY = 200, 413, 500, 503
_KILLED = 137
_TRACES = (b"Traceback (most recent call last)", b"\n\tat ", b"\n    at ", b'File "/')
_SHOWN = 3


def start(seconds: float | None, ending: str) -> Row:
    """Of the time until the first 200, None if there was none, and of how it ended."""
    if seconds is None:
        return failed("start", ending)
    reason = f"200 after {seconds:.1f} s"
    return passed("start", reason) if seconds <= START_LIMIT_S else failed("start", reason)


def honest(first: Answer, waited_s: float | None) -> Row:
    """Of the answer to the sample at the first 200, and the time until one was right."""
    if first.is_success:
        return passed("ping-honest", f"the sample, sent at the first 200, got {first}")
    later = "never" if waited_s is None else f"{waited_s:.1f} s later"
    reason = f"/ping said 200, but the sample got {first}; it was first answered {later}"
    return failed("ping-honest", reason)


def ping_time(pings: Sequence[Answer]) -> Row:
    """Of pings in idle and busy times."""
    worst = max(ping.seconds for ping in pings)
    problems = [f"{len(pings)} pings, the slowest took {worst:.2f} s"] * (worst > PING_LIMIT_S)
    if bad := [ping for ping in pings if ping.status != _OK]:
        problems.append(f"{len(bad)} of {len(pings)} pings got {statuses(bad)}")
    return from_problems(
        "ping-time", problems, f"{len(pings)} pings, at most {worst * 1000:.0f} ms"
    )


def accept(answers: Sequence[Answer]) -> Row:
    """Of the time that connections took; those that never came about count, too."""
    if refused := [answer for answer in answers if not answer.connect_s]:
        return failed("accept", f"{len(refused)} of {len(answers)} connections: {refused[0]}")
    worst = max(answer.connect_s for answer in answers)
    reason = f"{len(answers)} connections, at most {worst * 1000:.0f} ms"
    return (passed if worst <= ACCEPT_LIMIT_S else failed)("accept", reason)


def invocations(answer: Answer) -> Row:
    """Of one answer to the sample."""
    problems = [] if answer.is_success else [f"the sample got {answer}{quoted(answer)}"]
    if answer.is_success and answer.body and "content-type" not in answer.headers:
        problems.append("the answer has no Content-Type")
    kind = answer.headers.get("content-type", "no media type")
    seen = f"{answer} in {answer.seconds * 1000:.0f} ms, {len(answer.body):,} B of {kind}"
    return from_problems("invocations", problems, seen)


def concurrency(answers: Sequence[Answer]) -> Row:
    """Of answers to the same sample, all sent at once."""
    bad = [answer for answer in answers if not answer.is_success]
    problems = [f"of {len(answers)} at once {len(bad)} got {statuses(bad)}"] if bad else []
    slowest = max(answer.seconds for answer in answers)
    seen = f"{len(answers)} at once, the last after {slowest * 1000:.0f} ms"
    return from_problems("concurrency", problems, seen)


def payload(rule: str, size_bytes: int, answer: Answer, alive: Answer, *, must_fit: bool) -> Row:
    """Of the answer to a body of some size, and to the sample afterwards.

    Args:
        rule: Which row.
        size_bytes: Of the body.
        answer: To it; with a failure if it is SageMaker's own.
        alive: To the sample.
        must_fit: SageMaker hands on bodies of this size, so that 413 will not do.
    """
    if rule in {"payload-6mb", "payload-over"} and answer.status and answer.failure:
        return not_judged(rule, f"{size_bytes:,} B: {answer.failure}")
    problems = []
    if must_fit and answer.failure:
        problems.append(f"{size_bytes:,} B got {answer}")
    if must_fit and answer.status == _TOO_LARGE:
        problems.append(f"{size_bytes:,} B got 413; SageMaker hands them on")
    if answer.status >= _SERVER_ERROR:
        problems.append(f"{size_bytes:,} B got {answer}{quoted(answer)}")
    if not alive.is_success:
        problems.append(f"afterwards the sample got {alive}")
    return from_problems(
        rule, problems, f"{size_bytes:,} B got {answer}, the sample afterwards {alive}"
    )


def content_types(answers: Mapping[str, Answer], own: str) -> Row:
    """Of answers to the sample under other media types."""
    problems = [
        f"{name or 'none'} got {answer}"
        for name, answer in answers.items()
        if not (answer.is_success or answer.is_refusal)
    ]
    if not answers[own].is_success:
        problems.append(f"its own, {own}, got {answers[own]}")
    seen = ", ".join(f"{name or 'none'} {answer}" for name, answer in answers.items())
    return from_problems("content-types", problems, seen)


def attributes_in(answers: Mapping[str, Answer]) -> Row:
    """Of answers to the sample with headers that SageMaker may add, by what was added."""
    problems = [
        f"{name} got {answer}"
        for name, answer in answers.items()
        if not (answer.is_success or ("attributes" in name and answer.is_refusal))
    ]
    seen = ", ".join(f"{name} {answer}" for name, answer in answers.items())
    return from_problems("attributes-in", problems, seen)


def attributes_out(answers: Iterable[Answer]) -> Row:
    """Of the custom attributes in answers."""
    values = [
        value for answer in answers if (value := answer.headers.get(ATTRIBUTES.lower())) is not None
    ]
    problems = [
        f"{len(value)} characters, {MAX_ATTRIBUTES} of ASCII are forwarded: {value[:40]!r}"
        for value in values
        if len(value) > MAX_ATTRIBUTES or not value.isascii() or not value.isprintable()
    ]
    seen = f"{len(values)} answers had some, such as {values[0]!r}" if values else "it sets none"
    return from_problems("attributes-out", problems[:1], seen)


def client_errors(answer: Answer) -> Row:
    """Of the answer to a body that is no input."""
    problems = []
    if answer.is_success:
        problems.append(f"a body that is no input got {answer}: no caller can tell the mistake")
    elif not answer.is_refusal:
        problems.append(f"a body that is no input got {answer}, as if it were the server's fault")
    if len(answer.body) > MAX_ERROR_BYTES:
        problems.append(f"the error has {len(answer.body):,} B")
    if any(trace in answer.body for trace in _TRACES):
        problems.append("the error shows a stack trace")
    return from_problems("client-errors", problems, f"{answer}{quoted(answer)}")


def routes(answers: Mapping[str, Answer]) -> Row:
    """Of answers to requests that there is nothing for."""
    problems = [
        f"{request} got {answer}" for request, answer in answers.items() if not answer.is_refusal
    ]
    seen = ", ".join(f"{request} {answer}" for request, answer in answers.items())
    return from_problems("routes", problems, seen)


def answer_time(answers: Sequence[Answer]) -> Row:
    """Of the time of every answer."""
    worst = max(answer.seconds for answer in answers)
    reason = f"{len(answers)} answers, the slowest after {worst:.2f} s"
    return (passed if worst <= ANSWER_LIMIT_S else failed)("answer-time", reason)


def sigterm(answers: Sequence[Answer], ended_s: float | None, exit_status: int) -> Row:
    """Of requests in flight at SIGTERM, and of the time until the end, None if there was none."""
    problems = []
    if bad := [answer for answer in answers if not answer.is_success]:
        problems.append(f"of {len(answers)} requests in flight {len(bad)} got {statuses(bad)}")
    if ended_s is None:
        problems.append(f"it runs on {STOP_LIMIT_S:.0f} s later, when SageMaker kills it")
    elif exit_status == _KILLED:
        problems.append(f"it was killed after {ended_s:.1f} s")
    seen = f"{len(answers)} in flight answered, ended with {exit_status} after {ended_s or 0:.1f} s"
    return from_problems("sigterm", problems, seen)


def writes(changes: Sequence[str]) -> Row:
    """Of the paths in the image that the container changed."""
    shown = ", ".join(changes[:_SHOWN]) + (" …" if len(changes) > _SHOWN else "")
    problems = [f"it wrote {shown}"] if changes else []
    return from_problems("writes", problems, "the root is as it was in the image")


@dataclass(frozen=True, slots=True)
class Usage:
    """Of memory.

    Attributes:
        peak_mb: Resident at most, MB of 2^20 bytes; None if it cannot be read.
        limit_mb: The chosen size.
        oom_kills: Processes that the kernel killed for it.
        is_alive: The container has not ended.
    """

    peak_mb: int | None
    limit_mb: int
    oom_kills: int
    is_alive: bool


def memory(usage: Usage, loaded: Sequence[Answer]) -> Row:
    """Of memory, and of the answers to the largest bodies, all sent at once."""
    limit, problems = f"{usage.limit_mb} MB", []
    if usage.oom_kills:
        problems.append(f"{usage.oom_kills} processes were killed for want of memory")
    if not usage.is_alive:
        problems.append("it ended under the load")
    # A full queue says 503; anything else of the server's own fault is a sign of want.
    if bad := [
        a for a in loaded if not a.status or (a.status >= _SERVER_ERROR and a.status != _BUSY)
    ]:
        problems.append(f"of {len(loaded)} bodies of 6 MiB at once {len(bad)} got {statuses(bad)}")
    if problems:
        return failed("memory", f"{'; '.join(problems)} ({limit})")
    if usage.peak_mb is None:
        return not_judged("memory", "the engine runs elsewhere: its processes cannot be read")
    seen = f"at most {usage.peak_mb} of {limit}, with {len(loaded)} bodies of 6 MiB at once"
    return (passed if usage.peak_mb <= usage.limit_mb else failed)("memory", seen)


def statuses(answers: Iterable[Answer]) -> str:
    counted = Counter(map(str, answers))
    return ", ".join(f"{count}× {answer}" for answer, count in counted.items())


def quoted(answer: Answer) -> str:
    """How an answer begins."""
    text = " ".join(answer.body[:200].decode(errors="replace").split())
    return f": {text[:80]}" if text else ""
