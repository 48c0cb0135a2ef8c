# SPDX-License-Identifier: AGPL-3.0-or-later
"""``roomdet view --endpoint``: rooms from a SageMaker endpoint, whose keys stay out of the page."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from sagemaker_local.local_sagemaker import ServeWith, local_sagemaker, starter
from tests.conftest import ROOT, SAMPLE_PDF
from tests.deploying import REGION, Deployment, bare_account, values
from tests.viewer.conftest import opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Response

    from tests.viewer.page import ViewerPage

PLAN = SAMPLE_PDF.read_bytes()
# What the command signs with: long enough to be found wherever it should not be.
KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIAOFTHEVIEWERSTEST",
    "AWS_SECRET_ACCESS_KEY": "the-secret-of-the-viewers-test-and-no-other",
    "AWS_SESSION_TOKEN": "the-token-of-the-viewers-test-and-no-other",
}


@pytest.fixture(scope="module")
def aws_url(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A local SageMaker whose serverless endpoint ``rooms`` has this checkout's archive."""
    with local_sagemaker(starter(ServeWith.TORCHSERVE), time_scale=0.01) as place:
        account = values(bare_account(place.backend.aws, REGION))
        there = Deployment(place.url, account, tmp_path_factory.mktemp("models"))
        config = there.config(archive, "v1", concurrency=1)
        there.sagemaker.create_endpoint(EndpointName="rooms", EndpointConfigName=config)
        assert there.settled("Creating")["EndpointStatus"] == "InService"
        yield place.url
        assert place.backend.bugs == []


@dataclass(frozen=True, slots=True)
class Viewing:
    """The command's page in a browser, and all that the browser was answered."""

    page: ViewerPage
    answers: list[Response]

    def assert_no_key(self) -> None:
        """Neither in what was asked and answered nor in what the page has or keeps."""
        page = self.page.page
        texts = [page.content(), page.evaluate("JSON.stringify([localStorage, sessionStorage])")]
        for answer in self.answers:
            texts += [answer.url, str(answer.request.all_headers()), str(answer.all_headers())]
            texts.append(answer.body().decode(errors="replace"))
        assert len(self.answers) > 3
        assert [key for key in KEYS.values() if any(key in text for text in texts)] == []


@contextmanager
def viewing(browser: Browser, aws_url: str, endpoint: str, folder: Path) -> Iterator[Viewing]:
    """``roomdet view --endpoint`` as a person types it, until the end of the block."""
    command = [sys.executable, "-m", "roomdet_client", "view", "--endpoint", endpoint]
    command += ["--region", REGION, "--save", str(folder / "saved"), "--no-browser"]
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    own |= KEYS | {"AWS_ENDPOINT_URL": aws_url, "PYTHONPATH": str(ROOT / "client")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=own, text=True) as process:
        try:
            assert process.stdout
            url = process.stdout.readline().strip()
            with opened(browser, url) as page:
                answers: list[Response] = []
                page.page.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108
                page.page.goto(url)
                yield Viewing(page, answers)
        finally:
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0


def test_a_dropped_plan_gets_its_rooms_through_the_endpoint(
    browser: Browser, aws_url: str, tmp_path: Path
) -> None:
    """Its keys are with the command alone; what is accepted is saved."""
    with viewing(browser, aws_url, "rooms", tmp_path) as shown:
        shown.page.drop("house.pdf", PLAN)
        shown.page.wait()
        shown.page.counts(0, 11)
        shown.page.press("n", "Enter", "Control+s")
        expect(shown.page.page.locator("#toast")).to_contain_text("1 room")
        shown.assert_no_key()
    assert (tmp_path / "saved" / "labels" / "house-p1.txt").read_text().count("\n") == 1


def test_what_the_container_refuses_is_shown_in_its_own_words(
    browser: Browser, aws_url: str, tmp_path: Path
) -> None:
    """Not in SageMaker's, which hide them in a ModelError; the next plan is answered."""
    # An object that no page uses, after the end: PDFium skips it, the server counts its pixels.
    unused = b"\n99 0 obj<</Width 50000/Height 50000>>stream\nendstream endobj\n"
    with viewing(browser, aws_url, "rooms", tmp_path) as shown:
        shown.page.drop("wall.pdf", PLAN + unused)
        shown.page.wait("failed")
        alert = shown.page.page.get_by_role("alert")
        expect(alert).to_contain_text("2,500,000,000")
        expect(alert).not_to_contain_text("Received client error")
        shown.page.drop("house.pdf", PLAN)
        shown.page.wait()
        shown.page.counts(0, 11)


def test_an_endpoint_that_is_not_there_is_named(
    browser: Browser, aws_url: str, tmp_path: Path
) -> None:
    """The plan is shown all the same, and no key with SageMaker's message."""
    with viewing(browser, aws_url, "nobody", tmp_path) as shown:
        shown.page.drop("house.pdf", PLAN)
        shown.page.wait("failed")
        expect(shown.page.page.get_by_role("alert")).to_contain_text("Endpoint nobody")
        expect(shown.page.page.locator("#stage canvas").first).to_be_visible()
        shown.assert_no_key()
