# SPDX-License-Identifier: AGPL-3.0-or-later
"""Plans are data: the same wish on the same account is the same list of actions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import botocore.session
import pytest
from botocore import xform_name
from botocore.validate import ParamValidator

from deploy.endpoint.actions import (
    Action,
    ApiCall,
    Deferred,
    ModelFile,
    TagResource,
    Try,
    TryAsync,
    WaitDeleted,
)
from deploy.endpoint.plan import plan
from deploy.endpoint.reading import read_spec
from deploy.endpoint.release import Artifact, Release
from deploy.endpoint.remote import RemoteState
from deploy.endpoint.rollback import choose, dismantle, go_back, scale_again, undo
from deploy.endpoint.spec import OUR_TAG
from deploy.errors import PlanError
from tests.unit.simulated import after
from tests.unit.test_endpoint_spec import ACCOUNT, INSTANCES, QUEUE, SHIPPED, TOPIC

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from deploy.endpoint.actions import Action
    from deploy.endpoint.remote import Version

IMAGE = f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/rooms@sha256:{'a' * 64}"
CANARY = (*INSTANCES, "realtime.instance_count=2", "realtime.rollout=canary")
SCALED = (*CANARY, "realtime.autoscaling.min_instances=2", "realtime.autoscaling.max_instances=6")
TO_ZERO = (
    *QUEUE, "async.autoscaling.max_instances=4",
    f"async.success_topic={TOPIC}", f"async.error_topic={TOPIC}",
)  # fmt: skip
LARGER = (*CANARY, "realtime.instance_count=4")
OURS = {OUR_TAG: "rooms"}
MODES = pytest.mark.parametrize(
    "changes",
    [ACCOUNT, CANARY, SCALED, QUEUE, TO_ZERO],
    ids=["serverless", "canary", "scaled", "async", "async to zero"],
)


def release(changes: Sequence[str] = ACCOUNT, number: int = 1) -> Release:
    """The first, second … version."""
    artifact = Artifact(f"1.{number}+b", f"{number:x}" * 64)
    return Release(read_spec(SHIPPED, changes), artifact, IMAGE)


def deployed(changes: Sequence[str], *numbers: int) -> RemoteState:
    """An account on which some versions were deployed, one after the other."""
    remote = RemoteState()
    for number in numbers:
        remote = after(remote, plan(release(changes, number), remote))
    return remote


def names(actions: Sequence[Action]) -> list[str]:
    """What is done, in a word."""
    return [a.operation if isinstance(a, ApiCall) else type(a).__name__ for a in actions]


def step(actions: Sequence[Action], operation: str) -> ApiCall:
    """The one call of its name."""
    (found,) = [a for a in actions if isinstance(a, ApiCall) and a.operation == operation]
    return found


def test_a_first_release_is_tried_before_it_is_an_endpoint() -> None:
    """In this order, and equal wishes make equal plans."""
    actions = plan(release(), RemoteState())

    assert [
        "put_object", "create_model",
        "create_endpoint_config", "create_endpoint", "Wait", "Try",
        "delete_endpoint", "WaitDeleted", "delete_endpoint_config",
        "create_endpoint_config", "create_endpoint", "Wait", "Try", "TagResource",
    ] == names(actions)  # fmt: skip
    assert actions[5] == Try("rooms-candidate")
    assert actions[7] == WaitDeleted("rooms-candidate")
    assert actions == plan(release(), RemoteState())


@MODES
def test_nothing_is_left_to_do_after_a_plan(changes: Sequence[str]) -> None:
    """For a first version, and for a second."""
    for numbers in ([1], [1, 2]):
        assert [] == plan(release(changes, numbers[-1]), deployed(changes, *numbers))


@MODES
@pytest.mark.parametrize("numbers", [(), (1,), (1, 2, 3, 4, 5)], ids=["new", "update", "prune"])
@pytest.mark.parametrize("with_candidate", [True, False], ids=["tried", "untried"])
def test_a_plan_that_is_stopped_anywhere_ends_in_the_same(
    changes: Sequence[str], numbers: tuple[int, ...], *, with_candidate: bool
) -> None:
    """After each of its actions the next plan leads to what the whole would have led to."""
    before, wanted = deployed(changes, *numbers), release(changes, 9)
    actions = plan(wanted, before, with_candidate=with_candidate)
    whole = after(before, actions)
    for made in range(len(actions)):
        stopped = after(before, actions[:made])
        ended = after(stopped, plan(wanted, stopped, with_candidate=with_candidate))
        assert ended == whole, actions[made - 1]


@MODES
@pytest.mark.parametrize("numbers", [(), (1,), (1, 2)], ids=["new", "update", "third"])
def test_a_release_that_fails_anywhere_leaves_nothing(
    changes: Sequence[str], numbers: tuple[int, ...]
) -> None:
    """Undone after each of its actions but the last, the account is what it was."""
    before, failing = deployed(changes, *numbers), release(changes, 9)
    actions = plan(failing, before)
    last = next(i for i, action in enumerate(actions) if isinstance(action, TagResource))
    for made in range(last):
        failed = after(before, actions[:made])
        ended = after(failed, undo(failing, failed, before))
        assert replace(ended, alarms=before.alarms) == before, actions[made - 1]
        assert bool(numbers) or not ended.alarms


def test_what_went_back_is_scaled_again() -> None:
    """With the limits of before; an update to another type of instances had ended that."""
    changes = (*SCALED, "realtime.instance_type=ml.c7i.large")
    before, failing = deployed(SCALED, 1), release(changes, 9)
    actions = plan(failing, before)
    switched = after(before, actions[: names(actions).index("update_endpoint") + 1])
    refused = after(before, actions[: names(actions).index("update_endpoint")])
    assert before.endpoint
    went_back = replace(switched, endpoint=before.endpoint)
    assert () == switched.targets == refused.targets

    for failed in (switched, went_back):
        ended = after(failed, undo(failing, failed, before))
        assert [(2, 6)] == limits(ended) == limits(before)
        assert names_of_policies(ended) == names_of_policies(before)
    assert [(2, 6)] == limits(after(refused, scale_again(before.endpoint, refused, before)))
    assert [] == scale_again(before.endpoint, before, before)


def roll_back(remote: RemoteState, name: str, to: str = "") -> tuple[Version, list[Action]]:
    """The version that is chosen, and what leads there."""
    target, previous = choose(remote, name, to)
    return target, go_back(remote, name, target, previous)


def limits(remote: RemoteState) -> list[tuple[int, int]]:
    """Fewest and most instances of what is scaled."""
    return [(target["MinCapacity"], target["MaxCapacity"]) for target in remote.targets]


def names_of_policies(remote: RemoteState) -> list[str]:
    """That say how it is scaled."""
    return [policy["PolicyName"] for policy in remote.policies]


def test_no_way_leads_from_instances_back_to_serverless() -> None:
    """So what failed there stays, and that is said."""
    before, failing = deployed(ACCOUNT, 1), release(CANARY, 9)
    actions = plan(failing, before, with_candidate=False)
    switched = after(before, actions[: names(actions).index("update_endpoint") + 1])

    with pytest.raises(PlanError, match=r"serves with rooms-realtime-.*, which failed"):
        undo(failing, switched, before)


def test_a_release_that_was_proved_is_not_undone() -> None:
    """What failed after that was not the version."""
    assert [] == undo(release(), deployed(ACCOUNT, 1))


@MODES
def test_what_serves_and_was_deleted_is_made_again(changes: Sequence[str]) -> None:
    """SageMaker lets it be deleted, and the endpoint serve on until it needs it."""
    whole, wanted = deployed(changes, 1), release(changes, 1)
    without_config = replace(whole, versions=())
    without_model = replace(without_config, models={})
    without_file = replace(without_model, objects=frozenset())

    for left in (without_config, without_model, without_file):
        assert whole == after(left, plan(wanted, left))
    assert ["put_object"] == names(plan(wanted, replace(whole, objects=frozenset())))


def test_tags_that_were_changed_are_set() -> None:
    """On the endpoint, with or without another version; what has them is left alone."""
    before = deployed([*ACCOUNT, "tags.team=plans", "tags.site=a"], 1)
    changes = [*ACCOUNT, "tags.team=walls", "tags.site=a"]

    assert [TagResource("rooms", {"team": "walls"})] == plan(release(changes, 1), before)
    for number in (1, 2):
        ended = after(before, plan(release(changes, number), before))
        assert ended.endpoint
        assert "walls" == ended.endpoint.tags["team"]
        assert [] == plan(release(changes, number), ended)


def test_another_archive_is_another_version() -> None:
    """New names throughout, one update, nothing edited."""
    before = deployed(CANARY, 1)
    update = step(plan(release(CANARY, 2), before), "update_endpoint")

    assert update.params["RetainAllVariantProperties"]
    routing = update.params["DeploymentConfig"]["BlueGreenUpdatePolicy"]
    assert {
        "Type": "CANARY",
        "WaitIntervalInSeconds": 300,
        "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 50},
    } == routing["TrafficRoutingConfiguration"]
    guards = update.params["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]
    assert guards == [{"AlarmName": alarm["AlarmName"]} for alarm in before.alarms]


def test_an_alarm_that_rings_does_not_end_the_update_that_mends_it() -> None:
    """It is left out, and the plan says so."""
    before = deployed(CANARY, 1)
    first, *others = before.alarms
    before = replace(before, alarms=({**first, "StateValue": "ALARM"}, *others))

    update = step(plan(release(CANARY, 2), before), "update_endpoint")

    config = update.params["DeploymentConfig"]["AutoRollbackConfiguration"]
    assert first["AlarmName"] not in [alarm["AlarmName"] for alarm in config["Alarms"]]
    assert first["AlarmName"] in update.why


@pytest.mark.parametrize(
    ("changes", "is_kept"),
    [(CANARY, True), (LARGER, False), (SCALED, True)],
    ids=["same number", "other number", "scaled"],
)
def test_an_update_keeps_the_capacity(changes: Sequence[str], *, is_kept: bool) -> None:
    """Unless the configuration asks for another one."""
    before = deployed(CANARY, 1)
    assert before.endpoint
    before = replace(before, endpoint=replace(before.endpoint, instances=3))

    ended = after(before, plan(release(changes, 2), before))

    assert ended.endpoint
    assert ended.endpoint.instances == (3 if is_kept else 4)


def test_instances_of_another_type_are_scaled_anew() -> None:
    """SageMaker refuses to change the type while the number is scaled."""
    changes = (*SCALED, "realtime.instance_type=ml.c7i.large")
    before = deployed(SCALED, 1)
    actions = names(plan(release(changes, 1), before))

    stop, update = actions.index("deregister_scalable_target"), actions.index("update_endpoint")
    assert stop < update < actions.index("register_scalable_target")
    back = names(roll_back(deployed_twice(SCALED, changes), "rooms")[1])
    assert back.index("deregister_scalable_target") < back.index("register_scalable_target")


def deployed_twice(first: Sequence[str], second: Sequence[str]) -> RemoteState:
    """An account with one archive, configured in two ways one after the other."""
    remote = deployed(first, 1)
    return after(remote, plan(release(second, 1), remote))


def test_a_serverless_endpoint_is_updated_at_once() -> None:
    """SageMaker takes no DeploymentConfig there, and no instances."""
    actions = plan(release(ACCOUNT, 2), deployed(ACCOUNT, 1))

    update = step(actions, "update_endpoint")
    assert {"EndpointName", "EndpointConfigName"} == set(update.params)


def test_a_candidate_has_the_least_capacity() -> None:
    """One instance, or one request at a time, and nothing that is paid for while idle."""
    changes = [*ACCOUNT, "serverless.provisioned_concurrency=2"]
    for given, wanted in ((changes, {"MemorySizeInMB": 2048, "MaxConcurrency": 1}), (CANARY, None)):
        (variant,) = release(given).candidate_config_step().params["ProductionVariants"]
        assert variant.get("ServerlessConfig") == wanted
        assert variant.get("InitialInstanceCount") == (None if wanted else 1)


def test_the_last_versions_are_kept() -> None:
    """And with them their models and files; older ones go."""
    remote = deployed([*ACCOUNT, "keep=2"], 1, 2, 3, 4, 5)

    assert ["1.5+b", "1.4+b", "1.3+b"] == [version.version for version in remote.versions]
    assert 3 == len(remote.models) == len(remote.objects)


def test_what_other_endpoints_use_is_kept() -> None:
    """SageMaker would let it be deleted."""
    remote = deployed(ACCOUNT, 1, 2, 3)
    first = remote.versions[-1]
    remote = replace(remote, in_use=frozenset({first.config}))

    ended = after(remote, plan(release([*ACCOUNT, "keep=1"], 4), remote))

    assert first in ended.versions
    assert first.model in ended.models


def test_an_endpoint_that_failed_is_made_anew() -> None:
    """SageMaker never updates one."""
    remote = deployed(ACCOUNT, 1)
    assert remote.endpoint
    failed = replace(remote.endpoint, status="Failed", tags=OURS)

    actions = plan(release(), replace(remote, endpoint=failed), with_candidate=False)

    assert [
        "delete_endpoint",
        "WaitDeleted",
        "create_endpoint",
        "Wait",
        "Try",
        "TagResource",
    ] == names(actions)
    assert str(actions[0]).endswith(": SageMaker never updates one that failed")


def test_twice_back_leads_further_back() -> None:
    """Never to the version that was left; whoever wants that one names it."""
    remote = deployed(ACCOUNT, 1, 2, 3)
    for wanted in ("1.2+b", "1.1+b"):
        version, actions = roll_back(remote, "rooms")
        assert ["update_endpoint", "Wait", "TagResource", "Try"] == names(actions)
        remote = after(remote, actions)
        assert version.version == wanted
        assert remote.endpoint
        assert remote.endpoint.config == version.config
    with pytest.raises(PlanError, match=r"no version before .*; --to takes one of 1\.3\+b \("):
        roll_back(remote, "rooms")
    forth = after(remote, roll_back(remote, "rooms", "1.3+b")[1])

    assert "1.1+b" == roll_back(forth, "rooms")[0].version
    again = after(remote, plan(release(number=3), remote))
    assert "1.1+b" == roll_back(again, "rooms")[0].version


def test_a_way_back_that_was_stopped_goes_on() -> None:
    """At any of its actions, with the same command."""
    before = deployed(ACCOUNT, 1, 2, 3)
    version, actions = roll_back(before, "rooms")
    for count in range(names(actions).index("TagResource")):
        now = after(before, actions[:count])
        again, rest = roll_back(now, "rooms")
        assert again == version
        assert after(now, rest) == after(before, actions)


def test_the_tag_of_before_is_read_and_renamed() -> None:
    """Endpoints that live say by its former name what passed; nothing else is done about it."""
    new = deployed(ACCOUNT, 1, 2)
    assert new.endpoint
    tags = dict(new.endpoint.tags)
    config = tags.pop("roomdet:last-good")
    old = replace(new, endpoint=replace(new.endpoint, tags=tags | {"roomdet:proved": config}))

    actions = plan(release(number=2), old)

    assert [TagResource("rooms", {"roomdet:last-good": config})] == actions
    assert [] == plan(release(number=2), after(old, actions))
    assert roll_back(new, "rooms") == roll_back(old, "rooms")
    assert undo(release(number=2), new) == undo(release(number=2), old)


def test_the_tag_of_before_is_not_believed_beside_the_new_one() -> None:
    """It stays as it was when the new one was first written."""
    remote = deployed(ACCOUNT, 1, 2)
    assert remote.endpoint
    stale = {**remote.endpoint.tags, "roomdet:proved": remote.endpoint.previous}

    assert [] == plan(
        release(number=2), replace(remote, endpoint=replace(remote.endpoint, tags=stale))
    )


def test_back_from_what_was_never_proved() -> None:
    """To what was proved last, not to the version before that."""
    remote, failing = deployed(ACCOUNT, 1, 2), release(ACCOUNT, 3)
    actions = plan(failing, remote)
    switched = after(remote, actions[: names(actions).index("update_endpoint") + 1])

    assert "1.2+b" == roll_back(switched, "rooms")[0].version


def test_back_to_a_version_by_name() -> None:
    """Of the archive, or of the configuration."""
    remote = deployed(ACCOUNT, 1, 2, 3)

    assert "1.1+b" == roll_back(remote, "rooms", "1.1+b")[0].version
    assert "1.1+b" == roll_back(remote, "rooms", remote.versions[-1].config)[0].version
    assert [] == roll_back(remote, "rooms", "1.3+b")[1]


@pytest.mark.parametrize("tags", [OURS, {}], ids=["being made", "foreign"])
def test_the_way_back_does_not_wait_for_a_candidate(tags: Mapping[str, str]) -> None:
    """It has nothing to do with what serves."""
    remote = deployed(ACCOUNT, 1, 2)
    candidate = busy("rooms-candidate", "Creating", tags).candidate

    version, actions = roll_back(replace(remote, candidate=candidate), "rooms")

    assert "1.1+b" == version.version
    assert ["update_endpoint", "Wait", "TagResource", "Try"] == names(actions)


def test_a_step_is_told_with_what_it_is_about() -> None:
    """One thing or several."""
    (step,) = [a for a in dismantle(deployed(CANARY, 1), "rooms") if "alarms" in str(a)]

    alarms = "rooms-5xx, rooms-model-errors, rooms-latency-p95, rooms-memory"
    assert f"cloudwatch delete_alarms {alarms}: no longer wanted" == str(step)


def test_nothing_is_left_of_an_endpoint() -> None:
    """That was deleted, whatever it had."""
    for changes in (ACCOUNT, SCALED):
        remote = deployed(changes, 1, 2)
        steps = dismantle(remote, "rooms")
        assert "sagemaker delete_endpoint rooms: as asked" in map(str, steps)
        assert RemoteState() == after(remote, steps)


def test_an_endpoint_that_is_gone_is_not_brought_back() -> None:
    """Though a version of before was chosen while it was there."""
    version, _ = roll_back(deployed(ACCOUNT, 1, 2), "rooms")
    with pytest.raises(PlanError, match="there is no endpoint rooms to roll back"):
        go_back(RemoteState(), "rooms", version, "")


def busy(name: str, status: str, tags: Mapping[str, str] = OURS) -> RemoteState:
    """A serverless account whose endpoint or candidate is otherwise."""
    remote = deployed(ACCOUNT, 1)
    assert remote.endpoint
    other = replace(remote.endpoint, name=name, status=status, tags=tags)
    if name.endswith("candidate"):
        return replace(remote, candidate=other)
    return replace(remote, endpoint=other)


SERVERLESS_NOW = replace(
    deployed(CANARY, 1), versions=deployed(ACCOUNT, 1).versions + deployed(CANARY, 1).versions
)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plan(release(), busy("rooms", "InService", {})), "not made by this tool"),
        (lambda: plan(release(), deployed(CANARY, 1)), "never makes such an endpoint serverless"),
        (lambda: roll_back(SERVERLESS_NOW, "rooms", SERVERLESS_NOW.versions[0].config), "never"),
        (lambda: roll_back(RemoteState(), "rooms"), "there is no endpoint rooms"),
        (lambda: roll_back(deployed(ACCOUNT, 1), "rooms"), "no version before"),
        (lambda: roll_back(deployed(ACCOUNT, 1), "rooms", "7"), r"there are: 1\.1\+b"),
        (lambda: roll_back(deployed_twice(CANARY, LARGER), "rooms", "1.1+b"), "several times"),
    ],
    ids=["foreign", "instances", "serverless", "none", "first",
         "unknown", "ambiguous"],
)  # fmt: skip
def test_what_cannot_be_is_said(call: Callable[[], object], message: str) -> None:
    """With another way."""
    with pytest.raises(PlanError, match=message):
        call()


def made(value: object) -> Any:
    """A value as it is when the call is made."""
    if isinstance(value, list):
        return [made(entry) for entry in value]
    return {ModelFile: b"", Deferred: "arn:aws:autoscaling"}.get(type(value), value)


@MODES
def test_every_call_is_one_of_botocores(changes: Sequence[str]) -> None:
    """Names, types, ranges and required parameters are those of its service model."""
    loader = botocore.session.get_session()
    before = deployed(changes, 1, 2, 3, 4)
    actions = plan(release(changes), RemoteState()) + plan(release(changes, 9), before)
    actions += roll_back(before, "rooms")[1] + dismantle(before, "rooms")
    for action in actions:
        if not isinstance(action, ApiCall):
            continue
        model = loader.get_service_model(action.service)
        (name,) = [n for n in model.operation_names if xform_name(n) == action.operation]
        params = {k: made(v) for k, v in action.params.items()}
        shape = model.operation_model(name).input_shape
        assert shape is not None
        report = ParamValidator().validate(params, shape)
        assert not report.has_errors(), report.generate_report()
        assert all(len(v) <= 63 for k, v in params.items() if k.endswith("Name"))


def test_a_queue_is_measured_as_sagemaker_publishes_it() -> None:
    """By the endpoint's name alone: another dimension has no data, and nothing would ever scale."""
    steps = [a.params for a in plan(release(TO_ZERO), RemoteState()) if isinstance(a, ApiCall)]
    (tracking,) = [p for p in steps if p.get("PolicyType") == "TargetTrackingScaling"]
    (woken,) = [p for p in steps if p.get("MetricName") == "HasBacklogWithoutCapacity"]
    config = tracking["TargetTrackingScalingPolicyConfiguration"]

    for measured in (config["CustomizedMetricSpecification"], woken):
        assert [{"Name": "EndpointName", "Value": "rooms"}] == measured["Dimensions"]


