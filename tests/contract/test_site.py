# SPDX-License-Identifier: AGPL-3.0-or-later
"""The documents as a site (`make docs`): strict, and nothing comes from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from tests.conftest import ROOT
from tests.documents import PAGES
from tests.openapi import ADDRESSES, OPENAPI

if TYPE_CHECKING:
    from pathlib import Path

FETCHED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "srcset"}


class Fetched(HTMLParser):
    """What a browser fetches for a page.

    Attributes:
        addresses: As they stand in it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take the address of a script, a picture or a style sheet."""
        found = dict(attrs).get(FETCHED.get(tag, ""))
        self.addresses += [found] if found else []


def build(out: Path) -> subprocess.CompletedProcess[str]:
    """Sphinx, as the Makefile runs it."""
    recipe = re.search(r"-m (sphinx .*?) build/site$", (ROOT / "Makefile").read_text(), re.M | re.S)
    assert recipe
    words = recipe[1].replace("\\\n", " ").replace("build/site-doctrees", str(out / "doctrees"))
    command = [sys.executable, "-m", *words.split(), str(out / "site")]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    out = tmp_path_factory.mktemp("site")
    built = build(out)
    assert (built.returncode, built.stderr) == (0, "")
    return out / "site"


def test_every_page_is_there(site: Path) -> None:
    """Where its source lies, and the first one leads to them."""
    for page in PAGES:
        assert (site / page.relative_to(ROOT)).with_suffix(".html").is_file()
    assert "url=docs/site/index.html" in (site / "index.html").read_text()


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    """Scripts, pictures and style sheets are the site's own, and there; so is what those name."""
    for path in site.rglob("*.html"):
        parser = Fetched()
        parser.feed(path.read_text("utf-8"))
        assert len(parser.addresses) > 3 or path.parent == site
        for address in parser.addresses:
            if not address.startswith(("data:", "#")):
                assert (path.parent / address.partition("?")[0]).exists(), f"{path}: {address}"
    for path in site.rglob("*.css"):
        named = re.findall(r"url\(\s*[\"']?([^\"')]+)|@import\s+[\"']([^\"']+)", path.read_text())
        assert [name for pair in named for name in pair if re.match(r"(https?:)?//", name)] == []


def test_the_reference_has_every_address_status_and_option(site: Path) -> None:
    """Made from docs/openapi.yaml, of which the site has a copy."""
    text = (site / "docs" / "site" / "api-reference.html").read_text("utf-8")
    plain = re.sub(r"<[^>]+>", "", text)

    for address in ADDRESSES:
        assert f"POST {address}" in " ".join(plain.split())
        for status in OPENAPI["paths"][address]["post"]["responses"]:
            assert len(re.findall(rf"\bHTTP/1\.1 {status} ", plain)) == len(ADDRESSES)
    for option in OPENAPI["components"]["schemas"]["Options"]["properties"]:
        assert re.search(rf"<strong>{option}(\[\])?</strong>", text)  # a list has brackets


def test_a_broken_link_and_a_broken_anchor_fail(tmp_path: Path) -> None:
    """And nothing else, with the site's own configuration."""
    (tmp_path / "docs" / "site").mkdir(parents=True)
    (tmp_path / "docs" / "api.md").write_text("# API\n\n## Options\n")
    links = ("../api.md", "../api.md#options", "../api.md#optionen", "../apis.md")
    (tmp_path / "docs" / "site" / "index.md").write_text(
        "# First\n\n"
        + " ".join(f"[here]({link})" for link in links)
        + "\n\n```{toctree}\n../api\n```\n"
    )
    ran = subprocess.run(
        [sys.executable, "-m", "sphinx", "--conf-dir", ROOT / "docs" / "site", "--quiet",
         "--fail-on-warning", tmp_path, tmp_path / "out"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert ran.returncode == 1
    missing = [line for line in ran.stderr.splitlines() if "[myst.xref_missing]" in line]
    assert len(missing) == 2
    assert "optionen" in missing[0]
    assert "apis.md" in missing[1]
