# SPDX-License-Identifier: AGPL-3.0-or-later
"""How an update goes is data, and SageMaker's own description of the call takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deploy.endpoint.alarms import possible_names
from deploy.endpoint.instances import start_limits
from deploy.endpoint.reading import read_spec
from deploy.endpoint.rollout import deployment_config
from tests.unit.calls import faults
from tests.unit.test_endpoint_spec import ACCOUNT, INSTANCES, SHIPPED

if TYPE_CHECKING:
    from deploy.endpoint.spec import Spec


def instances(*changes: str) -> Spec:
    """Two of them."""
    return read_spec(SHIPPED, (*INSTANCES, "realtime.instance_count=2", *changes))


@pytest.mark.parametrize("rollout", ["all-at-once", "canary", "linear"])
def test_every_rollout_is_one_of_botocores(rollout: str) -> None:
    """Names, types, ranges and words are those of its service model."""
    params = {
        "EndpointName": "rooms",
        "EndpointConfigName": "rooms-1",
        "DeploymentConfig": deployment_config(instances(f"realtime.rollout={rollout}")),
    }

    assert "" == faults("sagemaker", "update_endpoint", params)


def test_a_canary_is_watched_by_the_alarms() -> None:
    """All that are made."""
    changes = ("realtime.rollout=canary", "realtime.step_percent=30", "realtime.wait_s=200")
    limits = ("realtime.termination_wait_s=100", "realtime.max_execution_s=3600")

    assert {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {
                "Type": "CANARY",
                "WaitIntervalInSeconds": 200,
                "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 30},
            },
            "TerminationWaitInSeconds": 100,
            "MaximumExecutionTimeoutInSeconds": 3600,
        },
        "AutoRollbackConfiguration": {
            "Alarms": [{"AlarmName": name} for name in possible_names("rooms")]
        },
    } == deployment_config(instances(*changes, *limits))


def test_steps_have_their_size() -> None:
    """Each way has its own key, and all at once has none."""
    linear = deployment_config(instances("realtime.rollout=linear", "realtime.step_percent=20"))
    at_once = deployment_config(instances())

    assert linear
    assert at_once
    assert {
        "Type": "LINEAR",
        "WaitIntervalInSeconds": 300,
        "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 20},
    } == linear["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]
    assert {
        "Type": "ALL_AT_ONCE",
        "WaitIntervalInSeconds": 300,
    } == at_once["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]


def test_alarms_can_be_left_out() -> None:
    """Those that ring already; without any there is nothing that takes an update back."""
    names = possible_names("rooms")
    some = deployment_config(instances(), without=names[:3])
    none = deployment_config(instances(), without=names)
    off = deployment_config(instances("alarms=null"))

    assert some
    assert none
    assert {"Alarms": [{"AlarmName": names[3]}]} == some["AutoRollbackConfiguration"]
    assert "AutoRollbackConfiguration" not in none
    assert none == off


def test_a_serverless_endpoint_has_none() -> None:
    """SageMaker refuses it there."""
    assert deployment_config(read_spec(SHIPPED, ACCOUNT)) is None


def test_a_variant_says_how_long_its_start_may_take() -> None:
    """Both limits, in SageMaker's words."""
    changes = ("realtime.health_check_timeout_s=200", "realtime.model_download_timeout_s=100")
    spec = instances(*changes)
    assert spec.realtime
    variant = {"VariantName": "AllTraffic", "ModelName": "rooms", **start_limits(spec.realtime)}
    params = {"EndpointConfigName": "rooms", "ProductionVariants": [variant]}

    assert "" == faults("sagemaker", "create_endpoint_config", params)
    assert 200 == variant["ContainerStartupHealthCheckTimeoutInSeconds"]
    assert 100 == variant["ModelDataDownloadTimeoutInSeconds"]
