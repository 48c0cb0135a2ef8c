# SPDX-License-Identifier: AGPL-3.0-or-later
"""What endpoints of instances have in common, whether they answer at once or from a queue."""

from __future__ import annotations

import re
from typing import Protocol

from deploy.endpoint.checks import check_form, check_range
from deploy.errors import SpecError

_INSTANCE = re.compile(r"ml\.[a-z0-9-]+\.[a-z0-9]+")
_ACCELERATED = re.compile(r"ml\.(g|p|inf|trn|dl)[0-9]")
_ARM = re.compile(r"ml\.[a-z]+[0-9]+g[a-z]*\.")  # c7g, m6gd, … : Graviton
MOST_INSTANCES = 1000


class Scaling(Protocol):
    """Between which numbers of instances a fleet is kept."""

    @property
    def min_instances(self) -> int: ...

    @property
    def max_instances(self) -> int: ...


class Instances(Protocol):
    """The settings of a fleet; what each means says the section that has them."""

    @property
    def instance_type(self) -> str:
        """Such as ``ml.c6i.large``."""
        ...

    @property
    def instance_count(self) -> int:
        """When the endpoint is made."""
        ...

    @property
    def autoscaling(self) -> Scaling | None:
        """None leaves the number as it is."""
        ...

    @property
    def termination_wait_s(self) -> int:
        """From the end of an update to that of the old instances."""
        ...

    @property
    def max_execution_s(self) -> int: ...

    @property
    def health_check_timeout_s(self) -> int:
        """From the start of a container to its first good ``/ping``."""
        ...

    @property
    def model_download_timeout_s(self) -> int:
        """To fetch and unpack the model."""
        ...


def check_instances(section: str, fleet: Instances) -> None:
    """Refuse values of a fleet that SageMaker or the image does not take.

    Source: SageMaker API reference (UpdateEndpoint, CreateEndpointConfig), botocore 1.44.

    Raises:
        SpecError: If there is one.
    """
    check_instance_type(f"{section}.instance_type", fleet.instance_type)
    check_range(f"{section}.instance_count", fleet.instance_count, 1, MOST_INSTANCES)
    check_range(f"{section}.termination_wait_s", fleet.termination_wait_s, 0, 3600)
    check_range(f"{section}.max_execution_s", fleet.max_execution_s, 600, 28_800)
    check_range(f"{section}.health_check_timeout_s", fleet.health_check_timeout_s, 60, 3600)
    check_range(f"{section}.model_download_timeout_s", fleet.model_download_timeout_s, 60, 3600)
    scaling = fleet.autoscaling
    if scaling and not scaling.min_instances <= fleet.instance_count <= scaling.max_instances:
        raise SpecError(
            f"{section}.instance_count is {fleet.instance_count}, and {section}.autoscaling keeps "
            f"{scaling.min_instances} to {scaling.max_instances}"
        )


def check_scaling(section: str, scaling: Scaling, fewest: int) -> None:
    """Refuse numbers of instances that are none; ``fewest`` is the least that may be.

    Raises:
        SpecError: If there is one.
    """
    check_range(f"{section}.max_instances", scaling.max_instances, 1, MOST_INSTANCES)
    check_range(f"{section}.min_instances", scaling.min_instances, fewest, scaling.max_instances)


def check_instance_type(name: str, value: str) -> None:
    """Refuse a type of instance that the image does not run on.

    Raises:
        SpecError: If it is one, or no type of SageMaker's.
    """
    check_form(name, value, _INSTANCE, "ml.c6i.large")
    if _ACCELERATED.match(value):
        raise SpecError(f"{name} is {value}: the network runs on CPUs alone; say ml.c6i.large")
    if _ARM.match(value):
        raise SpecError(
            f"{name} is {value}, an arm64 CPU: the image is linux/amd64; say ml.c6i.large"
        )


def start_limits(fleet: Instances) -> dict[str, int]:
    """What a variant of instances says about its start, in SageMaker's words."""
    return {
        "ModelDataDownloadTimeoutInSeconds": fleet.model_download_timeout_s,
        "ContainerStartupHealthCheckTimeoutInSeconds": fleet.health_check_timeout_s,
    }
