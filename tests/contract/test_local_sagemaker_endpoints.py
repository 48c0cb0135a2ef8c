# SPDX-License-Identifier: AGPL-3.0-or-later
"""What becomes of the local SageMaker's endpoints: created, updated, rolled back, deleted."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from sagemaker_local.rollout import shifts
from tests.contract.local_sagemaker import DEADLINE_S, Harness, played_lab

if TYPE_CHECKING:
    from collections.abc import Mapping

FAILED = (
    "The primary container for production variant AllTraffic did not pass the ping health check. "
    "Please check CloudWatch logs for this endpoint."
)
ALL_AT_ONCE = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 100}


def canary(percent: int = 50, wait_s: int = 100) -> dict[str, Any]:
    """Traffic that moves in two steps."""
    size = {"Type": "CAPACITY_PERCENT", "Value": percent}
    return {"Type": "CANARY", "CanarySize": size, "WaitIntervalInSeconds": wait_s}


def deployment(traffic: Mapping[str, Any], *alarms: str) -> dict[str, Any]:
    """A DeploymentConfig."""
    found: dict[str, Any] = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": traffic}}
    if alarms:
        found["AutoRollbackConfiguration"] = {"Alarms": [{"AlarmName": name} for name in alarms]}
    return found


def update(lab: Harness, endpoint: str, config: str, **more: Any) -> None:
    """Begin an update."""
    lab.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config, **more)


def answers(lab: Harness, endpoint: str, count: int) -> Counter[str]:
    """Who answers, how often."""
    return Counter(lab.invoke(endpoint)["Text"].split()[0] for _ in range(count))


def alarm_on(lab: Harness, endpoint: str, metric: str = "Invocation5XXErrors", **more: Any) -> str:
    """A new alarm on a metric of an endpoint; its name."""
    name = lab.name("alarm")
    params = {
        "AlarmName": name,
        "Namespace": "AWS/SageMaker",
        "MetricName": metric,
        "Dimensions": [
            {"Name": "EndpointName", "Value": endpoint},
            {"Name": "VariantName", "Value": "AllTraffic"},
        ],
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 2,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    }
    lab.client("cloudwatch").put_metric_alarm(**params | more)
    return name


def share_of_errors(lab: Harness, endpoint: str) -> str:
    """A new alarm on the part of the requests that fail; its name."""
    name = lab.name("alarm")
    dimensions = [{"Name": "EndpointName", "Value": endpoint},
                  {"Name": "VariantName", "Value": "AllTraffic"}]  # fmt: skip
    stats = [
        {"Id": key, "ReturnData": False, "MetricStat": {
            "Metric": {"Namespace": "AWS/SageMaker", "MetricName": metric,
                       "Dimensions": dimensions}, "Period": 3600, "Stat": "Sum"}}
        for key, metric in (("bad", "InvocationModelErrors"), ("all", "Invocations"))
    ]  # fmt: skip
    shown = {"Id": "part", "Expression": "100 * bad / all", "ReturnData": True}
    lab.client("cloudwatch").put_metric_alarm(
        AlarmName=name, Metrics=[shown, *stats], EvaluationPeriods=1, Threshold=10,
        ComparisonOperator="GreaterThanThreshold", TreatMissingData="notBreaching",
    )  # fmt: skip
    return name


def test_a_server_that_does_not_start(lab: Harness) -> None:
    """The endpoint is Failed, says why, has a log, and can only be deleted."""
    name, config = lab.name(), lab.config(lab.model(START="fail"))
    lab.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    found = lab.settled(name)

    assert ("Failed", FAILED) == (found["EndpointStatus"], found["FailureReason"])
    events = lab.client("logs").filter_log_events(logGroupName=f"/aws/sagemaker/Endpoints/{name}")
    assert ["it did not want to"] == [event["message"] for event in events["events"]]
    with pytest.raises(ClientError, match="can only be deleted"):
        update(lab, name, lab.config(lab.model()))
    with pytest.raises(ClientError, match=f"Endpoint {name} of account 123456789012 not found"):
        lab.invoke(name)
    lab.sagemaker.delete_endpoint(EndpointName=name)


def test_a_model_that_goes_before_the_endpoint_comes(lab: Harness) -> None:
    """Its file is looked for again when servers start."""
    config = lab.config(lab.model())
    lab.client("s3").delete_object(Bucket=lab.repository, Key="models/model.tar.gz")
    name = lab.name()
    lab.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    found = lab.settled(name)
    assert "Failed" == found["EndpointStatus"]
    assert found["FailureReason"].startswith("Could not find model data at s3://")


def test_nothing_is_done_to_what_is_in_progress(lab: Harness) -> None:
    """Neither updates nor scaling nor deletion."""
    name, config = lab.name(), lab.config(lab.model(START_S="0.5"))
    lab.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    wanted = [{"VariantName": "AllTraffic", "DesiredInstanceCount": 4}]
    assert "Creating" == lab.describe(name)["EndpointStatus"]
    for call, params in (
        (lab.sagemaker.delete_endpoint, {}),
        (lab.sagemaker.update_endpoint, {"EndpointConfigName": config}),
        (lab.sagemaker.update_endpoint_weights_and_capacities,
         {"DesiredWeightsAndCapacities": wanted}),
    ):  # fmt: skip
        with pytest.raises(ClientError, match=f'Cannot update in-progress endpoint "arn.*{name}"'):
            call(EndpointName=name, **params)
    assert "InService" == lab.settled(name)["EndpointStatus"]


def test_the_old_side_answers_until_the_new_one_can(lab: Harness) -> None:
    """And meanwhile it is told what comes."""
    endpoint = lab.endpoint(NAME="old")
    config = lab.config(lab.model(NAME="new", START_S="0.5"))
    update(lab, endpoint, config)
    found = lab.describe(endpoint)
    assert "Updating" == found["EndpointStatus"]
    assert config != found["EndpointConfigName"]
    assert config == found["PendingDeploymentSummary"]["EndpointConfigName"]
    assert {"old": 5} == answers(lab, endpoint, 5)

    found = lab.settled(endpoint)
    assert config == found["EndpointConfigName"]
    assert "PendingDeploymentSummary" not in found
    assert {"new": 5} == answers(lab, endpoint, 5)


def test_a_canary_gets_its_share(lab: Harness) -> None:
    """Of a hundred requests thirty."""
    endpoint = lab.endpoint(NAME="old")
    alarm = alarm_on(lab, endpoint)
    wanted = deployment(canary(30, wait_s=3600), alarm)
    update(lab, endpoint, lab.config(lab.model(NAME="new")), DeploymentConfig=wanted)
    lab.wait(endpoint, lambda found: found["ProductionVariants"][0]["CurrentWeight"] < 1)
    assert {"old": 70, "new": 30} == answers(lab, endpoint, 100)
    lab.client("cloudwatch").set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="I")
    lab.settled(endpoint)


def test_a_canary_that_is_good_gets_all(lab: Harness) -> None:
    """After it has been watched, and what it had is told."""
    endpoint = lab.endpoint(NAME="old")
    wanted = deployment(canary(50, wait_s=50), alarm_on(lab, endpoint))
    update(lab, endpoint, lab.config(lab.model(NAME="new")), DeploymentConfig=wanted)
    started_s = time.monotonic()
    assert wanted == lab.settled(endpoint)["LastDeploymentConfig"]
    assert time.monotonic() > started_s + 0.9  # two times half a second
    assert {"new": 10} == answers(lab, endpoint, 10)


@pytest.mark.parametrize(
    ("traffic", "steps"),
    [
        pytest.param(ALL_AT_ONCE, [(100, 100)], id="all at once"),
        pytest.param(canary(10), [(10, 100), (100, 100)], id="canary"),
        pytest.param(
            {"Type": "LINEAR", "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 40},
             "WaitIntervalInSeconds": 5}, [(40, 5), (80, 5), (100, 5)], id="linear",
        ),
        pytest.param(
            {"Type": "LINEAR", "LinearStepSize": {"Type": "INSTANCE_COUNT", "Value": 2},
             "WaitIntervalInSeconds": 5}, [(50, 5), (100, 5)], id="linear by instances",
        ),
        pytest.param({}, [(100, 0)], id="none"),
    ],
)  # fmt: skip
def test_steps_of_traffic(traffic: dict[str, Any], steps: list[tuple[float, float]]) -> None:
    """Each is watched for the same time; the last is all of it."""
    assert steps == list(shifts(deployment(traffic) if traffic else {}, 4))


def test_an_alarm_that_is_set_leads_back(lab: Harness) -> None:
    """During the canary; the old side serves all through it."""
    endpoint = lab.endpoint(NAME="old")
    before = lab.describe(endpoint)["EndpointConfigName"]
    alarm = alarm_on(lab, endpoint)
    update(
        lab, endpoint, lab.config(lab.model(NAME="new")),
        DeploymentConfig=deployment(canary(50, wait_s=3600), alarm),
    )  # fmt: skip
    lab.wait(endpoint, lambda found: found["ProductionVariants"][0]["CurrentWeight"] < 1)
    lab.client("cloudwatch").set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="I")

    found = lab.settled(endpoint)
    assert ("InService", before) == (found["EndpointStatus"], found["EndpointConfigName"])
    assert alarm in found["FailureReason"]
    assert {"old": 6} == answers(lab, endpoint, 6)
    update(lab, endpoint, lab.config(lab.model(NAME="newer")))
    assert "FailureReason" not in lab.settled(endpoint)


@pytest.mark.parametrize("is_math", [False, True], ids=["one metric", "arithmetic"])
def test_a_canary_that_fails_trips_its_alarm(lab: Harness, *, is_math: bool) -> None:
    """Nobody sets it: the errors that callers get do."""
    endpoint = lab.endpoint(NAME="old")
    alarm = share_of_errors(lab, endpoint) if is_math else alarm_on(lab, endpoint, Period=3600)
    update(
        lab, endpoint, lab.config(lab.model(NAME="new", STATUS="500")),
        DeploymentConfig=deployment(canary(50, wait_s=3600), alarm),
    )  # fmt: skip
    lab.wait(endpoint, lambda found: found["ProductionVariants"][0]["CurrentWeight"] < 1)
    failed, deadline = 0, time.monotonic() + DEADLINE_S
    while lab.describe(endpoint)["EndpointStatus"] != "InService":
        assert time.monotonic() < deadline
        with suppress(ClientError):
            lab.invoke(endpoint)
            continue
        failed += 1
        time.sleep(0.02)

    assert failed > (0 if is_math else 2)
    assert alarm in lab.describe(endpoint)["FailureReason"]
    (state,) = lab.client("cloudwatch").describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
    assert "ALARM" == state["StateValue"]
    assert {"old": 4} == answers(lab, endpoint, 4)


def test_a_new_side_that_does_not_start_leads_back(lab: Harness) -> None:
    """The endpoint stays in service and says why."""
    endpoint = lab.endpoint(NAME="old")
    before = lab.describe(endpoint)["EndpointConfigName"]
    update(lab, endpoint, lab.config(lab.model(START="fail")))
    found = lab.settled(endpoint)

    assert ("InService", before) == (found["EndpointStatus"], found["EndpointConfigName"])
    assert FAILED == found["FailureReason"]
    assert {"old": 3} == answers(lab, endpoint, 3)


def test_a_rollback_can_fail() -> None:
    """What serves then serves on."""
    with played_lab() as lab:
        endpoint = lab.endpoint(NAME="old")
        lab.place.faults.rollback = True
        update(lab, endpoint, lab.config(lab.model(START="fail")))
        assert "UpdateRollbackFailed" == lab.settled(endpoint)["EndpointStatus"]
        assert {"old": 3} == answers(lab, endpoint, 3)
        update(lab, endpoint, lab.config(lab.model(NAME="new")))
        assert "InService" == lab.settled(endpoint)["EndpointStatus"]


def test_no_request_fails_while_sides_change(lab: Harness) -> None:
    """Those that the old side has are answered before it ends."""
    endpoint = lab.endpoint(NAME="old", DELAY_S="0.3")
    update(lab, endpoint, lab.config(lab.model(NAME="new")))
    seen = Counter[str]()
    while lab.describe(endpoint)["EndpointStatus"] == "Updating":
        seen += answers(lab, endpoint, 1)
    seen += answers(lab, endpoint, 2)
    assert {"old", "new"} >= set(seen)
    assert seen["new"] >= 2


@pytest.mark.parametrize("retains", [True, False])
def test_capacity_that_was_scaled(lab: Harness, *, retains: bool) -> None:
    """Is kept by an update that says so."""
    endpoint = lab.endpoint()
    wanted = [{"VariantName": "AllTraffic", "DesiredInstanceCount": 5, "DesiredWeight": 0.5}]
    lab.sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=endpoint, DesiredWeightsAndCapacities=wanted
    )
    lab.settled(endpoint)
    update(lab, endpoint, lab.config(lab.model()), RetainAllVariantProperties=retains)
    (variant,) = lab.settled(endpoint)["ProductionVariants"]
    assert (5, 0.5) if retains else (2, 1.0) == (
        variant["DesiredInstanceCount"], variant["DesiredWeight"],
    )  # fmt: skip


def test_autoscaling_has_bounds(lab: Harness) -> None:
    """An endpoint gets at least as many instances as application-autoscaling asks for."""
    endpoint = lab.endpoint()
    lab.client("application-autoscaling").register_scalable_target(
        ServiceNamespace="sagemaker",
        ResourceId=f"endpoint/{endpoint}/variant/AllTraffic",
        ScalableDimension="sagemaker:variant:DesiredInstanceCount",
        MinCapacity=3,
        MaxCapacity=6,
    )
    lab.wait(endpoint, lambda found: found["ProductionVariants"][0]["DesiredInstanceCount"] == 3)


@pytest.mark.parametrize(
    ("traffic", "instances", "told"),
    [
        pytest.param(canary(51), 2, "must be more than 0 to 50 %", id="much"),
        pytest.param(canary(50), 1, "needs two instances", id="one instance"),
        pytest.param({"Type": "CANARY", "WaitIntervalInSeconds": 0}, 2, "CanarySize is needed",
                     id="no size"),
        pytest.param(canary() | {"Type": "ALL_AT_ONCE"}, 2, "is for traffic", id="wrong size"),
        pytest.param({"Type": "SOON", "WaitIntervalInSeconds": 0}, 2, "enum value set", id="type"),
    ],
)  # fmt: skip
def test_deployments_that_are_refused(
    lab: Harness, traffic: dict[str, Any], instances: int, told: str
) -> None:
    """Before anything changes."""
    endpoint = lab.endpoint()
    config = lab.config(lab.model(), instances=instances)
    with pytest.raises(ClientError, match=told):
        update(lab, endpoint, config, DeploymentConfig=deployment(traffic))
    assert "InService" == lab.describe(endpoint)["EndpointStatus"]


def test_updates_that_are_refused(lab: Harness) -> None:
    """To what it has, from instances to serverless, with guardrails for serverless, and others."""
    endpoint, serverless = lab.endpoint(), lab.endpoint(concurrency=2)
    config = lab.describe(endpoint)["EndpointConfigName"]
    without = lab.config(lab.model(), concurrency=2)
    for name, to, more, told in (
        (endpoint, config, {}, "Cannot update endpoint with the currently in use"),
        (endpoint, without, {}, "cannot be updated to a serverless one"),
        (serverless, without, {"DeploymentConfig": deployment(canary())}, "not supported for serv"),
        (endpoint, lab.config(lab.model()), {"DeploymentConfig": deployment(ALL_AT_ONCE, "nobody")},
         "Could not find alarms nobody"),
        (endpoint, lab.config(lab.model(), VariantName="Other"),
         {"DeploymentConfig": deployment(ALL_AT_ONCE)}, "variant names must stay the same"),
    ):  # fmt: skip
        with pytest.raises(ClientError, match=told):
            update(lab, name, to, **more)
    # The other way round it goes: serverless hosting can be left.
    update(lab, serverless, lab.config(lab.model()))
    assert 2 == lab.settled(serverless)["ProductionVariants"][0]["CurrentInstanceCount"]


def test_a_configuration_in_use_can_be_deleted(lab: Harness) -> None:
    """As on AWS, where the endpoint serves on and can no longer be updated."""
    endpoint = lab.endpoint(NAME="old")
    config = lab.describe(endpoint)["EndpointConfigName"]
    lab.sagemaker.delete_endpoint_config(EndpointConfigName=config)

    assert {"old": 2} == answers(lab, endpoint, 2)
    with pytest.raises(ClientError, match="Could not find endpoint configuration"):
        update(lab, endpoint, lab.config(lab.model()))


def test_the_same_model_is_served_once(lab: Harness) -> None:
    """Two endpoints of one content share a server, which serves on when one of them goes."""
    pool = lab.place.backend.pool
    before = pool.running()
    first, second = lab.endpoint(NAME="shared"), lab.endpoint(NAME="shared")
    assert before + 1 == pool.running()
    lab.sagemaker.delete_endpoint(EndpointName=first)
    with pytest.raises(ClientError, match="Could not find endpoint"):
        lab.wait(first, lambda _: False)
    assert {"shared": 2} == answers(lab, second, 2)


def test_all_ends_in_the_middle_of_an_update() -> None:
    """Nothing is left, however much is going on."""
    started_s = time.monotonic()
    with played_lab(scale=1.0) as lab:
        endpoint = lab.endpoint()
        wanted = deployment(canary(50, wait_s=3600))
        update(lab, endpoint, lab.config(lab.model(NAME="new")), DeploymentConfig=wanted)
        lab.wait(endpoint, lambda found: found["ProductionVariants"][0]["CurrentWeight"] < 1)
        starting = lab.config(lab.model(START_S="3600"))
        lab.sagemaker.create_endpoint(EndpointName="late", EndpointConfigName=starting)
    assert time.monotonic() < started_s + 20
