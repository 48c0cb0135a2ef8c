# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which endpoint it is: read from the same file, without the facts that only `apply` needs."""

from __future__ import annotations

import pytest

from deploy.__main__ import build_parser
from deploy.cli import parse_endpoint_url
from deploy.endpoint.spec import Mode
from deploy.endpoint.target import Target, read_target
from deploy.errors import SpecError
from serving.errors import BadUsage
from tests.unit.test_endpoint_spec import ACCOUNT, INSTANCES, SHIPPED


def test_the_shipped_file_is_enough() -> None:
    """Neither bucket, image nor role is asked for."""
    assert Target("rooms", None, Mode.SERVERLESS) == read_target(SHIPPED)


@pytest.mark.parametrize("region", ["eu-central-1", "cn-north-1", "us-gov-west-1"])
def test_any_region_will_do(region: str) -> None:
    """Of whichever partition it is."""
    assert region == read_target(SHIPPED, [f"region={region}"]).region
    assert region == read_target(SHIPPED.replace("region: null", f"region: {region}")).region


def test_facts_that_are_there_do_no_harm() -> None:
    """They were checked when the endpoint was made."""
    place = "s3://plans/models/plans/rooms-"
    assert Target("plans", "eu-central-1", Mode.SERVERLESS, place) == read_target(
        SHIPPED, (*ACCOUNT, "endpoint=plans", "region=eu-central-1")
    )
    assert Mode.REALTIME is read_target(SHIPPED, INSTANCES).mode


def test_files_are_looked_for_where_they_are_put() -> None:
    """If the configuration says where."""
    placed = SHIPPED.replace("artifacts: null", "artifacts: s3://plans/a")

    assert "s3://plans/a/rooms/rooms-" == read_target(placed).place
    assert "s3://b-b/rooms/rooms-" == read_target(placed, ["artifacts=s3://b-b"]).place
    with pytest.raises(SpecError, match="s3://bucket"):
        read_target(SHIPPED, ["artifacts=plans"])


@pytest.mark.parametrize(
    ("text", "changes", "message"),
    [
        pytest.param("", [], "has no keys", id="empty"),
        pytest.param("[1", [], "is no YAML", id="no YAML"),
        pytest.param(SHIPPED, ["endpont=x"], "did you mean endpoint", id="unknown key"),
        pytest.param(SHIPPED, ["endpoint=a--b"], "letters, digits and single", id="name"),
        pytest.param(SHIPPED, ["mode=lambda"], "realtime, async is wanted", id="mode"),
        pytest.param(SHIPPED, ["region=Frankfurt"], "say eu-central-1", id="region"),
        pytest.param(SHIPPED, ["region=5"], "text is wanted", id="no region"),
        pytest.param(SHIPPED, ["region={"], "cannot be read", id="broken value"),
        pytest.param(SHIPPED, ["region"], "is not KEY=VALUE", id="no value"),
        pytest.param(SHIPPED, ["mode=realtime"], "`serverless` is for the|realtime.instance_type",
                     id="sections"),
    ],
)  # fmt: skip
def test_the_same_is_refused_as_for_apply(text: str, changes: list[str], message: str) -> None:
    """With the same words."""
    with pytest.raises(SpecError, match=message):
        read_target(text, changes)


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "soon"])
def test_a_wait_ends(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What never would is bad usage."""
    with pytest.raises(SystemExit) as caught:
        build_parser().parse_args(["apply", "--timeout-s", text])

    assert 2 == caught.value.code
    assert f"invalid seconds value: '{text}'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:5000", "https://aws.example.org", "http://[::1]:80/", None]
)
def test_addresses(url: str | None) -> None:
    """Of all services, or none."""
    assert url == parse_endpoint_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "", "127.0.0.1:5000", "ftp://host", "http://", "http://host:port", "http://[::1",
        "http://name:word@host", "http://host?query",
    ],
)  # fmt: skip
def test_what_is_no_address(url: str) -> None:
    """It is told before boto3 stumbles over it."""
    with pytest.raises(BadUsage, match="--endpoint-url"):
        parse_endpoint_url(url)
