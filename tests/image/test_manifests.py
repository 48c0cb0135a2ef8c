# SPDX-License-Identifier: AGPL-3.0-or-later
"""`python -m deploy image check` and `… fix` on a real registry, and what podman makes of it."""

from __future__ import annotations

import json
import random
import shutil
from typing import TYPE_CHECKING

import pytest

from deploy.image.engine import Engine
from tests.image import pushing
from tests.image.deploying import cat_image, rules
from tests.image.fake_ecr import HOST, FakeEcr
from tests.image.podman import store
from tests.image.pushing import Pusher, sha256

if TYPE_CHECKING:
    from pathlib import Path

    from tests.image.deploying import Tool
    from tests.image.lab import Lab


def test_an_oci_image_is_converted_without_its_layers(pusher: Pusher, tool: Tool) -> None:
    """Check says what is wrong and what mends it; fix does that, once."""
    before = pusher.image("1")

    status, checked = tool.check(pusher.name("1"))
    fixed = tool.fix(pusher.name("1"))
    again = tool.fix(pusher.name("1"))

    assert status == 1
    assert rules(checked) == ["manifest-type", "config-type", "layer-type"]
    assert checked["mend"] == f"python -m deploy image fix {pusher.name('1')}"
    kind, content = pusher.get("1", (pushing.V2S2,))
    after, old = json.loads(content), json.loads(before.content)
    assert (kind, after["mediaType"], sha256(content)) == (
        pushing.V2S2, pushing.V2S2, fixed["digest"]
    )  # fmt: skip
    assert after["config"]["mediaType"] == pushing.DOCKER_CONFIG
    assert [layer["mediaType"] for layer in after["layers"]] == [pushing.DOCKER_LAYER]
    for part in ("digest", "size"):
        assert old["config"][part] == after["config"][part]
        assert old["layers"][0][part] == after["layers"][0][part]
    assert (fixed["is_changed"], again["is_changed"]) == (True, False)
    assert (0, []) == (tool.check(pusher.name("1"))[0], fixed["uploaded_layers"])
    assert tool.check(fixed["use"])[0] == 0


def test_an_index_is_resolved_past_its_attestation(pusher: Pusher, tool: Tool) -> None:
    """Under another tag, so that the index stays."""
    index = pusher.attested("latest", pusher.image("", architecture="amd64"))

    status, checked = tool.check(pusher.name("latest"))
    fixed = tool.fix(pusher.name("latest"), "--to", "sagemaker")

    assert (1, "index") == (status, rules(checked)[0])
    assert [child.get("is_attestation", False) for child in checked["index"]] == [False, True]
    assert pusher.get("latest")[1] == index.content
    assert pusher.get("sagemaker")[0] == pushing.V2S2
    assert fixed["image"] == pusher.name("sagemaker")
    assert tool.check(pusher.name("sagemaker"))[0] == 0


def test_the_right_one_of_several_platforms_is_taken(pusher: Pusher, tool: Tool) -> None:
    """An image of Docker's is put under the tag as it is."""
    amd = pusher.image("", is_docker=True)
    arm = pusher.image("", is_docker=True, architecture="arm64")
    pusher.index(
        "1",
        arm.entry(platform={"os": "linux", "architecture": "arm64", "variant": "v8"}),
        amd.entry(platform={"os": "linux", "architecture": "amd64"}),
        media_type=pushing.DOCKER_LIST,
    )

    fixed = tool.fix(pusher.name("1"))

    assert fixed["digest"] == amd.digest
    assert pusher.get("1") == (pushing.V2S2, amd.content)


@pytest.mark.parametrize("packing", ["zstd", "none"])
@pytest.mark.parametrize("is_ecr", [False, True], ids=["http", "ecr"])
def test_a_layer_of_another_packing_is_packed_anew(
    pusher: Pusher, tool: Tool, ecr: FakeEcr, packing: str, *, is_ecr: bool
) -> None:
    """It unpacks to the same bytes, and it alone is uploaded; configuration and diff_id stay."""
    # More than one part of an upload to ECR, and nothing that could be packed.
    content = random.Random(1).randbytes(6 * 2**20)  # noqa: S311
    before = json.loads(pusher.image("1", packing=packing, content=content).content)
    name = f"{HOST}/{pusher.repository}:1" if is_ecr else pusher.name("1")

    checked = tool.check(name)[1]
    fixed = tool.fix(name)

    assert "layer-compression" in rules(checked)
    after = json.loads(pusher.get("1")[1])
    assert before["config"]["digest"] == after["config"]["digest"]
    (layer,) = fixed["uploaded_layers"]
    assert layer["digest"] == after["layers"][0]["digest"] != before["layers"][0]["digest"]
    assert tool.check(name)[0] == 0
    assert ("UploadLayerPart" in ecr.calls) == is_ecr


