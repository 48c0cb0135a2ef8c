# SPDX-License-Identifier: AGPL-3.0-or-later
"""How many rooms recognition of text names right: ``python -m evaluation.names --sheets FOLDER``.

The folder is as of :mod:`evaluation.outlines`; of its rooms those with a ``type`` are judged, which
is what their label says, or what they are if they have none. So the reading that comes nearest to
it in the room says whether it is written there. Text is read in the true rooms, or in those that
``--boxes`` has. A name is right if :func:`evaluation.facts.plain_name` makes the same of it and of
the type, spaces and words with digits left out.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from dataclasses import replace
from difflib import SequenceMatcher
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from evaluation.facts import plain_name
from evaluation.figures import THRESHOLD
from evaluation.outlines import read_boxes
from evaluation.scoring import MATCH_IOU
from roomdet.config import Config, Switch
from roomdet.facts import parts_on
from roomdet.geometry import iou_matrix
from roomdet.labels import name_rooms
from roomdet.ocr import TextReader, load_reader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from roomdet.geometry import Boxes, Detections
    from roomdet.texts import TextLine

_SECONDS = 600.0  # a page may take
_ALIKE = 0.6  # of a type and a reading, that it is written


def judge(
    reader: TextReader, path: Path, rooms: Sequence[dict[str, Any]], found: Detections | None
) -> Iterator[dict[str, Any]]:
    """Say of each room with a type that was found how it is named.

    Yields:
        ``image``, ``type``, ``name`` or None, ``is`` right, wrong or none, and ``is_written``.
    """
    with Image.open(path) as opened:
        pixels = np.asarray(opened.convert("RGB"))
    size = np.array([pixels.shape[1], pixels.shape[0]] * 2, np.float32)
    corners = [np.array(room["polygon"], np.float32) for room in rooms]
    true: Boxes = np.array([[*xy.min(0), *xy.max(0)] for xy in corners], np.float32) / size
    boxes = true if found is None else found.boxes_xyxy[found.scores >= THRESHOLD]
    lines = reader.read_lines(pixels, boxes, ends_s=time.monotonic() + _SECONDS).lines
    page_wh, is_part = (float(size[0]), float(size[1])), parts_on(pixels, boxes)
    labels = name_rooms(lines, boxes, page_wh, is_part=is_part)
    overlap = iou_matrix(true, boxes)
    for index, room in enumerate(rooms):
        best = int(overlap[index].argmax()) if len(boxes) else 0
        if not room.get("type") or not len(boxes) or overlap[index, best] < MATCH_IOU:
            continue
        label = labels[best]
        name = label.name if label else None
        same = name is not None and _squeezed(name) == _squeezed(room["type"])
        yield {
            "image": path.name,
            "type": room["type"],
            "name": name,
            "is": "none" if name is None else "right" if same else "wrong",
            "is_written": same or _is_written(room["type"], lines, true[index]),
        }


def _squeezed(name: str) -> str:
    """A name in plain letters, without spaces and words that have a digit, which are codes."""
    words = [word for word in name.split() if not any(c.isdigit() for c in word)]
    return plain_name(" ".join(words)).replace(" ", "")


def _is_written(kind: str, lines: Sequence[TextLine], box: Boxes) -> bool:
    """Whether something in a room reads like its type."""
    centers = [np.array(line.box_xyxy).reshape(2, 2).mean(axis=0) for line in lines]
    inside = [
        _squeezed(line.text)
        for line, at in zip(lines, centers, strict=True)
        if (box[:2] <= at).all() and (at <= box[2:]).all()
    ]
    said = _squeezed(kind)
    return any(
        SequenceMatcher(None, said, text).ratio() >= _ALIKE for text in [*inside, "".join(inside)]
    )


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line; bad usage ends the program with status 2."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.names", description=__doc__)
    add = parser.add_argument
    add("--sheets", type=Path, required=True, help="plan set with rooms.jsonl")
    add("--boxes", type=Path, help="JSON of found rooms that evaluation.outlines wrote")
    add("--at-most", type=int, help="only so many pictures, spread over all")
    add("--threads", type=int, default=0)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; counts and the rooms that are not right go to standard output as JSON."""
    args = parse_args(argv)
    rows = [
        json.loads(line) for line in (args.sheets / "rooms.jsonl").read_text("utf-8").splitlines()
    ]
    known = read_boxes(args.boxes)
    if known:
        rows = [row for row in rows if row["image"] in known]
    if args.at_most:
        chosen = np.linspace(0, len(rows) - 1, min(args.at_most, len(rows))).round().astype(int)
        rows = [rows[i] for i in chosen]
    reader = load_reader(replace(Config(), ocr=Switch.ON, threads=args.threads))
    assert reader is not None  # on, or refused
    judged: list[dict[str, Any]] = []
    seconds = []
    for row in rows:
        path = args.sheets / "images" / row["image"]
        started_s = time.process_time()
        judged += judge(reader, path, row["rooms"], known.get(row["image"]))
        seconds.append(round(time.process_time() - started_s, 2))
        print(f"{path.name}: {seconds[-1]} s of processor time", file=sys.stderr, flush=True)
    report = {
        "pictures": len(rows),
        "all": Counter(room["is"] for room in judged),
        "written": Counter(room["is"] for room in judged if room["is_written"]),
        "processor_seconds_median": float(np.median(seconds)) if seconds else None,
        "not_right": [room for room in judged if room["is"] != "right"],
    }
    print(json.dumps(report, indent=1, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
