# SPDX-License-Identifier: AGPL-3.0-or-later
"""Logins, redirects and limits of the registry client, against servers on loopback."""

from __future__ import annotations

import base64
import io
import json
import ssl
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
import trustme

from deploy.__main__ import main
from deploy.cli import TEMPLATE
from deploy.errors import (
    AccessDenied,
    NotFound,
    RegistryRefused,
    RegistryUnreachable,
    TagIsImmutable,
    WrongContent,
)
from deploy.image import media
from deploy.image.credentials import Credentials, find_credentials
from deploy.image.http_auth import parse_challenge, parse_token, token_url
from deploy.image.http_registry import HttpRegistry
from deploy.image.manifest import Document, digest_of
from deploy.image.names import parse_name
from deploy.image.registry import MAX_MANIFEST_BYTES, read_head
from serving.errors import BadUsage
from tests.unit.registry_server import Asked, Server, Told, serving

if TYPE_CHECKING:
    from pathlib import Path

OWN = ("--config", str(TEMPLATE))
LOGIN = Credentials("me", "secret")
MANIFEST = Told(200, b"{}", {"Content-Type": media.OCI_MANIFEST})


def registry_at(server: Server, credentials: Credentials | None = LOGIN) -> HttpRegistry:
    """A client for a server."""
    return HttpRegistry(parse_name(f"{server.address}/rooms:1"), credentials, is_plain=True)


def test_a_manifest_is_asked_for_with_all_four_types() -> None:
    """Whoever accepts less is shown something else, or nothing."""
    with serving(lambda _: MANIFEST) as server:
        document = registry_at(server).read_manifest("1")

    assert document == Document(media.OCI_MANIFEST, b"{}")
    assert set(server.asked[0].accept.split(", ")) == set(media.ACCEPTED)
    assert server.asked[0].authorization == ""


def test_a_password_is_shown_only_when_it_is_asked_for() -> None:
    """With the basic scheme, once per connection."""

    def answer(asked: Asked) -> Told:
        if asked.authorization == LOGIN.basic:
            return MANIFEST
        return Told(401, b"", {"WWW-Authenticate": 'Basic realm="rooms"'})

    with serving(answer) as server:
        registry = registry_at(server)
        registry.read_manifest("1")
        registry.read_manifest("2")
        with pytest.raises(AccessDenied, match="asks for a user name"):
            registry_at(server, None).read_manifest("1")

    assert [asked.authorization for asked in server.asked] == ["", *[LOGIN.basic] * 2, ""]


@pytest.mark.parametrize("credentials", [LOGIN, None], ids=["with a login", "anonymous"])
def test_a_token_is_fetched_for_what_is_needed(credentials: Credentials | None) -> None:
    """The registry sends to its token service; a push needs another token than a pull."""

    def token(asked: Asked) -> Told:
        return Told(200, json.dumps({"token": asked.path.rpartition("%3A")[2]}).encode())

    with serving(token) as tokens:

        def answer(asked: Asked) -> Told:
            needed = "pull" if asked.method == "GET" else "pull%2Cpush"
            if asked.authorization == f"Bearer {needed}":
                return MANIFEST if asked.method == "GET" else Told(201)
            realm = f'Bearer realm="http://{tokens.address}/token",service="a, b",scope="x"'
            return Told(401, b"", {"WWW-Authenticate": realm})

        with serving(answer) as server:
            registry = registry_at(server, credentials)
            document = registry.read_manifest("1")
            registry.write_manifest(document, "2")

    assert [asked.path for asked in tokens.asked] == [
        "/token?service=a%2C+b&scope=repository%3Arooms%3Apull",
        "/token?service=a%2C+b&scope=repository%3Arooms%3Apull%2Cpush",
    ]
    shown = LOGIN.basic if credentials else ""
    assert {asked.authorization for asked in tokens.asked} == {shown}


def test_a_wrong_password_is_told() -> None:
    """After one try, not after many."""
    challenge = {"WWW-Authenticate": "Basic"}
    with serving(lambda _: Told(401, b"no", challenge)) as server:
        with pytest.raises(AccessDenied, match="401 no"):
            registry_at(server).read_manifest("1")
        assert len(server.asked) == 2


def test_another_host_never_gets_the_password() -> None:
    """Layers often lie in a storage that the registry redirects to."""
    with serving(lambda _: Told(200, b"\x1f\x8brest")) as storage:

        def answer(asked: Asked) -> Told:
            if not asked.authorization:
                return Told(401, b"", {"WWW-Authenticate": "Basic"})
            return Told(307, b"", {"Location": f"http://{storage.address}/bucket?signed=1"})

        with serving(answer) as server:
            head = read_head(registry_at(server), "sha256:" + "0" * 64, 4)

    assert head == b"\x1f\x8bre"
    assert [(asked.path, asked.authorization) for asked in storage.asked] == [
        ("/bucket?signed=1", "")
    ]