def test_a_candidate_of_another_release_makes_room() -> None:
    """And it is said why."""
    actions = plan(release(ACCOUNT, 2), busy("rooms-candidate", "InService"))

    told = "sagemaker delete_endpoint rooms-candidate: it is of another release, or failed"
    assert told in map(str, actions)


def test_an_endpoint_with_a_queue_is_tried_through_it() -> None:
    """What is sent lies where the next run would find and remove it."""
    actions = plan(release(TO_ZERO), RemoteState())
    candidate, final = (a for a in actions if isinstance(a, TryAsync))

    assert release(TO_ZERO).place in candidate.inbox
    assert ("rooms-candidate", "rooms") == (candidate.endpoint, final.endpoint)
    left = f"{final.inbox}0"
    before = deployed(TO_ZERO, 1)
    cleaned = after(
        before, plan(release(TO_ZERO, 2), replace(before, objects=before.objects | {left}))
    )
    assert left not in cleaned.objects


def test_nobody_is_told_of_a_candidates_answers() -> None:
    """Its rooms are no news."""
    own = release(TO_ZERO).config_step().params["AsyncInferenceConfig"]
    candidate = release(TO_ZERO).candidate_config_step().params["AsyncInferenceConfig"]

    assert {"SuccessTopic": TOPIC, "ErrorTopic": TOPIC} == own["OutputConfig"].pop(
        "NotificationConfig"
    )
    assert own == candidate
    assert "s3://plans/answers" == own["OutputConfig"]["S3OutputPath"]


