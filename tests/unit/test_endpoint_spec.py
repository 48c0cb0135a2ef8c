# SPDX-License-Identifier: AGPL-3.0-or-later
"""A configuration is refused with its reason before anything is asked of AWS."""

from __future__ import annotations

import pytest

from deploy.endpoint.reading import read_spec
from deploy.endpoint.spec import Mode, Realtime, Serverless, Traffic
from deploy.errors import SpecError
from tests.conftest import ROOT

SHIPPED = (ROOT / "deploy" / "endpoint-config.yaml").read_text("utf-8")
IMAGE = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/rooms"
ACCOUNT = (
    "artifacts=s3://plans/models/",
    f"image={IMAGE}@sha256:{'a' * 64}",
    "role=arn:aws:iam::123456789012:role/rooms",
)
INSTANCES = (*ACCOUNT, "mode=realtime", "serverless=null", "realtime.instance_type=ml.c6i.large")


def test_the_shipped_file_needs_the_accounts_facts() -> None:
    """All that are missing are named at once."""
    with pytest.raises(SpecError, match=r"no value for artifacts, image, role: .*--set artifacts="):
        read_spec(SHIPPED)


def test_the_shipped_file_is_serverless() -> None:
    """With the account's facts it is complete."""
    spec = read_spec(SHIPPED, ACCOUNT)

    assert (Mode.SERVERLESS, Serverless(2048, 5, 0)) == (spec.mode, spec.serverless)
    assert spec.place == ("plans", "models/")
    assert spec.realtime is None


def test_what_the_shipped_file_has_as_comments_is_understood() -> None:
    """Whoever takes the signs away has a real-time endpoint."""
    text = SHIPPED.replace("\n# realtime", "\nrealtime")
    text = text.replace("\n#   ", "\n  ")
    spec = read_spec(text, (*ACCOUNT, "mode=realtime", "serverless=null"))

    assert Realtime("ml.c6i.large", 2, Traffic.CANARY, 50, 300) == spec.realtime


def test_values_of_the_environment_are_text() -> None:
    """`--set` does not turn them into numbers."""
    spec = read_spec(SHIPPED, (*ACCOUNT, "environment.ROOMDET_THREADS=2"))

    assert {"ROOMDET_THREADS": "2"} == spec.environment


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["memory=2048"], "unknown key memory; did you mean"),
        (["serverless.memory=2048"], "did you mean serverless.memory_mb"),
        (["serverless.memory_mb=2000"], "steps of 1024"),
        (["serverless.memory_mb=many"], "an integer is wanted"),
        (["serverless.max_concurrency=201"], "1 to 200"),
        (["serverless.provisioned_concurrency=6"], "0 to 5"),
        (["mode=batch"], "one of serverless, realtime"),
        (["vpc=x"], "vpc is not taken: a serverless endpoint refuses it"),
        (["realtime.instance_type=ml.c6i.large"], "serverless: it has no instances"),
        (["alarms.errors_5xx=1"], "alarms is not taken: SageMaker refuses them"),
        ([f"image={IMAGE}:1"], "a tag can be moved later"),
        (["image=rooms:1"], "images of ECR alone"),
        (["region=us-east-1"], "lies in eu-central-1, the endpoint in us-east-1"),
        (["role=rooms"], "role is 'rooms'"),
        (["artifacts=plans"], "say s3://bucket"),
        (["endpoint=-rooms"], "single hyphens"),
        (["environment.ROOMDET_ARCHIVE_SHA256=x"], "set from the archive itself"),
        (["tags.aws:x=y"], "reserved"),
        (["serverless"], "is not KEY=VALUE"),
    ],
)
def test_a_mistake_is_refused(changes: list[str], message: str) -> None:
    """With what is allowed, or why it is not."""
    with pytest.raises(SpecError, match=message):
        read_spec(SHIPPED, (*ACCOUNT, *changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["realtime.rollout=canary"], "needs realtime.instance_count of 2"),
        (["serverless.memory_mb=2048"], "is for the other mode"),
        (["realtime.step_percent=51"], "1 to 50"),
        (["realtime.rollout=linear", "realtime.step_percent=9"], "10 to 50"),
        (["realtime.instance_type=c6i"], "say ml.c6i.large"),
        (["realtime=null"], "instance_type is missing"),
    ],
)
def test_a_mistake_about_instances_is_refused(changes: list[str], message: str) -> None:
    """The modes' sections exclude each other."""
    with pytest.raises(SpecError, match=message):
        read_spec(SHIPPED, (*INSTANCES, *changes))
