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

from deploy.endpoint.actions import ModelFile, Step
from deploy.endpoint.capacity import start_limits
from deploy.endpoint.spec import DIGEST_VARIABLE, OUR_TAG, Spec
from deploy.golden import Golden, read_golden

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
        """Name of the model."""
        version = re.sub(r"[^a-zA-Z0-9]+", "-", self.artifact.version)[:_LONGEST_VERSION].strip("-")
        return f"{self.spec.endpoint}-{version}-{_digest(self._model())}"

    @property
    def config(self) -> str:
        """Name of the endpoint configuration."""
        return f"{self.spec.endpoint}-{self.spec.mode}-{_digest(self._variant())}"

    @property
    def candidate_config(self) -> str:
        """Name of the configuration that the release is tried with."""
        return f"{self.spec.endpoint}-{CANDIDATE}-{_digest(self._candidate_variant())}"

    @property
    def candidate(self) -> str:
        """Name of the temporary endpoint."""
        return candidate_name(self.spec.endpoint)

    def upload_step(self) -> Step:
        """Puts the model's file."""
        bucket, key = split_address(self.address)
        params = {
            "Bucket": bucket,
            "Key": key,
            "Body": ModelFile(self.spec.archive, self.artifact.sha256),
        }
        return Step("s3", "put_object", params, f"version {self.artifact.version} is not there yet")

    def model_step(self) -> Step:
        """Makes the model."""
        params = {"ModelName": self.model, **self._model(), "Tags": self._version_tags()}
        return Step("sagemaker", "create_model", params, "image, archive and variables")

    def config_step(self) -> Step:
        """Makes the configuration of the endpoint."""
        return self._config_step(self.config, self._variant(), "model and capacity")

    def candidate_config_step(self) -> Step:
        """Makes the configuration of the temporary endpoint."""
        why = "the same model on the least capacity, to try it"
        return self._config_step(self.candidate_config, self._candidate_variant(), why)

    def create_step(self) -> Step:
        """Makes the endpoint."""
        return self._create_step(self.spec.endpoint, self.config, "there is none of this name")

    def create_candidate_step(self) -> Step:
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
        if self.spec.realtime:
            variant["InstanceType"] = self.spec.realtime.instance_type
            variant["InitialInstanceCount"] = self.spec.realtime.instance_count
            variant |= start_limits(self.spec.realtime)
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
        if self.spec.realtime:
            return variant | {"InitialInstanceCount": 1}
        memory_mb = variant["ServerlessConfig"]["MemorySizeInMB"]
        return variant | {"ServerlessConfig": {"MemorySizeInMB": memory_mb, "MaxConcurrency": 1}}

    def _config_step(self, name: str, variant: Mapping[str, Any], why: str) -> Step:
        params = {
            "EndpointConfigName": name,
            "ProductionVariants": [variant],
            "Tags": self._version_tags(),
        }
        return Step("sagemaker", "create_endpoint_config", params, why)

    def _create_step(self, endpoint: str, config: str, why: str) -> Step:
        params = {
            "EndpointName": endpoint,
            "EndpointConfigName": config,
            "Tags": as_tags(self._tags()),
        }
        return Step("sagemaker", "create_endpoint", params, why)

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


def candidate_name(endpoint: str) -> str:
    """Of the temporary endpoint: one for each endpoint, so that none is forgotten."""
    return f"{endpoint}-{CANDIDATE}"


def split_address(address: str) -> tuple[str, str]:
    """Bucket and key of an S3 address."""
    bucket, _, key = address.removeprefix("s3://").partition("/")
    return bucket, key


def as_tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags in SageMaker's form."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:8]
