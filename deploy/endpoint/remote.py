# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is on the account, of what a plan names: describing calls alone, nothing is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from deploy.endpoint.plan import Artifact, Remote, plan
from deploy.endpoint.spec import Mode, Spec

if TYPE_CHECKING:
    from collections.abc import Mapping

# The call that tells whether what another call makes is there, and the parameters that name it.
_LOOKS = {
    "put_object": ("head_object", ("Bucket", "Key")),
    "create_model": ("describe_model", ("ModelName",)),
    "create_endpoint_config": ("describe_endpoint_config", ("EndpointConfigName",)),
}


class Account(Protocol):
    """Asks AWS."""

    def ask(
        self, service: str, operation: str, params: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        """The answer of a describing call; None if what it names is not there."""
        ...


def read_remote(account: Account, spec: Spec, artifact: Artifact) -> Remote:
    """What is there of an endpoint and of what it shall be made of.

    Raises:
        AwsError: If AWS does not answer.
    """
    present = set()
    for step in plan(spec, artifact, Remote()):
        if step.operation in _LOOKS:
            look, names = _LOOKS[step.operation]
            params = {name: step.params[name] for name in names}
            if account.ask(step.service, look, params) is not None:
                present.add(params[names[-1]])
    endpoint = account.ask("sagemaker", "describe_endpoint", {"EndpointName": spec.endpoint})
    if endpoint is None:
        return Remote(frozenset(present))
    config = endpoint.get("EndpointConfigName", "")
    return Remote(frozenset(present), endpoint["EndpointStatus"], config, _mode(account, config))


def _mode(account: Account, config: str) -> Mode | None:
    params = {"EndpointConfigName": config}
    found = account.ask("sagemaker", "describe_endpoint_config", params)
    if found is None:
        return None
    is_serverless = "ServerlessConfig" in found["ProductionVariants"][0]
    return Mode.SERVERLESS if is_serverless else Mode.REALTIME
