# SPDX-License-Identifier: AGPL-3.0-or-later
"""What tests do with the viewer's page, and files to drop on it."""

from __future__ import annotations

import base64
import io
import math
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pypdfium2
from playwright.sync_api import expect
from reportlab.pdfgen.canvas import Canvas

from tests.conftest import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from roomdet_client.viewer.server import Viewer

AXE = ROOT / "client" / "viewer" / "node_modules" / "axe-core" / "axe.min.js"
A1_PT = (2384, 1684)
GAP = 0.05  # of a plan's place, on each side of it
# A sheet of the sample plan again and again, on a machine that has much else to do.
FIND_MS = 120_000
PATIENCE_MS = 20_000
expect.set_options(timeout=PATIENCE_MS)
_DROP = """({name, data}) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const dropped = new DataTransfer();
  dropped.items.add(new File([bytes], name));
  const init = {dataTransfer: dropped, bubbles: true, cancelable: true};
  document.body.dispatchEvent(new DragEvent("dragover", init));
  document.body.dispatchEvent(new DragEvent("drop", init));
}"""

_PLACE = """edge => {
  const {e: x, f: y} = edge.getScreenCTM();
  return {x, y, width: edge.width.baseVal.value, height: edge.height.baseVal.value};
}"""


@dataclass(frozen=True, slots=True)
class Rect:
    """A box on the screen, in pixels."""

    x: float
    y: float
    width: float
    height: float

    @property
    def center(self) -> tuple[float, float]:
        """Its middle."""
        return self.x + self.width / 2, self.y + self.height / 2

    def is_near(self, other: Rect, px: float = 2) -> bool:
        """Whether all its sides are where the other's are."""
        return all(
            abs(one - two) <= px
            for one, two in (
                (self.x, other.x),
                (self.y, other.y),
                (self.width, other.width),
                (self.height, other.height),
            )
        )


class ViewerPage:
    """The page in a browser, in the words of those who use it."""

    viewer: Viewer  # where it runs in this process

    def __init__(self, page: Page) -> None:
        self.page = page
        self.rooms = page.locator("g.room")
        self.rows = page.locator("#list li")

    def open(self, name: str = "", number: int = 1) -> None:
        """Load the page, with a document of the folder."""
        found = [entry.id for entry in self.viewer.shelf.entries() if entry.name == name]
        self.page.goto(self.viewer.url + (f"#{found[0]}/{number}" if found else ""))

    def drop(self, name: str, data: bytes) -> None:
        """Drop a file on the page."""
        self.page.evaluate(_DROP, {"name": name, "data": base64.b64encode(data).decode()})

    def wait(self, state: str = "found") -> None:
        """Wait for what the page says of itself."""
        self.page.wait_for_selector(f"body[data-state={state}]", timeout=FIND_MS)

    def button(self, name: str) -> Locator:
        """A button by its name."""
        return self.page.get_by_role("button", name=name, exact=True)

    def room(self, number: int) -> Locator:
        """A room on the plan by its number."""
        return self.page.locator(f'g.room[data-number="{number}"]')

    def rect(self, number: int) -> Rect:
        """Where a room is on the screen."""
        # Without the width of its line, which a bounding box has.
        edge = self.room(number).locator(".edge")
        place: dict[str, float] = edge.evaluate(_PLACE)
        return Rect(**place)

    def settled(self, number: int) -> Rect:
        """Where a room is once the plan has stopped moving."""
        last = self.rect(number)
        for _ in range(100):
            self.page.wait_for_timeout(50)
            now = self.rect(number)
            if now == last:
                return now
            last = now
        raise AssertionError("the plan never stops moving")

    def drag(self, start: tuple[float, float], by: tuple[float, float]) -> None:
        """Press, pull in steps, let go."""
        mouse = self.page.mouse
        mouse.move(*start)
        mouse.down()
        for part in (0.3, 0.7, 1.0):
            mouse.move(start[0] + by[0] * part, start[1] + by[1] * part)
        mouse.up()

    def press(self, *keys: str) -> None:
        """Press keys, one after another."""
        for key in keys:
            self.page.keyboard.press(key)

    def counts(self, accepted: int, drafts: int) -> None:
        """Check what the panel says, and that plan and list show as many."""
        noun = "draft" if drafts == 1 else "drafts"
        expect(self.page.locator("#counts")).to_have_text(f"{accepted} accepted, {drafts} {noun}")
        expect(self.page.locator("#list li.accepted")).to_have_count(accepted)
        expect(self.page.locator("#list li.draft")).to_have_count(drafts)
        expect(self.page.locator("g.room.accepted")).to_have_count(accepted)
        expect(self.page.locator("g.room.draft")).to_have_count(drafts)

    def axe(self) -> list[str]:
        """What axe finds wrong, by rule and place; WCAG 2.2 AA and best practice."""
        # A policy that refuses inline scripts lets the browser's own tools in.
        self.page.evaluate(AXE.read_text("utf-8"))
        found: dict[str, Any] = self.page.evaluate("axe.run(document)")
        assert len(found["passes"]) > 10
        return [
            f"{violation['id']}: {node['target']} {node['failureSummary']}"
            for violation in found["violations"]
            for node in violation["nodes"]
        ]


def document_of(*plans: bytes | None) -> bytes:
    """A PDF of several pages, each the first page of another or, for None, a word."""
    buffer = io.BytesIO()
    with closing(pypdfium2.PdfDocument.new()) as made:
        for plan in plans:
            with closing(pypdfium2.PdfDocument(plan or _cover())) as source:
                made.import_pages(source, [0])
        made.save(buffer)
    return buffer.getvalue()


def _cover() -> bytes:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=(400, 283), invariant=1)
    canvas.drawString(100, 100, "Cover")
    canvas.save()
    return buffer.getvalue()


def a1_sheet(plan: bytes, *, columns: int = 4, rows: int = 3, strokes: int = 0) -> bytes:
    """An A1 page with a PDF's first page on it many times, in a frame of hairlines.

    Args:
        plan: The PDF.
        columns: Plans side by side.
        rows: Plans one above the other.
        strokes: Short hairlines around the plans, each a path of its own, as gravel is drawn.
    """
    buffer = io.BytesIO()
    with (
        closing(pypdfium2.PdfDocument(plan)) as source,
        closing(pypdfium2.PdfDocument(_frame(rows, strokes))) as sheet,
    ):
        width, height = source[0].get_size()
        scale = min(A1_PT[0] / columns / width, A1_PT[1] / rows / height) * 0.9
        page = sheet[0]
        flat = source.page_as_xobject(0, sheet)
        for column in range(columns):
            for row in range(rows):
                placed = flat.as_pageobject()
                x = A1_PT[0] * (column + GAP) / columns
                y = A1_PT[1] * (row + GAP) / rows
                placed.set_matrix(pypdfium2.PdfMatrix().scale(scale, scale).translate(x, y))
                page.insert_obj(placed)
        page.gen_content()
        sheet.save(buffer)
    return buffer.getvalue()


def _frame(rows: int, strokes: int) -> bytes:
    generator = np.random.default_rng(1)
    wide, high = A1_PT
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A1_PT, invariant=1)
    canvas.setLineWidth(0.1)
    canvas.rect(12, 12, wide - 24, high - 24)
    # In the gap below each row of plans.
    for x, y, row, turn in generator.random((strokes, 4)).tolist():
        left, bottom = 12 + x * (wide - 24), high / rows * (int(row * rows) + y * GAP)
        canvas.line(left, bottom, left + math.cos(7 * turn), bottom + math.sin(7 * turn))
    canvas.save()
    return buffer.getvalue()
