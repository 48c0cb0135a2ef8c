# SPDX-License-Identifier: AGPL-3.0-or-later
"""The archive that serves is the one that was built: links of that chain that deploy holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from deploy.aws.client import AwsAccount
from deploy.endpoint.actions import ApiCall, ModelFile
from deploy.endpoint.execution import Executor
from deploy.endpoint.remote import Version
from deploy.endpoint.smoke_test import stored_golden
from deploy.endpoint.spec import Mode
from deploy.image.model_tar import pack_model
from roomdet.network import sha256_of
from serving.errors import ArchiveError
from serving.golden import read_golden
from tests.contract.account_setup import environ
from tests.contract.aws_failures import CREDENTIALS, REGION
from tests.contract.aws_server import Answer, serve_aws

if TYPE_CHECKING:
    from pathlib import Path

ANOTHER = "0" * 64
ADDRESS = "s3://rooms/models/1.0.tar.gz"


def deployed(sha256: str) -> Version:
    """A version that was deployed with an archive."""
    return Version("config", "model", Mode.SERVERLESS, "1.0", sha256, "2026-11-30T00:00:00Z")


def test_what_lies_in_s3_must_be_what_was_deployed(archive: Path, tmp_path: Path) -> None:
    """Whoever goes back to a version is told that somebody has put another file there."""
    packed = tmp_path / "model.tar.gz"
    sha256 = pack_model(archive, packed)
    there = Answer(200, fields={"Body": packed.read_bytes()})

    with serve_aws([there]) as url, environ(CREDENTIALS):
        aws = AwsAccount(REGION, url)
        assert stored_golden(aws, ADDRESS, deployed(sha256)) == read_golden(archive)
        with pytest.raises(ArchiveError) as caught:
            stored_golden(aws, ADDRESS, deployed(ANOTHER))

    assert f"{ADDRESS} has sha256 {sha256}; {ANOTHER} was deployed" in str(caught.value)
    assert sha256 == sha256_of(archive)


def test_an_archive_that_changes_after_the_plan_is_not_sent(archive: Path) -> None:
    """What was shown is what is uploaded, or nothing is."""
    asked: list[tuple[str, bytes]] = []
    params = {"Bucket": "rooms", "Key": "models/1.0.tar.gz"}

    with serve_aws([Answer(200)], asked) as url, environ(CREDENTIALS):
        executor = Executor(AwsAccount(REGION, url), None, lambda _: None)
        for sha256 in (ANOTHER, sha256_of(archive)):
            body = ModelFile(str(archive), sha256)
            upload = ApiCall("s3", "put_object", params | {"Body": body}, "it is not there yet")
            if sha256 == ANOTHER:
                with pytest.raises(ArchiveError, match="was changed while it was deployed"):
                    executor.run([upload])
                assert asked == []
            else:
                executor.run([upload])

    assert len(asked) == 1
