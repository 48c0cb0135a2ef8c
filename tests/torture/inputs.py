# SPDX-License-Identifier: AGPL-3.0-or-later
"""Hostile input: every decoder and reader fuzzed, and a running server sent what harms others.

``python -m tests.torture.inputs`` runs three steps, ``--only`` some of them:

- ``fuzz``: each target of :mod:`tests.torture.targets`, led by coverage (atheris); ``--inputs``
  says how many in all;
- ``cuts``: a small file of each kind, cut off at every byte, read as a server reads it;
- ``server``: a TorchServe of its own is sent :mod:`tests.torture.hostile`, then ``--mutants``
  mutated requests; none may get a 5xx, take longer than ``--most-s``, take more than ``--most-mb``
  beyond what the idle server has, or end a worker.

``--short`` is the form for a few minutes.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from roomdet.config import Limits
from roomdet.errors import RequestError
from roomdet.isolation import IsolatedReader, PageCeiling
from tests.conftest import ROOT
from tests.e2e.wire import OPTIONS_HEADER
from tests.torture import hostile, seeds
from tests.torture.asking import Asker, asking
from tests.torture.targets import TARGETS, check_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.torture.targets import Target

STEPS = ("fuzz", "cuts", "server")
LONG, SHORT = 100_000, 1300
LONG_MUTANTS, SHORT_MUTANTS = 6000, 150
# In MB of 10^6: page_mb, 900 MiB, and what is around it (docs/decisions/0057-torture.md).
MOST_S, MOST_MB = 10.0, 1100.0
MOST_FINDS = 5  # of a target, after which it is left
FINDS = ROOT / "build" / "torture"
_RUNS = re.compile(r"^stat::number_of_executed_units:\s*(\d+)", re.MULTILINE)
_FOUND = re.compile(r"^(?:\s*=== Uncaught Python exception: ===\n)(.*)", re.MULTILINE)
# What a fuzzed input may cost; libFuzzer's own bounds lie beyond the target's.
_OPTIONS = ("-timeout=60", "-rss_limit_mb=3000", "-len_control=0", "-print_final_stats=1",
            "-verbosity=1")  # fmt: skip


# -- fuzz -------------------------------------------------------------------------------------


def fuzz(names: Sequence[str], inputs: int, seconds: int, seed: int) -> tuple[int, list[str]]:
    """Fuzz targets, one after the other; how many inputs were tried, and what was found."""
    tried, found = 0, list[str]()
    for name in names:
        count, finds = _fuzz_one(name, inputs // len(names), seconds, seed)
        tried += count
        found += finds
        print(f"{name:12}{count:8} inputs, {len(finds)} found", flush=True)
    return tried, found


def _fuzz_one(name: str, inputs: int, seconds: int, seed: int) -> tuple[int, list[str]]:
    target, tried, found = TARGETS[name], 0, list[str]()
    FINDS.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for number, content in enumerate(target.seeds()):
            Path(folder, f"seed-{number}").write_bytes(content)
        ends_s = time.monotonic() + seconds
        while tried < inputs and len(found) < MOST_FINDS and time.monotonic() < ends_s:
            seed += 1
            artifact = FINDS / f"{name}-{seed}"
            command = [
                sys.executable, "-m", "tests.torture.coverage", name, folder, *_OPTIONS,
                f"-runs={inputs - tried}", f"-seed={seed}", f"-exact_artifact_path={artifact}",
                f"-max_total_time={max(1, round(ends_s - time.monotonic()))}",
            ]  # fmt: skip
            ended = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
            runs = _RUNS.findall(ended.stderr)
            tried += int(runs[-1]) if runs else 0
            if ended.returncode == 0:
                break
            if not artifact.exists():
                raise SystemExit(f"error: {name} does not run:\n{ended.stderr[-3000:]}")
            what = _FOUND.findall(ended.stderr) or [f"status {ended.returncode}"]
            if not (target.is_native and not what[0] and _is_contained(artifact.read_bytes())):
                found.append(f"{name}: {what[0]} ({artifact})")
                print(f"found: {found[-1]}", flush=True)
    return tried, found


def _is_contained(data: bytes) -> bool:
    """Whether a crash of a decoder costs its own request 4xx and nobody else anything."""
    with _reader() as reader:
        return reads(reader, data) is None


@contextmanager
def _reader() -> Iterator[IsolatedReader]:
    reader = IsolatedReader(Limits(), PageCeiling(10.0, 900))
    try:
        yield reader
    finally:
        reader.close()


def reads(reader: IsolatedReader, data: bytes) -> str | None:
    """Read a file as the server does; what is wrong with that, if anything is."""
    try:
        reader.read_page(data, page=1, side_px=64, has_lines=True)
    except RequestError as err:
        try:
            check_error(err)
        except AssertionError as wrong:
            return str(wrong)
    except Exception as err:  # noqa: BLE001  # which the server would answer with 500
        return f"{type(err).__name__}: {str(err)[-300:]}"
    return None


# -- cuts -------------------------------------------------------------------------------------


def small_files() -> dict[str, bytes]:
    """The smallest file of each kind, and what else is taken apart."""
    kinds = {
        "png": seeds.pngs, "tiff": seeds.tiffs, "jpeg": seeds.jpegs, "pdf": seeds.documents,
    }  # fmt: skip
    found = {name: min(files(), key=len) for name, files in kinds.items()}
    for content in sorted(seeds.other_pictures(), key=len):
        found.setdefault(content[:2].decode(), content)
    found["pdf with text"] = next(seeds.documents())
    return found


def cut(most: int | None) -> tuple[int, list[str]]:
    """Read each file cut off at every byte, or at ``most`` places; the readers of text likewise."""
    tried, found = 0, list[str]()
    with _reader() as reader:
        for name, content in small_files().items():
            for length in _places(len(content), most):
                tried += 1
                if wrong := reads(reader, content[:length]):
                    found.append(f"{name} of {length} bytes: {wrong}")
    for name, target in TARGETS.items():
        if not target.is_native:
            count, finds = _cut_target(name, target, most)
            tried += count
            found += finds
    for line in found:
        print(f"found: {line}")
    return tried, found


def _cut_target(name: str, target: Target, most: int | None) -> tuple[int, list[str]]:
    tried, found = 0, list[str]()
    for content in target.seeds():
        for length in _places(len(content), most):
            tried += 1
            try:
                target(content[:length])
            except Exception as err:  # noqa: BLE001  # whatever it is
                found.append(f"{name} of {length} bytes: {type(err).__name__}: {err}")
    return tried, found


def _places(length: int, most: int | None) -> range:
    return range(0, length, 1 if most is None else max(1, length // most))


# -- server -----------------------------------------------------------------------------------


def mutants(count: int, seed: int) -> Iterator[hostile.Request]:
    """Requests that are right but for a few bytes, of every kind."""
    chance = random.Random(seed)  # noqa: S311  # the same each time
    files = [
        *seeds.pngs(), *seeds.tiffs(), *seeds.jpegs(), *seeds.other_pictures(),
        *list(seeds.documents()) * 20,
    ]  # fmt: skip
    rows = list(seeds.rows())
    for number in range(count):
        if number % 5:
            content = mutated(chance.choice(files), chance)
            headers = {OPTIONS_HEADER: chance.choice(("page=1", "include=name,polygon,area"))}
            yield hostile.Request(f"mutant {number} of a file", content, headers)
            continue
        head, _, body = chance.choice(rows).partition(b"\n\n")
        pairs = (line.decode().partition(":") for line in head.split(b"\n"))
        headers = {name: value for name, _, value in pairs if value}
        yield hostile.Request(f"mutant {number} of a request", mutated(body, chance), headers)


def mutated(content: bytes, chance: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 4, 16))):
        at = chance.randrange(len(changed) + 1)
        match chance.randrange(5):
            case 0:
                changed[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                changed[at : at + 4] = chance.choice(
                    (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff")
                )
            case 2:
                del changed[at : at + chance.randrange(64)]
            case 3:
                changed[at:at] = changed[max(0, at - chance.randrange(64)) : at]
            case _:
                changed[at:at] = b"%d" % chance.choice((-1, 0, 2**31, 2**63, 10**20))
    return bytes(changed)


def ask(asker: Asker, requests: Iterator[hostile.Request]) -> tuple[int, list[str]]:
    """Send requests one by one; how many were sent, and what was found."""
    count = 0
    for count, request in enumerate(requests, 1):  # noqa: B007  # how many there were
        asker.ask(request)
    asker.is_alive()
    return count, asker.found


# -- all --------------------------------------------------------------------------------------


def main(argv: list[str] | None = None) -> int:
    """Run the command; 1 if anything was found."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.torture.inputs",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--short", action="store_true")
    add("--only", nargs="+", choices=STEPS, default=STEPS)
    add("--targets", nargs="+", choices=sorted(TARGETS), default=list(TARGETS))
    add("--inputs", type=int, help=f"fuzzed in all targets together ({LONG:,})")
    add("--mutants", type=int, help=f"sent to the server ({LONG_MUTANTS:,})")
    add("--seconds", type=int, default=3600, help="at most, for each target (3600)")
    add("--seed", type=int, default=0)
    add("--archive", type=Path, default=ROOT / "model_store" / "rooms.mar")
    add("--most-s", type=float, default=MOST_S, help="for one request (10)")
    add(
        "--loaded",
        action="store_true",
        help="judge a request by what it costs the processors: the machine does other things",
    )
    add("--most-mb", type=float, default=MOST_MB, help="over the idle server's memory (1100)")
    args = parser.parse_args(argv)
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    started_s, counts, found = time.monotonic(), dict[str, int](), list[str]()
    if "fuzz" in args.only:
        inputs = args.inputs or (SHORT if args.short else LONG)
        counts["fuzzed"], finds = fuzz(args.targets, inputs, args.seconds, args.seed)
        found += finds
    if "cuts" in args.only:
        counts["cut"], finds = cut(20 if args.short else None)
        found += finds
    if "server" in args.only:
        bounds = {"most_s": args.most_s, "most_mb": args.most_mb, "is_loaded": args.loaded}
        with asking(args.archive, **bounds) as asker:
            counts["made to harm"], _ = ask(asker, hostile.requests(is_whole=not args.short))
            count = args.mutants or (SHORT_MUTANTS if args.short else LONG_MUTANTS)
            counts["mutated"], finds = ask(asker, mutants(count, args.seed))
            print(asker.summary())
            found += finds
    tried = ", ".join(f"{count:,} {what}" for what, count in counts.items())
    minutes = (time.monotonic() - started_s) / 60
    print(f"hostile input | atheris, cuts, a real server | {tried}; {minutes:.0f} min | "
          f"{len(found)} found")  # fmt: skip
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
