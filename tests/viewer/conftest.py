# SPDX-License-Identifier: AGPL-3.0-or-later
"""One TorchServe and one browser for all tests, a viewer and a page for each."""

from __future__ import annotations

import os
import shutil
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from playwright.sync_api import sync_playwright

from roomdet_client import RoomClient
from roomdet_client.viewer.plan_set import PlanSet
from roomdet_client.viewer.server import Viewer
from roomdet_client.viewer.shelf import Shelf
from serving.server import LocalServer, serve
from tests.conftest import ROOT
from tests.viewer.page import PATIENCE_MS, ViewerPage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# Screenshots for the documents are written where this says; elsewhere to build/viewer.
SHOTS = "VIEWER_SHOTS"
PICTURE_QUALITY = 82
# On a machine that has much else to do.
FIND_S = 120.0
# The browser on an answer that is an error, which the page shows; OpenSeadragon on a tile that came
# when another page was open already, which it throws away.
EXPECTED = ("Failed to load resource", "Ignoring tile %s loaded before reset")
DESK = {"width": 1280, "height": 800}


@pytest.fixture(scope="session")
def server(archive: Path) -> Iterator[LocalServer]:
    """TorchServe with the archive of this checkout."""
    with serve(archive, config=ROOT / "config.properties") as running:
        running.wait_ready()
        yield running


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium of the system, without a screen."""
    program = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    assert program, "no Chromium: sh tests/viewer/install.sh"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def running_viewer(source: Path | None, folder: Path, url: str) -> Iterator[Viewer]:
    """A viewer until the end of the block."""
    with Viewer(0, Shelf(source), PlanSet(folder), RoomClient(url, timeout_s=FIND_S)) as viewer:
        thread = threading.Thread(target=viewer.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield viewer
        finally:
            viewer.shutdown()
            thread.join(10)


@pytest.fixture
def viewer(server: LocalServer, tmp_path: Path) -> Iterator[Viewer]:
    """A viewer of an empty folder, ``tmp_path / "plans"``; saves to ``tmp_path / "saved"``."""
    (tmp_path / "plans").mkdir()
    with running_viewer(tmp_path / "plans", tmp_path / "saved", server.url) as running:
        yield running


@contextmanager
def opened(browser: Browser, url: str, **context: object) -> Iterator[ViewerPage]:
    """A page that may not fail in silence, and asks nobody but the viewer."""
    settings = {"viewport": DESK, "reduced_motion": "reduce", **context}
    with browser.new_context(**settings) as made:  # type: ignore[arg-type]
        page = made.new_page()
        page.set_default_timeout(PATIENCE_MS)
        troubles: list[str] = []
        page.on("pageerror", lambda error: troubles.append(f"error: {error}"))
        page.on(
            "console",
            lambda said: (
                troubles.append(f"console: {said.text}")
                if said.type in ("error", "warning") and not said.text.startswith(EXPECTED)
                else None
            ),
        )
        page.on(
            "request",
            lambda asked: (
                None
                if asked.url.startswith((url, "blob:", "data:"))
                else troubles.append(f"asked {asked.url}")
            ),
        )
        yield ViewerPage(page)
        assert troubles == []


@pytest.fixture
def page(browser: Browser, viewer: Viewer) -> Iterator[ViewerPage]:
    """A desktop's page; nothing is open yet."""
    with opened(browser, viewer.url) as made:
        made.viewer = viewer
        yield made


@pytest.fixture(scope="session")
def shoot() -> Callable[[Page, str], None]:
    """Take a screenshot under a name, as WebP."""
    folder = Path(os.environ.get(SHOTS) or ROOT / "build" / "viewer")
    folder.mkdir(parents=True, exist_ok=True)

    def take(page: Page, name: str) -> None:
        path = folder / f"{name}.png"
        page.screenshot(path=path)
        with Image.open(path) as image:
            image.convert("RGB").save(folder / f"{name}.webp", quality=PICTURE_QUALITY, method=6)
        path.unlink()

    return take
