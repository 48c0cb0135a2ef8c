# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the account may have of SageMaker's instances and concurrency, against what is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.account.diagnosis import Result, fails, ok, unknown, warning
from deploy.aws.errors import AwsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deploy.account.context import DoctorContext
    from deploy.endpoint.asynchronous import Asynchronous
    from deploy.endpoint.capacity import Realtime
    from deploy.endpoint.spec import Spec

# Names of quotas, as SageMaker itself says them in the errors that users quote
# (deploy/aws/advice.py).
_CONCURRENCY = "Maximum total concurrency that can be allocated across all serverless endpoints"
_MEMORY = "Memory size in MB per serverless endpoint"
_OF_INSTANCES = "{} for endpoint usage"
_ASK = "Ask for more of “{}” in Service Quotas, for this region; or want less"
_CANDIDATE = 1  # the temporary endpoint has one instance, or one request at a time


def check_quotas(context: DoctorContext) -> Result:
    """Quotas are at least what the configuration wants."""
    try:
        listed = context.aws.pages(
            "service-quotas", "list_service_quotas", {"ServiceCode": "sagemaker"}, "Quotas"
        )
    except AwsError as err:
        return unknown(
            f"Service Quotas does not answer ({err.code})",
            "Allow servicequotas:ListServiceQuotas, or look there for SageMaker in AWS's console",
        )
    quotas = {quota["QuotaName"]: float(quota["Value"]) for quota in listed}
    return judge_quotas(context.spec, quotas)


def judge_quotas(spec: Spec, quotas: Mapping[str, float]) -> Result:
    """Whether quotas, by name, are enough for a configuration."""
    return _of_instances(spec.fleet, quotas) if spec.fleet else _of_serverless(spec, quotas)


def _of_instances(fleet: Realtime | Asynchronous, quotas: Mapping[str, float]) -> Result:
    name = _OF_INSTANCES.format(fleet.instance_type)
    scaled = fleet.autoscaling.max_instances if fleet.autoscaling else 0
    wanted = max(fleet.instance_count, scaled)
    quota = quotas.get(name)
    if quota is None:
        return unknown(f"there is no quota “{name}”", "Look whether the region has that instance")
    if quota < wanted:
        return fails(f"“{name}” is {quota:.0f}; {wanted} are wanted", _ASK.format(name))
    # An update runs the old and the new instances at once.
    updating = 2 * wanted + _CANDIDATE
    if quota < updating:
        text = f"“{name}” is {quota:.0f}, enough to serve; an update needs {updating} for a while"
        return warning(text, _ASK.format(name))
    return ok(f"“{name}” is {quota:.0f}; {updating} are needed at most")


def _of_serverless(spec: Spec, quotas: Mapping[str, float]) -> Result:
    assert spec.serverless
    wanted = {
        _CONCURRENCY: spec.serverless.max_concurrency + _CANDIDATE,
        _MEMORY: spec.serverless.memory_mb,
    }
    seen = []
    for name, needed in wanted.items():
        quota = quotas.get(name)
        if quota is not None and quota < needed:
            return fails(f"“{name}” is {quota:.0f}; {needed} is wanted", _ASK.format(name))
        seen.append(f"“{name}” is {'not listed' if quota is None else f'{quota:.0f}'}")
    if not any(name in quotas for name in wanted):
        return unknown("Service Quotas lists nothing of serverless endpoints")
    return ok("; ".join(seen))