@pytest.mark.parametrize(
    ("realm", "is_plain"),
    [
        pytest.param("http://elsewhere/token", False, id="a password in the clear"),
        pytest.param("file:///etc/passwd", True, id="no address of the web"),
        pytest.param("", True, id="none"),
    ],
)
def test_a_password_goes_to_no_doubtful_token_service(realm: str, *, is_plain: bool) -> None:
    """Only with TLS, unless the registry itself is asked without."""
    challenge = parse_challenge(f'Bearer realm="{realm}"')
    assert challenge

    with pytest.raises(AccessDenied, match="https is taken"):
        token_url(challenge, "repository:rooms:pull", is_plain_allowed=is_plain)


def test_whoever_is_redirected_to_cannot_ask_for_the_password() -> None:
    """A token service is named by the registry itself, not by a storage of layers."""

    def steal(_: Asked) -> Told:
        realm = f'Bearer realm="http://{thief.address}/token"'
        return Told(401, b"", {"WWW-Authenticate": realm})

    with serving(steal) as thief:
        target = f"http://{thief.address}/layer?signature=x"
        with (
            serving(lambda _: Told(307, b"", {"Location": target})) as server,
            pytest.raises(AccessDenied, match="asks for a login, not the registry"),
        ):
            registry_at(server).read_manifest("1")

    assert [asked.authorization for asked in thief.asked] == [""]


def test_answers_have_limits() -> None:
    """Neither endless redirects nor endless manifests."""
    with serving(lambda _: Told(307, b"", {"Location": "/again"})) as server:
        with pytest.raises(RegistryUnreachable, match="more than 5 redirects"):
            registry_at(server).read_manifest("1")
        assert len(server.asked) == 5
    with (
        serving(lambda _: Told(200, bytes(MAX_MANIFEST_BYTES + 1))) as server,
        pytest.raises(RegistryUnreachable, match="more than the 4,194,304 bytes"),
    ):
        registry_at(server).read_manifest("1")


def test_content_is_checked_against_its_digest() -> None:
    """That which was asked for, and that which the registry tells."""
    other = digest_of(b"other")
    with (
        serving(lambda _: MANIFEST) as server,
        pytest.raises(WrongContent, match=f"gives as {other}"),
    ):
        registry_at(server).read_manifest(other)
    told = Told(200, b"{}", {**MANIFEST.headers, "Docker-Content-Digest": other})
    with serving(lambda _: told) as server, pytest.raises(WrongContent):
        registry_at(server).read_manifest("1")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        pytest.param(403, AccessDenied, id="forbidden"),
        pytest.param(404, NotFound, id="not there"),
        pytest.param(409, TagIsImmutable, id="conflict"),
        pytest.param(412, TagIsImmutable, id="precondition of Harbor's"),
        pytest.param(429, RegistryRefused, id="too many"),
        pytest.param(500, RegistryRefused, id="its fault"),
    ],
)
def test_every_refusal_has_its_error(status: int, error: type[Exception]) -> None:
    """The tag cannot be written; the message has the registry's own reason."""
    with (
        serving(lambda _: Told(status, b"its own\n reason")) as server,
        pytest.raises(error) as got,
    ):
        registry_at(server).write_manifest(Document(media.DOCKER_MANIFEST, b"{}"), "1")

    assert status == 404 or f"{status}" in str(got.value)


def test_a_registry_that_is_not_there_is_told() -> None:
    """As an error of ours, soon."""
    with serving(lambda _: MANIFEST) as server:
        pass

    with pytest.raises(RegistryUnreachable, match="no answer from 127"):
        registry_at(server).read_manifest("1")


