# SPDX-License-Identifier: AGPL-3.0-or-later
"""Names, manifests, rules and repacking as functions of values."""

from __future__ import annotations

import json

import pytest

from deploy import errors
from deploy.aws.errors import aws_error
from deploy.errors import Malformed, Unconvertible, WrongContent
from deploy.image import media
from deploy.image.engine import Engine, push_commands
from deploy.image.fix import fix, plan_fix
from deploy.image.inspection import Inspection, Layer
from deploy.image.manifest import Descriptor, Document, parse_config, parse_document
from deploy.image.media import Compression
from deploy.image.names import EcrPlace, ImageName, parse_name
from deploy.image.push import login_command
from deploy.image.report import check_document, check_text, mending_command
from deploy.image.rules import Demands, Finding, Hosting, Level, Remedy, is_acceptable, judge
from serving.errors import BadUsage
from tests.unit.shelf import Shelf, found, look

DIGEST = "sha256:" + "0" * 64
ECR = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("rooms", ImageName("docker.io", "library/rooms", "latest")),
        ("me/rooms:1", ImageName("docker.io", "me/rooms", "1")),
        ("localhost/rooms", ImageName("localhost", "rooms", "latest")),
        ("h:5000/a/b__c:T.1", ImageName("h:5000", "a/b__c", "T.1")),
        (f"[::1]:80/a@{DIGEST}", ImageName("[::1]:80", "a", "", DIGEST)),
        (f"{ECR}/rooms:1@{DIGEST}", ImageName(ECR, "rooms", "1", DIGEST)),
    ],
)
def test_names_are_read_as_docker_reads_them(text: str, name: ImageName) -> None:
    """And written so that they are read again."""
    assert parse_name(text) == name
    assert parse_name(str(name)) == name


@pytest.mark.parametrize("text", ["", "Rooms", "a//b", "a:", "h:5000/", "a@sha256:12", "-x", "a b"])
def test_what_is_no_name_is_refused(text: str) -> None:
    """Before anything is asked."""
    with pytest.raises(BadUsage, match="is no name of an image"):
        parse_name(text)


def test_repositories_of_ecr_are_known_by_their_names() -> None:
    """In every partition; the public one is an ordinary registry."""
    assert parse_name(f"{ECR}/rooms").ecr == EcrPlace("123456789012", "eu-central-1")
    chinese = "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/rooms"
    assert parse_name(chinese).ecr == EcrPlace("123456789012", "cn-north-1")
    assert parse_name("public.ecr.aws/x/rooms").ecr is None
    assert parse_name(f"{ECR}.example.org/rooms").ecr is None


def test_a_converted_image_is_acceptable_and_stays_as_it_is() -> None:
    """And the same image gives the same manifest, anywhere."""
    shelf, other = Shelf(), Shelf()
    shelf.image("1")
    other.image("1")
    say: list[str] = []

    fixed = fix(shelf, ImageName("registry", "rooms", "1"), say=say.append)

    assert fixed.is_changed
    assert found(shelf) == []
    assert fix(other, ImageName("registry", "rooms", "1"), say=say.append).name == fixed.name
    assert not fix(shelf, ImageName("registry", "rooms", "1"), say=say.append).is_changed


def test_a_registry_that_keeps_something_else_is_found_out() -> None:
    """What was written is read back."""
    shelf = Shelf()
    shelf.image("1")
    shelf.loses_writes = True

    with pytest.raises(WrongContent, match="was written, but 1 gives"):
        fix(shelf, ImageName("registry", "rooms", "1"), say=lambda _: None)


def test_an_image_without_a_tag_gets_one() -> None:
    """An untagged manifest would be cleaned away."""
    shelf = Shelf()
    digest = shelf.image("1").digest

    name = fix(shelf, ImageName("registry", "rooms", "", digest), say=lambda _: None).name

    assert name.tag == f"v2s2-{name.digest[7:15]}"


