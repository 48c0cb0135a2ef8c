# SPDX-License-Identifier: AGPL-3.0-or-later
"""What `apply` does where AWS, or somebody else, gets in its way: it says so and cleans up."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from deploy.aws.client import AwsAccount
from deploy.aws.errors import AnswerTimeout, AwsError, EndpointFailed, WaitTimeout
from deploy.endpoint.image import find_image
from deploy.endpoint.reading import read_spec
from deploy.endpoint.role import check_role
from deploy.errors import ManifestError, PlanError
from sagemaker_local.backend import Quotas
from serving.errors import RolloutError
from tests.contract.aws_server import Answer, serve_aws
from tests.contract.endpoint_site import QUEUE, Site, settings
from tests.contract.local_sagemaker import REGION, played_lab
from tests.unit.test_endpoint_spec import SHIPPED

if TYPE_CHECKING:
    from pathlib import Path

    from tests.contract.local_sagemaker import Harness

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def manifest_of(lab: Harness, digest: str) -> str:
    """Of the image that is there at the start."""
    (found,) = lab.client("ecr").batch_get_image(
        repositoryName=lab.repository, imageIds=[{"imageDigest": digest}]
    )["images"]
    return str(found["imageManifest"])


def test_a_container_that_does_not_start(site: Site) -> None:
    """The candidate fails, the reason is told with what to do, and nothing stays."""
    with pytest.raises(RolloutError) as caught:
        site.apply(*settings(site), "environment.START=fail")

    assert "rooms-candidate is Failed" in str(caught.value)
    assert "did not pass the ping health check" in str(caught.value)
    assert "Its log says: it did not want to" in str(caught.value)
    assert "`python -m deploy logs --candidate` has all of it" in str(caught.value)
    assert "delete" not in str(caught.value)
    assert "There is no endpoint rooms, as before" in str(caught.value)
    assert [] == site.names()


def test_an_answer_that_is_none(site: Site) -> None:
    """The candidate starts and answers its golden plan with an error of its own."""
    with pytest.raises(RolloutError, match="answers its golden plan with 500") as caught:
        site.apply(*settings(site), "environment.STATUS=500")

    assert "Its log says: RuntimeError: a bug" in str(caught.value)

    assert [] == site.names()


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ("STATUS=500", "answers its golden plan with no status: rooms"),
        ("STATUS=200", "golden plan is answered in another form"),
    ],
)
def test_an_answer_through_a_queue_that_is_none(site: Site, environment: str, told: str) -> None:
    """Of the test nothing stays, neither what was sent nor what came of it."""
    where = tuple(s.replace("s3://rooms", site.lab.account.artifacts) for s in QUEUE)
    with pytest.raises(RolloutError, match=told):
        site.apply(*settings(site), *where, "environment.NAME=rooms", f"environment.{environment}")

    assert [] == site.names()


def test_an_answer_through_a_queue_that_does_not_come(site: Site) -> None:
    """What is waited for is named, and the file that was sent is removed."""
    where = tuple(s.replace("s3://rooms", site.lab.account.artifacts) for s in QUEUE)
    with pytest.raises(AnswerTimeout, match=r"has put nothing at s3://.*/answers/"):
        site.apply(*settings(site), *where, "environment.DELAY_S=8", timeout_s=2)

    assert [] == [name for name in site.names() if "trial" in name]


def test_a_quota_that_is_used_up(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The call is told with its quota; the next run goes on, so model and file stay."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with played_lab(quotas=Quotas(serverless_concurrency=0)) as lab:
        site = Site(lab, archive, [])
        with pytest.raises(AwsError, match=r"CreateEndpoint of .*rooms-candidate.*LimitExceeded"):
            site.apply(*settings(site))
        kinds = [name.rpartition("-")[0] for name in site.names()]
        assert ["rooms-1-0", "rooms/rooms-1.0"] == kinds


def test_a_role_is_looked_at_first(site: Site) -> None:
    """`plan` and `apply` refuse one that is not there; who may not look is told so."""
    account, role = AwsAccount(REGION, site.lab.place.url), site.lab.account.role
    check_role(account, role, site.said.append)
    assert [] == site.said
    for wrong, told in (("-of-before", "there is no role"), ("", "the role's ARN is")):
        other = f"{role.replace('123456789012', '210987654321') if not wrong else role}{wrong}"
        with pytest.raises(PlanError, match=told):
            check_role(account, other, site.said.append)
    denied = Answer(403, "AccessDenied", "User: u is not authorized to perform: iam:GetRole")
    with serve_aws([denied], []) as url:
        check_role(AwsAccount(REGION, url), role, site.said.append)
    assert "was not looked at (GetRole: AccessDenied; it takes iam:GetRole)" in site.said[-1]


def test_a_role_that_is_not_there(site: Site) -> None:
    """Then the file is there alone, and `delete` removes it all the same."""
    with pytest.raises(AwsError, match=r"there is no role \S+nobody, it does not let"):
        site.apply(*settings(site), "role=arn:aws:iam::123456789012:role/nobody")
    (name,) = site.names()

    done = site.operator().delete(f"{site.lab.account.artifacts}/rooms/rooms-")

    assert [f"s3 delete_object {name}: it is no longer needed"] == done.calls
    assert [] == site.names()


def test_a_bucket_that_is_gone(site: Site) -> None:
    """What was made of its files can be deleted; nothing new can be made."""
    s3 = site.lab.client("s3")
    s3.create_bucket(Bucket="gone", CreateBucketConfiguration={"LocationConstraint": REGION})
    site.lab.place.backend.quotas = Quotas(serverless_concurrency=0)
    with pytest.raises(AwsError, match="LimitExceeded"):
        site.apply(*settings(site), "artifacts=s3://gone")
    (file,) = s3.list_objects_v2(Bucket="gone")["Contents"]
    s3.delete_object(Bucket="gone", Key=file["Key"])
    s3.delete_bucket(Bucket="gone")

    with pytest.raises(AwsError, match="NoSuchBucket"):
        site.apply(*settings(site), "artifacts=s3://gone")
    done = site.operator().delete("s3://gone/rooms/rooms-")

    assert ["sagemaker delete_model"] == [call.rpartition(" rooms-")[0] for call in done.calls]
    assert [] == site.names()


def test_what_somebody_else_removed(site: Site) -> None:
    """Need not be removed: by another run, or a list of AWS's was out of date."""

    def remove(text: str) -> None:
        if text.startswith("sagemaker delete_endpoint_config"):
            name = text.split()[2].rstrip(":")
            site.lab.sagemaker.delete_endpoint_config(EndpointConfigName=name)

    site.on_say = remove
    with pytest.raises(RolloutError, match="There is no endpoint rooms, as before"):
        site.apply(*settings(site), "environment.START=fail")
    assert "  it is gone already" in site.said
    assert [] == site.names()