def test_certificates_are_checked(tmp_path: Path) -> None:
    """The system's, or those that are named; nothing is asked of a server that has none of them."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority = trustme.CA()  # made anew, in no system's store
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    with serving(lambda _: MANIFEST, context) as server:
        name = parse_name(f"{server.address}/rooms:1")
        trusting = HttpRegistry(name, ca_file=str(tmp_path / "authority.pem"))
        assert trusting.read_manifest("1").media_type == media.OCI_MANIFEST
        with pytest.raises(RegistryUnreachable, match="CERTIFICATE_VERIFY_FAILED"):
            HttpRegistry(name).read_manifest("1")
        assert len(server.asked) == 1


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """But not for hosts that are excepted."""
    with serving(lambda _: MANIFEST) as proxy, serving(lambda _: MANIFEST) as server:
        monkeypatch.setenv("http_proxy", f"http://{proxy.address}")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        HttpRegistry(parse_name("registry.invalid/rooms:1"), is_plain=True).read_manifest("1")
        registry_at(server).read_manifest("1")

    assert [asked.path for asked in proxy.asked] == ["http://registry.invalid/v2/rooms/manifests/1"]
    assert len(server.asked) == 1


def test_an_upload_goes_where_the_registry_says() -> None:
    """A layer that is there is not uploaded."""
    digest = digest_of(b"layer")

    def answer(asked: Asked) -> Told:
        if asked.method == "HEAD":
            return Told(200 if "blobs/sha256:0" in asked.path else 404)
        return Told(202, b"", {"Location": "/v2/rooms/blobs/uploads/7?state=x"})

    with serving(answer) as server, closing(io.BytesIO(b"layer")) as file:
        registry = registry_at(server)
        assert registry.write_blob(file, digest, 5)
        assert not registry.write_blob(file, "sha256:0", 5)

    assert [asked.path for asked in server.asked if asked.method == "PUT"] == [
        f"/v2/rooms/blobs/uploads/7?state=x&digest={digest}"
    ]


def test_logins_are_found_where_docker_and_podman_keep_them(tmp_path: Path) -> None:
    """The environment goes first; an unknown registry has none."""
    encoded = base64.b64encode(b"me:secret").decode()
    (tmp_path / "config.json").write_text(
        json.dumps({"auths": {"a:5000": {"auth": encoded}, "https://index.docker.io/v1/": {
            "auth": base64.b64encode(b"hub:x").decode()}, "helper": {}}})
    )  # fmt: skip
    environ = {"DOCKER_CONFIG": str(tmp_path)}

    assert find_credentials("a:5000", environ) == LOGIN
    assert find_credentials("docker.io", environ) == Credentials("hub", "x")
    assert find_credentials("helper", environ) is None
    assert find_credentials("b", {}) is None
    own = environ | {"REGISTRY_USER": "she", "REGISTRY_PASSWORD": "p"}
    assert find_credentials("a:5000", own) == Credentials("she", "p")
    assert "secret" not in repr(LOGIN)


@pytest.mark.parametrize(
    "args",
    [
        pytest.param(["check", "Rooms"], id="no name"),
        pytest.param(["fix", "r.example/rooms:1", "--to", "a b"], id="no tag"),
        pytest.param(["build", "--push", "--tag", "no name"], id="no name for a push"),
        pytest.param(["push", "r.example/rooms@sha256:" + "0" * 64], id="a push to a digest"),
        pytest.param(
            ["push", "--hosting", "instance", *OWN], id="hosting beside the configuration's"
        ),
        pytest.param(["push", "--allow-oci", *OWN], id="OCI for an endpoint"),
    ],
)
def test_bad_usage_is_told_before_anything_is_asked(
    capsys: pytest.CaptureFixture[str], args: list[str]
) -> None:
    """Exit status 2, one line on stderr, nothing on stdout."""
    assert main(["image", *args]) == 2

    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)


@pytest.mark.parametrize("name", ["https://me:secret@host/rooms", "me:secret@host/rooms:1"])
def test_a_login_in_a_name_is_not_printed(name: str) -> None:
    """A name has none; the message shows the rest."""
    with pytest.raises(BadUsage, match="host/rooms") as caught:
        parse_name(name)
    assert "secret" not in str(caught.value)


def test_capital_letters_are_of_hosts_alone() -> None:
    """What has no dot and no port is no host, but the first part of a name on Docker's hub."""
    assert parse_name("Host.example/rooms").registry == "Host.example"
    with pytest.raises(BadUsage, match="'Team/rooms' is no name of an image"):
        parse_name("Team/rooms")


@pytest.mark.parametrize("token", ["secret\nX-Other: 1", "secret\u0142", "se cret"])
def test_a_token_that_fits_no_header_is_refused(token: str) -> None:
    """And not printed."""
    with pytest.raises(AccessDenied) as caught:
        parse_token(json.dumps({"token": token}).encode())
    assert "secret" not in str(caught.value)


def test_what_no_command_foresaw_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """A layer of impossible size, nested JSON without end: no trace, exit status 1."""
    config = b"{}"
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": media.OCI_MANIFEST,
            "config": {"mediaType": "x", "digest": digest_of(config), "size": 2},
            "layers": [{"mediaType": "x", "digest": digest_of(config), "size": 10**4000}],
        }
    ).encode()
    for body in (manifest, b"[" * 100_000):
        told = Told(200, body, {"Content-Type": media.OCI_MANIFEST})
        with serving(lambda _, told=told: told) as server:  # type: ignore[misc]
            status = main(["image", "check", "--plain-http", f"{server.address}/rooms:1"])
        printed = capsys.readouterr()
        assert status == 1
        assert "Traceback" not in printed.out + printed.err
        assert printed.out or printed.err.startswith("error: ")
