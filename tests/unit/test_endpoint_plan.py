# SPDX-License-Identifier: AGPL-3.0-or-later
"""Plans are data: the same wish on the same account is the same list of calls."""

from __future__ import annotations

from dataclasses import replace

import botocore.session
import pytest
from botocore import xform_name
from botocore.validate import ParamValidator

from deploy.endpoint.plan import Artifact, ModelFile, Remote, Step, plan
from deploy.endpoint.reading import read_spec
from deploy.endpoint.rollout import deployment_config
from deploy.endpoint.spec import Mode, Spec
from deploy.errors import PlanError
from tests.unit.test_endpoint_spec import ACCOUNT, INSTANCES, SHIPPED

ARTIFACT = Artifact("1.2+b", "c" * 64)
SERVERLESS = read_spec(SHIPPED, ACCOUNT)
CANARY = read_spec(SHIPPED, (*INSTANCES, "realtime.instance_count=2", "realtime.rollout=canary"))
ALL = ["put_object", "create_model", "create_endpoint_config"]


def operations(steps: list[Step]) -> list[str]:
    """The names of the calls."""
    return [step.operation for step in steps]


def done(steps: list[Step], mode: Mode) -> Remote:
    """The account after a plan."""
    keys = ("Key", "ModelName", "EndpointConfigName")
    names = [next(s.params[k] for k in keys if k in s.params) for s in steps]
    return Remote(frozenset(names), "InService", names[-1], mode)


@pytest.mark.parametrize("spec", [SERVERLESS, CANARY], ids=["serverless", "realtime"])
def test_nothing_is_left_to_do_after_a_plan(spec: Spec) -> None:
    """And equal wishes make equal calls."""
    steps = plan(spec, ARTIFACT, Remote())

    assert [*ALL, "create_endpoint"] == operations(steps)
    assert steps == plan(spec, ARTIFACT, Remote())
    assert [] == plan(spec, ARTIFACT, done(steps, spec.mode))


@pytest.mark.parametrize("made", range(4))
def test_a_plan_goes_on_where_a_run_ended(made: int) -> None:
    """Each call that was made is not planned again."""
    steps = plan(SERVERLESS, ARTIFACT, Remote())
    there = done(steps[:3], Mode.SERVERLESS).present if made else frozenset()
    first = {steps[0].params["Key"], steps[1].params["ModelName"]}
    present = [frozenset(), frozenset({steps[0].params["Key"]}), frozenset(first), there][made]

    assert steps[made:] == plan(SERVERLESS, ARTIFACT, Remote(present))


def test_another_archive_is_another_version() -> None:
    """New names throughout, one update, nothing edited."""
    before = plan(CANARY, ARTIFACT, Remote())
    after = plan(CANARY, replace(ARTIFACT, sha256="d" * 64), done(before, Mode.REALTIME))

    assert [*ALL, "update_endpoint"] == operations(after)
    assert after[-1].params["RetainAllVariantProperties"]
    assert deployment_config(CANARY) == after[-1].params["DeploymentConfig"]


def test_a_serverless_endpoint_is_updated_at_once() -> None:
    """SageMaker takes no DeploymentConfig there, and no instances."""
    before = plan(SERVERLESS, ARTIFACT, Remote())
    after = plan(SERVERLESS, replace(ARTIFACT, sha256="d" * 64), done(before, Mode.SERVERLESS))

    assert {"EndpointName", "EndpointConfigName"} == set(after[-1].params)
    assert "InstanceType" not in after[2].params["ProductionVariants"][0]


@pytest.mark.parametrize(
    ("remote", "message"),
    [
        (Remote(status="Updating", config="x", mode=Mode.SERVERLESS), "is Updating"),
        (Remote(status="InService", config="x", mode=Mode.REALTIME), "never makes"),
    ],
    ids=["busy", "instances"],
)
def test_what_cannot_be_is_said(remote: Remote, message: str) -> None:
    """With another way."""
    with pytest.raises(PlanError, match=message):
        plan(SERVERLESS, ARTIFACT, remote)


@pytest.mark.parametrize("spec", [SERVERLESS, CANARY], ids=["serverless", "realtime"])
def test_every_call_is_one_of_botocores(spec: Spec) -> None:
    """Names, types, ranges and required parameters are those of its service model."""
    loader = botocore.session.get_session()
    remote = Remote(status="InService", config="other", mode=spec.mode)
    for step in plan(spec, ARTIFACT, Remote()) + plan(spec, ARTIFACT, remote)[-1:]:
        model = loader.get_service_model(step.service)
        (name,) = [n for n in model.operation_names if xform_name(n) == step.operation]
        params = {k: b"" if isinstance(v, ModelFile) else v for k, v in step.params.items()}
        shape = model.operation_model(name).input_shape
        assert shape is not None
        report = ParamValidator().validate(params, shape)
        assert not report.has_errors(), report.generate_report()
        assert all(len(v) <= 63 for k, v in params.items() if k.endswith("Name"))