def test_what_scales_to_zero_can_be_started_again() -> None:
    """The alarm comes after the policy that it starts, and is no reason to take an update back."""
    actions = plan(release(TO_ZERO), RemoteState())
    last = [a for a in actions if isinstance(a, ApiCall)][-4:]

    assert [
        "register_scalable_target", "put_scaling_policy", "put_scaling_policy", "put_metric_alarm",
    ] == names(last)  # fmt: skip
    assert last[-1].params["AlarmActions"] == [Deferred("rooms", "rooms-first-request")]
    rings = replace(before := deployed(TO_ZERO, 1), alarms=in_alarm(before.alarms))
    update = step(plan(release(TO_ZERO, 2), rings), "update_endpoint")
    assert "alarm" not in update.why
    assert {"BlueGreenUpdatePolicy"} == set(update.params["DeploymentConfig"])


def in_alarm(alarms: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """Alarms as they are while they ring."""
    return tuple({**alarm, "StateValue": "ALARM"} for alarm in alarms)


@pytest.mark.parametrize(("instances", "is_kept"), [(0, False), (3, True)], ids=["none", "some"])
def test_an_update_starts_an_instance_to_test_with(instances: int, *, is_kept: bool) -> None:
    """Where all are gone; otherwise their number stays."""
    before = deployed(TO_ZERO, 1)
    assert before.endpoint
    before = replace(before, endpoint=replace(before.endpoint, instances=instances))

    update = step(plan(release(TO_ZERO, 2), before), "update_endpoint")

    assert ("RetainAllVariantProperties" in update.params) is is_kept


@pytest.mark.parametrize("back", [False, True], ids=["update", "rollback"])
def test_the_alarm_starts_a_policy_that_was_made_anew(*, back: bool) -> None:
    """It has another ARN after the scaling was ended for another type of instance."""
    other = (*TO_ZERO, "async.instance_type=ml.c7i.large")
    remote = deployed_twice(TO_ZERO, other)
    if back:
        remote = after(remote, roll_back(remote, "rooms")[1])

    (alarm,) = remote.alarms
    arns = {policy["PolicyARN"] for policy in remote.policies}
    assert 2 == len(arns)
    assert set(alarm["AlarmActions"]) < arns
    assert [] == plan(release(TO_ZERO if back else other), remote)


def test_an_instance_that_stays_needs_no_alarm() -> None:
    """Alarm and policy go, when none is wanted any longer."""
    stays = (*TO_ZERO, "async.autoscaling.min_instances=1")
    remote = deployed_twice(TO_ZERO, stays)

    assert (1, ()) == (len(remote.policies), remote.alarms)
    fixed = after(remote, plan(release(QUEUE), remote))
    assert ((), ()) == (fixed.policies, fixed.targets)


@pytest.mark.parametrize(
    ("changes", "wanted", "message"),
    [
        (QUEUE, ACCOUNT, "rooms is asynchronous, .* such an endpoint serverless"),
        (QUEUE, CANARY, "rooms is asynchronous, .* such an endpoint realtime"),
        (CANARY, QUEUE, "rooms has instances, .* such an endpoint asynchronous"),
        (ACCOUNT, QUEUE, "rooms is serverless, .* such an endpoint asynchronous"),
    ],
    ids=["to serverless", "to realtime", "from realtime", "from serverless"],
)
def test_a_queue_comes_and_goes_with_its_endpoint(
    changes: Sequence[str], wanted: Sequence[str], message: str
) -> None:
    """SageMaker takes none from an endpoint."""
    with pytest.raises(PlanError, match=message):
        plan(release(wanted), deployed(changes, 1))
