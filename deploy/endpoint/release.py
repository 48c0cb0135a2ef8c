# SPDX-License-Identifier: AGPL-3.0-or-later
"""A release: one archive on one endpoint as it is wanted, and the resources that it is made of.

Models and configurations cannot be changed on AWS. Their names carry a digest of their content, so
what has the name has the content, and what was there stays for the way back.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploy.aws.s3 import folder_of, split_address
from deploy.endpoint.actions import ApiCall, ModelFile, Try, TryAsync
from deploy.endpoint.asynchronous import inference_config
from deploy.endpoint.instances import start_limits
from deploy.endpoint.spec import DIGEST_VARIABLE, OUR_TAG, Mode, Spec
from serving.golden import Golden, read_golden

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIANT = "AllTraffic"
VERSION_TAG = "roomdet:version"
SHA256_TAG = "roomdet:sha256"
CANDIDATE = "candidate"
OBJECT_PREFIX = "rooms-"
_LONGEST_VERSION = 63 - 32 - 2 - 8  # what name, two hyphens and digest leave of 63 characters


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
class Release:
    """An archive for an endpoint.

    Attributes:
        spec: The endpoint as it is wanted.
        artifact: The archive.
        image: By digest, unless no account is asked.
    """

    spec: Spec
    artifact: Artifact
    image: str

    @property
    def place(self) -> str:
        """S3 address that the files of all versions begin with."""
        return place_of(self.spec)

    @property
    def address(self) -> str:
        """S3 address of the model's file."""
        return f"{self.place}{self.artifact.version}-{self.artifact.sha256[:8]}.tar.gz"

    @property
    def model(self) -> str:
        version = re.sub(r"[^a-zA-Z0-9]+", "-", self.artifact.version)[:_LONGEST_VERSION].strip("-")
        return f"{self.spec.endpoint}-{version}-{_digest(self._model())}"

    @property
    def config(self) -> str:
        """Name of the endpoint configuration."""
        content = self._variant() | self._queue()
        return f"{self.spec.endpoint}-{self.spec.mode}-{_digest(content)}"

    @property
    def candidate_config(self) -> str:
        """Name of the configuration that the release is tried with."""
        content = self._candidate_variant() | self._queue(is_candidate=True)
        return f"{self.spec.endpoint}-{CANDIDATE}-{_digest(content)}"

    @property
    def candidate(self) -> str:
        """Name of the temporary endpoint."""
        return candidate_name(self.spec.endpoint)

    def upload_step(self) -> ApiCall:
        """Puts the model's file."""
        bucket, key = split_address(self.address)
        params = {
            "Bucket": bucket,
            "Key": key,
            "Body": ModelFile(self.spec.archive, self.artifact.sha256),
        }
        return ApiCall(
            "s3", "put_object", params, f"version {self.artifact.version} is not there yet"
        )

    def model_step(self) -> ApiCall:
        params = {"ModelName": self.model, **self._model(), "Tags": self._version_tags()}
        return ApiCall("sagemaker", "create_model", params, "image, archive and variables")

    def config_step(self) -> ApiCall:
        """Makes the configuration of the endpoint."""
        content = {"ProductionVariants": [self._variant()], **self._queue()}
        return self._config_step(self.config, content, "model and capacity")

    def candidate_config_step(self) -> ApiCall:
        """Makes the configuration of the temporary endpoint."""
        why = "the same model on the least capacity, to try it"
        queue = self._queue(is_candidate=True)
        content = {"ProductionVariants": [self._candidate_variant()], **queue}
        return self._config_step(self.candidate_config, content, why)

    def create_step(self) -> ApiCall:
        return self._create_step(self.spec.endpoint, self.config, "there is none of this name")

    def create_candidate_step(self) -> ApiCall:
        """Makes the temporary endpoint."""
        why = "the version is tried before requests go to it"
        return self._create_step(self.candidate, self.candidate_config, why)

    def _model(self) -> dict[str, Any]:
        container = {
            "Image": self.image,
            "ModelDataUrl": self.address,
            "Environment": dict(self.spec.environment) | {DIGEST_VARIABLE: self.artifact.sha256},
        }
        return {"PrimaryContainer": container, "ExecutionRoleArn": self.spec.role}

    def _variant(self) -> dict[str, Any]:
        variant: dict[str, Any] = {"VariantName": VARIANT, "ModelName": self.model}
        if self.spec.fleet:
            variant["InstanceType"] = self.spec.fleet.instance_type
            variant["InitialInstanceCount"] = self.spec.fleet.instance_count
            variant |= start_limits(self.spec.fleet)
        elif self.spec.serverless:
            variant["ServerlessConfig"] = {
                "MemorySizeInMB": self.spec.serverless.memory_mb,
                "MaxConcurrency": self.spec.serverless.max_concurrency,
            }
            if self.spec.serverless.provisioned_concurrency:
                provisioned = self.spec.serverless.provisioned_concurrency
                variant["ServerlessConfig"]["ProvisionedConcurrency"] = provisioned
        return variant

    def _candidate_variant(self) -> dict[str, Any]:
        variant = self._variant()
        if self.spec.fleet:
            return variant | {"InitialInstanceCount": 1}
        memory_mb = variant["ServerlessConfig"]["MemorySizeInMB"]
        return variant | {"ServerlessConfig": {"MemorySizeInMB": memory_mb, "MaxConcurrency": 1}}

    def _queue(self, *, is_candidate: bool = False) -> dict[str, Any]:
        if self.spec.async_ is None:
            return {}
        return {
            "AsyncInferenceConfig": inference_config(self.spec.async_, is_candidate=is_candidate)
        }

    def _config_step(self, name: str, content: Mapping[str, Any], why: str) -> ApiCall:
        params = {"EndpointConfigName": name, **content, "Tags": self._version_tags()}
        return ApiCall("sagemaker", "create_endpoint_config", params, why)

    def _create_step(self, endpoint: str, config: str, why: str) -> ApiCall:
        params = {
            "EndpointName": endpoint,
            "EndpointConfigName": config,
            "Tags": as_tags(self._tags()),
        }
        return ApiCall("sagemaker", "create_endpoint", params, why)

    def _tags(self) -> dict[str, str]:
        return {OUR_TAG: self.spec.endpoint, **self.spec.tags}

    def _version_tags(self) -> list[dict[str, str]]:
        own = {VERSION_TAG: self.artifact.version, SHA256_TAG: self.artifact.sha256}
        return as_tags(self._tags() | own)


