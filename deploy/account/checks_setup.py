# SPDX-License-Identifier: AGPL-3.0-or-later
"""This machine: packages, configuration, region and credentials."""

from __future__ import annotations

import re
from importlib import metadata
from typing import TYPE_CHECKING

from deploy.account.diagnosis import Result, fails, ok, told
from deploy.aws.errors import AwsError
from deploy.cli import OWN_CONFIG
from deploy.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deploy.account.context import DoctorContext

_PACKAGES = ("boto3", "pyyaml", "urllib3", "zstandard")
_OLDEST_BOTO3 = (1, 44, 5)  # requirements/deploy.txt
_INSTALL = "`make venv-deploy` installs it in .venv; then `. .venv/bin/activate`"


def check_packages(context: DoctorContext) -> Result:
    """What `requirements/deploy.txt` names is installed, and boto3 is not too old."""
    del context
    return judge_packages({package: _version(package) for package in _PACKAGES})


def judge_packages(versions: Mapping[str, str]) -> Result:
    """Whether packages are enough, by their versions; an empty one is not installed."""
    for package, version in versions.items():
        if not version:
            return fails(f"{package} is not installed", _INSTALL)
    boto3 = tuple(int(part) for part in re.findall(r"\d+", versions["boto3"])[:3])
    if boto3 < _OLDEST_BOTO3:
        wanted = ".".join(map(str, _OLDEST_BOTO3))
        return fails(f"boto3 {versions['boto3']} is older than {wanted}", _INSTALL)
    return ok(", ".join(f"{name} {version}" for name, version in versions.items()))


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def check_configuration(context: DoctorContext) -> Result:
    """The configuration can be read, and says all that `apply` needs."""
    try:
        spec = context.spec
    except SpecError as err:
        return fails(
            str(err),
            f"Correct it in {context.config.name}, or by --set; `python -m deploy bootstrap "
            f"--write {OWN_CONFIG}` makes and writes artifacts, role, region and the image's "
            "repository",
        )
    return ok(f"endpoint {spec.endpoint}, mode {spec.mode}")


def check_region(context: DoctorContext) -> Result:
    """A region is named here or in boto3's own configuration."""
    return ok(context.aws.region)


def check_credentials(context: DoctorContext) -> Result:
    """There are credentials, and they are of the account that the configuration names."""
    try:
        identity = context.identity
    except AwsError as err:
        return fails(*told(err))
    try:
        spec = context.spec
    except (SpecError, OSError):
        return ok(identity)
    if spec.account != context.account.number:
        return fails(
            f"{identity} is of account {context.account.number}, and the role is of {spec.account}",
            "Set AWS_PROFILE, or log in to the other account; or correct `role`",
        )
    return ok(identity)
