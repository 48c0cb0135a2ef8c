# SPDX-License-Identifier: AGPL-3.0-or-later
"""Judge names and areas by what a server answers: ``python -m evaluation.facts PLANS --url URL``.

PLANS is a folder of sheets to scale that ``plans.synth --pdf`` wrote, whose rooms are known, or one
PDF page, whose printed areas are set beside the answered ones. With ``--answers FOLDER`` answers
are kept there as JSON, and those that are there are judged without asking again.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import unicodedata
import urllib.request
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from evaluation.scoring import MATCH_IOU
from roomdet.areas import AGREES, placed_areas
from roomdet.config import Limits
from roomdet.contours import are_inside
from roomdet.geometry import GRID, Boxes, iou_matrix
from roomdet.images import read_page
from roomdet.labels import find_labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

Answer = dict[str, Any]
_ASKED = "include=name,polygon,area;max_rooms=1000"
_TIMEOUT_S = 120
_LINES_PX = 640  # what is too small to be seen is not read


def judge_sheets(folder: Path, answers: Iterable[tuple[Answer, Answer]]) -> dict[str, Any]:
    """Return how many of the rooms of sheets were found, and what was said of those.

    Args:
        folder: For the report's name.
        answers: Lines of ``rooms.jsonl``, each with the answer for its page.
    """
    pairs: list[tuple[Answer, Answer]] = []
    true = 0
    for truth, answer in answers:
        true += len(truth["rooms"])
        pairs += match_rooms(truth, answer)
    named = [(t["type"], f.get("name_hint")) for t, f in pairs if t.get("type")]
    right = sum(plain_name(name) == plain_name(hint or "") for name, hint in named)
    none = sum(hint is None for _, hint in named)
    areas = [(t["m2"], f["area"]) for t, f in pairs if f.get("area")]
    off = np.array([abs(area["m2"] / m2 - 1) for m2, area in areas])
    return {
        "set": folder.name,
        "rooms": true,
        "found": len(pairs),
        "with_polygon": sum(bool(f.get("polygon")) for _, f in pairs),
        "names": {
            "written": len(named), "right": right, "wrong": len(named) - right - none, "none": none
        },
        "areas": {
            "answered": len(areas),
            "within_5_percent": int((off <= AGREES).sum()),
            "median_off_percent": round(100 * float(np.median(off)), 2) if len(off) else None,
            "sources": Counter(area["scale_source"] for _, area in areas),
            "reasons": Counter(f.get("area_reason") for _, f in pairs if not f.get("area")),
        },
    }  # fmt: skip


def match_rooms(truth: Answer, answer: Answer) -> list[tuple[Answer, Answer]]:
    """Return the true rooms that were found, each with its finding, the surest first."""
    true = truth_boxes(truth)
    found = np.array([room["bounding_box"] for room in answer["detected_rooms"]], np.float32)
    overlap = iou_matrix(found.reshape(-1, 4), true)
    pairs = []
    for i, room in enumerate(answer["detected_rooms"]):
        if overlap.shape[1] and overlap[i].max() >= MATCH_IOU:
            best = int(overlap[i].argmax())
            pairs.append((truth["rooms"][best], room))
            overlap[:, best] = 0
    return pairs


def truth_boxes(truth: Answer) -> Boxes:
    """Return the boxes of known rooms on the grid of answers, float32, shape ``(n, 4)``."""
    w, h = truth["page_wh_pt"]
    corners = [np.array(room["polygon"]) * (GRID / w, GRID / h) for room in truth["rooms"]]
    boxes = [[*xy.min(axis=0), *xy.max(axis=0)] for xy in corners]
    return np.array(boxes, np.float32).reshape(-1, 4)


def plain_name(name: str) -> str:
    """Return a name without case, accents, finish codes, numbers and punctuation."""
    plain = unicodedata.normalize("NFD", name.casefold())
    words = re.findall(r"[^\W\d_]+", "".join(c for c in plain if not unicodedata.combining(c)))
    return " ".join(words)


def printed_beside_answered(pdf: bytes, answer: Answer) -> list[dict[str, Any]]:
    """Return the areas that are printed on a page, each with the room that holds it.

    Returns:
        A row an area: ``printed`` as it reads and ``printed_m2``; ``room`` and ``name`` of the
        smallest answered polygon around it, or box without one, if there is one; ``m2`` with
        ``scale`` and ``source`` and how much it is off in percent, or the reason why there is none.
    """
    page = read_page(pdf, page=1, side_px=_LINES_PX, limits=Limits(), has_lines=True)
    labels = find_labels(page.lines, page.source_wh)
    rows = []
    for line, printed, (x, y) in placed_areas(page.lines, labels):
        room = _room_at(answer, GRID * x, GRID * y)
        row: dict[str, Any] = {"printed": line.text, "printed_m2": round(printed, 2)}
        if room is None:
            rows.append({**row, "reason": "no room was found there"})
            continue
        row |= {"room": room["id"], "name": room.get("name_hint")}
        if area := room.get("area"):
            off = round(100 * (area["m2"] / printed - 1), 1)
            row |= {"m2": area["m2"], "off_percent": off}
            row |= {"scale": area["scale"], "source": area["scale_source"]}
        else:
            row["reason"] = room.get("area_reason") or room.get("polygon_reason")
        rows.append(row)
    return rows


def _room_at(answer: Answer, x: float, y: float) -> Answer | None:
    def size(room: Answer) -> float:
        x0, y0, x1, y1 = room["bounding_box"]
        return float((x1 - x0) * (y1 - y0))

    def shape(room: Answer) -> npt.NDArray[np.float64]:
        x0, y0, x1, y1 = room["bounding_box"]
        box = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
        return np.array(room.get("polygon") or box, np.float64)

    point = np.array([(x, y)])
    holds = [room for room in answer["detected_rooms"] if are_inside(shape(room), point)[0]]
    return min(holds, key=size, default=None)


def _ask(pdf: Path, url: str, kept: Path | None) -> Answer:
    """Return the answer for a file: the one that is kept, or the server's."""
    path = kept / f"{pdf.stem}.json" if kept else None
    if path is not None and path.is_file():
        text = path.read_text(encoding="utf-8")
    else:
        text = _fetch(pdf, url)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    answer: Answer = json.loads(text)
    return answer


def _fetch(pdf: Path, url: str) -> str:
    if not url:
        raise SystemExit(f"no answer for {pdf.name}: name a server with --url")
    headers = {"Content-Type": "application/pdf", "X-Amzn-SageMaker-Custom-Attributes": _ASKED}
    request = urllib.request.Request(f"{url}/invocations", pdf.read_bytes(), headers)
    with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:
        body: bytes = response.read()
    return body.decode()


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line. Bad usage ends the program with status 2."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.facts", description=__doc__)
    parser.add_argument("plans", type=Path, help="folder of plans.synth --pdf, or a PDF")
    parser.add_argument("--url", default="", help="of a server, such as http://127.0.0.1:8080")
    parser.add_argument("--answers", type=Path, help="folder where answers are kept")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the report is JSON on standard output."""
    args = parse_args(argv)
    report: object
    if args.plans.is_file():
        answer = _ask(args.plans, args.url, args.answers)
        report = printed_beside_answered(args.plans.read_bytes(), answer)
    else:
        lines = (args.plans / "rooms.jsonl").read_text(encoding="utf-8").splitlines()
        truths: list[Answer] = [json.loads(line) for line in lines]
        answers = (
            (truth, _ask(args.plans / "images" / truth["image"], args.url, args.answers))
            for truth in truths
        )
        report = judge_sheets(args.plans, answers)
    print(json.dumps(report, indent=1, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