def read_release(spec: Spec, image: str) -> tuple[Release, Golden]:
    """The release that a configuration describes, and what it must answer.

    Args:
        spec: The configuration.
        image: By digest, unless no account is asked.

    Raises:
        ArchiveError: If the archive is none.
    """
    archive = Path(spec.archive)
    golden = read_golden(archive)
    artifact = Artifact(golden.version, hashlib.sha256(archive.read_bytes()).hexdigest())
    return Release(spec, artifact, image), golden


def place_of(spec: Spec) -> str:
    """S3 address that the files of all versions of an endpoint begin with."""
    bucket, prefix = spec.place
    return f"s3://{bucket}/{prefix}{spec.endpoint}/{OBJECT_PREFIX}"


def trial(endpoint: str, mode: Mode, address: str) -> Try:
    """The test of an endpoint.

    What is sent to one with a queue lies beside the models' files: if a run is killed, the next one
    removes it like the file of a model that is gone.

    Args:
        endpoint: Its name.
        mode: How it is hosted.
        address: Of its model's file.
    """
    if mode is not Mode.ASYNC:
        return Try(endpoint)
    return TryAsync(endpoint, f"{folder_of(address)}{OBJECT_PREFIX}trial-{endpoint}-")


def candidate_name(endpoint: str) -> str:
    """Of the temporary endpoint: one for each endpoint, so that none is forgotten."""
    return f"{endpoint}-{CANDIDATE}"


def as_tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags in SageMaker's form."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:8]
