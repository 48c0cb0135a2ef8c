# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is measured, in one form: it is given a picture for a while and tells how it went."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

_LOAD = Path(__file__).with_name("load.py")


@dataclass(frozen=True, slots=True)
class Level:
    """A level of a page's pyramid: its size, that of its tiles, and how many there are."""

    size_wh: tuple[int, int]
    tile_wh: tuple[int, int]
    tiles: int


@dataclass(frozen=True, slots=True)
class Load:
    """So many clients at once, for so long, but so many requests of each in any case.

    Attributes:
        clients: How many there are.
        seconds: After this time none begins another request.
        least: Requests of each client in any case.
        warm: Whether one request that is not counted comes first.
        detail: The option of that name.
        levels: For a peer that cuts pages: how this project does, the coarsest level first.
    """

    clients: int
    seconds: float
    least: int = 1
    warm: bool = True
    detail: str = "auto"
    levels: tuple[Level, ...] = ()


@dataclass(frozen=True, slots=True)
class Block:
    """What came of a load.

    Attributes:
        times_ms: Latency of each answer.
        elapsed_s: From the first request to the last answer.
        refused: How often a client was told to come back later.
        rooms: Rooms on the picture; None where nobody counts them.
    """

    times_ms: list[float]
    elapsed_s: float
    refused: int
    rooms: int | None = None

    @classmethod
    def parse(cls, text: bytes | str) -> Block:
        """Read the JSON of the load generator or of a peer that takes turns."""
        told = json.loads(text)
        return cls(told["ms"], told["elapsed_s"], told["refused"], told.get("rooms"))


class Service(Protocol):
    """Something that runs and can be given work; ``leader`` is the first process of its session."""

    @property
    def leader(self) -> int:
        """Process id of the leader of its session."""
        ...

    def work(self, picture: Path, load: Load) -> Block:
        """Measure one block.

        Raises:
            BenchError: If it fails.
        """
        ...


class BenchError(Exception):
    """A measurement could not be made; the message says why."""


@dataclass(frozen=True, slots=True)
class HttpService:
    """A server; the load generator is a process of its own."""

    url: str
    leader: int

    def work(self, picture: Path, load: Load) -> Block:
        """See :class:`Service`."""
        command = [sys.executable, "-I", "-S", str(_LOAD), self.url, str(picture)]
        how = (load.clients, load.seconds, load.least, int(load.warm), load.detail)
        done = subprocess.run(
            [*command, *map(str, how)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise BenchError(f"{self.url} with {picture.name}: {done.stderr.strip()[-2000:]}")
        return Block.parse(done.stdout)


@dataclass(frozen=True, slots=True)
class TurnTaker:
    """A process without a server (benchmarks/peers/turns.py); it has one client, itself."""

    process: subprocess.Popen[str]

    @property
    def leader(self) -> int:
        """Process id; it is the only process of its session."""
        return self.process.pid

    def work(self, picture: Path, load: Load) -> Block:
        """See :class:`Service`."""
        self.begin(picture, load)
        return self.end()

    def begin(self, picture: Path, load: Load) -> None:
        """Let it start on a turn."""
        assert self.process.stdin is not None
        turn = {"picture": str(picture)} | asdict(load)
        self.process.stdin.write(json.dumps(turn) + "\n")
        self.process.stdin.flush()

    def end(self) -> Block:
        """Wait for the end of the turn."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise BenchError(f"{self.process.args!r} has ended")
        return Block.parse(line)


@dataclass(frozen=True, slots=True)
class Crowd:
    """Several of those at once: each has its own process and, as is meant, its own core."""

    members: list[TurnTaker]

    def work(self, picture: Path, load: Load) -> Block:
        """All work at the same time; their answers are put together."""
        for member in self.members:
            member.begin(picture, load)
        blocks = [member.end() for member in self.members]
        times_ms = [ms for block in blocks for ms in block.times_ms]
        return Block(times_ms, max(block.elapsed_s for block in blocks), 0)
