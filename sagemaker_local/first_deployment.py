# SPDX-License-Identifier: AGPL-3.0-or-later
"""The commands of README's first deployment, typed against a local SageMaker that has nothing yet.

``python -m sagemaker_local.first_deployment`` is ``make first-deployment``, from the checkout.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from deploy.image.commands import DEFAULT_TAG
from sagemaker_local.commands import DEFAULT_REGION
from sagemaker_local.local_sagemaker import ServeWith, local_sagemaker, starter
from serving.commands import SAMPLE_PLAN
from serving.console import say

_TIME_SCALE = 0.01


@dataclass(frozen=True, slots=True)
class Typed:
    """A command that was typed.

    Attributes:
        words: Of it, after ``python -m deploy``.
        status: Its exit status.
        out: What it printed as its result.
        seconds: That it took.
    """

    words: tuple[str, ...]
    status: int
    out: str
    seconds: float


def commands(config: str, tag: str, archive: str = "") -> list[tuple[str, ...]]:
    """What is typed after `make venv-deploy`, and what shows that it serves.

    Args:
        config: File of the configuration.
        tag: Of the image of this machine.
        archive: In the place of the configuration's.
    """
    its = ("--config", config, *((f"--set=archive={archive}",) if archive else ()))
    return [
        ("bootstrap", "--write", config, "--yes"),
        ("image", "push", "--tag", tag, *its),
        ("doctor", *its),
        ("plan", *its),
        ("apply", "--yes", *its),
        ("invoke", str(SAMPLE_PLAN), *its),
    ]


def rehearse(tag: str = DEFAULT_TAG, archive: str = "") -> list[Typed]:
    """Type them one after the other, until one fails.

    Args:
        tag: Of the image of this machine that is pushed; it is built if it is not there.
        archive: In the place of the configuration's.
    """
    typed: list[Typed] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        local_sagemaker(starter(ServeWith.TORCHSERVE), time_scale=_TIME_SCALE, spare=1) as place,
    ):
        environ = os.environ | place.environ | {"AWS_DEFAULT_REGION": DEFAULT_REGION}
        for words in commands(str(Path(folder, "deploy.yaml")), tag, archive):
            typed.append(_type(words, environ))
            if typed[-1].status:
                break
    return typed


def _type(words: tuple[str, ...], environ: dict[str, str]) -> Typed:
    say(f"\n$ python -m deploy {' '.join(words)}")
    started_s = time.monotonic()
    command = [sys.executable, "-m", "deploy", *words]
    done = subprocess.run(command, env=environ, stdout=subprocess.PIPE, text=True, check=False)
    seconds = time.monotonic() - started_s
    say(f"{done.stdout.rstrip()}\n({seconds:.1f} s, status {done.returncode})")
    return Typed(words, done.returncode, done.stdout, seconds)


def main(argv: list[str] | None = None) -> int:
    """Run the command line; 0 if all commands did what they are for."""
    parser = argparse.ArgumentParser(prog="python -m sagemaker_local.first_deployment",
                                     description=__doc__)  # fmt: skip
    parser.add_argument("--tag", default=DEFAULT_TAG, help="image of this machine that is pushed")
    typed = rehearse(parser.parse_args(argv).tag)
    print("\n".join(f"{one.seconds:7.1f} s  {' '.join(one.words[:2])}" for one in typed))
    return typed[-1].status


if __name__ == "__main__":
    sys.exit(main())
