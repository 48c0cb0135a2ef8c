# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a user has after `bootstrap` and a push, on an account of this machine."""

from __future__ import annotations

import contextlib
import io
import json
import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from deploy.__main__ import main
from deploy.aws.client import AwsAccount
from deploy.aws.errors import EndpointFailed
from deploy.aws.s3 import split_address
from deploy.cli import TEMPLATE
from deploy.endpoint.actions import Try
from deploy.endpoint.execution import Executor
from deploy.endpoint.image import find_image
from deploy.endpoint.plan import plan
from deploy.endpoint.reading import read_spec
from deploy.endpoint.release import read_release
from deploy.endpoint.remote import read_remote
from tests.contract.local_sagemaker import SCALE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from tests.contract.aws_account import AwsLab


@dataclass
class Setup:
    """What a user has after `bootstrap` and a push.

    Attributes:
        lab: The account.
        settings: For ``--set``.
        environ: Variables of boto3.
    """

    lab: AwsLab
    settings: dict[str, str]
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def bucket(self) -> str:
        """The artifacts'."""
        return split_address(self.settings["artifacts"])[0]

    def run(self, *args: str) -> tuple[int, str, str]:
        """A command of `python -m deploy` as that user: exit status, stdout and stderr."""
        sets = [word for pair in self.settings.items() for word in ("--set", "=".join(pair))]
        return run([*args, *sets], self.environ)

    def doctor(self) -> tuple[int, list[dict[str, str]]]:
        """Exit status and findings."""
        status, out, _ = self.run("doctor", "--json")
        findings: list[dict[str, str]] = json.loads(out)
        return status, findings

    def deploy(self, **environment: str) -> str:
        """Deploy the archive, as `apply` does but for the tests of the endpoint; its address in S3.

        What serves is played, and finds no rooms.
        """
        sets = [f"{key}={value}" for key, value in self.settings.items()]
        sets += [f"environment.{key}={value}" for key, value in environment.items()]
        spec = read_spec(TEMPLATE.read_text("utf-8"), sets)
        with environ(self.lab.place.environ):
            account = AwsAccount(spec.region, self.lab.place.url)
            image = find_image(account, spec, lambda _: None)
            release, _ = read_release(spec, image)
            remote = read_remote(account, spec.endpoint, release.place)
            actions = [
                action
                for action in plan(release, remote, with_candidate=False)
                if not isinstance(action, Try)
            ]
            with contextlib.suppress(EndpointFailed):
                # The local SageMaker's clock is as much faster (aws_account.py).
                executor = Executor(
                    account, None, lambda _: None, 30.0, lambda s: time.sleep(s * SCALE)
                )
                executor.run(actions)
        return release.address


def run(args: Sequence[str], variables: Mapping[str, str]) -> tuple[int, str, str]:
    """A command of `python -m deploy`: exit status, stdout and stderr."""
    out, err = io.StringIO(), io.StringIO()
    with environ(variables), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main([*args])
    return status, out.getvalue(), err.getvalue()


@contextlib.contextmanager
def environ(variables: Mapping[str, str]) -> Iterator[None]:
    """These variables of AWS and no others, no file of a user and no metadata service."""
    nowhere = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
               "AWS_EC2_METADATA_DISABLED": "true"}  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            patch.delenv(name)
        for name, value in {**nowhere, **variables}.items():
            patch.setenv(name, value)
        yield


def healthy(lab: AwsLab, archive: Path, *without: str) -> Setup:
    """An account after `bootstrap --yes`, with an image and somebody who may deploy.

    Args:
        lab: The account.
        archive: What is to be deployed.
        without: Actions that whoever deploys may not.
    """
    admin = lab.place.environ
    region = ["--region", lab.region]
    status, out, err = run(["bootstrap", "--yes", *region], admin)
    assert status == 0, err
    made = json.loads(out)
    _, printed, _ = run(["bootstrap", "--print", "deployer-policy", *region], admin)
    policy = json.loads(printed)
    for statement in policy["Statement"]:
        statement["Action"] = [a for a in statement["Action"] if a not in without]
    policy["Statement"] = [statement for statement in policy["Statement"] if statement["Action"]]
    lab.push("rooms", "1.0")
    settings = dict(pair.partition("=")[::2] for pair in made["set"])
    settings |= {"image": f"{made['image_repository']}:1.0", "archive": str(archive)}
    user = lab.user(f"ci-{lab.region}", policy)
    return Setup(lab, settings, {"AWS_ENDPOINT_URL": lab.place.url} | user)
