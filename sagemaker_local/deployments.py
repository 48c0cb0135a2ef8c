# SPDX-License-Identifier: AGPL-3.0-or-later
"""DeploymentConfig: what of it is refused before anything happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sagemaker_local.configs import is_serverless, variants_of
from sagemaker_local.refusal import invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sagemaker_local.records import Record

_SIZES = {"CANARY": ("CanarySize", 0), "LINEAR": ("LinearStepSize", 10)}
_MOST_PERCENT = 50  # botocore's model of CanarySize and LinearStepSize


def check_deployment(deployment: Mapping[str, Any], config: Record) -> None:
    """Compare a DeploymentConfig with the configuration that it shall bring.

    Raises:
        Refusal: If they do not go together.
    """
    if not deployment:
        return
    if is_serverless(config):
        raise invalid("DeploymentConfig is not supported for serverless endpoints.")
    if "RollingUpdatePolicy" in deployment:
        raise invalid("RollingUpdatePolicy is not served here; BlueGreenUpdatePolicy is.")
    traffic = deployment.get("BlueGreenUpdatePolicy", {}).get("TrafficRoutingConfiguration", {})
    for kind, (key, least) in _SIZES.items():
        if kind == traffic.get("Type"):
            if key not in traffic:
                raise invalid(f"{key} is needed for traffic routing of type {kind}.")
            _check_size(key, traffic[key], least, config)
        elif key in traffic:
            raise invalid(f"{key} is for traffic routing of type {kind}.")


def _check_size(key: str, size: Mapping[str, Any], least: int, config: Record) -> None:
    count = sum(variant["InitialInstanceCount"] for variant in variants_of(config))
    value = size["Value"]
    percent = value if size["Type"] == "CAPACITY_PERCENT" else 100 * value / count
    if not least <= percent <= _MOST_PERCENT:
        raise invalid(
            f"{key} is {percent:g} % of the {count} instances of the new fleet; it must be "
            f"{least or 'more than 0'} to {_MOST_PERCENT} %."
        )
    if count < 2:  # noqa: PLR2004
        raise invalid(f"{key} needs two instances or more: traffic moves by whole instances.")
