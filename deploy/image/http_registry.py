# SPDX-License-Identifier: AGPL-3.0-or-later
"""A registry over HTTP (OCI distribution specification 1.1)."""

from __future__ import annotations

import re
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urljoin, urlsplit

import urllib3

from deploy.errors import (
    AccessDenied,
    NotFound,
    RegistryRefused,
    RegistryUnreachable,
    TagIsImmutable,
    WrongContent,
)
from deploy.image import media
from deploy.image.http_auth import parse_challenge, parse_token, token_url
from deploy.image.manifest import Document
from deploy.image.pool import make_pool, translated
from deploy.image.registry import MAX_MANIFEST_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from deploy.image.credentials import Credentials
    from deploy.image.names import ImageName

_MAX_REDIRECTS = 5
_MAX_ERROR_BYTES = 64 * 2**10
_PIECE = 2**20
# Answers with which registries refuse to move a tag: Harbor 412, Quay and others 409.
_IMMUTABLE = (HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED)
_ANSWER = urllib3.BaseHTTPResponse


class HttpRegistry:
    """One repository of a registry.

    Args:
        name: An image in it.
        credentials: Shown to the registry, and to its token service, when they ask for them.
        is_plain: Ask without TLS.
        ca_file: Certificates to trust in the place of the system's.
    """

    def __init__(
        self,
        name: ImageName,
        credentials: Credentials | None = None,
        *,
        is_plain: bool = False,
        ca_file: str | None = None,
    ) -> None:
        self._repository = name.repository
        self._origin = f"{'http' if is_plain else 'https'}://{name.host}"
        self._base = f"{self._origin}/v2/{name.repository}"
        self._credentials = credentials
        self._is_plain = is_plain
        self._authorization = ""
        self._pool = make_pool(self._origin, ca_file)

    def read_manifest(self, reference: str) -> Document:
        """See :class:`deploy.image.registry.Registry`."""
        headers = {"Accept": ", ".join(media.ACCEPTED)}
        answer = self._ask("GET", f"{self._base}/manifests/{reference}", headers)
        content = _body(answer, MAX_MANIFEST_BYTES)
        kind = (answer.headers.get("Content-Type") or "").partition(";")[0].strip()
        document = Document(kind, content)
        named = reference if reference.startswith("sha256:") else ""
        told = answer.headers.get("Docker-Content-Digest") or ""
        # Of schema 1 the digest leaves the signatures out.
        if kind not in media.SCHEMA_1:
            for digest in (named, told):
                if digest and digest != document.digest:
                    raise WrongContent(f"what the registry gives as {digest} is {document.digest}")
        return document

    def write_manifest(self, document: Document, tag: str) -> None:
        """See :class:`deploy.image.registry.Registry`."""
        headers = {"Content-Type": document.media_type}
        url = f"{self._base}/manifests/{tag}"
        try:
            answer = self._ask("PUT", url, headers, document.content, actions="pull,push")
        except RegistryRefused as err:
            if err.status in _IMMUTABLE:
                raise TagIsImmutable(f"{tag} may not be replaced: {err}") from err
            raise
        _finish(answer)

    @contextmanager
    def open_blob(
        self, digest: str, *, first_bytes: int | None = None
    ) -> Iterator[Iterator[bytes]]:
        """See :class:`deploy.image.registry.Registry`."""
        headers = {"Range": f"bytes=0-{first_bytes - 1}"} if first_bytes else {}
        answer = self._ask("GET", f"{self._base}/blobs/{digest}", headers)
        try:
            with translated(self._origin):
                yield answer.stream(first_bytes or _PIECE, decode_content=False)
        finally:
            answer.close()  # of a whole layer no more is wanted than was read

    def write_blob(self, file: BinaryIO, digest: str, size_bytes: int) -> bool:
        """See :class:`deploy.image.registry.Registry`."""
        actions = "pull,push"
        try:
            _finish(self._ask("HEAD", f"{self._base}/blobs/{digest}", actions=actions))
        except NotFound:
            pass
        else:
            return False
        begun = self._ask("POST", f"{self._base}/blobs/uploads/", actions=actions)
        _finish(begun)
        location = urljoin(f"{self._base}/blobs/uploads/", begun.headers.get("Location") or "")
        joint = "&" if urlsplit(location).query else "?"
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(size_bytes)}
        url = f"{location}{joint}digest={digest}"
        _finish(self._ask("PUT", url, headers, file, actions=actions))
        return True

    def _ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | BinaryIO | None = None,
        *,
        actions: str = "pull",
    ) -> _ANSWER:
        """Send a request, after a login where the registry wants one; an error is raised."""
        answer = self._send(method, url, headers or {}, body)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            challenge = answer.headers.get("WWW-Authenticate") or ""
            answer.close()
            self._log_in(challenge, f"repository:{self._repository}:{actions}")
            if body is not None and not isinstance(body, bytes):
                body.seek(0)
            answer = self._send(method, url, headers or {}, body)
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise _refusal(answer, url)
        return answer

    def _send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | BinaryIO | None
    ) -> _ANSWER:
        """Send a request and follow redirects; credentials go to the registry alone."""
        for _ in range(_MAX_REDIRECTS):
            with translated(urlsplit(url).netloc):
                answer = self._pool.request(
                    method,
                    url,
                    headers={**headers, **self._login_for(url)},
                    body=body,
                    redirect=False,
                    preload_content=False,
                )
            target = answer.get_redirect_location()
            if answer.status == HTTPStatus.UNAUTHORIZED and not self._is_registry(url):
                answer.close()  # its token service would be another's, too
                raise AccessDenied(f"{urlsplit(url).netloc} asks for a login, not the registry")
            if not target or method not in {"GET", "HEAD"}:
                return answer
            answer.close()
            following = urljoin(url, target)
            if not following.startswith("https:" if url.startswith("https:") else "http"):
                raise RegistryUnreachable(f"{url} sends to {following}, which is not encrypted")
            url = following
        raise RegistryUnreachable(f"{self._origin}: more than {_MAX_REDIRECTS} redirects")

    def _login_for(self, url: str) -> dict[str, str]:
        is_shown = self._authorization and self._is_registry(url)
        return {"Authorization": self._authorization} if is_shown else {}

    def _is_registry(self, url: str) -> bool:
        return f"{url}/".startswith(f"{self._origin}/")

    def _log_in(self, header: str, scope: str) -> None:
        challenge = parse_challenge(header)
        if challenge is None:
            raise AccessDenied(f"{self._origin} asks for a login of an unknown kind: {header!r}")
        if challenge.scheme == "basic":
            if self._credentials is None:
                raise AccessDenied(f"{self._origin} asks for a user name and a password")
            self._authorization = self._credentials.basic
            return
        url = token_url(challenge, scope, is_plain_allowed=self._is_plain)
        headers = {"Authorization": self._credentials.basic} if self._credentials else {}
        with translated(urlsplit(url).netloc):
            answer = self._pool.request(
                "GET", url, headers=headers, redirect=False, preload_content=False
            )
        if answer.status != HTTPStatus.OK:
            answer.close()
            raise AccessDenied(f"{challenge.realm} gives no token: it answered {answer.status}")
        self._authorization = f"Bearer {parse_token(_body(answer, MAX_MANIFEST_BYTES))}"


def _body(answer: _ANSWER, limit_bytes: int) -> bytes:
    with translated("the registry"):
        content = answer.read(limit_bytes + 1, decode_content=True)
    if len(content) > limit_bytes:
        answer.close()
        raise RegistryUnreachable(
            f"an answer has more than the {limit_bytes:,} bytes that are read"
        )
    answer.release_conn()
    return content


def _finish(answer: _ANSWER) -> None:
    """Read an answer to its end, so that the connection can be used again."""
    _body(answer, _MAX_ERROR_BYTES)


def _refusal(answer: _ANSWER, url: str) -> Exception:
    with translated(url):
        text = answer.read(_MAX_ERROR_BYTES).decode(errors="replace")
    answer.close()
    reason = re.sub(r"\s+", " ", text)[:300] or "without a reason"
    if answer.status == HTTPStatus.NOT_FOUND:
        return NotFound(f"{url} does not exist")
    if answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return AccessDenied(f"{url}: {answer.status} {reason}")
    return RegistryRefused(answer.status, reason)
