# SPDX-License-Identifier: AGPL-3.0-or-later
"""An endpoint on a local SageMaker whose servers are played."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deploy.aws.client import AwsAccount
from deploy.endpoint.apply import Operator
from deploy.endpoint.image import find_image
from deploy.endpoint.reading import read_spec
from deploy.endpoint.release import read_release
from tests.contract.local_sagemaker import REGION
from tests.unit.test_endpoint_spec import SHIPPED

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from deploy.endpoint.apply import Outcome
    from tests.contract.local_sagemaker import Harness

QUEUE = (
    "mode=async", "serverless=null", "async.instance_type=ml.c6i.large",
    "async.output=s3://rooms/answers", "async.failures=s3://rooms/failures",
)  # fmt: skip


@dataclass
class Site:
    """A local SageMaker whose servers are played, and what is said there.

    Attributes:
        lab: It.
        archive: The archive of all releases.
        said: Progress so far.
    """

    lab: Harness
    archive: Path
    said: list[str]
    on_say: Callable[[str], None] = lambda _: None

    def apply(
        self,
        *settings: str,
        timeout_s: float = 20.0,
        with_candidate: bool = True,
        approve: Callable[[str], None] | None = None,
    ) -> Outcome:
        """Bring a release to the endpoint ``rooms``."""
        spec = read_spec(SHIPPED, (*self.lab.account.settings(), *settings))
        account = AwsAccount(REGION, self.lab.place.url)
        release, golden = read_release(spec, find_image(account, spec, self.said.append))
        operator = Operator(account, spec.endpoint, self._say, timeout_s, approve)
        return operator.apply(release, golden, with_candidate=with_candidate)

    def operator(self) -> Operator:
        """Of the endpoint ``rooms``."""
        return Operator(AwsAccount(REGION, self.lab.place.url), "rooms", self._say, 20.0)

    def names(self) -> list[str]:
        """What is there."""
        found: Any = self.lab.sagemaker
        return [
            *(e["EndpointName"] for e in found.list_endpoints()["Endpoints"]),
            *(e["EndpointConfigName"] for e in found.list_endpoint_configs()["EndpointConfigs"]),
            *(e["ModelName"] for e in found.list_models()["Models"]),
            *(e["Key"] for e in self._objects()),
        ]

    def _objects(self) -> list[dict[str, Any]]:
        listed = self.lab.client("s3").list_objects_v2(Bucket=self.lab.repository)
        found: list[dict[str, Any]] = listed.get("Contents", [])
        return found

    def _say(self, text: str) -> None:
        self.said.append(text)
        self.on_say(text)


def settings(site: Site) -> tuple[str, str]:
    """For a first release."""
    return f"archive={site.archive}", "endpoint=rooms"


def good(site: Site, name: str) -> tuple[str, ...]:
    """Settings of a release that passes its test; each name is another version."""
    golden = f"environment.GOLDEN={site.archive}"
    return (*settings(site), golden, f"environment.NAME={name}")
