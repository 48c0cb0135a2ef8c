# SPDX-License-Identifier: AGPL-3.0-or-later
"""The documents of the site, and the commands that they show."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "weights" / "MODEL_CARD.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_SHELL = {"", "sh", "console"}
_PROGRAMS = (
    "make|python3?|pip|roomdet|curl|docker|podman|torchserve|tar|jq|py-spy|sh|head|tail|aws|npm|"
    "jupyter|export|eval|cd|git"
)
_COMMAND = re.compile(
    rf"(?:\$ )?(?:\w+=\S+ )*(?:\.venv[\w-]*/bin/)?(?:{_PROGRAMS})\s|(?:\$ )?\{{ printf"
)
_COMMENT = re.compile(r"\s+#\s.*$")


@dataclass(frozen=True, slots=True)
class Fence:
    """A block of code.

    Attributes:
        page: The document.
        language: Behind the back quotes; empty if there is none.
        text: Its lines.
    """

    page: Path
    language: str
    text: str


def fences() -> Iterator[Fence]:
    """All blocks of code of all pages."""
    for page in PAGES:
        for match in _FENCE.finditer(page.read_text("utf-8")):
            yield Fence(page, match[2], match[3])


def commands() -> list[str]:
    """Each command once, without prompt and comment; a program as ``python in docs/api.md``."""
    found = []
    for fence in fences():
        if fence.language in _SHELL:
            found += _lines(fence)
        elif fence.language in {"python", "js"}:
            found.append(f"{fence.language} in {fence.page.relative_to(ROOT)}")
    return list(dict.fromkeys(found))


def _lines(fence: Fence) -> list[str]:
    whole = re.sub(r" *\\\n\s*|(?<=\|)\n\s*", " ", fence.text)
    lines = [line.strip() for line in whole.splitlines() if line.strip()]
    if fence.language != "sh" and not _COMMAND.match(f"{lines[0]} "):
        return []
    if lines[0].startswith("$ "):
        lines = [line[2:] for line in lines if line.startswith("$ ")]
    return [_COMMENT.sub("", line) for line in lines if not line.startswith("#")]


def table(page: Path, heading: str) -> list[tuple[str, str]]:
    """The two cells of each row of the table below a heading, without back quotes."""
    text = page.read_text("utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(.*?)` \| (.*?) \|$", text, re.MULTILINE)
    return [(command.replace("\\|", "|"), cell.strip("`")) for command, cell in rows]
