# SPDX-License-Identifier: AGPL-3.0-or-later
"""Names of images: ``registry/repository:tag@sha256:…``."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from serving.errors import BadUsage

_HUB, _HUB_HOST = "docker.io", "registry-1.docker.io"
# Source: distribution/reference, the grammar of names.
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(
    rf"(?:(?P<host>[A-Za-z0-9.-]+(?::[0-9]+)?|\[[0-9a-fA-F:]+\](?::[0-9]+)?)/)?"
    rf"(?P<path>{_PART}(?:/{_PART})*)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_ECR = re.compile(
    r"(?P<account>[0-9]{12})\.dkr[.-]ecr(?:-fips)?\.(?P<region>[a-z0-9-]+)"
    r"\.(?:amazonaws\.com(?:\.cn)?|on\.aws|on\.amazonwebservices\.com\.cn)"
)
_LOOPBACK = re.compile(r"(localhost|127\.[0-9.]+|\[::1\])(:[0-9]+)?")


@dataclass(frozen=True, slots=True)
class EcrPlace:
    """Whose ECR a registry is.

    Attributes:
        account: Twelve digits.
        region: Such as ``eu-central-1``.
    """

    account: str
    region: str

    @property
    def host(self) -> str:
        ending = ".cn" if self.region.startswith("cn-") else ""
        return f"{self.account}.dkr.ecr.{self.region}.amazonaws.com{ending}"


@dataclass(frozen=True, slots=True)
class ImageName:
    """Where an image lies.

    Attributes:
        registry: Host, with a port where there is one.
        repository: Path below it.
        tag: Empty if the name has only a digest.
        digest: ``sha256:…``, or empty.
    """

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    @property
    def reference(self) -> str:
        """What a registry is asked for: the digest where there is one, else the tag."""
        return self.digest or self.tag

    @property
    def repository_name(self) -> str:
        """Registry and repository, without tag and digest."""
        return f"{self.registry}/{self.repository}"

    @property
    def host(self) -> str:
        """Host and port that answer for this registry."""
        return _HUB_HOST if self.registry == _HUB else self.registry

    @property
    def ecr(self) -> EcrPlace | None:
        """Account and region if this is a private repository of ECR."""
        found = _ECR.fullmatch(self.registry)
        return EcrPlace(found["account"], found["region"]) if found else None

    @property
    def is_loopback(self) -> bool:
        """Whether the registry runs on this machine."""
        return is_loopback(self.registry)

    def at(self, *, tag: str = "", digest: str = "") -> ImageName:
        """Another image of the same repository."""
        return replace(self, tag=tag, digest=digest)

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.repository_name}{tag}{f'@{self.digest}' if self.digest else ''}"


def is_loopback(host: str) -> bool:
    """Whether a host, with a port or without one, is this machine."""
    return bool(_LOOPBACK.fullmatch(host))


def parse_name(text: str) -> ImageName:
    """Read a name as Docker does: without a host it is Docker Hub's, without a tag ``latest``.

    Raises:
        BadUsage: If it is no name of an image.
    """
    found = _NAME.fullmatch(text)
    host, path = (found["host"] or "", found["path"]) if found else ("", "")
    if host and not re.search(r"[.:]|^localhost$", host):  # docker.io/host/path
        host, path = "", f"{host}/{path}"
    if found is None or not re.fullmatch(rf"{_PART}(?:/{_PART})*", path):
        shown = re.sub(r"(^|//)[^/]*@", r"\1…@", text)  # it may be a password
        raise BadUsage(f"{shown!r} is no name of an image; one is registry/repository:tag")
    if not host or host == "index.docker.io":
        host = _HUB
    if host == _HUB and "/" not in path:
        path = f"library/{path}"
    tag, digest = found["tag"] or "", found["digest"] or ""
    return ImageName(host, path, tag if tag or digest else "latest", digest)