def test_children_without_a_platform_are_looked_into() -> None:
    """An index need not say what its images run on."""
    shelf = Shelf()
    children = []
    for architecture in ("arm64", "amd64"):
        child = shelf.image("", layer=architecture.encode(), architecture=architecture)
        size = len(child.content)
        children.append({"mediaType": child.media_type, "digest": child.digest, "size": size})
    shelf.put("1", media.OCI_INDEX, manifests=children)

    seen = look(shelf)

    assert seen.manifest
    assert seen.manifest.document.digest == children[1]["digest"]


def test_two_images_for_one_platform_are_not_chosen_from() -> None:
    """But a variant for newer processors is passed over."""
    shelf = Shelf()
    entries = [
        {
            "mediaType": media.OCI_MANIFEST,
            "digest": shelf.image("", layer=variant.encode()).digest,
            "size": 1,
            "platform": {"os": "linux", "architecture": "amd64", "variant": variant},
        }
        for variant in ("", "v1", "v3")
    ]
    shelf.put("two", media.OCI_INDEX, manifests=entries)
    shelf.put("one", media.OCI_INDEX, manifests=entries[1:])

    assert "has 2 images for linux/amd64" in look(shelf, "two").problem
    assert look(shelf, "one").problem == ""


@pytest.mark.parametrize(
    ("kind", "content", "reason"),
    [
        pytest.param(media.SCHEMA_1[1], b"{}", "schema 1 of before 2016", id="schema 1"),
        pytest.param("text/html", b"{}", "text/html is no manifest", id="a page"),
        pytest.param("", b"{}", "^no media type is no manifest", id="nothing"),
        pytest.param(media.OCI_INDEX, b"[]", "no JSON object", id="a list"),
        pytest.param(media.OCI_INDEX, b"{", "no JSON", id="half"),
        pytest.param(media.OCI_MANIFEST, b'{"layers":[]}', "not a valid", id="no config"),
        pytest.param(
            media.OCI_MANIFEST,
            f'{{"mediaType":"{media.DOCKER_MANIFEST}"}}'.encode(),
            "calls itself",
            id="two names",
        ),
        pytest.param(
            media.OCI_INDEX,
            b'{"manifests":[{"mediaType":"x","digest":"../../x","size":1}]}',
            "is no sha256 digest",
            id="a digest that is a path",
        ),
    ],
)
def test_malformed_manifests_are_told_and_cannot_be_fixed(
    kind: str, content: bytes, reason: str
) -> None:
    """A reason, not a trace."""
    shelf = Shelf()
    shelf.documents["1"] = Document(kind, content)
    with pytest.raises(Malformed, match=reason):
        parse_document(shelf.documents["1"])

    assert found(shelf) == ["image"]
    with pytest.raises(Unconvertible, match=reason):
        plan_fix(look(shelf))


def test_an_artifact_is_no_image() -> None:
    """A chart or a signature lies under a name like an image."""
    shelf = Shelf()
    config = {"mediaType": "application/vnd.cncf.helm.config.v1+json", **shelf.keep(b"{}")}
    shelf.put("1", media.OCI_MANIFEST, config=config, layers=[])

    assert look(shelf).problem == f"it is no image: its content is {config['mediaType']}"


def test_a_configuration_must_be_what_its_digest_says() -> None:
    """And be there."""
    shelf = Shelf()
    shelf.image("1")
    seen = look(shelf)
    assert seen.manifest
    digest = seen.manifest.config.digest

    shelf.blobs[digest] = shelf.blobs[digest].replace(b"amd64", b"arm64")
    assert "is something else" in look(shelf).problem
    del shelf.blobs[digest]
    assert f"its configuration {digest} is missing" in look(shelf).problem
    with pytest.raises(Malformed, match="none of an image"):
        parse_config(b'{"os":"linux"}')


