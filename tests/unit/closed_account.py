# SPDX-License-Identifier: AGPL-3.0-or-later
"""An account that answers nothing; tests open what they need of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deploy.aws.api import AwsApi, Reply


class ClosedAccount:
    """Each call of it fails the test."""

    region = "eu-central-1"

    def brief(self) -> AwsApi:
        """No less closed."""
        return self

    def ask(
        self, service: str, operation: str, params: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        """Not asked here."""
        raise AssertionError(service, operation, params)

    def call(self, service: str, operation: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Not called here."""
        raise AssertionError(service, operation, params)

    def pages(self, service: str, operation: str, params: Mapping[str, Any], key: str) -> list[Any]:
        """Nothing is listed here."""
        raise AssertionError(service, operation, params, key)

    def invoke(
        self, endpoint: str, body: bytes, content_type: str = "", attributes: str = ""
    ) -> Reply:
        """Not invoked here."""
        raise AssertionError(endpoint, body, content_type, attributes)
