# SPDX-License-Identifier: AGPL-3.0-or-later
"""Clients that are slow, greedy or gone: ``python -m tests.torture.clients [--short]``.

Each way to hold a server is tried with many connections at once while ordinary requests go on. It
ends with status 1 where a connection outlives its limit, an ordinary request fails, an answer is
not the caller's own, or the server has lost its worker. The long form takes the shipped limits and
2,000 connections (4 minutes); the short one, with small limits, is a test (docs/operations.md).
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import re
import resource
import selectors
import socket
import statistics
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import psutil

from reporting.processes import repeating
from serving.server import LocalServer, serve
from tests.conftest import CONFIG, ROOT, SAMPLE_PNG, jvm_flags
from tests.e2e.spoiling import frozen_worker

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PLAN = SAMPLE_PNG.read_bytes()
POST = b"POST /invocations HTTP/1.1\r\nHost: here\r\nContent-Type: image/png\r\n"
GET_METRICS = b"GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n"
MIB = 1 << 20
# The server looks twice a second, and this machine may be busy.
LATE_S = 5.0
DRIP_S = 0.5
_HEAD = re.compile(rb"HTTP/1\.1 (\d{3}) ")


@dataclass(frozen=True)
class Limits:
    """What the server is given, as properties of the JVM, and how many try to pass it."""

    headers_s: int = 15
    body_s: int = 40
    answer_s: int = 40
    idle_s: int = 75
    connections: int = 2048
    unfinished_bytes: int = 512 * MIB
    clients: int = 2000
    greedy: int = 40

    @property
    def flags(self) -> str:
        """For ``vmargs``; empty where the limits are the shipped ones."""
        names = ("headers_s", "body_s", "answer_s", "idle_s", "connections", "unfinished_bytes")
        return " ".join(
            f"-Droomdet.{name}={getattr(self, name)}"
            for name in names
            if getattr(self, name) != getattr(SHIPPED, name)
        )


SHIPPED = Limits()
SHORT = Limits(
    headers_s=1, body_s=2, answer_s=2, idle_s=3, connections=60, unfinished_bytes=64 * MIB,
    clients=50, greedy=6,
)  # fmt: skip


@dataclass
class End:
    """How a connection ended.

    Attributes:
        after_s: Since the first look; None while it is open.
        said: What came before the end.
    """

    after_s: float | None = None
    said: bytes = b""

    @property
    def statuses(self) -> list[int]:
        """Of the answers that came."""
        return [int(status) for status in _HEAD.findall(self.said)]


@dataclass
class Ordinary:
    """Plans that are sent one after the other, each over a connection of its own."""

    port: int
    latencies_s: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def send(self) -> None:
        """One plan; a failure is noted."""
        started_s = time.perf_counter()
        try:
            status, body = ask(self.port, PLAN)
        except OSError as err:
            self.failures.append(f"an ordinary request failed: {err!r}")
            return
        self.latencies_s.append(time.perf_counter() - started_s)
        if status != 200 or len(json.loads(body)["detected_rooms"]) < 9:
            self.failures.append(f"an ordinary request got {status}: {body[:200]!r}")

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Send until the block ends."""
        with repeating(self.send, 0.05):
            yield