def test_shell_form_and_tini_are_warned_of() -> None:
    """They run, but badly; the image stays acceptable once its manifest is."""
    shelf = Shelf()
    shelf.image("1", config={"Entrypoint": ["/bin/sh", "-c", "python serve.py"]})
    shelf.image("2", config={"Entrypoint": ["/usr/bin/tini", "--"]})
    for tag in ("1", "2"):
        fix(shelf, ImageName("registry", "rooms", tag), say=lambda _: None)

        assert found(shelf, tag) == ["entrypoint"]
        assert is_acceptable(judge(look(shelf, tag)))


def test_sizes_and_oci_are_judged_by_what_is_demanded() -> None:
    """10 GB is a limit of serverless endpoints; OCI may be taken one day."""
    shelf = Shelf()
    shelf.image("1")
    seen = look(shelf)
    big = Descriptor(media.DOCKER_LAYER, DIGEST, 10_000_000_001)
    large = Inspection(seen.name, seen.top, layers=(Layer(big, Compression.GZIP),))
    large = Inspection(
        seen.name, seen.top, manifest=seen.manifest, config=seen.config, layers=large.layers
    )

    def levels(demands: Demands) -> set[tuple[str, str]]:
        return {(finding.rule, finding.level.value) for finding in judge(large, demands)}

    assert ("size", "error") in levels(Demands())
    assert ("size", "warning") in levels(Demands(Hosting.INSTANCE))
    assert is_acceptable(judge(seen, Demands(is_oci_allowed=True)))
    assert not is_acceptable(judge(seen))


def test_the_report_names_the_command_that_mends() -> None:
    """A new build where the manifest is not the only thing wrong; text and JSON agree."""
    shelf = Shelf()
    shelf.image("1")
    seen = look(shelf)
    findings = judge(seen)
    rebuild = [*findings, Finding("platform", Level.ERROR, "arm64", Remedy.REBUILD)]

    assert mending_command(seen, findings) == "python -m deploy image fix registry/rooms:1"
    assert mending_command(seen, rebuild).startswith("python -m deploy image build --push --tag")
    assert mending_command(seen, []) == ""
    assert check_document(seen, findings)["mend"] in check_text(seen, findings)
    assert "SageMaker takes it: registry/rooms@sha256:" in check_text(seen, [])


def test_the_engine_is_logged_in_and_pushes_as_it_should() -> None:
    """The password is not among the arguments."""
    assert login_command(Engine.BUILDX, ECR, "AWS") == [
        "docker", "login", "--username", "AWS", "--password-stdin", ECR
    ]  # fmt: skip
    assert push_commands(Engine.PODMAN, "r/a:1") == [
        ["podman", "push", "--format", "v2s2", "r/a:1"]
    ]
    assert push_commands(Engine.DOCKER, "r/a:1") == [["docker", "push", "r/a:1"]]


def test_every_error_is_in_the_tree_of_the_module() -> None:
    """The docstring draws all of them."""
    classes = [name for name in vars(errors) if isinstance(vars(errors)[name], type)]

    for name in classes:
        assert f" {name} " in f" {errors.__doc__} ".replace("\n", " \n "), name


def test_codes_of_aws_become_our_errors() -> None:
    """Those with a meaning of their own; any other keeps its code."""
    assert isinstance(aws_error("x", "RepositoryNotFoundException", ""), errors.NotFound)
    assert isinstance(aws_error("x", "ImageTagAlreadyExistsException", ""), errors.TagIsImmutable)
    assert isinstance(aws_error("x", "AccessDeniedException", ""), errors.AccessDenied)
    assert str(aws_error("PutImage", "KmsException", "no key")) == "PutImage: KmsException: no key"


def test_a_layer_that_lies_elsewhere_is_of_a_wrong_type() -> None:
    """Whatever its bytes are: no other registry can unpack it."""
    shelf = Shelf()
    fields = json.loads(shelf.image("1").content)
    fields["layers"][0]["mediaType"] = f"{media.LAYERS[4]}+encrypted"
    shelf.put("1", media.OCI_MANIFEST, config=fields["config"], layers=fields["layers"])

    rules = {finding.rule: finding for finding in judge(look(shelf))}
    assert "no registry but its own can unpack" in rules["layer-type"].message
