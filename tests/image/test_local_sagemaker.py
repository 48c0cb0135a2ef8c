# SPDX-License-Identifier: AGPL-3.0-or-later
"""The local SageMaker with containers of the real image in the place of TorchServe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sagemaker_local.local_sagemaker import ServeWith, local_sagemaker, starter
from serving.golden import judge_answer, read_golden
from tests.deploying import REGION, Deployment, bare_account, values

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.image.lab import Lab


def test_the_image_serves(
    lab: Lab, image: str, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As serverless hosting runs it; a model of another digest never becomes the endpoint's."""
    for name, value in lab.puller.items():
        monkeypatch.setenv(name, value)
    golden = read_golden(archive)
    with local_sagemaker(starter(ServeWith.IMAGE, image), time_scale=0.01) as place:
        account = bare_account(place.backend.aws, REGION)
        there = Deployment(place.url, values(account), tmp_path)
        first = there.config(archive, "v1", concurrency=2)
        there.sagemaker.create_endpoint(EndpointName="rooms", EndpointConfigName=first)
        assert "InService" == there.settled("Creating")["EndpointStatus"]
        assert judge_answer(there.ask(golden.plan), golden) > 5
        (name,) = names(lab)
        assert "true" == lab.run(
            "container", "inspect", "--format", "{{.HostConfig.ReadonlyRootfs}}", name
        )

        second = there.config(archive, "v2", sha256="0" * 64, concurrency=2)
        there.sagemaker.update_endpoint(EndpointName="rooms", EndpointConfigName=second)
        found = there.settled("Updating", "RollingBack")
        assert ("InService", "v1") == (found["EndpointStatus"], found["EndpointConfigName"])
        assert "did not pass the ping health check" in found["FailureReason"]
        assert judge_answer(there.ask(golden.plan), golden) > 5
        text = there.log()
        assert f"ROOMDET_ARCHIVE_SHA256 says {'0' * 64}" in text
        assert '"event":"request"' in text
        assert place.backend.bugs == []
    assert not names(lab)


def names(lab: Lab) -> list[str]:
    """Of the containers that there are."""
    return [
        name
        for name in lab.run("ps", "--all", "--format", "{{.Names}}").splitlines()
        if name.startswith("contract-")
    ]
