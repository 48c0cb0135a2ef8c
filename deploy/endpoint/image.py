# SPDX-License-Identifier: AGPL-3.0-or-later
"""The image of a release: SageMaker must take it, and its digest is what is deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.aws.errors import AwsDenied, AwsError
from deploy.endpoint.spec import Mode
from deploy.errors import ManifestError, NotFound
from deploy.image.connect import ecr_registry
from deploy.image.inspection import inspect, inspect_manifest
from deploy.image.names import parse_name
from deploy.image.report import mending_command
from deploy.image.rules import Demands, Hosting, Level, is_acceptable, judge

if TYPE_CHECKING:
    from collections.abc import Callable

    from deploy.aws.api import AwsApi
    from deploy.endpoint.spec import Spec
    from deploy.image.inspection import Inspection
    from deploy.image.names import ImageName
    from deploy.image.registry import Registry


def find_image(account: AwsApi, spec: Spec, say: Callable[[str], None]) -> str:
    """The image of a configuration by digest, once it is certain that SageMaker takes it.

    Raises:
        AwsError: If ECR cannot be asked.
        ManifestError: If SageMaker does not take it.
    """
    name = parse_name(spec.image)
    registry = ecr_registry(account, spec.image_place, name)
    return pin_image(registry, name, spec.mode, say)


def pin_image(registry: Registry, name: ImageName, mode: Mode, say: Callable[[str], None]) -> str:
    """The name by digest of an image that SageMaker takes.

    Args:
        registry: Holds it.
        name: Of the image.
        mode: Decides how large it may be.
        say: Told what surprises.

    Raises:
        AwsError: If the registry cannot be asked.
        ManifestError: If SageMaker does not take it; the message says what mends it.
    """
    seen = _look(registry, name, say)
    hosting = Hosting.SERVERLESS if mode is Mode.SERVERLESS else Hosting.INSTANCE
    findings = judge(seen, Demands(hosting))
    if not is_acceptable(findings):
        reasons = "; ".join(f.message for f in findings if f.level is Level.ERROR)
        command = mending_command(seen, findings)
        mend = f". This mends it: {command}" if command else ""
        raise ManifestError(f"SageMaker does not take the image {name}: {reasons}{mend}")
    for finding in findings:
        say(f"warning: {finding.message}")
    return str(name.at(digest=seen.top.digest))


def _look(registry: Registry, name: ImageName, say: Callable[[str], None]) -> Inspection:
    """Whoever deploys need not be allowed to read layers; then the manifest alone is looked at."""
    try:
        return inspect(registry, name)
    except AwsError as err:
        if isinstance(err, NotFound) or err.operation != "GetDownloadUrlForLayer":
            raise
        why = "may not be read" if isinstance(err, AwsDenied) else "cannot be read"
        say(f"warning: layers of {name.repository_name} {why}, so its platform is not checked")
        return inspect_manifest(registry, name)
