# SPDX-License-Identifier: AGPL-3.0-or-later
"""A configuration is refused with its reason before anything is asked of AWS."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

import pytest

from deploy.endpoint.asynchronous import Asynchronous, Backlog
from deploy.endpoint.capacity import Autoscaling, Realtime, Serverless, Traffic
from deploy.endpoint.reading import read_spec
from deploy.endpoint.spec import Mode
from deploy.endpoint.thresholds import Alarms
from deploy.errors import SpecError
from tests.conftest import ROOT

SHIPPED = (ROOT / "deploy" / "endpoint-config.yaml").read_text("utf-8")
IMAGE = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/rooms"
ACCOUNT = (
    "artifacts=s3://plans/models/",
    f"image={IMAGE}@sha256:{'a' * 64}",
    "role=arn:aws:iam::123456789012:role/rooms",
)
SCALING = "realtime.autoscaling"
LINEAR = ("realtime.rollout=linear", "realtime.instance_count=2")
QUEUE = (
    *ACCOUNT, "mode=async", "serverless=null", "async.instance_type=ml.c6i.large",
    "async.output=s3://plans/answers/", "async.failures=s3://plans/failures",
)  # fmt: skip
TOPIC = "arn:aws:sns:eu-central-1:123456789012:plans"
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


def without_signs(*sections: str) -> str:
    """The shipped file with some of its sections that are comments there."""
    text = SHIPPED
    for section in sections:
        (lines,) = re.findall(rf"^# {section}:.*?\n\n", text, re.MULTILINE | re.DOTALL)
        text = text.replace(lines, re.sub(r"^# ", "", lines, flags=re.MULTILINE))
    return text


def test_what_the_shipped_file_has_as_comments_is_understood() -> None:
    """Whoever takes the signs away has a real-time endpoint, of defaults but for what scales."""
    spec = read_spec(
        without_signs("realtime", "alarms"), (*ACCOUNT, "mode=realtime", "serverless=null")
    )

    scaling = Autoscaling(2, 4)
    assert Realtime("ml.c6i.large", 2, scaling, Traffic.CANARY) == spec.realtime
    assert Alarms() == spec.alarms
    assert 3 == spec.keep


def test_an_endpoint_with_a_queue_is_understood_from_comments() -> None:
    """Likewise, and with the defaults that the file shows."""
    spec = read_spec(without_signs("async"), (*ACCOUNT, "mode=async", "serverless=null"))

    places = ("s3://bucket/answers", "s3://bucket/failures")
    assert Asynchronous("ml.c6i.large", *places, autoscaling=Backlog(4)) == spec.async_
    assert spec.alarms is None


def keys(section: str) -> set[str]:
    """What the shipped file has in a section, in comments or not."""
    _, after = re.split(rf"^#?\s*{section}:", SHIPPED, flags=re.MULTILINE)
    lines = after.split("\n\n")[0].splitlines()[1:]
    return {found[1] for line in lines if (found := re.match(r"#?\s*([a-z0-9_]+):", line))}


@pytest.mark.parametrize(
    ("section", "kind"),
    [
        ("serverless", Serverless),
        ("realtime", Realtime),
        ("realtime", Autoscaling),
        ("alarms", Alarms),
        ("async", Asynchronous),
        ("async", Backlog),
    ],
)
def test_the_shipped_file_has_every_key(section: str, kind: type[Any]) -> None:
    """None is left to be found in the code."""
    assert {entry.name for entry in fields(kind)} <= keys(section)


def test_values_of_the_environment_are_text() -> None:
    """`--set` does not turn them into numbers."""
    spec = read_spec(SHIPPED, (*ACCOUNT, "environment.ROOMDET_THREADS=2"))

    assert {"ROOMDET_THREADS": "2"} == spec.environment


def test_an_endpoint_of_instances_has_alarms_unless_they_are_refused() -> None:
    """A null says that there are none; of one threshold, that it is off."""
    assert Alarms() == read_spec(SHIPPED, INSTANCES).alarms
    assert read_spec(SHIPPED, (*INSTANCES, "alarms=null")).alarms is None
    assert read_spec(SHIPPED, ACCOUNT).alarms is None
    some = read_spec(SHIPPED, (*INSTANCES, "alarms.memory_percent=null", "alarms.minutes=5"))
    assert Alarms(memory_percent=None, minutes=5) == some.alarms


def test_a_serverless_endpoint_has_a_capacity_without_a_section() -> None:
    """SageMaker itself has no defaults."""
    assert Serverless() == read_spec(SHIPPED, (*ACCOUNT, "serverless=null")).serverless


def test_a_section_in_a_section_can_be_set() -> None:
    """To any depth, and keys of tags may have dots."""
    limits = (f"{SCALING}.min_instances=2", f"{SCALING}.max_instances=9")
    changes = ("realtime.instance_count=3", *limits, "tags.team.name=plans")
    spec = read_spec(SHIPPED, (*INSTANCES, *changes))

    assert spec.realtime
    assert Autoscaling(2, 9) == spec.realtime.autoscaling
    assert {"team.name": "plans"} == spec.tags


def test_the_accounts_of_role_and_image_are_known() -> None:
    """They may differ."""
    other = "role=arn:aws:iam::210987654321:role/service-role/rooms"
    spec = read_spec(SHIPPED, (*ACCOUNT, other))

    assert ("210987654321", "123456789012") == (spec.account, spec.image_place.account)
    assert "eu-central-1" == spec.image_place.region


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["memory=2048"], "unknown key memory; did you mean"),
        (["memory_mb=2048"], r"did you mean serverless\.memory_mb\?"),
        (["serverless.keep=2"], r"did you mean keep\?"),
        (["serverless.memory=2048"], "did you mean serverless.memory_mb"),
        (["serverless.memory_mb=2000"], "steps of 1024"),
        (["serverless.memory_mb=many"], "an integer is wanted"),
        (["serverless.max_concurrency=201"], "1 to 200"),
        (["serverless.provisioned_concurrency=6"], "0 to 5"),
        (["mode=batch"], r"one of serverless, realtime, async is wanted \(batch: it needs no"),
        (["mode=async"], "mode is async: async.instance_type is missing"),
        (["mode=lambda"], "one of serverless, realtime, async is wanted$"),
        (["keep=0"], "keep is 0; 1 to 20 are allowed"),
        (["keep=21"], "1 to 20"),
        (["vpc=x"], "vpc is not taken: a serverless endpoint refuses it"),
        (["realtime.instance_type=ml.c6i.large"], "serverless: it has no instances"),
        (["alarms.minutes=1"], "serverless: SageMaker takes no alarms there, since .* by itself"),
        (["alarms.errors=1"], "unknown key alarms.errors; did you mean alarms.errors_5xx_percent"),
        (["serverless.vpc=x"], "serverless.vpc is not taken"),
        (["network_isolation=true"], "a serverless endpoint refuses it"),
        (["data_capture=true"], "SageMaker refuses it in mode serverless"),
        (["variants=2"], "there is one variant"),
        (["gpu=1"], "runs on CPUs"),
        (["multi_model=true"], "serves one archive"),
        (["rolling=true"], "an update is blue/green"),
        (["autoscaling.min_instances=1"], "it lies in the section `realtime`"),
        (["serverless.autoscaling=1"], "from none to max_concurrency"),
        (["instance_type=ml.c6i.large"], "mode serverless has no instances"),
        (["image=rooms:1"], "images of ECR alone"),
        (["region=us-east-1"], "lies in eu-central-1, the endpoint in us-east-1"),
        (["role=rooms"], "role is 'rooms'"),
        (["role=arn:aws-cn:iam::123456789012:role/rooms"], "aws-cn, and the image lies in eu-"),
        (["artifacts=plans"], "artifacts is 'plans'; say s3://bucket"),
        (["endpoint=-rooms"], "single hyphens"),
        (["environment.ROOMDET_ARCHIVE_SHA256=x"], "set from the archive itself"),
        (["endpoint=rooms-candidate"], "the temporary endpoint of rooms is called so"),
        (["environment.A-B=1"], "variable is 'A-B'"),
        (["tags.team=a!b"], r"tags\.team is 'a!b'; letters"),
        (["tags.a*=b"], r"letters, digits, spaces"),
        ([f"tags.team={'x' * 257}"], "0 to 256"),
        ([f"tags.{'x' * 129}=y"], "1 to 128"),
        (["tags.aws:x=y"], "reserved"),
        (["tags.roomdet:version=y"], "reserved"),
        (["serverless"], "is not KEY=VALUE"),
        (["serverless..memory_mb=1"], "is not KEY=VALUE"),
        (["mode.x=1"], "mode is 'serverless'; a section"),
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
        ([*LINEAR, "realtime.step_percent=9"], "10 to 50"),
        (["realtime.instance_type=c6i"], "say ml.c6i.large"),
        (["realtime.instance_type=ml.g5.xlarge"], "runs on CPUs alone"),
        (["realtime.instance_type=ml.p4d.24xlarge"], "runs on CPUs alone"),
        (["realtime.instance_type=ml.inf2.xlarge"], "runs on CPUs alone"),
        (["realtime.instance_type=ml.c7g.large"], "arm64 CPU: the image is linux/amd64"),
        (["realtime.instance_type=ml.m6gd.large"], "arm64"),
        (["realtime.rollout=rolling"], r"linear is wanted \(rolling: an update is blue/green"),
        (["realtime.wait_s=3601"], "0 to 3600"),
        (["realtime.termination_wait_s=-1"], "termination_wait_s is -1; 0 to 3600"),
        (["realtime.max_execution_s=599"], "600 to 28800"),
        (["realtime.health_check_timeout_s=59"], "60 to 3600"),
        (["realtime.model_download_timeout_s=3601"], "60 to 3600"),
        (["realtime.max_execution_s=600"], "waits for 600 s alone"),
        (
            [*LINEAR, "realtime.step_percent=15", "realtime.max_execution_s=2400"],
            "waits for 2400 s alone",
        ),
        (["realtime.autoscaling.min_instances=1"], "no value for realtime.autoscaling.max_inst"),
        ([f"{SCALING}.min_instances=0", f"{SCALING}.max_instances=2"], "1 to 2 are allowed"),
        (
            [f"{SCALING}.min_instances=3", f"{SCALING}.max_instances=2"],
            "min_instances is 3; 1 to 2",
        ),
        ([f"{SCALING}.min_instances=2", f"{SCALING}.max_instances=4"], "count is 1, and .* 2 to 4"),
        (
            [*LINEAR, f"{SCALING}.min_instances=1", f"{SCALING}.max_instances=4"],
            "needs realtime.autoscaling.min_instances of 2",
        ),
        ([f"{SCALING}=2"], "realtime.autoscaling is 2; a section with keys"),
        (["alarms.errors_5xx_percent=100"], "0 to 99"),
        (["alarms.errors_5xx_percent=-0.1"], "0 to 99"),
        (["alarms.model_errors_percent=few"], "a number is wanted"),
        (["alarms.latency_p95_ms=0"], "1 to 60000"),
        (["alarms.latency_p95_ms=60001"], "1 to 60000"),
        (["alarms.latency_p95_ms=0.5"], "an integer is wanted"),
        (["alarms.memory_percent=100"], "1 to 99"),
        (["alarms.minutes=0"], "1 to 60"),
        (["alarms.sns_topic=ops"], "say arn:aws:sns:"),
        (["alarms.sns_topic=arn:aws:sns:us-east-1:123456789012:ops"], "topics of its own region"),
        (["realtime=null"], "instance_type is missing"),
    ],
)
def test_a_mistake_about_instances_is_refused(changes: list[str], message: str) -> None:
    """The modes' sections exclude each other."""
    with pytest.raises(SpecError, match=message):
        read_spec(SHIPPED, (*INSTANCES, *changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["async.instance_type=ml.g5.xlarge"], "runs on CPUs alone"),
        (["async.instance_type=ml.c7g.large"], "arm64 CPU"),
        (["async.instance_count=0"], "1 to 1000"),
        (["async.output=plans"], "say s3://bucket/prefix"),
        (["async.failures=s3://plans/answers"], "the same place; keep them apart"),
        ([f"async.output=s3://plans/{'x' * 512}"], "longer than 512"),
        (["async.success_topic=plans"], "arn:aws:sns"),
        (
            [f"async.error_topic={TOPIC.replace('central', 'west')}"],
            "error_topic lies in eu-west-1",
        ),
        (["async.max_concurrent_per_instance=0"], "1 to 1000"),
        (["async.invocation_timeout_s=3601"], "1 to 3600"),
        (["async.max_execution_s=600", "async.termination_wait_s=600"], "waits for termination"),
        (["async.autoscaling.min_instances=0"], "no value for async.autoscaling.max_instances"),
        (["async.autoscaling.max_instances=0"], "1 to 1000"),
        (["async.autoscaling.max_instances=2", "async.instance_count=3"], "keeps 0 to 2"),
        (["async.rollout=canary"], "unknown key async.rollout"),
        (["alarms.minutes=1"], "mode is async: its requests wait in a queue"),
        (["realtime.instance_type=ml.c6i.large"], "`realtime` is for the other mode"),
        (["mode=realtime", "realtime.instance_type=ml.c6i.large"], "`async` is for the other mode"),
        (["mode=serverless"], "`async` is refused; leave it out, or say mode: async"),
    ],
)
def test_a_mistake_in_a_queue_is_refused(changes: list[str], message: str) -> None:
    """Likewise."""
    with pytest.raises(SpecError, match=message):
        read_spec(SHIPPED, (*QUEUE, *changes))
