# SPDX-License-Identifier: AGPL-3.0-or-later
"""The same bytes, the same answer: across servers, workers, callers at once and places in a batch.

Each picture is asked alone at a server; then again at it, at a second one, at one of two workers,
among others that are asked at once, and in batches of eight whose members change. Rooms must be as
many, corners within 1 of 1000 and confidence within 0.01. The pictures are plans of every kind
(benchmarks/traffic.py), and synthetic sheets of several levels among them.

``python -m tests.torture.same [--short] [--pictures N]``.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import random
import re
import sys
import tempfile
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from benchmarks import traffic
from serving.server import serve
from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from serving.server import LocalServer

    Rooms = list[dict[str, Any]]

LONG, SHORT = 200, 24
SHEETS_OF = 6  # every sixth picture
GRID, CONFIDENCE = 1, 0.01
AT_ONCE = 8
IN_BATCHES = {b"batchSize": 8, b"maxBatchDelay": 500, b"minWorkers": 2, b"maxWorkers": 2}
_SEED = 7


def pictures(count: int) -> list[bytes]:
    """Files, sheets among them."""
    chance = random.Random(_SEED)  # noqa: S311  # the same each time
    found = []
    for number in range(count):
        if number % SHEETS_OF == SHEETS_OF - 1:
            found.append(_sheet(chance))
        else:
            found.append(traffic.picture(chance, traffic.LARGEST_PX)[1])
    return found


def _sheet(chance: random.Random) -> bytes:
    """Plans side by side, so small that they are looked at closer."""
    with Image.open(ROOT / "docs" / "sample" / "plan.png") as plan:
        grey = plan.convert("L")
    across, down = chance.randint(2, 4), chance.randint(2, 4)
    sheet = Image.new("L", (across * 700, down * 520), 255)
    for x in range(across):
        for y in range(down):
            width = chance.randint(400, 640)
            small = grey.resize((width, width * grey.height // grey.width))
            sheet.paste(small, (x * 700 + 20, y * 520 + 20))
    file = io.BytesIO()
    sheet.save(file, "PNG", compress_level=1)
    return file.getvalue()


def ask(server: LocalServer, file: bytes) -> Rooms:
    """The rooms of a picture."""
    connection = http.client.HTTPConnection("127.0.0.1", server.ports.inference, timeout=300)
    with closing(connection):
        connection.request("POST", "/invocations", file, {"Content-Type": "image/png"})
        answer = connection.getresponse()
        document = json.loads(answer.read())
    if answer.status != http.client.OK:
        raise RuntimeError(f"status {answer.status}: {document}")
    rooms: Rooms = document["detected_rooms"]
    return rooms


def differ(one: Rooms, other: Rooms) -> str:
    """How two answers differ; empty if they say the same."""
    if len(one) != len(other):
        return f"{len(one)} rooms and {len(other)}"
    for room, like in zip(one, other, strict=True):
        corners = zip(room["bounding_box"], like["bounding_box"], strict=True)
        off = max(abs(a - b) for a, b in corners)
        surer = abs(room["confidence"] - like["confidence"])
        if off > GRID or surer > CONFIDENCE:
            return f"{room['id']}: corners {off} apart, confidence {surer:.4f}"
    return ""


def at_once(server: LocalServer, files: Sequence[bytes]) -> list[Rooms]:
    """All, eight at a time, in an order that changes who is beside whom."""
    order = list(range(len(files)))
    random.Random(_SEED + 1).shuffle(order)  # noqa: S311
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = dict(zip(order, pool.map(lambda i: ask(server, files[i]), order), strict=True))
    return [found[i] for i in range(len(files))]


def one_by_one(server: LocalServer, files: Sequence[bytes]) -> list[Rooms]:
    """All, each when the one before is answered."""
    return [ask(server, file) for file in files]


def in_batches(archive: Path, folder: Path) -> Path:
    """The archive with batches of eight, which are waited for, and two workers."""
    path = folder / "rooms.mar"
    with zipfile.ZipFile(archive) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "model-config.yaml":
                for setting, value in IN_BATCHES.items():
                    line = re.compile(rb"^%b: \d+\b" % setting, re.MULTILINE)
                    content, count = line.subn(b"%b: %d" % (setting, value), content)
                    if count != 1:
                        raise RuntimeError(f"model-config.yaml has {setting!r} {count} times")
            target.writestr(name, content)
    return path


def main(argv: list[str] | None = None) -> int:
    """Run the command; 1 if an answer is another."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.torture.same",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--short", action="store_true")
    add("--pictures", type=int, help=f"({LONG})")
    add("--archive", type=Path, default=ROOT / "model_store" / "rooms.mar")
    args = parser.parse_args(argv)
    started_s = time.monotonic()
    files = pictures(args.pictures or (SHORT if args.short else LONG))
    found: list[str] = []
    first: list[Rooms] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, archive, ways in _servers(args.archive, Path(folder)):
            with ExitStack() as stack:
                server = stack.enter_context(serve(archive, config=ROOT / "config.properties"))
                server.wait_ready()
                for how, way in ways.items():
                    answers = way(server, files)
                    first = first or answers
                    found += compare(f"{name}, {how}", first, answers)
    minutes = (time.monotonic() - started_s) / 60
    rooms = sum(map(len, first))
    print(f"determinism | {len(files)} pictures, {rooms:,} rooms, 6 ways | {minutes:.0f} min | "
          f"{len(found)} found")  # fmt: skip
    return int(bool(found) or not rooms)


def _servers(
    archive: Path, folder: Path
) -> list[tuple[str, Path, Mapping[str, Callable[[LocalServer, Sequence[bytes]], list[Rooms]]]]]:
    again = {"one by one": one_by_one, "once more": one_by_one, "eight at once": at_once}
    return [
        ("a server", archive, again),
        ("another", archive, {"one by one": one_by_one}),
        ("two workers in batches", in_batches(archive, folder),
         {"eight at once": at_once, "once more": at_once}),
    ]  # fmt: skip


def compare(name: str, first: Sequence[Rooms], answers: Sequence[Rooms]) -> list[str]:
    """The pictures whose answers differ, a line each."""
    found, exact = [], 0
    for number, (one, other) in enumerate(zip(first, answers, strict=True)):
        exact += one == other
        if how := differ(one, other):
            found.append(f"{name}: picture {number}: {how}")
            print(f"found: {found[-1]}", flush=True)
    print(f"{name}: {exact} of {len(first)} answers are the same to the last digit", flush=True)
    return found


if __name__ == "__main__":
    sys.exit(main())
