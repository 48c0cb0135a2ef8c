# SPDX-License-Identifier: AGPL-3.0-or-later
"""Answers as files that other programs open.

A format of pages writes one file a page (``encode``), or one a document. A format of sets writes
one folder for all pages (``write``); some say something without the pictures, too (``text``).
"""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING

from roomdet_client.errors import MissingDependency
from roomdet_client.exports.page import ExportPage, Picture

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import ModuleType

__all__ = ["FORMATS", "ExportPage", "Format", "Picture"]


@dataclass(frozen=True)
class Format:
    """A format, whose module is loaded when it is used.

    Attributes:
        name: As ``--format`` takes it; also of its folder.
        about: For the help.
        suffix: Of its files, where it writes one a page or document.
        is_binary: It cannot be printed.
        by_document: One file holds all pages of a document.
        needs: A module that comes with the extra of the format's name.
    """

    name: str
    about: str
    suffix: str = ""
    is_binary: bool = False
    by_document: bool = False
    needs: str = ""

    @property
    def _module(self) -> ModuleType:
        return importlib.import_module(f"{__name__}.{self.name}")

    def check(self) -> None:
        """See to it that what the format needs is there, before anything is asked for its sake.

        Raises:
            MissingDependency: If it is not installed.
        """
        if self.needs and importlib.util.find_spec(self.needs) is None:
            raise MissingDependency(self.name.upper(), self.name)

    def encode(self, pages: Sequence[ExportPage]) -> bytes:
        """The file of one page, or of all pages of a document.

        Raises:
            MissingDependency: If the format needs what is not installed.
            PlanUnreadable: If a page cannot be drawn.
        """
        data: bytes = self._module.encode(pages)
        return data

    def text(self, pages: Sequence[ExportPage]) -> str:
        """What is printed for all pages."""
        if self.suffix:
            return self.encode(pages).decode()
        text: str = self._module.text(pages)
        return text

    def write(self, pages: Sequence[ExportPage], folder: Path) -> None:
        """Write all pages into a folder, which is made.

        Raises:
            MissingDependency: If the format needs what is not installed.
            PlanUnreadable: If a page cannot be drawn.
            OSError: If the folder cannot be written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        if not self.suffix:
            self._module.write(pages, folder)
            return
        for stem, group in self._groups(pages):
            (folder / f"{stem}{self.suffix}").write_bytes(self.encode(group))

    def _groups(self, pages: Sequence[ExportPage]) -> list[tuple[str, list[ExportPage]]]:
        if not self.by_document:
            return [(page.stem, [page]) for page in pages]
        files: dict[str, list[ExportPage]] = {}
        for page in pages:
            files.setdefault(page.file, []).append(page)
        return [(_document_stem(group[0]), group) for group in files.values()]


def _document_stem(page: ExportPage) -> str:
    return page.stem.removesuffix(page_suffix(page.page, page.page_count))


def page_suffix(page: int, page_count: int) -> str:
    """What tells the pages of a document apart in file names: nothing where there is only one."""
    return f"-p{page:0{len(str(page_count))}d}" if page_count > 1 else ""


FORMATS = {
    item.name: item
    for item in (
        Format("json", "one answer a page, as the server gives it", ".json"),
        Format("csv", "a table of all rooms"),
        Format("coco", "COCO: images/ and annotations.json"),
        Format("yolo", "YOLO: images/, labels/ and data.yaml, as `make train` takes it"),
        Format("labelme", "LabelMe: a picture and a JSON a page"),
        Format("cvat", "CVAT for images 1.1: images/ and annotations.xml"),
        Format("geojson", "polygons a page, y upward, in points or pixels", ".geojson"),
        Format("dxf", "lines on the layer ROOMS, in points or pixels", ".dxf", is_binary=True,
               needs="ezdxf"),
        Format("pdf", "the document with annotations; lines stay lines", ".pdf", is_binary=True,
               by_document=True),
        Format("svg", "rooms over the page", ".svg"),
        Format("png", "a drawing, as --draw makes it", ".png", is_binary=True),
    )
}  # fmt: skip
