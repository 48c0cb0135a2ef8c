# SPDX-License-Identifier: AGPL-3.0-or-later
"""`python -m deploy plan`, with an account of this test's own."""

from __future__ import annotations

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from deploy.__main__ import main
from deploy.aws.client import AwsAccount
from deploy.aws.codes import is_absent
from deploy.errors import AccessDenied
from tests.unit.test_endpoint_spec import ACCOUNT

if TYPE_CHECKING:
    from pathlib import Path


def test_the_command(archive: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As text and as JSON; --check says that there is something to do."""
    changes = [f"--set={change}" for change in (*ACCOUNT, f"archive={archive}")]
    command = ["plan", "--new", *changes]

    assert main([*command, "--json"]) == 0
    told = capsys.readouterr()
    steps = json.loads(told.out)
    assert f"sha256 {hashlib.sha256(archive.read_bytes()).hexdigest()}" in told.err
    assert ["put_object", "create_model"] == [step["operation"] for step in steps[:2]]
    assert {"action": "try", "endpoint": "rooms-candidate"} in steps
    assert main([*command, "--check"]) == 3
    assert "2. sagemaker create_model rooms-" in capsys.readouterr().out
    assert main([*command, "--set=memory=1"]) == 2
    assert "did you mean" in capsys.readouterr().err
    assert main([*command, "--set=archive=none.mar"]) == 1


def test_what_is_not_there_is_told_from_what_is_refused() -> None:
    """A 403, or another mistake, must not look like an empty account."""
    assert is_absent("ValidationException", 'Could not find endpoint "rooms".')
    assert is_absent("404", "Not Found")
    assert not is_absent("ValidationException", "1 validation error detected")
    assert not is_absent("403", "Forbidden")
    assert not is_absent("AccessDeniedException", "Could not find")


class EmptyAws(BaseHTTPRequestHandler):
    """Nothing is there, in the forms in which SageMaker and S3 say so; one call is denied."""

    def do_POST(self) -> None:
        """SageMaker."""
        self.rfile.read(int(self.headers["Content-Length"]))
        is_denied = self.headers["X-Amz-Target"].endswith("DescribeEndpoint")
        error = {
            "__type": "AccessDeniedException" if is_denied else "ValidationException",
            "message": "Could not find model",
        }
        body = json.dumps(error).encode()
        self.send_response(400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_HEAD(self) -> None:
        """S3."""
        self.send_response(404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


def test_boto3_asks_an_empty_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not there is None, and a refusal is an error."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), EmptyAws)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    try:
        account = AwsAccount("eu-central-1")
        assert account.ask("sagemaker", "describe_model", {"ModelName": "rooms"}) is None
        assert account.ask("s3", "head_object", {"Bucket": "plans", "Key": "rooms"}) is None
        with pytest.raises(AccessDenied, match="DescribeEndpoint of endpoint rooms: AccessDenied"):
            account.ask("sagemaker", "describe_endpoint", {"EndpointName": "rooms"})
    finally:
        server.shutdown()
        server.server_close()
