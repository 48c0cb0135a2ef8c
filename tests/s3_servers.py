# SPDX-License-Identifier: AGPL-3.0-or-later
"""S3 on loopback: moto's, which keeps objects, and one that answers as badly as it is told."""

from __future__ import annotations

import threading
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

REGION = "eu-central-1"
_DRIP_S = 0.1


@dataclass(frozen=True)
class S3:
    """An S3 that runs.

    Attributes:
        url: Its address.
        buckets: Those that were made here.
        requests: Method and path of each request so far.
        sent: Bytes of all answers' bodies so far.
    """

    url: str
    buckets: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)

    @property
    def environ(self) -> dict[str, str]:
        """What a process needs to find it through boto3's own chain."""
        return {
            "AWS_ENDPOINT_URL_S3": self.url,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1",
        }

    def forget(self) -> None:
        """Count anew."""
        self.requests.clear()
        self.sent.clear()

    def put(self, bucket: str, key: str, data: bytes) -> None:
        """Keep an object."""
        with self._client() as client:
            client.put_object(Bucket=bucket, Key=key, Body=data)

    def make_bucket(self, bucket: str) -> None:
        """Make a bucket."""
        self.buckets.append(bucket)
        with self._client() as client:
            client.create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
            )

    def clear(self) -> None:
        """Delete the buckets; moto keeps them as long as the process lives."""
        with self._client() as client:
            for bucket in self.buckets:
                for kept in client.list_objects_v2(Bucket=bucket).get("Contents", []):
                    client.delete_object(Bucket=bucket, Key=kept["Key"])
                client.delete_bucket(Bucket=bucket)

    def _client(self) -> closing[Any]:
        client: Any = boto3.session.Session().client(
            "s3",
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )
        return closing(client)


class _Silent(WSGIRequestHandler):
    def log(self, *_: object, **__: object) -> None:
        """Say nothing."""


@contextmanager
def serve_moto() -> Iterator[S3]:
    """Moto's S3 over HTTP."""
    moto: Any = DomainDispatcherApplication(create_backend_app)
    found = S3("")

    def record(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        found.requests.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
        for chunk in moto(environ, start_response):
            found.sent.append(len(chunk))
            yield chunk

    server = make_server("127.0.0.1", 0, record, threaded=True, request_handler=_Silent)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    object.__setattr__(found, "url", f"http://127.0.0.1:{server.port}")
    try:
        yield found
        found.clear()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass(frozen=True)
class Script:
    """How a bad server answers HEAD, and GET where that differs.

    Attributes:
        head: Status for HEAD.
        get: Status for GET.
        headers: Headers of both.
        size: Length of the object as HEAD says it.
        body: What GET brings.
        is_chunked: Whether GET leaves the length out.
        drip: What comes a byte at a time: ``headers``, ``body``, or nothing.
    """

    head: int = 200
    get: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    size: int = 100
    body: bytes = b"x" * 100
    is_chunked: bool = False
    drip: str = ""


class _Bad(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _BadServer

    def do_HEAD(self) -> None:
        self._note()
        script = self.server.script
        if script.drip == "headers":
            self._drip(b"HTTP/1.1 200 OK\r\nX-Drip: " + b"x" * 10_000)
            return
        self._begin(script.head, str(script.size if script.head < 300 else 0))

    def do_GET(self) -> None:
        self._note()
        script = self.server.script
        body = script.body if script.get < 300 else b"<Error><Code>Scripted</Code></Error>"
        self._begin(script.get, "" if script.is_chunked else str(len(body)))
        if script.drip == "body":
            self._drip(body)
        elif script.is_chunked:
            self.wfile.write(f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n")
        else:
            self.wfile.write(body)

    def _note(self) -> None:
        self.server.found.requests.append(f"{self.command} {self.path}")

    def _begin(self, status: int, length: str) -> None:
        self.send_response(status)
        for name, value in self.server.script.headers.items():
            self.send_header(name, value)
        if length:
            self.send_header("Content-Length", length)
        else:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def _drip(self, data: bytes) -> None:
        is_over = self.server.is_over
        for number in range(len(data)):
            try:
                self.wfile.write(data[number : number + 1])
            except OSError:
                self.server.cut_s.append(time.monotonic())
                return
            if is_over.wait(_DRIP_S):
                return

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _BadServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Clients leave as they like."""

    script: Script
    found: S3
    is_over: threading.Event
    cut_s: list[float]


@contextmanager
def serve_badly() -> Iterator[tuple[S3, Callable[[Script], None], list[float]]]:
    """An S3 that follows a script.

    Yields:
        The server; what sets its script, which ends all drips; and when clients left in the middle
        of one.
    """
    server = _BadServer(("127.0.0.1", 0), _Bad)
    server.found = S3(f"http://127.0.0.1:{server.server_port}")
    server.script, server.is_over, server.cut_s = Script(), threading.Event(), []
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()

    def follow(script: Script) -> None:
        server.is_over.set()
        server.script, server.is_over = script, threading.Event()
        server.found.forget()

    try:
        yield server.found, follow, server.cut_s
    finally:
        server.is_over.set()
        server.shutdown()
        thread.join()
        server.server_close()