def ask(port: int, body: bytes | None = None, path: str = "/invocations") -> tuple[int, bytes]:
    """Send one request as clients do; its status and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("POST" if body else "GET", path, body, {"Content-Type": "image/png"})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@contextmanager
def crowd(
    port: int, count: int, opening: bytes, receive_bytes: int | None = None
) -> Iterator[list[socket.socket]]:
    """Connections that have said something and leave it at that."""
    sockets: list[socket.socket] = []
    try:
        for _ in range(count):
            client = socket.socket()
            if receive_bytes:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
            client.settimeout(30)
            client.connect(("127.0.0.1", port))
            sockets.append(client)
            send(client, opening)
        yield sockets
    finally:
        for client in sockets:
            client.close()


def send(client: socket.socket, content: bytes) -> None:
    """Send to a server that may have ended the connection."""
    with contextlib.suppress(OSError):  # what it said, if anything, is read later
        client.sendall(content)


def watch(sockets: Sequence[socket.socket], limit_s: float, drip: bytes = b"") -> list[End]:
    """Read until all connections are ended, or the limit is over.

    Args:
        sockets: The connections.
        limit_s: When to stop.
        drip: What each sends every quarter of a second.
    """
    started_s = time.monotonic()
    ends = {client: End() for client in sockets}
    open_ones = set(sockets)
    next_drip_s = started_s
    with selectors.DefaultSelector() as selector:
        for client in sockets:
            client.settimeout(0)
            selector.register(client, selectors.EVENT_READ, client)
        while open_ones and time.monotonic() - started_s < limit_s:
            if drip and time.monotonic() >= next_drip_s:
                next_drip_s += DRIP_S
                for client in open_ones:
                    send(client, drip)
            for key, _ in selector.select(DRIP_S):
                ended: socket.socket = key.data
                said = receive(ended)
                ends[ended].said += said
                if not said:
                    ends[ended].after_s = time.monotonic() - started_s
                    selector.unregister(ended)
                    open_ones.discard(ended)
    return list(ends.values())


def receive(client: socket.socket) -> bytes:
    """What has come; empty at the end, however it came."""
    try:
        return client.recv(65536)
    except OSError:
        return b""


class Torture:
    """The ways in which clients hold a server, against one that runs.

    Attributes:
        server: The server, ready.
        limits: What it was given.
        complaints: What was found, a line each.
    """

    WAYS: ClassVar = (
        "silent", "headers", "bodies", "drips", "idle", "unread", "greedy", "gone", "pipelined",
        "far", "too_many",
    )  # fmt: skip

    def __init__(self, server: LocalServer, limits: Limits) -> None:
        """Nothing is sent yet."""
        self.server = server
        self.port = server.ports.inference
        self.limits = limits
        self.ordinary = Ordinary(self.port)
        self.complaints: list[str] = []
        self.connections = 0
        self.jvm = psutil.Process(server.process.pid)
        self.peak_mb = 0.0

    def run(self) -> None:
        """Try all of them, one after the other."""
        for way in self.WAYS:
            known, ordinary = len(self.complaints), len(self.ordinary.latencies_s)
            started_s = time.monotonic()
            said = self.attempt(way)
            print(
                f"{way:10} {'FOUND' if len(self.complaints) > known else 'ok':6}"
                f"{time.monotonic() - started_s:5.0f} s  {said}; ordinary requests meanwhile: "
                f"{len(self.ordinary.latencies_s) - ordinary}",
                flush=True,
            )

    def attempt(self, way: str) -> str:
        """Try one of them beside ordinary requests; what was seen."""
        workers = self.server.worker_pids()
        with self.ordinary.going_on():
            said: str = getattr(self, way)()
        self.complaints += self.ordinary.failures
        self.ordinary.failures.clear()
        if self.server.worker_pids() != workers:
            self.complaints.append(f"{way}: the worker is another one")
        self.peak_mb = max(self.peak_mb, self.jvm.memory_info().rss / MIB)
        return said

    def silent(self) -> str:
        """Connections that say nothing."""
        return self._outlast("silent", b"", self.limits.headers_s, [])

    def headers(self) -> str:
        """Headers that never end."""
        return self._outlast("headers", POST, self.limits.headers_s, [408], drip=b"X-A: b\r\n")

    def bodies(self) -> str:
        """Three bytes of a body."""
        opening = POST + b"Content-Length: 100000\r\n\r\nabc"
        return self._outlast("bodies", opening, self.limits.body_s, [408])

    def drips(self) -> str:
        """A body that goes on and on, in chunks of a byte."""
        opening = POST + b"Transfer-Encoding: chunked\r\n\r\n"
        return self._outlast("drips", opening, self.limits.body_s, [408], drip=b"1\r\na\r\n")

    def idle(self) -> str:
        """Connections that are kept after an answer."""
        opening = b"GET /ping HTTP/1.1\r\nHost: here\r\n\r\n"
        return self._outlast("idle", opening, self.limits.idle_s, [200])

    def unread(self) -> str:
        """Answers that nobody reads."""
        count = max(5, self.limits.clients // 100)
        before = self._metric('connections_ended_total{reason="answer_unread",}')
        # They are answered until the system's buffers are full, some MB each.
        deadline_s = time.monotonic() + self.limits.answer_s + 60
        ended = 0.0
        with crowd(self.port, count, GET_METRICS * 1500, receive_bytes=4096):
            self.connections += count
            while ended < count and time.monotonic() < deadline_s:
                time.sleep(DRIP_S)
                ended = self._metric('connections_ended_total{reason="answer_unread",}') - before
        if ended != count:
            self.complaints.append(f"unread: {count - ended:.0f} of {count} connections live on")
        return f"{ended:.0f} of {count} ended"

    def greedy(self) -> str:
        """The largest bodies but for their last byte: more than the memory for receiving."""
        size = 27 * MIB
        opening = POST + b"Content-Length: %d\r\n\r\n" % size
        count = self.limits.greedy
        with crowd(self.port, count, opening) as sockets:
            self.connections += count
            content = bytes(size - 1)
            threads = [threading.Thread(target=send, args=(each, content)) for each in sockets]
            for thread in threads:
                thread.start()
            held = 0.0
            while any(thread.is_alive() for thread in threads):
                time.sleep(0.05)
                held = max(held, self._metric("unfinished_bytes"))
            ends = watch(sockets, self.limits.body_s + LATE_S)
        self._complain_of_open("greedy", ends)
        if held > 1.02 * self.limits.unfinished_bytes:  # some more come before one is ended
            self.complaints.append(f"greedy: {held / MIB:.0f} MiB were held at once")
        return f"{count} bodies of 27 MiB, of which {held / MIB:.0f} MiB at once were held"

    def gone(self) -> str:
        """Clients that send a plan and go: only what the worker has already is worked on."""
        count = 8
        with frozen_worker(self.server):
            before = self._metric('requests_total{outcome="success"')
            ordinary = len(self.ordinary.latencies_s)
            opening = POST + b"Content-Length: %d\r\n\r\n" % len(PLAN) + PLAN
            with crowd(self.port, count, opening):
                self.connections += count
                time.sleep(0.5)
            time.sleep(0.5)
        status, _ = ask(self.port, PLAN)
        worked = self._metric('requests_total{outcome="success"') - before
        worked -= 1 + len(self.ordinary.latencies_s) - ordinary
        if status != 200 or worked > 4:  # a batch that the worker has, and an ordinary one
            self.complaints.append(f"gone: {worked:.0f} plans were worked on; then {status}")
        return f"{count} left, {worked:.0f} of their plans were worked on"

    def pipelined(self) -> str:
        """Requests that do not wait for the answer before: each gets its own, in order."""
        count = 5
        opening = POST + b"Content-Length: %d\r\n\r\n" % len(PLAN) + PLAN
        opening += b"GET /ping HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"
        with crowd(self.port, count, opening) as sockets:
            self.connections += count
            ends = watch(sockets, 30)
        wrong = [
            end for end in ends
            if end.statuses != [200, 200]
            or not 0 < end.said.find(b"detected_rooms") < end.said.find(b"in_flight")
        ]  # fmt: skip
        if wrong:
            self.complaints.append(f"pipelined: {len(wrong)} of {count} out of order")
        return f"{count - len(wrong)} of {count} in order"

    def far(self) -> str:
        """The whole answer for a client that reads slowly, then the end that it asked for."""
        request = b"OPTIONS / HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n"
        with crowd(self.port, 5, request, receive_bytes=1024) as sockets:
            self.connections += 5
            time.sleep(1)
            ends = watch(sockets, 20)
        cut = 0
        for end in ends:
            head, _, body = end.said.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            cut += length is None or len(body) != int(length[1])
        self._complain_of_open("far", ends)
        if cut:
            self.complaints.append(f"far: {cut} of 5 answers were cut off")
        return f"{5 - cut} of 5 answers whole"

    def too_many(self) -> str:
        """More connections than may be: the oldest go, and ordinary ones come in."""
        count = self.limits.connections + 50
        with crowd(self.port, count, POST) as sockets:
            self.connections += count
            time.sleep(1)  # the last of them are still being let in
            opened = self._metric("connections ")
            ends = watch(sockets, self.limits.headers_s + LATE_S)
        if opened > self.limits.connections + 5:  # with those of the other addresses
            self.complaints.append(f"too_many: {opened:.0f} connections were open")
        self._complain_of_open("too_many", ends)
        refused = sum(503 in end.statuses for end in ends)
        return f"{count} came, {opened:.0f} were open, {refused} x 503"

    def _outlast(
        self, name: str, opening: bytes, limit_s: float, statuses: list[int], drip: bytes = b""
    ) -> str:
        """All are ended in time, and hear why."""
        with crowd(self.port, self.limits.clients, opening) as sockets:
            self.connections += len(sockets)
            ends = watch(sockets, limit_s + LATE_S, drip)
        self._complain_of_open(name, ends)
        other = [end.statuses for end in ends if end.after_s and end.statuses != statuses]
        if other:
            self.complaints.append(f"{name}: {len(other)} got {other[0]}, not {statuses}")
        last_s = max(end.after_s or 0 for end in ends)
        return f"{len(ends)} connections, the last ended after {last_s:.1f} s (limit {limit_s} s)"

    def _complain_of_open(self, name: str, ends: Sequence[End]) -> None:
        still = sum(end.after_s is None for end in ends)
        if still:
            self.complaints.append(f"{name}: {still} of {len(ends)} connections are still open")

    def _metric(self, name: str) -> float:
        """A value of ``/metrics``; 0 while there is none."""
        _, text = ask(self.port, path="/metrics")
        found = [
            float(line.rpartition(" ")[2])
            for line in text.decode().splitlines()
            if line.startswith(f"roomdet_{name}")
        ]
        return found[0] if found else 0.0


def p50_ratio(port: int, count: int, rounds: int = 5, plans: int = 30) -> tuple[float, float]:
    """The usual p50 in seconds, and its ratio with so many slow connections; turn by turn."""
    alone, beside = Ordinary(port), Ordinary(port)
    opening = POST + b"Content-Length: 100000\r\n\r\nabc"
    for _ in range(rounds):
        for _ in range(plans):
            alone.send()
        with crowd(port, count, opening):
            for _ in range(plans):
                beside.send()
    usual_s = statistics.median(alone.latencies_s)
    return usual_s, statistics.median(beside.latencies_s) / usual_s


@contextmanager
def tortured(archive: Path, limits: Limits) -> Iterator[Torture]:
    """A server with these limits."""
    with serve(archive, config=CONFIG, settings=jvm_flags(limits.flags)) as server:
        server.wait_ready()
        yield Torture(server, limits)


def main(argv: list[str] | None = None) -> int:
    """Run the command line; 1 where something was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--archive", type=Path, default=ROOT / "model_store" / "rooms.mar")
    parser.add_argument("--short", action="store_true", help="small limits, few connections")
    args = parser.parse_args(argv)
    started_s = time.monotonic()
    limits = SHORT if args.short else SHIPPED
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, allowed))  # the server inherits it
    with tortured(args.archive, limits) as torture:
        usual_s, ratio = p50_ratio(torture.port, limits.clients)
        torture.run()
    for complaint in torture.complaints:
        print(f"FOUND: {complaint}", file=sys.stderr)
    minutes = (time.monotonic() - started_s) / 60
    ordinary = len(torture.ordinary.latencies_s)
    print(
        f"p50 of ordinary requests {1000 * usual_s:.0f} ms, {ratio:.2f} times as long beside "
        f"{limits.clients:,} slow ones; {ordinary:,} meanwhile; JVM peak {torture.peak_mb:.0f} MiB"
    )
    print(
        f"| slow and greedy clients | `clients`, {len(Torture.WAYS)} ways, up to "
        f"{limits.clients:,} at once | {torture.connections:,} connections, {minutes:.0f} min | "
        f"{len(torture.complaints)} |"
    )
    return 1 if torture.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