def test_a_zstd_layer_that_is_called_gzip_is_noticed(pusher: Pusher, tool: Tool) -> None:
    """Renaming the media type alone makes an image that Docker cannot unpack."""
    pusher.image("1", packing="zstd", is_docker=True)

    status, checked = tool.check(pusher.name("1"))
    tool.fix(pusher.name("1"))

    assert (1, ["layer-compression"]) == (status, rules(checked))
    assert "though it is called" in checked["findings"][0]["message"]
    assert tool.check(pusher.name("1"))[0] == 0


def test_dockers_own_image_is_left_alone(pusher: Pusher, tool: Tool) -> None:
    """Exit status 0, nothing is written; under another tag it keeps its digest."""
    image = pusher.image("1", is_docker=True)

    status, checked = tool.check(pusher.name("1"))
    fixed = tool.fix(pusher.name("1"))
    copied = tool.fix(pusher.name("1"), "--to", "2")

    assert (0, []) == (status, rules(checked))
    assert checked["use"] == f"{pusher.registry}/{pusher.repository}@{image.digest}"
    assert not fixed["is_changed"]
    assert (image.digest, image.digest) == (fixed["digest"], copied["digest"])


def test_a_registry_that_answers_schema_1_is_asked_better(pusher: Pusher, tool: Tool) -> None:
    """Without Accept it shows something that nobody pushed."""
    pusher.image("1", is_docker=True)

    kind, _ = pusher.get("1", ())

    assert kind.startswith("application/vnd.docker.distribution.manifest.v1+")
    assert tool.check(pusher.name("1"))[1]["media_type"] == pushing.V2S2


def test_what_cannot_be_mended_is_refused_with_the_reason(
    lab: Lab, pusher: Pusher, tool: Tool
) -> None:
    """Nothing is written then."""
    child = pusher.image("")
    pusher.index("missing-child", child.entry(platform={"os": "linux", "architecture": "amd64"}))
    pusher.image("arm", architecture="arm64")
    pusher.image("other-content", diff_id=sha256(b"something else"), packing="zstd")
    pusher.index("no-platform")
    encrypted = f"{pushing.OCI_LAYER}+gzip+encrypted"
    pusher.image("encrypted", layer_type=encrypted)
    pusher.image("no-layer", content=b"soon gone")
    held = lab.folder / "registry/docker/registry/v2/repositories" / pusher.repository
    shutil.rmtree(held / "_manifests/revisions/sha256" / child.digest[7:])
    gone = json.loads(pusher.get("no-layer")[1])["layers"][0]["digest"]
    shutil.rmtree(held / "_layers/sha256" / gone[7:])
    reasons = {
        "missing-child": "which is not in the registry",
        "arm": "built for linux/arm64; SageMaker runs linux/amd64",
        "other-content": "the configuration says",
        "no-platform": "0 images for linux/amd64",
        "encrypted": "which no registry but its own can unpack",
        "no-layer": "is not in the registry",
        "not-there": "does not exist",
    }

    for tag, reason in reasons.items():
        before = None if tag == "not-there" else pusher.get(tag)
        assert tool.run("fix", pusher.name(tag)) == (1, ""), tag
        assert reason in tool.stderr, tag
        assert before is None or before == pusher.get(tag)
        if tag not in {"not-there", "other-content"}:
            assert "image build --push" in tool.check(pusher.name(tag))[1]["mend"]