def test_a_wait_that_is_too_long(site: Site) -> None:
    """It is told how long it was; what was begun is left to go on."""
    with pytest.raises(WaitTimeout, match="rooms-candidate"):
        site.apply(*settings(site), "environment.START_S=5", timeout_s=0.5)


def test_an_endpoint_that_somebody_deletes_meanwhile(site: Site) -> None:
    """It is not waited for for ever."""

    def delete(text: str) -> None:
        if text.startswith("  rooms-candidate: Creating"):
            site.lab.settled("rooms-candidate")
            site.lab.sagemaker.delete_endpoint(EndpointName="rooms-candidate")

    site.on_say = delete
    with pytest.raises(RolloutError, match="somebody has deleted it"):
        site.apply(*settings(site))
    assert [] == site.names()


def test_an_image_that_sagemaker_refuses(site: Site) -> None:
    """Nothing is made, and the command that mends it is named."""
    image, _, digest = site.lab.account.image.partition("@")
    manifest = json.loads(manifest_of(site.lab, digest))
    manifest["mediaType"] = OCI_MANIFEST
    manifest["config"]["mediaType"] = "application/vnd.oci.image.config.v1+json"
    for layer in manifest["layers"]:
        layer["mediaType"] = "application/vnd.oci.image.layer.v1.tar+gzip"
    site.lab.client("ecr").put_image(
        repositoryName=site.lab.repository,
        imageManifest=json.dumps(manifest),
        imageManifestMediaType=OCI_MANIFEST,
        imageTag="oci",
    )
    with pytest.raises(ManifestError, match=r"image fix .*:oci"):
        site.apply(*settings(site), f"image={image}:oci")
    assert [] == site.names()


def test_a_tag_is_pinned(site: Site) -> None:
    """The model names the digest that the tag leads to now."""
    image, _, digest = site.lab.account.image.partition("@")
    site.lab.client("ecr").put_image(
        repositoryName=site.lab.repository,
        imageManifest=manifest_of(site.lab, digest),
        imageTag="v7",
    )
    spec = read_spec(SHIPPED, (*site.lab.account.settings(), f"image={image}:v7"))

    assert f"{image}@{digest}" == find_image(
        AwsAccount(REGION, site.lab.place.url), spec, site.said.append
    )


def test_going_back_can_fail_too(site: Site) -> None:
    """Then both reasons are told."""

    def break_down(text: str) -> None:
        if text.startswith("sagemaker delete_endpoint"):
            raise EndpointFailed("rooms-candidate", "Failed", "a second one")

    site.on_say = break_down
    with pytest.raises(RolloutError) as caught:
        site.apply(*settings(site), "environment.START=fail")

    assert "did not pass the ping health check" in str(caught.value)
    assert "Going back failed, too" in str(caught.value)
    assert "a second one" in str(caught.value)
