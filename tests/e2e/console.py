# SPDX-License-Identifier: AGPL-3.0-or-later
"""``python -m deploy`` on a local SageMaker, as somebody types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sagemaker_local.local_sagemaker import local_sagemaker
from sagemaker_local.torchserve import LocalTorchServe
from tests.conftest import ROOT
from tests.contract.account_setup import run
from tests.deploying import bare_account

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from sagemaker_local.local_sagemaker import LocalSageMaker, Starter

REGION = "eu-central-1"
TIMEOUT_S = 240


@dataclass(frozen=True, slots=True)
class Done:
    """A command that ended.

    Attributes:
        status: Exit status; minus the signal if it was killed.
        out: What it printed as its result.
        err: Its progress and errors.
    """

    status: int
    out: str
    err: str

    def document(self) -> Any:
        """The result of a command that did what it was told."""
        assert self.status == 0, self.err
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Console:
    """Types commands.

    Attributes:
        place: The local SageMaker.
        settings: ``KEY=VALUE`` for each ``--set``.
        url: Address of all services.
    """

    place: LocalSageMaker
    settings: tuple[str, ...]
    url: str

    def with_settings(self, *settings: str, url: str = "") -> Console:
        """Another one, with more settings."""
        return replace(self, settings=(*self.settings, *settings), url=url or self.url)

    def start(self, command: str, *arguments: str) -> subprocess.Popen[str]:
        """Begin a command."""
        return subprocess.Popen(
            [sys.executable, "-m", "deploy", *self._words(command, *arguments)],
            cwd=ROOT,
            env=self._environ(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def spawn(self, command: str, *arguments: str) -> Done:
        """A command to its end, as a process of its own."""
        return ended(self.start(command, *arguments))

    def run(self, command: str, *arguments: str) -> Done:
        """Likewise, but in this process, which has read what boto3 reads for each process."""
        variables = {**self.place.environ, "AWS_ENDPOINT_URL": self.url}
        return Done(*run(self._words(command, *arguments), variables))

    def apply(self, archive: Path, *arguments: str) -> Done:
        """Bring an archive to the endpoint."""
        return self.with_settings(f"archive={archive}").run("apply", *arguments)

    @property
    def endpoint(self) -> str:
        """Its name."""
        return dict(setting.split("=", 1) for setting in self.settings)["endpoint"]

    def inventory(self) -> list[str]:
        """Names of everything that is there and begins with the endpoint's."""
        neighbors = self.place.backend.aws
        sagemaker, s3 = neighbors.client("sagemaker", REGION), neighbors.client("s3", REGION)
        alarms = neighbors.client("cloudwatch", REGION).describe_alarms(
            AlarmNamePrefix=self.endpoint
        )
        scaling = neighbors.client("application-autoscaling", REGION)
        targets = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")
        found = [
            *(e["EndpointName"] for e in sagemaker.list_endpoints()["Endpoints"]),
            *(
                e["EndpointConfigName"]
                for e in sagemaker.list_endpoint_configs()["EndpointConfigs"]
            ),
            *(e["ModelName"] for e in sagemaker.list_models()["Models"]),
            *(e["Key"] for e in s3.list_objects_v2(Bucket="rooms").get("Contents", [])),
            *(e["AlarmName"] for e in alarms["MetricAlarms"]),
            *(e["ResourceId"].removeprefix("endpoint/") for e in targets["ScalableTargets"]),
        ]
        return sorted(name for name in found if name.startswith(self.endpoint))

    def _words(self, command: str, *arguments: str) -> list[str]:
        """What is typed; nobody is there to be asked."""
        yes = ["--yes"] if command in {"apply", "rollback"} else []
        return [command, *arguments, *yes, *(f"--set={setting}" for setting in self.settings)]

    def _environ(self) -> Mapping[str, str]:
        return os.environ | self.place.environ | {"AWS_ENDPOINT_URL": self.url}


def ended(process: subprocess.Popen[str]) -> Done:
    """A command that was started, at its end."""
    out, err = process.communicate(timeout=TIMEOUT_S)
    return Done(process.returncode, out, err)


@contextmanager
def console(start: Starter = LocalTorchServe, *, spare: int = 2) -> Iterator[Console]:
    """Of a local SageMaker and an account that has what a first apply needs.

    Args:
        start: What starts a server; real ones unless a test is of AWS's calls alone.
        spare: How many run on without an endpoint.
    """
    with local_sagemaker(start, time_scale=0.01, spare=spare) as place:
        account = bare_account(place.backend.aws, REGION)
        yield Console(place, tuple(account.settings()), place.url)
        assert place.backend.bugs == []
