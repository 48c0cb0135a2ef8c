# SPDX-License-Identifier: AGPL-3.0-or-later
"""What `doctor` looks at: a configuration and the account that it leads to, opened when asked."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from deploy.account.places import Account, Places
from deploy.aws import open_account
from deploy.cli import parse_endpoint_url
from deploy.image.names import parse_name

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import ModuleType

    from deploy.aws.api import AwsApi
    from deploy.endpoint.spec import Spec


class DoctorContext:
    """A configuration, and what comes of it.

    Args:
        config: File of the configuration.
        changes: ``KEY=VALUE``, which go before the file.
        endpoint_url: Address of all services, in the place of AWS's own.
    """

    def __init__(self, config: Path, changes: Sequence[str], endpoint_url: str | None) -> None:
        self.config = config
        self.changes = changes
        self.endpoint_url = endpoint_url

    @cached_property
    def spec(self) -> Spec:
        """The whole configuration.

        Raises:
            OSError: If the file cannot be read.
            SpecError: If it is malformed.
        """
        found: Spec = _reading().read_spec(self.config.read_text("utf-8"), self.changes)
        return found

    @cached_property
    def region(self) -> str | None:
        """What the configuration says of the region, even if the rest of it is refused."""
        try:
            text = self.config.read_text("utf-8")
        except OSError:
            text = ""
        found = _reading().value_of(text, self.changes, "region")
        return found if isinstance(found, str) and found else None

    @cached_property
    def aws(self) -> AwsApi:
        """The account.

        Raises:
            AwsError: If there is no region.
        """
        return open_account(self.region, self.endpoint_url)

    @cached_property
    def identity(self) -> str:
        """ARN of whose credentials these are.

        Raises:
            AwsError: If they are nobody's.
        """
        return str(self.aws.call("sts", "get_caller_identity", {})["Arn"])

    @property
    def account(self) -> Account:
        """That of the credentials."""
        _, partition, _, _, number, *_ = self.identity.split(":")
        return Account(partition, self.aws.region, number)

    @property
    def places(self) -> Places:
        """What the policies are about, by the configuration."""
        spec, account = self.spec, self.account
        place = spec.image_place
        registry = Account(account.partition, place.region, place.account)
        repository = registry.arn("ecr", f"repository/{parse_name(spec.image).repository}")
        return Places(account, spec.endpoint, spec.artifacts.rstrip("/"), repository, spec.role)


def open_context(config: Path, changes: Sequence[str], endpoint_url: str | None) -> DoctorContext:
    """The context; nothing is read or asked yet.

    Raises:
        BadUsage: If the address is malformed.
    """
    return DoctorContext(config, changes, parse_endpoint_url(endpoint_url))


def _reading() -> ModuleType:
    """What reads configurations; `doctor` is there to say that PyYAML is missing."""
    from deploy.endpoint import reading  # noqa: PLC0415

    return reading
