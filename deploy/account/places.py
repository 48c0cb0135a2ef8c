# SPDX-License-Identifier: AGPL-3.0-or-later
"""Where an endpoint's things lie in an account, by name and as ARNs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deploy.image.names import EcrPlace
from serving.errors import BadUsage

if TYPE_CHECKING:
    from deploy.endpoint.spec import Spec

# Also the name of a repository of ECR's, and the beginning of the bucket's.
_NAME = re.compile(r"[a-z0-9](-?[a-z0-9])*")
_LONGEST_NAME = 32  # as long as an endpoint's (deploy/endpoint/spec.py)
_PREFIX = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[^*?\s]*)?")
MODELS = "models"
NAME = "rooms"
PREFIXES = "ROOMDET_IMAGE_URL_PREFIXES"  # of the container: where plans lie (docs/operations.md)


@dataclass(frozen=True, slots=True)
class Account:
    """One account in one region.

    Attributes:
        partition: ``aws``, ``aws-cn`` or ``aws-us-gov``.
        region: Such as ``eu-central-1``.
        number: Twelve digits.
    """

    partition: str
    region: str
    number: str

    def arn(self, service: str, resource: str) -> str:
        """The ARN of what lies in the region."""
        return f"arn:{self.partition}:{service}:{self.region}:{self.number}:{resource}"

    def iam_arn(self, resource: str) -> str:
        """The ARN of what IAM has, which knows no regions."""
        return f"arn:{self.partition}:iam::{self.number}:{resource}"

    def s3_arn(self, address: str) -> str:
        """The ARN of what lies under an S3 address, whose names are of the whole partition."""
        return f"arn:{self.partition}:s3:::{address.removeprefix('s3://')}"


@dataclass(frozen=True, slots=True)
class Places:
    """What the policies are about.

    Attributes:
        account: Where.
        endpoint: Its name.
        artifacts: S3 address that the models' files lie under, with no slash at its end.
        repository: ARN of the image's repository.
        role: ARN of the role that SageMaker assumes.
    """

    account: Account
    endpoint: str
    artifacts: str
    repository: str
    role: str

    @property
    def bucket(self) -> str:
        """Name of the bucket."""
        return self.artifacts.removeprefix("s3://").partition("/")[0]


@dataclass(frozen=True, slots=True)
class Names:
    """What `bootstrap` makes, by name.

    Attributes:
        account: Where.
        name: Of the endpoint, and the beginning of all other names.
        plans: S3 addresses that plans may be read from by reference.
        outputs: S3 addresses that asynchronous answers may be written to.
        with_tls: S3 is spoken to through TLS; a policy that demands it would lock others out.
    """

    account: Account
    name: str = NAME
    plans: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    with_tls: bool = True

    @property
    def bucket(self) -> str:
        """Bucket of the artifacts: names are of the whole partition, so it says whose it is."""
        return f"{self.name}-{self.account.number}-{self.account.region}"

    @property
    def artifacts(self) -> str:
        """For `artifacts` of the endpoint's configuration."""
        return f"s3://{self.bucket}/{MODELS}"

    @property
    def role(self) -> str:
        """Name of the role; IAM knows no regions, and the role is for one."""
        return f"{self.name}-sagemaker-{self.account.region}"

    @property
    def role_arn(self) -> str:
        """For `role` of the endpoint's configuration."""
        return self.account.iam_arn(f"role/{self.role}")

    @property
    def repository_address(self) -> str:
        """What an image of the repository begins with."""
        return f"{EcrPlace(self.account.number, self.account.region).host}/{self.name}"

    def places(self) -> Places:
        """What the policies are about."""
        repository = self.account.arn("ecr", f"repository/{self.name}")
        return Places(self.account, self.name, self.artifacts, repository, self.role_arn)


def beside(spec: Spec) -> tuple[list[str], list[str]]:
    """S3 addresses that the container reads plans under, and that asynchronous answers go to."""
    outputs = [spec.async_.output, spec.async_.failures] if spec.async_ else []
    return spec.environment.get(PREFIXES, "").split(), outputs


def check_names(name: str, addresses: tuple[str, ...]) -> None:
    """Refuse what AWS would refuse, or what would mean more than it says.

    Raises:
        BadUsage: If it is malformed.
    """
    if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
        raise BadUsage(
            f"endpoint {name!r}: bucket and repository are named after it, so lower-case letters, "
            f"digits and single hyphens are wanted, "
            f"{_LONGEST_NAME} at most"
        )
    for address in addresses:
        if not _PREFIX.fullmatch(address):
            raise BadUsage(f"{address!r} is not s3://bucket or s3://bucket/prefix, without * or ?")
