# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which account, how much it may cost, and that nothing is left in it."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from tests.conftest import ROOT
from tests.live.budget import Budget
from tests.live.cleaning import PREFIX, Cleaner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ACCOUNT = "ROOMDET_LIVE_ACCOUNT"  # twelve digits: the account that may be used, and no other
IMAGE = "ROOMDET_LIVE_IMAGE"  # of this machine
MAX_USD, USD_PER_HOUR = "ROOMDET_LIVE_MAX_USD", "ROOMDET_LIVE_USD_PER_HOUR"


@dataclass
class Live:
    """An account, and a configuration for an endpoint there.

    Attributes:
        name: Of the endpoint, and what all names begin with.
        config: The configuration that `bootstrap` writes.
        image: Tag of the image of this machine.
        budget: What may be spent.
        seconds: What was typed, and how long it took.
    """

    name: str
    config: Path
    image: str
    budget: Budget
    seconds: list[tuple[str, float]]

    def run(self, *words: str, status: int = 0) -> str:
        """A command of `python -m deploy`; what it prints as its result.

        It is ended when the ceiling is reached.
        """
        its = ("--config", str(self.config)) if self.config.exists() else ()
        command = [sys.executable, "-m", "deploy", *words, *its]
        print(f"\n$ python -m deploy {' '.join(words)}", file=sys.stderr, flush=True)
        started_s = time.monotonic()
        done = subprocess.run(
            command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False,
            timeout=self.budget.left_s(),
        )  # fmt: skip
        took_s = time.monotonic() - started_s
        self.seconds.append((" ".join(words[:2]), took_s))
        print(f"{done.stdout.rstrip()}\n({took_s:.1f} s)", file=sys.stderr, flush=True)
        assert status == done.returncode
        return done.stdout

    def json(self, *words: str, status: int = 0) -> Any:
        """The same, read as JSON."""
        return json.loads(self.run(*words, status=status))


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    """An account that was named, and nothing of the run in it afterwards, whatever happens."""
    account = os.environ.get(ACCOUNT)
    if not account:
        pytest.skip(f"on demand: `make live-rehearsal`, or {ACCOUNT} and `make live`")
    found = boto3.client("sts").get_caller_identity()["Account"]
    assert account == found, f"the credentials are of {found}, and {ACCOUNT} is {account}"
    name = f"{PREFIX}{secrets.token_hex(3)}"
    budget = Budget(float(os.environ.get(MAX_USD, "2")), float(os.environ.get(USD_PER_HOUR, "0.2")))
    print(
        f"\n{name} in account {account}: at most {budget.max_usd:.2f} USD, so at most "
        f"{budget.left_s() / 60:.0f} minutes. If this process is killed: "
        f"python -m tests.live.cleaning {name}", file=sys.stderr,
    )  # fmt: skip
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    cleaner = Cleaner(name)
    image = os.environ.get(IMAGE, "roomdet:latest")
    run = Live(name, tmp_path / "deploy.yaml", image, budget, [])
    try:
        yield run
    finally:
        problems = cleaner.clean()
        lines = [f"{seconds:8.1f} s  {words}" for words, seconds in run.seconds]
        spent = f"at most {run.budget.spent_usd:.2f} USD were spent"
        print("\n".join(["", *lines, spent]), file=sys.stderr, flush=True)
        assert not problems
        assert not cleaner.left()
