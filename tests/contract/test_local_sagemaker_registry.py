# SPDX-License-Identifier: AGPL-3.0-or-later
"""Images that are pushed to the local SageMaker, as Docker and podman do it."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest

from deploy.__main__ import main
from sagemaker_local.aws_clients import ACCOUNT
from tests.contract.local_sagemaker import REGION, Harness, played_lab
from tests.image.pushing import V2S2, Pusher, sha256

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def lab() -> Iterator[Harness]:
    """A local SageMaker with a repository."""
    with played_lab() as found:
        yield found


@pytest.fixture
def pusher(lab: Harness) -> Pusher:
    """Pushes to the repository by HTTP."""
    return Pusher(lab.place.url.removeprefix("http://"), lab.repository)


def refused(method: str, url: str, body: bytes = b"") -> tuple[int, str]:
    """Status and code of an error."""
    request = urllib.request.Request(url, body or None, method=method)
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    with caught.value as error:
        return error.code, json.loads(error.read())["errors"][0]["code"]


def begin(pusher: Pusher) -> str:
    """The address of a new upload."""
    request = urllib.request.Request(f"{pusher.base}/blobs/uploads/", method="POST")
    with urllib.request.urlopen(request) as answer:
        return str(answer.headers["Location"])


def test_what_is_pushed_is_an_image_of_ecrs(
    lab: Harness,
    pusher: Pusher,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Byte for byte, and `image check` looks into its layers by ECR's calls."""
    pushed = pusher.image("pushed", is_docker=True)
    for name, value in lab.place.environ.items():
        monkeypatch.setenv(name, value)
    image = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{lab.repository}:pushed"

    assert main(["image", "check", image]) == 0
    assert f"{lab.repository}@{pushed.digest}" in capsys.readouterr().out
    assert (V2S2, pushed.content) == pusher.get("pushed")
    assert (V2S2, pushed.content) == pusher.get(pushed.digest)


def test_a_layer_comes_in_pieces(pusher: Pusher) -> None:
    """It is known by its digest then; one that is not what it should be is not kept."""
    where = begin(pusher)
    for piece, end in ((b"first ", 5), (b"second", 11)):
        request = urllib.request.Request(where, piece, method="PATCH")
        with urllib.request.urlopen(request) as answer:
            assert (202, f"0-{end}") == (answer.status, answer.headers["Range"])
    digest = sha256(b"first second")
    ending = urllib.request.Request(f"{where}?digest={digest}", b"", method="PUT")
    with urllib.request.urlopen(ending) as answer:
        assert (201, digest) == (answer.status, answer.headers["Docker-Content-Digest"])
    with urllib.request.urlopen(f"{pusher.base}/blobs/{digest}") as answer:
        assert answer.read() == b"first second"

    where = begin(pusher)
    assert (400, "DIGEST_INVALID") == refused("PUT", f"{where}?digest={digest}", b"another")
    assert (404, "BLOB_UPLOAD_UNKNOWN") == refused("PATCH", where, b"more")


def test_what_is_not_there(pusher: Pusher) -> None:
    """Repository, layer, manifest and address."""
    root = f"http://{pusher.registry}/v2"
    nothing = f"sha256:{'0' * 64}"

    assert (404, "NAME_UNKNOWN") == refused("POST", f"{root}/nobody/blobs/uploads/")
    assert (404, "BLOB_UNKNOWN") == refused("GET", f"{pusher.base}/blobs/{nothing}")
    assert (404, "MANIFEST_UNKNOWN") == refused("GET", f"{pusher.base}/manifests/none")
    assert (404, "UNSUPPORTED") == refused("GET", f"{root}/{pusher.repository}/referrers/x")


def test_a_tag_that_must_stay_is_not_moved(lab: Harness, pusher: Pusher) -> None:
    """As in the repository that `bootstrap` makes; the same image may come twice."""
    ecr = lab.client("ecr")
    ecr.create_repository(repositoryName=f"{lab.repository}-fast", imageTagMutability="IMMUTABLE")
    fast = Pusher(pusher.registry, f"{lab.repository}-fast")
    assert fast.image("1", is_docker=True) == fast.image("1", is_docker=True)

    with pytest.raises(urllib.error.HTTPError) as caught:
        fast.image("1", is_docker=True, content=b"another")
    with caught.value as error:
        told = json.loads(error.read())["errors"][0]
    assert (400, "TAG_INVALID") == (error.code, told["code"]), told


def test_the_address_to_push_to_is_told_as_by_ecr(lab: Harness) -> None:
    """`proxyEndpoint` of GetAuthorizationToken."""
    told = lab.client("ecr").get_authorization_token()["authorizationData"][0]

    assert lab.place.url == told["proxyEndpoint"]


@pytest.mark.parametrize("words", [("push",), ("build", "--push", "--tag")], ids=" ".join)
def test_the_login_is_from_where_the_rest_is(
    lab: Harness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    """--endpoint-url; the engine is one that only writes down its calls."""
    engine = tmp_path / "podman"
    engine.write_text(f'#!/bin/sh\necho "$@" >>{tmp_path}/calls\n[ "$1" != login ] || cat >&2\n')
    engine.chmod(0o755)
    (tmp_path / "docker").symlink_to("/bin/false")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    for name, value in lab.place.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")  # nobody answers there
    Pusher(lab.place.url.removeprefix("http://"), lab.repository).image("login", is_docker=True)
    registry = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
    name = f"{registry}/{lab.repository}:login"

    status = main(["image", *words, name, "--endpoint-url", lab.place.url])

    assert 0 == status
    called = (tmp_path / "calls").read_text()
    assert called.startswith(f"login --username AWS --password-stdin {registry}\n")
