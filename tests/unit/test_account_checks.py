# SPDX-License-Identifier: AGPL-3.0-or-later
"""What checks of `doctor` make of values; with an account they are in tests/contract."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from deploy.account.checks_quotas import judge_quotas
from deploy.account.checks_role import trusts_sagemaker
from deploy.account.checks_setup import judge_packages
from deploy.account.context import DoctorContext
from deploy.account.diagnosis import Check, Level, ok, run_checks, unknown
from deploy.aws.errors import AwsDenied, AwsError
from deploy.cli import TEMPLATE
from deploy.endpoint.capacity import Autoscaling, Realtime
from deploy.endpoint.spec import Mode, Spec

ACCOUNT = "123456789012"
INSTANCES = "ml.c6i.large for endpoint usage"
CONCURRENCY = "Maximum total concurrency that can be allocated across all serverless endpoints"
PACKAGES = {"boto3": "1.44.8", "pyyaml": "6.0", "urllib3": "2.8", "zstandard": "0.25"}
PATIENT = DoctorContext(TEMPLATE, [], None)


def realtime(count: int, most: int = 0) -> Spec:
    """An endpoint of instances."""
    scaling = Autoscaling(count, most, 2) if most else None
    return Spec(
        "rooms", Mode.REALTIME, "rooms.mar", "s3://bucket",
        f"{ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com/rooms:1", f"arn:aws:iam::{ACCOUNT}:role/r",
        realtime=Realtime("ml.c6i.large", count, autoscaling=scaling),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("level", "spec", "quota"),
    [
        pytest.param(Level.OK, realtime(2), 5, id="both sides of an update, and the candidate"),
        pytest.param(Level.WARNING, realtime(2), 4, id="no candidate beside them"),
        pytest.param(Level.WARNING, realtime(2), 2, id="no update"),
        pytest.param(Level.FAILURE, realtime(2), 1, id="too few"),
        pytest.param(Level.FAILURE, realtime(2, 6), 5, id="too few to scale out"),
        pytest.param(Level.FAILURE, realtime(1), 0, id="none"),
    ],
)
def test_quotas_of_instances(level: Level, spec: Spec, quota: int) -> None:
    """What serves must be there, and an update runs the old and the new at once."""
    found = judge_quotas(spec, {INSTANCES: float(quota)})

    assert (level, True) == (found.level, INSTANCES in found.message)


def test_quotas_that_are_not_listed() -> None:
    """Nothing is said of what nobody knows."""
    assert judge_quotas(realtime(1), {CONCURRENCY: 5.0}).level is Level.UNKNOWN


def trust(**changes: Any) -> dict[str, Any]:
    """A trust policy."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sagemaker.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    return {"Version": "2012-10-17", "Statement": [statement | changes]}


@pytest.mark.parametrize(
    ("expected", "policy"),
    [
        (True, trust()),
        (True, trust(Principal={"Service": ["ec2.amazonaws.com", "sagemaker.amazonaws.com"]})),
        (True, trust(Action=["sts:AssumeRole", "sts:TagSession"])),
        (True, {"Statement": trust()["Statement"][0]}),
        (True, trust(Condition={"StringEquals": {"aws:SourceAccount": ACCOUNT}})),
        (False, trust(Condition={"StringEquals": {"aws:SourceAccount": ["210987654321"]}})),
        (False, trust(Principal={"Service": "ec2.amazonaws.com"})),
        (False, trust(Principal={"AWS": "sagemaker.amazonaws.com"})),
        (False, trust(Principal="*")),
        (False, trust(Effect="Deny")),
        (False, trust(Action="sts:TagSession")),
        (False, {}),
    ],
)
def test_trust(expected: bool, policy: dict[str, Any]) -> None:  # noqa: FBT001 - a column
    """SageMaker must be let in, for this account."""
    assert expected == trusts_sagemaker(policy, ACCOUNT)


@pytest.mark.parametrize(
    ("level", "versions"),
    [
        (Level.OK, PACKAGES),
        (Level.OK, PACKAGES | {"boto3": "1.45.0rc1"}),
        (Level.FAILURE, PACKAGES | {"boto3": "1.44.4"}),
        (Level.FAILURE, PACKAGES | {"boto3": ""}),
        (Level.FAILURE, PACKAGES | {"pyyaml": ""}),
    ],
)
def test_packages(level: Level, versions: dict[str, str]) -> None:
    """All that requirements/deploy.txt names, and no boto3 that lacks calls."""
    assert level is judge_packages(versions).level


def test_what_comes_after_a_failure_is_not_guessed() -> None:
    """Nor what comes after that; what needs neither is looked at."""

    def fail(_: DoctorContext) -> Any:
        raise AwsError("GetRole", "ServiceFailure", "broken")

    checks = [
        Check("first", "", fail),
        Check("second", "", lambda _: ok("well"), ("first",)),
        Check("third", "", lambda _: ok("well"), ("second",)),
        Check("fourth", "", lambda _: unknown("not seen")),
        Check("fifth", "", lambda _: ok("well"), ("fourth",)),
    ]
    found = {f.check: (f.level, f.message) for f in run_checks(checks, PATIENT)}

    assert found["first"][0] is Level.FAILURE
    assert found["second"] == (Level.UNKNOWN, "not looked at: first comes first")
    assert found["third"] == (Level.UNKNOWN, "not looked at: second comes first")
    assert found["fifth"] == (Level.OK, "well")


def test_what_may_not_be_seen_is_unknown() -> None:
    """It is no failure of what would be seen; the advice is how to be let in."""

    def look(_: DoctorContext) -> Any:
        reason = "User: u is not authorized to perform: iam:GetRole on resource: role/r"
        raise AwsDenied("GetRole", "AccessDenied", reason)

    (found,) = run_checks([Check("role", "", look)], PATIENT)

    assert (found.level, found.next_step[:25]) == (Level.UNKNOWN, "Allow iam:GetRole on role")
    assert replace(found, next_step="").as_document()["level"] == "unknown"


@pytest.mark.parametrize(
    ("expected", "text", "changes"),
    [
        (None, "endpoint: rooms", []),
        (None, "region: eu-central-1\nodd: [1", []),  # no YAML
        ("eu-central-1", "region: eu-central-1\nodd: 1", []),
        ("us-east-1", "region: eu-central-1", ["region=us-east-1"]),
        (None, "[]", []),
        (None, "region: 1", []),
    ],
)
def test_the_region_of_a_configuration_that_is_refused(
    tmp_path: Any, expected: str | None, text: str, changes: list[str]
) -> None:
    """It is read for itself, so that the account can be looked at all the same."""
    config = tmp_path / "config.yaml"
    config.write_text(text, "utf-8")

    assert expected == DoctorContext(config, changes, None).region
