# SPDX-License-Identifier: AGPL-3.0-or-later
"""The calls that lead from what is there to what is wanted, as data.

Models and configurations cannot be changed on AWS. Their names carry a digest of their content, so
what has the name has the content, and what was there stays for the way back.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from deploy.endpoint.rollout import deployment_config
from deploy.endpoint.spec import DIGEST_VARIABLE, OUR_TAG, Mode, Spec
from deploy.errors import PlanError

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIANT = "AllTraffic"
_LONGEST_VERSION = 63 - 32 - 2 - 8  # what name, two hyphens and digest leave of 63 characters
_STEADY = "InService"


@dataclass(frozen=True, slots=True)
class Artifact:
    """The archive on this machine.

    Attributes:
        version: As TorchServe registers it.
        sha256: Of the ``.mar``.
    """

    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class ModelFile:
    """``model.tar.gz`` made of an archive, as the body of an upload."""

    archive: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Remote:
    """What is on AWS.

    Attributes:
        present: Names of models, configurations and objects that are there.
        status: Of the endpoint; empty if there is none.
        config: Its configuration; empty if there is none.
        mode: How it is hosted; None if there is none.
    """

    present: frozenset[str] = field(default_factory=frozenset)
    status: str = ""
    config: str = ""
    mode: Mode | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One call; equal steps are equal calls."""

    service: str
    operation: str
    params: Mapping[str, Any]
    why: str


def plan(spec: Spec, artifact: Artifact, remote: Remote) -> list[Step]:
    """The calls that are left to make, in their order; empty if there is nothing to do.

    Raises:
        PlanError: If no calls lead there.
    """
    _check_way(spec, remote)
    upload, key = _upload(spec, artifact)
    model, model_name = _model(spec, artifact, key)
    config, config_name = _config(spec, model_name)
    named = [(key, upload), (model_name, model), (config_name, config)]
    steps = [step for name, step in named if name not in remote.present]
    if not remote.status:
        return [*steps, _create(spec, config_name)]
    return [*steps, *([] if remote.config == config_name else [_update(spec, config_name)])]


def _check_way(spec: Spec, remote: Remote) -> None:
    if remote.status and remote.status != _STEADY:
        raise PlanError(
            f"endpoint {spec.endpoint} is {remote.status}; SageMaker takes an update only when it "
            f"is {_STEADY}. Wait; an endpoint that is Failed must be deleted"
        )
    if remote.mode is Mode.REALTIME and spec.mode is Mode.SERVERLESS:
        raise PlanError(
            f"endpoint {spec.endpoint} has instances, and SageMaker never makes such an endpoint "
            f"serverless. Make another one (--set endpoint={spec.endpoint}-serverless), send the "
            "callers there, and delete this one"
        )


def _upload(spec: Spec, artifact: Artifact) -> tuple[Step, str]:
    bucket, prefix = spec.place
    key = f"{prefix}{spec.endpoint}/rooms-{artifact.version}-{artifact.sha256[:8]}.tar.gz"
    body = ModelFile(spec.archive, artifact.sha256)
    params = {"Bucket": bucket, "Key": key, "Body": body}
    return Step("s3", "put_object", params, f"version {artifact.version} is not there yet"), key


def _model(spec: Spec, artifact: Artifact, key: str) -> tuple[Step, str]:
    container = {
        "Image": spec.image,
        "ModelDataUrl": f"s3://{spec.place[0]}/{key}",
        "Environment": dict(spec.environment) | {DIGEST_VARIABLE: artifact.sha256},
    }
    content = {"PrimaryContainer": container, "ExecutionRoleArn": spec.role}
    version = re.sub(r"[^a-zA-Z0-9]+", "-", artifact.version)[:_LONGEST_VERSION].strip("-")
    name = f"{spec.endpoint}-{version}-{_digest(content)}"
    params = {"ModelName": name, **content, "Tags": _tags(spec)}
    return Step("sagemaker", "create_model", params, "image, archive and variables"), name


def _config(spec: Spec, model_name: str) -> tuple[Step, str]:
    variant: dict[str, Any] = {"VariantName": VARIANT, "ModelName": model_name}
    if spec.realtime:
        variant["InstanceType"] = spec.realtime.instance_type
        variant["InitialInstanceCount"] = spec.realtime.instance_count
    elif spec.serverless:
        variant["ServerlessConfig"] = {
            "MemorySizeInMB": spec.serverless.memory_mb,
            "MaxConcurrency": spec.serverless.max_concurrency,
        }
        if spec.serverless.provisioned_concurrency:
            provisioned = spec.serverless.provisioned_concurrency
            variant["ServerlessConfig"]["ProvisionedConcurrency"] = provisioned
    name = f"{spec.endpoint}-{spec.mode}-{_digest(variant)}"
    params = {"EndpointConfigName": name, "ProductionVariants": [variant], "Tags": _tags(spec)}
    return Step("sagemaker", "create_endpoint_config", params, "model and capacity"), name


def _create(spec: Spec, config_name: str) -> Step:
    params = {
        "EndpointName": spec.endpoint,
        "EndpointConfigName": config_name,
        "Tags": _tags(spec),
    }
    return Step("sagemaker", "create_endpoint", params, "there is none of this name")


def _update(spec: Spec, config_name: str) -> Step:
    params: dict[str, Any] = {"EndpointName": spec.endpoint, "EndpointConfigName": config_name}
    if spec.realtime:
        params["RetainAllVariantProperties"] = True  # what autoscaling has made of the capacity
        params["DeploymentConfig"] = deployment_config(spec)
    return Step("sagemaker", "update_endpoint", params, "it has another configuration")


def _tags(spec: Spec) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in _all_tags(spec).items()]


def _all_tags(spec: Spec) -> dict[str, str]:
    return {OUR_TAG: spec.endpoint, **spec.tags}


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:8]
