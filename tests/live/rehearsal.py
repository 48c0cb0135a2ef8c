# SPDX-License-Identifier: AGPL-3.0-or-later
"""Run tests/live against a local SageMaker that has nothing: ``make live-rehearsal``.

What is pushed is an image without anything in it, because what runs there is TorchServe of this
machine; Docker or podman is needed for the push.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from deploy.image.engine import find_engine
from sagemaker_local.aws_clients import ACCOUNT as LOCAL_ACCOUNT
from sagemaker_local.local_sagemaker import ServeWith, local_sagemaker, starter
from tests.conftest import ROOT
from tests.live.conftest import ACCOUNT, IMAGE

_IMAGE = "roomdet-live-rehearsal:1"
_REGION = "eu-central-1"


def main() -> int:
    """Run it; the exit status of pytest."""
    _make_image()
    with local_sagemaker(starter(ServeWith.TORCHSERVE), time_scale=0.01, spare=2) as place:
        environ = os.environ | place.environ | {
            "AWS_DEFAULT_REGION": _REGION, ACCOUNT: LOCAL_ACCOUNT, IMAGE: _IMAGE,
        }  # fmt: skip
        command = [sys.executable, "-m", "pytest", "-q", "-s", "tests/live"]
        status = subprocess.run(command, cwd=ROOT, env=environ, check=False).returncode
        print("\n".join(place.backend.bugs), file=sys.stderr)
        return status or len(place.backend.bugs)


def _make_image() -> None:
    with tempfile.TemporaryDirectory() as folder:
        empty = Path(folder, "empty.tar")
        tarfile.open(empty, "w").close()
        engine = find_engine().program
        subprocess.run(
            [engine, "import", "--change", 'CMD ["serve"]', str(empty), _IMAGE],
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
