# SPDX-License-Identifier: AGPL-3.0-or-later
"""More requests than can be answered, sheets among them: ``python -m tests.torture.load``.

First clients that never pause, 1, 2 and 10 times as many as keep the server busy, each with plans
of its own of which the answer is known; then a flat that comes behind ten sheets, again and again.
It ends with status 1 where an answer is another plan's or is given twice, an answer or a refusal
takes longer than SageMaker waits, a 503 has no ``Retry-After``, or the flat waits for more than its
share. The short form is a test.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import statistics
import sys
import threading
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from serving.server import serve
from tests.conftest import CONFIG, ROOT, SAMPLE_PNG

if TYPE_CHECKING:
    from collections.abc import Sequence

SAGEMAKER_S = 60
FLAT_S = 5
# A worker takes three requests at a time, and as many wait, so that it never pauses.
BUSY_CLIENTS = 6
SHEETS = 10
SHEET_PLANS = (4, 3)


@dataclass(frozen=True)
class Reply:
    """What a client got."""

    status: int
    seconds: float
    body: bytes
    retry_after: str | None

    @property
    def boxes(self) -> list[list[int]]:
        """Of the rooms."""
        return [room["bounding_box"] for room in json.loads(self.body)["detected_rooms"]]


@dataclass
class Load:
    """What a number of clients got in a time."""

    clients: int
    replies: list[Reply] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        statuses = Counter(reply.status for reply in self.replies)
        served = sorted(reply.seconds for reply in self.replies if reply.status == 200)
        p95_s = served[int(len(served) * 0.95)] if served else 0.0
        return (
            f"{self.clients} clients: {dict(statuses)}, p50 {statistics.median(served):.2f} s, "
            f"p95 {p95_s:.2f} s, slowest {max(reply.seconds for reply in self.replies):.2f} s"
        )


def ask(
    port: int,
    body: bytes,
    content_type: str = "application/octet-stream",
    timeout_s: float = 300.0,
) -> Reply:
    """Send a plan over a connection of its own."""
    started_s = time.perf_counter()
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)) as connection:
        connection.request("POST", "/invocations", body, {"Content-Type": content_type})
        answer = connection.getresponse()
        content = answer.read()
        seconds = time.perf_counter() - started_s
        return Reply(answer.status, seconds, content, answer.headers["Retry-After"])


def distinct_plans() -> list[bytes]:
    """The sample plan turned and mirrored: eight pictures whose rooms lie elsewhere."""
    plans = []
    with Image.open(SAMPLE_PNG) as plan:
        for mirrored in (False, True):
            for turns in range(4):
                picture = plan.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored else plan
                plans.append(png(picture.rotate(90 * turns, expand=True)))
    return plans


def sheet() -> bytes:
    """Twelve plans on a sheet of 5,600 pixels, which is looked at in slices."""
    columns, rows = SHEET_PLANS
    with Image.open(SAMPLE_PNG) as plan:
        cell = plan.convert("L").resize((1400, 1400 * plan.height // plan.width))
    page = Image.new("L", (columns * cell.width, rows * cell.height), 255)
    for number in range(columns * rows):
        page.paste(cell, (number % columns * cell.width, number // columns * cell.height))
    return png(page)


def png(picture: Image.Image) -> bytes:
    """As a file."""
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def judged(reply: Reply, expected: list[list[int]]) -> str:
    """What is wrong with a reply; empty if nothing is."""
    if reply.seconds > SAGEMAKER_S:
        return f"a reply took more than {SAGEMAKER_S} s"
    if reply.status == 200:
        return "" if reply.boxes == expected else "a plan got other rooms than its own"
    if reply.status == 503 and reply.retry_after:
        return ""
    return f"{reply.status}, Retry-After {reply.retry_after}: {reply.body[:200]!r}"


def load(port: int, clients: int, duration_s: float, plans: Sequence[bytes]) -> Load:
    """Clients that send one plan after the other; one that is refused waits as it is told."""
    expected = [ask(port, plan).boxes for plan in plans]
    seen = Load(clients)
    end_s = time.monotonic() + duration_s

    def work(number: int) -> None:
        while time.monotonic() < end_s:
            number = (number + 1) % len(plans)
            try:
                reply = ask(port, plans[number])
            except OSError as err:
                seen.complaints.append(f"no answer: {err!r}")
                continue
            seen.replies.append(reply)
            if complaint := judged(reply, expected[number]):
                seen.complaints.append(complaint)
            if reply.retry_after:
                time.sleep(float(reply.retry_after))

    threads = [threading.Thread(target=work, args=(each,)) for each in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen


@dataclass
class Behind:
    """Flats that came while sheets waited."""

    flats_s: list[float]
    sheets_s: list[float]
    one_sheet_s: float
    statuses: Counter[int]
    all_s: float

    def __str__(self) -> str:
        return (
            f"{len(self.flats_s)} flats behind {SHEETS} sheets of {self.one_sheet_s:.1f} s: waited "
            f"{max(self.flats_s):.1f} s at most, {statistics.median(self.flats_s):.1f} s by the "
            f"median; sheets {dict(self.statuses)}, all after {self.all_s:.1f} s"
        )

    @property
    def allowed_s(self) -> float:
        """What a flat may wait: a machine at rest reads a sheet in some two seconds."""
        return max(FLAT_S, 2 * self.one_sheet_s)


def behind_sheets(port: int) -> Behind:
    """Send ten sheets at once, and meanwhile one flat after the other."""
    page, flat = sheet(), SAMPLE_PNG.read_bytes()
    alone = ask(port, page)
    replies: list[Reply] = []
    threads = [
        threading.Thread(target=lambda: replies.append(ask(port, page))) for _ in range(SHEETS)
    ]
    started_s = time.perf_counter()
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    flats_s = []
    while any(thread.is_alive() for thread in threads):
        flats_s.append(ask(port, flat).seconds)
    all_s = time.perf_counter() - started_s
    return Behind(
        flats_s, [each.seconds for each in replies], alone.seconds,
        Counter(each.status for each in replies), all_s,
    )  # fmt: skip


def main(argv: list[str] | None = None) -> int:
    """Run the command line; 1 where something was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--archive", type=Path, default=ROOT / "model_store" / "rooms.mar")
    parser.add_argument("--minutes", type=float, default=10, help="of each load (10)")
    parser.add_argument("--short", action="store_true", help="ten seconds of each load")
    args = parser.parse_args(argv)
    duration_s = 10.0 if args.short else 60 * args.minutes
    plans, complaints, requests = distinct_plans(), [], 0
    with serve(args.archive, config=CONFIG) as server:
        server.wait_ready()
        port = server.ports.inference
        for times in (1, 2, 10):
            seen = load(port, times * BUSY_CLIENTS, duration_s, plans)
            print(f"{times} x: {seen}", flush=True)
            complaints += seen.complaints
            requests += len(seen.replies)
        behind = behind_sheets(port)
        print(behind)
    if max(behind.flats_s) > behind.allowed_s:
        complaints.append(f"a flat waited {max(behind.flats_s):.1f} s for sheets")
    if max(behind.sheets_s) > SAGEMAKER_S:
        complaints.append(f"a sheet was answered after {max(behind.sheets_s):.1f} s")
    for complaint, number in Counter(complaints).items():
        print(f"FOUND: {complaint} ({number} times)", file=sys.stderr)
    print(
        f"| load and overload | `load`, 1, 2 and 10 times {BUSY_CLIENTS} clients, "
        f"{duration_s / 60:.1f} min each, then {SHEETS} sheets | {requests:,} requests | "
        f"{len(complaints)} |"
    )
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