def test_ecr_is_not_believed_when_it_converts(pusher: Pusher, tool: Tool, ecr: FakeEcr) -> None:
    """Asked for Docker's manifest alone, it shows one; SageMaker would still refuse the image."""
    from deploy.aws.client import AwsAccount  # noqa: PLC0415
    from deploy.image.names import parse_name  # noqa: PLC0415

    pusher.image("1")
    place = parse_name(f"{HOST}/{pusher.repository}:1").ecr
    assert place

    asked = {
        "repositoryName": pusher.repository,
        "imageIds": [{"imageTag": "1"}],
        "acceptedMediaTypes": [pushing.V2S2],
    }
    naive = AwsAccount(place.region).call("ecr", "batch_get_image", asked)["images"][0]
    status, checked = tool.check(f"{HOST}/{pusher.repository}:1")
    fixed = tool.fix(f"{HOST}/{pusher.repository}:1")

    assert naive.get("imageManifestMediaType") == pushing.V2S2
    assert (1, pushing.OCI_MANIFEST) == (status, checked["media_type"])
    assert tool.check(fixed["use"])[0] == 0
    assert pusher.get("1")[0] == pushing.V2S2
    assert set(ecr.calls) == {"BatchGetImage", "GetDownloadUrlForLayer", "PutImage"}


def test_a_tag_that_cannot_be_moved_gets_a_neighbor(
    pusher: Pusher, tool: Tool, ecr: FakeEcr
) -> None:
    """The new tag is told, the old one stays, and a second run writes nothing."""
    old = pusher.attested("1.0", pusher.image(""))
    ecr.immutable.add(pusher.repository)
    name = f"{HOST}/{pusher.repository}:1.0"

    fixed = tool.fix(name)
    told = tool.stderr
    again = tool.fix(name)

    assert fixed["image"].startswith(f"{HOST}/{pusher.repository}:1.0-v2s2-")
    assert fixed["use"] == again["use"]
    assert (fixed["is_changed"], again["is_changed"]) == (True, False)
    assert "lets no tag be moved" in told
    assert pusher.get("1.0") == (pushing.OCI_INDEX, old.content)
    assert tool.check(fixed["image"])[0] == 0
    assert tool.run("fix", name, "--to", "1.0")[0] == 1


def test_what_ecr_refuses_is_told(pusher: Pusher, tool: Tool, ecr: FakeEcr) -> None:
    """A repository or a tag that does not exist, and another account's."""
    pusher.image("1")
    other = HOST.replace("1", "9", 1)
    reasons = {
        f"{HOST}/nothing/here:1": "RepositoryNotFoundException: nothing/here",
        f"{HOST}/{pusher.repository}:2": "ImageNotFound: 2",
        f"{other}/{pusher.repository}:1": "not in this account",
    }

    for name, reason in reasons.items():
        assert tool.run("check", name) == (1, "")
        assert reason in tool.stderr
    assert ecr.calls == ["BatchGetImage"] * 3


def test_converted_images_run_from_an_empty_store(lab: Lab, tool: Tool, tmp_path: Path) -> None:
    """Podman's own OCI image in an index, and its zstd image: pulled as converted, they answer."""
    if lab.engine is not Engine.PODMAN:
        pytest.skip("Docker pushes neither OCI nor zstd at will; the registry's tests cover both")
    pusher = Pusher(lab.registry, "small/run")
    for tag, flags in {"oci": [], "zstd": ["--compression-format", "zstd"]}.items():
        # Layers of its own, or podman would mount those that lie in the registry already.
        cat_image(lab, tmp_path / tag, pusher.name(tag))
        lab.run("push", "--quiet", "--format", "oci", *flags, pusher.name(tag), environ=lab.builder)
    kind, content = pusher.get("oci")
    pusher.attested("index", pushing.Put(kind, content))

    for tag in ("index", "zstd"):
        status, checked = tool.check(pusher.name(tag))
        assert (1, tag == "zstd") == (status, "layer-compression" in rules(checked))
        with lab.timed(f"fix {tag}"):
            use = tool.fix(pusher.name(tag))["use"]
        empty = lab.puller | store(lab.folder / tag / "store", lab.folder / tag, lab.registry)
        with lab.timed(f"pull and run {tag}"):
            lab.run("pull", "--quiet", use, environ=empty)
            answer = lab.run("run", "--rm", "--network=none", use, environ=empty)
        assert answer == "oci" if tag == "index" else tag
