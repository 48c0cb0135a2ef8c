# SPDX-License-Identifier: AGPL-3.0-or-later
"""The model behind an endpoint: its name, where its file lies, and its variables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from deploy.aws.s3 import folder_of, split_address
from deploy.endpoint.remote import SERVICE, read_endpoint
from deploy.errors import NothingServes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deploy.aws.api import AwsApi

# What a container may read by itself (docs/api.md, "Plans by reference").
PREFIXES_VARIABLE = "ROOMDET_IMAGE_URL_PREFIXES"


@dataclass(frozen=True, slots=True)
class Served:
    """A model that is there.

    Attributes:
        model: Its name.
        folder: S3 address of the folder that its file lies in, with a slash at the end.
        environment: Of its container.
        instance_type: Of the endpoint; empty if it is serverless.
    """

    model: str
    folder: str
    environment: Mapping[str, str]
    instance_type: str = ""

    @property
    def readable(self) -> str:
        """S3 address that plans may have which are named instead of sent; empty if none may.

        In the bucket of the model's own file, if it has one there.
        """
        prefixes = self.environment.get(PREFIXES_VARIABLE, "").split()
        bucket, _ = split_address(self.folder)
        near = [prefix for prefix in prefixes if split_address(prefix)[0] == bucket]
        return next(iter([*near, *prefixes]), "")


def read_served(account: AwsApi, endpoint: str) -> Served:
    """The model that answers.

    Raises:
        AwsError: If AWS does not answer.
        NothingServes: If there is no such endpoint.
    """
    found = account.ask(SERVICE, "describe_endpoint", {"EndpointName": endpoint})
    if found is None:
        raise NothingServes(f"there is no endpoint {endpoint}; `python -m deploy apply` makes it")
    return _of_config(account, found["EndpointConfigName"])


def read_last_good(account: AwsApi, endpoint: str) -> Served:
    """The model that passed the endpoint's last test.

    Raises:
        AwsError: If AWS does not answer.
        NothingServes: If there is none.
    """
    found = read_endpoint(account, endpoint)
    if found is None or not found.last_good:
        raise NothingServes(
            f"endpoint {endpoint} {'has no version that was tested' if found else 'is not there'}; "
            "`python -m deploy apply` makes one, or name a model (--model)"
        )
    return _of_config(account, found.last_good)


def read_model(account: AwsApi, name: str, instance_type: str = "") -> Served:
    """A model by its name.

    Raises:
        AwsError: If AWS does not answer.
        NothingServes: If it is not there.
    """
    found = account.ask(SERVICE, "describe_model", {"ModelName": name})
    if found is None:
        raise NothingServes(f"there is no model {name}")
    container = found["PrimaryContainer"]
    folder = folder_of(container.get("ModelDataUrl", ""))
    return Served(name, folder, container.get("Environment", {}), instance_type)


def _of_config(account: AwsApi, config: str) -> Served:
    found = account.ask(SERVICE, "describe_endpoint_config", {"EndpointConfigName": config})
    if found is None:
        raise NothingServes(f"the endpoint's configuration {config} is gone; run `apply` again")
    variant = found["ProductionVariants"][0]
    return read_model(account, variant["ModelName"], variant.get("InstanceType", ""))
