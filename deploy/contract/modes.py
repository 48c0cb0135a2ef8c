# SPDX-License-Identifier: AGPL-3.0-or-later
"""An address, an image or an endpoint: what is judged of each, and in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.contract import judging
from deploy.contract.container import AS_ANY_USER, READ_ONLY, Container, Setting, running
from deploy.contract.probing import (
    MIB,
    Request,
    in_flight,
    judge_invocations,
    judge_server,
    load_memory,
    wait_answer,
)
from deploy.contract.rows import Row, failed, in_order, not_judged, passed
from deploy.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from deploy.contract.answers import Asker
    from deploy.contract.wire import Server

    Report = Callable[[Row], None]

# A second start of the same container takes no longer than this, even on a machine that is busy.
_AGAIN_FACTOR, _AGAIN_MARGIN_S = 3, 20.0


def judge_url(server: Server, request: Request, report: Report) -> list[Row]:
    """Judge a server that runs already.

    Raises:
        ContractError: If nothing answers there.
    """
    ping = server.ping()
    if not ping.status:
        raise ContractError(f"nothing answers at {server.host}:{server.port}: {ping.failure}")
    first = server.invoke(request.sample)
    if ping.is_success and not first.is_success:
        honest = failed("ping-honest", f"/ping says {ping}, but the sample got {first}")
    else:
        honest = not_judged("ping-honest", "it ran already; its start was not seen")
    rows = _collect([honest], report)
    rows += _collect(judge_server(server, request), report)
    return in_order(rows, "it takes the image, not an address")


def judge_endpoint(asker: Asker, request: Request, report: Report) -> list[Row]:
    """Judge a live endpoint through InvokeEndpoint."""
    rows = _collect(judge_invocations(asker, request, is_direct=False), report)
    return in_order(rows, "SageMaker stands in between")


def judge_image(setting: Setting, request: Request, report: Report) -> list[Row]:
    """Judge an image: once as Docker runs it, once as strictly as a serverless endpoint.

    Raises:
        ContractError: If the engine cannot run it at all.
    """
    rows: list[Row] = []
    with running(setting, ()) as container:
        started_s = container.wait_ping(judging.START_LIMIT_S)
        rows += _collect([_start(container, started_s)], report)
        if started_s is None:
            return in_order(rows, "it did not start")
        rows += _collect([_honest(container, request)], report)
        rows += _collect([_writes(container, request)], report)
    limit_s = min(judging.START_LIMIT_S, _AGAIN_MARGIN_S + _AGAIN_FACTOR * started_s)
    with running(setting, (*READ_ONLY, *AS_ANY_USER)) as container:
        problem = _problem(container, request, limit_s)
        if not problem:
            seen = "ready, and answers the sample"
            strict = [passed("read-only-root", seen), passed("any-user", seen)]
            rows += _collect(strict, report)
            rows += _collect(_served(container, request), report)
            return in_order(rows, "it was not reached")
    rows += _collect(_blame(setting, request, limit_s, problem), report)
    with running(setting, ()) as container:
        _problem(container, request, limit_s)  # of readiness it has lied before
        rows += _collect(_served(container, request), report)
    return in_order(rows, "it was not reached")


def _served(container: Container, request: Request) -> Iterable[Row]:
    """Everything that a container is asked once it is ready, and its end."""
    yield from judge_server(container.server, request)
    loaded = load_memory(container.server, request)
    is_alive = container.is_running()
    peak_mb, kills = (container.peak_mb(), container.oom_kills()) if is_alive else (None, 0)
    usage = judging.Usage(peak_mb, container.memory_mb, kills, is_alive)
    yield judging.memory(usage, loaded)
    if not is_alive:
        yield failed("sigterm", "it ended before it got SIGTERM")
        return
    answers = in_flight(container.server, request, container.terminate)
    ended_s = container.wait_end(judging.STOP_LIMIT_S)
    status = 0 if ended_s is None else container.exit_status()
    yield judging.sigterm(answers, ended_s, status)


def _start(container: Container, started_s: float | None) -> Row:
    if started_s is None and not container.is_running():
        end = f"it ended with {container.exit_status()}; its log ends: {container.log_tail()}"
        return judging.start(None, end)
    return judging.start(started_s, f"not within {judging.START_LIMIT_S:.0f} s")


def _honest(container: Container, request: Request) -> Row:
    first = container.server.invoke(request.sample)
    if first.is_success:
        return judging.honest(first, None)
    later, waited_s = wait_answer(container.server, request.sample, judging.ANSWER_LIMIT_S)
    return judging.honest(first, waited_s if later.is_success else None)


def _writes(container: Container, request: Request) -> Row:
    container.server.invoke(request.sample)
    container.server.invoke(request.sample.padded(4 * MIB))
    return judging.writes(container.changes())


def _problem(container: Container, request: Request, limit_s: float) -> str:
    """Why a container does not serve; empty if it does."""
    if container.wait_ping(limit_s) is None:
        if container.is_running():
            return f"not ready after {limit_s:.0f} s"
        return f"it ended with {container.exit_status()}; its log ends: {container.log_tail()}"
    answer, _ = wait_answer(container.server, request.sample, limit_s)
    return "" if answer.is_success else f"the sample got {answer}"


def _blame(setting: Setting, request: Request, limit_s: float, together: str) -> Iterable[Row]:
    """Which of the two conditions it is that a container does not bear."""
    found = {}
    for rule, flags in {"read-only-root": READ_ONLY, "any-user": AS_ANY_USER}.items():
        with running(setting, flags) as container:
            found[rule] = _problem(container, request, limit_s)
    is_both = not any(found.values())
    for rule, problem in found.items():
        if is_both:
            yield failed(rule, f"not together with the other condition: {together}")
        else:
            yield (
                failed(rule, problem) if problem else passed(rule, "ready, and answers the sample")
            )


def _collect(rows: Iterable[Row], report: Report) -> list[Row]:
    found = []
    for row in rows:
        report(row)
        found.append(row)
    return found
