# SPDX-License-Identifier: AGPL-3.0-or-later
"""Latency and throughput, in rounds in which each server has its turn.

All servers are up; whoever does not have the turn only waits. That this costs no processor time
worth naming is measured, too.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.bench.figures import latency_figures
from benchmarks.bench.services import Load
from benchmarks.bench.starting import BRIEF, LIMIT, SERVERS
from reporting.processes import processor_s

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from benchmarks.bench.services import Block, Crowd, Service

LATENCY_CLIENTS = (1, 5)
THROUGHPUT_CLIENTS = (1, 2, 3, 5, 8, 16, 32)
BRIEF_CLIENTS = (5,)  # of the servers for which others stand
WARM_UP = Load(2, 1.5, 5)
IDLE_S = 3.0
CROWD = "limit, a process per core"


@dataclass
class Tally:
    """What was measured of one server, picture and number of clients, a list item per round."""

    rounds_ms: list[list[float]] = field(default_factory=list)
    per_s: list[float] = field(default_factory=list)
    processor_ms: list[float] = field(default_factory=list)
    refused: int = 0
    answered: int = 0
    rooms: int | None = None

    def add(self, block: Block, processor_spent_s: float, *, warmed: int = 1) -> None:
        """Take in a block; ``warmed`` further requests count in processor time alone."""
        answered = len(block.times_ms)
        self.rounds_ms.append(block.times_ms)
        self.per_s.append(answered / block.elapsed_s)
        self.processor_ms.append(processor_spent_s / (answered + warmed) * 1000)
        self.refused += block.refused
        self.answered += answered
        self.rooms = block.rooms

    def latency(self) -> dict[str, Any]:
        """Percentiles, processor time for a picture, and rooms where they are known."""
        rooms = {} if self.rooms is None else {"rooms": self.rooms}
        processor_ms = round(statistics.median(self.processor_ms), 1)
        return latency_figures(self.rounds_ms) | {"processor_ms": processor_ms} | rooms

    def throughput(self) -> dict[str, Any]:
        """Answers a second, and refusals for each answer."""
        return {
            "per_s": round(statistics.median(self.per_s), 2),
            "rounds_per_s": [round(value, 2) for value in self.per_s],
            "p95_ms": latency_figures(self.rounds_ms)["p95_ms"],
            "refusals_per_answer": round(self.refused / self.answered, 3),
        }


@dataclass
class Rounds:
    """Servers, pictures by name, and the tallies of both kinds of measurement."""

    services: Mapping[str, Service]
    crowd: Crowd
    pictures: Mapping[str, Path]
    throughput_picture: str
    block_s: float
    latency: dict[tuple[str, str, int], Tally] = field(default_factory=lambda: defaultdict(Tally))
    throughput: dict[tuple[str, int], Tally] = field(default_factory=lambda: defaultdict(Tally))

    def warm_up(self) -> None:
        """Let each server find its working state."""
        for service in self.services.values():
            service.work(self.pictures[self.throughput_picture], WARM_UP)

    def idle_share(self) -> float:
        """Processor time of all servers while nothing is asked, as a share of one core."""
        before_s = self._processor_s()
        time.sleep(IDLE_S)
        return round((self._processor_s() - before_s) / IDLE_S, 4)

    def _processor_s(self) -> float:
        return sum(processor_s(service.leader) for service in self.services.values())

    def run(self, count: int) -> None:
        """Measure so many rounds; each begins with another server."""
        names = list(self.services)
        for number in range(count):
            print(f"round {number + 1} of {count} …", file=sys.stderr, flush=True)
            order = names[number % len(names) :] + names[: number % len(names)]
            for picture in self.pictures:
                for name in order:
                    if name not in BRIEF or picture == self.throughput_picture:
                        self._measure_latency(name, picture)
            for clients in THROUGHPUT_CLIENTS:
                for name in order:
                    if name in SERVERS and (name not in BRIEF or clients in BRIEF_CLIENTS):
                        self._measure_throughput(name, clients)
            self._measure_limit()

    def _measure_latency(self, name: str, picture: str) -> None:
        for clients in LATENCY_CLIENTS if name in SERVERS else (1,):
            self._work(
                self.latency[name, picture, clients], name, picture, Load(clients, self.block_s, 1)
            )

    def _measure_throughput(self, name: str, clients: int) -> None:
        load = Load(clients, self.block_s)
        self._work(self.throughput[name, clients], name, self.throughput_picture, load)

    def _measure_limit(self) -> None:
        """Both ways to use all cores without a server: all for one picture, or one for each."""
        load = Load(1, self.block_s)
        self._work(self.throughput[LIMIT, 1], LIMIT, self.throughput_picture, load)
        block = self.crowd.work(self.pictures[self.throughput_picture], load)
        self.throughput[CROWD, len(self.crowd.members)].add(block, 0.0)

    def _work(self, tally: Tally, name: str, picture: str, load: Load) -> None:
        service = self.services[name]
        before_s = processor_s(service.leader)
        block = service.work(self.pictures[picture], load)
        tally.add(block, processor_s(service.leader) - before_s)

    def report(self) -> dict[str, Any]:
        """All figures, by server."""
        latency: dict[str, Any] = {}
        for (name, picture, clients), tally in self.latency.items():
            of_picture = latency.setdefault(name, {}).setdefault(picture, {})
            of_picture[str(clients)] = tally.latency()
        throughput: dict[str, Any] = {}
        for (name, clients), tally in self.throughput.items():
            throughput.setdefault(name, {})[str(clients)] = tally.throughput()
        return {"latency": latency, "throughput": throughput}
