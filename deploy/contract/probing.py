# SPDX-License-Identifier: AGPL-3.0-or-later
"""Requests, and the rows that come of them."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from deploy.contract import judging
from deploy.contract.answers import OCTETS, Answer, Asker, Sample
from deploy.contract.rooms import judge_rooms, sample_plan
from deploy.contract.rows import Row, not_judged
from serving.polling import poll

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from deploy.contract.wire import Server

MIB = 2**20
_OVER_BYTES = 32 * MIB
_POLL_S = 0.05
_PINGS = 10
_FOR_NOW = (429, 503)
# No picture, no document, no UTF-8; and no JSON, whatever it is called.
_NO_INPUT = b'{"\xff\xfe not what you take'


@dataclass(frozen=True, slots=True)
class Request:
    """What a container is to be asked.

    Attributes:
        sample: It answers this with 2xx.
        is_rooms: It is our own API.
        takes_anything: There is no body that it must refuse.
        concurrency: Requests at once.
    """

    sample: Sample = field(default_factory=sample_plan)
    is_rooms: bool = True
    takes_anything: bool = False
    concurrency: int = 5  # the SageMaker SDK's default for serverless endpoints


def judge_invocations(asker: Asker, request: Request, *, is_direct: bool) -> Iterator[Row]:
    """The rows that can be had through an endpoint, too.

    Args:
        asker: Who is asked.
        request: What.
        is_direct: Headers arrive as they are sent, because SageMaker does not stand in between.
    """
    sample, seen = request.sample, list[Answer]()

    def invoke(changed: Sample) -> Answer:
        seen.append(asker.invoke(changed))
        return seen[-1]

    yield judging.invocations(invoke(sample))
    with ThreadPoolExecutor(request.concurrency) as pool:
        together = list(pool.map(asker.invoke, [sample] * request.concurrency))
    seen += together
    yield judging.concurrency(together)
    yield from _payloads(invoke, sample)
    kinds = list(dict.fromkeys((sample.content_type, OCTETS, "application/x-unknown", "")))
    types = {kind: invoke(replace(sample, content_type=kind)) for kind in kinds}
    yield judging.content_types(types, sample.content_type)
    added = {"custom attributes": invoke(replace(sample, attributes="trace=contract-kit"))}
    if is_direct:
        headers = {"X-Amzn-SageMaker-Unknown": "1", "X-Kit": "1"}
        added["unknown headers"] = invoke(replace(sample, headers=headers))
    yield judging.attributes_in(added)
    yield judging.attributes_out(seen)
    yield _client_errors(invoke, request)
    if request.is_rooms:
        yield from judge_rooms(_Seen(asker, seen))
    else:
        for rule in ("rooms-answer", "rooms-options", "rooms-errors"):
            yield not_judged(rule, "it is another API (--api any)")
    yield judging.answer_time(seen)


@dataclass(frozen=True, slots=True)
class _Seen:
    """Keeps the answers."""

    asker: Asker
    seen: list[Answer]

    def invoke(self, sample: Sample) -> Answer:
        self.seen.append(self.asker.invoke(sample))
        return self.seen[-1]


def _payloads(invoke: Callable[[Sample], Answer], sample: Sample) -> Iterator[Row]:
    sizes = {
        "payload-0": (0, False),
        "payload-4mb": (4 * MIB, True),
        "payload-6mb": (6 * MIB, True),
        "payload-over": (_OVER_BYTES, False),
    }
    for rule, (size_bytes, must_fit) in sizes.items():
        answer = invoke(sample.padded(size_bytes))
        # An empty body must be answered all the same; a larger one may be cut off.
        must_answer = must_fit or not size_bytes
        alive = invoke(sample)
        yield judging.payload(rule, size_bytes, answer, alive, must_fit=must_answer)


def _client_errors(invoke: Callable[[Sample], Answer], request: Request) -> Row:
    if request.takes_anything:
        return not_judged("client-errors", "it takes any body (--takes-anything)")
    return judging.client_errors(invoke(replace(request.sample, body=_NO_INPUT)))


def judge_server(server: Server, request: Request) -> Iterator[Row]:
    """The rows that need the server itself, after those of ``judge_invocations``."""
    server.answers.clear()  # of the time before it was ready
    yield from judge_invocations(server, request, is_direct=True)
    wanted = (("GET", "/invocations"), ("GET", "/no-such-path"), ("POST", "/no-such-path"))
    yield judging.routes(
        {
            f"{method} {path}": server.ask(method, path, b"" if method == "POST" else None)
            for method, path in wanted
        }
    )
    yield judging.ping_time([server.ping() for _ in range(_PINGS)] + _busy_pings(server, request))
    yield judging.accept(server.answers)


def _busy_pings(server: Server, request: Request) -> list[Answer]:
    """Pings while requests are answered."""
    with ThreadPoolExecutor(request.concurrency) as pool:
        running = [
            pool.submit(server.invoke, request.sample) for _ in range(3 * request.concurrency)
        ]
        pings = [server.ping()]
        while not all(work.done() for work in running):
            pings.append(server.ping())
            time.sleep(_POLL_S)
    return pings


def load_memory(server: Server, request: Request) -> list[Answer]:
    """The largest bodies that SageMaker hands on, as many at once as are to be borne."""
    with ThreadPoolExecutor(request.concurrency) as pool:
        large = [request.sample.padded(6 * MIB)] * request.concurrency
        return list(pool.map(server.invoke, large))


def wait_answer(server: Server, sample: Sample, timeout_s: float) -> tuple[Answer, float]:
    """Send the sample while it is refused for the time being.

    Returns:
        The first answer that is neither 503 nor 429, or the last; and the seconds until then.
    """
    started_s = time.monotonic()
    for _ in poll(timeout_s, _POLL_S):
        answer = server.invoke(sample)
        if answer.status not in _FOR_NOW and (answer.status or answer.connect_s):
            break
    return answer, time.monotonic() - started_s


def in_flight(server: Server, request: Request, stop: Callable[[], None]) -> list[Answer]:
    """Send requests, two of them by halves, call ``stop`` meanwhile, and finish them."""
    sample = request.sample
    with ThreadPoolExecutor(request.concurrency) as pool, ExitStack() as stack:
        halves = [stack.enter_context(server.half_sent(sample)) for _ in range(2)]
        whole = [pool.submit(server.invoke, sample) for _ in range(request.concurrency)]
        time.sleep(_POLL_S)
        stop()
        answers = [finish() for finish in halves]
        return answers + [work.result() for work in whole]
