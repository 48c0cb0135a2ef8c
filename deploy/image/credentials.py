# SPDX-License-Identifier: AGPL-3.0-or-later
"""User name and password for a registry, from where Docker and podman keep them."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from serving.errors import BadUsage

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from deploy.aws.api import AwsApi
    from deploy.image.names import EcrPlace

# Docker Hub's entry has a name of its own.
_HUB_KEYS = ("https://index.docker.io/v1/", "index.docker.io")


@dataclass(frozen=True, slots=True)
class Credentials:
    """For one registry.

    Attributes:
        user: Name.
        password: Or a token in its place.
    """

    user: str
    password: str = field(repr=False)

    @property
    def basic(self) -> str:
        """Value of an Authorization header."""
        pair = f"{self.user}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"


def find_credentials(registry: str, environ: Mapping[str, str]) -> Credentials | None:
    """What the environment or a login of Docker or podman knows of a registry.

    ``REGISTRY_USER`` and ``REGISTRY_PASSWORD`` go first, then the ``auths`` of
    ``REGISTRY_AUTH_FILE``, podman's and Docker's own files. Helper programs are not asked.

    Returns:
        None if nothing is known; the registry is then asked without.

    Raises:
        BadUsage: If a file cannot be read.
    """
    if environ.get("REGISTRY_USER"):
        return Credentials(environ["REGISTRY_USER"], environ.get("REGISTRY_PASSWORD", ""))
    keys = (registry, f"https://{registry}", *(_HUB_KEYS if registry == "docker.io" else ()))
    for path in _files(environ):
        if path.is_file() and (found := _read(path, keys)):
            return found
    return None


def _files(environ: Mapping[str, str]) -> Iterator[Path]:
    if environ.get("REGISTRY_AUTH_FILE"):
        yield Path(environ["REGISTRY_AUTH_FILE"])
    if environ.get("XDG_RUNTIME_DIR"):
        yield Path(environ["XDG_RUNTIME_DIR"], "containers", "auth.json")
    if environ.get("DOCKER_CONFIG"):
        yield Path(environ["DOCKER_CONFIG"], "config.json")
    elif environ.get("HOME"):
        yield Path(environ["HOME"], ".docker", "config.json")


def _read(path: Path, keys: tuple[str, ...]) -> Credentials | None:
    try:
        entries = json.loads(path.read_text("utf-8")).get("auths") or {}
        for key in keys:
            encoded = (entries.get(key) or {}).get("auth")
            if encoded:
                user, _, password = base64.b64decode(encoded).decode().partition(":")
                return Credentials(user, password)
    except (OSError, ValueError, AttributeError, TypeError, binascii.Error) as err:
        raise BadUsage(f"{path} cannot be read as a login of Docker's: {err}") from err
    return None


def ecr_login(aws: AwsApi, place: EcrPlace) -> tuple[Credentials, str]:
    """User name and password for ``docker login``, valid for twelve hours, and the host.

    Raises:
        AwsError: If AWS gives none.
    """
    answer = aws.call("ecr", "get_authorization_token", {"registryIds": [place.account]})
    found = answer["authorizationData"][0]
    token = found.get("authorizationToken", "")
    user, _, password = base64.b64decode(token).decode().partition(":")
    host = str(found.get("proxyEndpoint", "")).partition("://")[2] or place.host
    return Credentials(user, password), host
