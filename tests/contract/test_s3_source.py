# SPDX-License-Identifier: AGPL-3.0-or-later
"""Objects are fetched through boto3 from moto's S3 and from one that misbehaves."""

from __future__ import annotations

import logging
import socket
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from roomdet import s3_source
from roomdet.config import Config, Limits
from roomdet.errors import (
    ConfigError,
    FileTooLarge,
    ProcessingFailed,
    RequestError,
    ValidationError,
)
from roomdet.s3_address import AllowList, S3Address
from roomdet.s3_source import S3Source
from tests.s3_servers import REGION, S3, Script, serve_badly, serve_moto

if TYPE_CHECKING:
    from collections.abc import Iterator

Bad = tuple[S3, Callable[[Script], None], list[float]]
Make = Callable[[S3, int], S3Source]
MAX_BYTES = 3_000_000
ADDRESS = S3Address("my-shelf", "plans/a.png")
NAMES = ("my-shelf", "plans", "a.png")


@pytest.fixture(scope="module")
def moto() -> Iterator[S3]:
    """Moto's S3 with a bucket."""
    with serve_moto() as running:
        running.make_bucket("my-shelf")
        yield running


@pytest.fixture(scope="module")
def bad() -> Iterator[Bad]:
    """An S3 that follows a script."""
    with serve_badly() as running:
        yield running


@pytest.fixture
def make(bad: Bad, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Makes sources that find an S3 as one in a container does, with a time limit in seconds."""
    made = []

    def make(s3: S3, timeout_s: int) -> S3Source:
        for name, value in s3.environ.items():
            monkeypatch.setenv(name, value)
        limits = Limits(max_bytes=MAX_BYTES)
        made.append(S3Source(Config(limits=limits, fetch_timeout_s=timeout_s, region=REGION)))
        return made[-1]

    yield make
    bad[1](Script())  # ends what drips
    for source in made:
        for thread in source._stragglers:
            thread.join(10)
        if source._client is not None:
            source._client.close()


@contextmanager
def lasting(s3: S3) -> Iterator[S3Source]:
    """A source that has found its S3 and keeps to it."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in s3.environ.items():
            patch.setenv(name, value)
        source = S3Source(Config(limits=Limits(max_bytes=MAX_BYTES), region=REGION))
        source.fetch(ADDRESS)
    yield source
    source._client.close()


@pytest.fixture(scope="module")
def moto_source(moto: S3) -> Iterator[S3Source]:
    """A source for the tests that need no other."""
    moto.put("my-shelf", "plans/a.png", b"x")
    with lasting(moto) as source:
        yield source


@pytest.fixture(scope="module")
def patient(bad: Bad) -> Iterator[S3Source]:
    """A source of the S3 that misbehaves."""
    with lasting(bad[0]) as source:
        yield source


@pytest.fixture
def source(moto_source: S3Source, moto: S3) -> S3Source:
    """A source that finds moto, before any request."""
    moto.forget()
    return moto_source


def refusal(source: S3Source, address: S3Address = ADDRESS) -> RequestError:
    """The error that a fetch ends with."""
    with pytest.raises(RequestError) as caught:
        source.fetch(address)
    for name in NAMES:  # neither the caller nor the log hears of what was named
        assert name not in str(caught.value)
        assert name not in caught.value.reason
    assert "127.0.0.1" not in f"{caught.value} {caught.value.reason} {caught.value.details}"
    return caught.value


# -- moto -----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [0, 1, 2**20, MAX_BYTES])
def test_an_object_comes_as_it_is(source: S3Source, moto: S3, size: int) -> None:
    """Up to the limit, which is allowed itself."""
    data = bytes(range(256)) * (size // 256 + 1)
    moto.put("my-shelf", "plans/a.png", data[:size])

    assert data[:size] == source.fetch(ADDRESS)


def test_a_key_is_asked_for_as_it_stands(source: S3Source, moto: S3) -> None:
    """Every character that an address may have arrives at S3."""
    key = "plans/A!-_.*'()9/..b/..."
    moto.put("my-shelf", key, b"here")

    assert source.fetch(S3Address("my-shelf", key)) == b"here"


def test_an_object_over_the_limit_is_not_downloaded(source: S3Source, moto: S3) -> None:
    """Its size is asked for first, and no byte of it is sent."""
    moto.put("my-shelf", "plans/a.png", bytes(MAX_BYTES + 1))
    moto.forget()

    error = refusal(source)

    assert isinstance(error, FileTooLarge)
    assert str(error) == "the file has 3,000,001 bytes; the limit is 3,000,000"
    assert error.details == {"bytes": 3_000_001, "limit": 3_000_000}
    assert moto.requests == ["HEAD /my-shelf/plans/a.png"]
    assert sum(moto.sent) == 0


@pytest.mark.parametrize(
    "address", [S3Address("my-shelf", "plans/none.png"), S3Address("no-such-bucket", "plans/a.png")]
)
def test_what_does_not_exist_is_the_callers_error(source: S3Source, address: S3Address) -> None:
    """In moto, S3 itself says so."""
    error = refusal(source, address)

    assert isinstance(error, ValidationError)
    assert "does not exist, or this server may not read it" in str(error)
    assert error.reason == "S3 answered HeadObject with 404 404"


def test_one_client_serves_all_requests(source: S3Source, moto: S3) -> None:
    """Its connection and its credentials are kept."""
    moto.put("my-shelf", "plans/a.png", b"x")
    source.fetch(ADDRESS)
    client = source._client
    source.fetch(ADDRESS)

    assert client is not None
    assert source._client is client


def test_the_first_fetches_share_a_client(
    moto: S3, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that comes first makes one, though it takes a while."""
    connect, made = s3_source._connect, []

    def counted(region: str | None, timeout_s: float) -> Any:
        made.append(connect(region, timeout_s))
        return made[-1]

    monkeypatch.setattr(s3_source, "_connect", counted)
    moto.put("my-shelf", "plans/a.png", b"x")
    source = make(moto, 10)
    with ThreadPoolExecutor(3) as pool:
        assert [b"x"] * 3 == list(pool.map(source.fetch, [ADDRESS] * 3))

    assert made == [source._client]


# -- an S3 that misbehaves ------------------------------------------------------------------


def answering(method: str, status: int, headers: dict[str, str] | None = None) -> Script:
    """A script that answers one of the two requests with a status."""
    known = headers or {}
    return (
        Script(head=status, headers=known)
        if method == "head"
        else Script(get=status, headers=known)
    )


@pytest.mark.parametrize("status", [403, 404])
@pytest.mark.parametrize("method", ["head", "get"])
def test_denied_and_missing_are_told_alike(
    bad: Bad, patient: S3Source, method: str, status: int
) -> None:
    """Nobody learns which names exist; the log has the status."""
    _, follow, _ = bad
    follow(answering(method, status))

    error = refusal(patient)

    assert isinstance(error, ValidationError)
    assert str(error) == (
        "the object of image_url does not exist, or this server may not read it; check the "
        "address, or ask the server's operator for s3:GetObject on it"
    )
    assert error.details == {}
    assert f" with {status} " in error.reason


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("method", ["head", "get"])
@pytest.mark.parametrize("region", ["eu-west-1", None])
def test_redirects_are_not_followed(
    bad: Bad, moto: S3, patient: S3Source, status: int, method: str, region: str | None
) -> None:
    """Neither to the place that the answer names nor to the region that it names."""
    s3, follow, _ = bad
    moto.put("my-shelf", "plans/a.png", b"elsewhere")
    moto.forget()
    headers = {"Location": f"{moto.url}/my-shelf/plans/a.png"}
    if region:
        headers["x-amz-bucket-region"] = region
    follow(answering(method, status, headers))

    error = refusal(patient)

    assert isinstance(error, ValidationError)
    assert "a redirect, and none is followed" in str(error)
    assert moto.requests == []
    assert (
        s3.requests
        == ["HEAD /my-shelf/plans/a.png", "GET /my-shelf/plans/a.png"][: 1 + (method == "get")]
    )


def test_a_hint_at_another_region_is_not_followed(bad: Bad, patient: S3Source) -> None:
    """S3 answers 400 to what was signed for another region, and botocore would ask there."""
    s3, follow, _ = bad
    follow(Script(head=400, headers={"x-amz-bucket-region": "eu-west-1"}))

    error = refusal(patient)

    assert isinstance(error, ProcessingFailed)
    assert s3.requests == ["HEAD /my-shelf/plans/a.png"]


@pytest.mark.parametrize("status", [500, 503])
def test_an_ailing_s3_is_asked_twice(bad: Bad, patient: S3Source, status: int) -> None:
    """And no more."""
    s3, follow, _ = bad
    follow(Script(head=status))

    error = refusal(patient)

    assert isinstance(error, ProcessingFailed)
    assert "try again" in str(error)
    assert error.reason == f"S3 answered HeadObject with {status} {status}"
    assert s3.requests == ["HEAD /my-shelf/plans/a.png"] * 2


@pytest.mark.parametrize("is_chunked", [True, False])
def test_an_object_that_grew_is_cut_at_the_limit(
    bad: Bad, patient: S3Source, *, is_chunked: bool
) -> None:
    """Whatever HEAD said, no more than the limit is read; a length that GET tells is believed."""
    _, follow, _ = bad
    follow(Script(size=100, body=bytes(MAX_BYTES + 1), is_chunked=is_chunked))

    error = refusal(patient)

    assert isinstance(error, FileTooLarge)
    assert ("more than 3,000,000" if is_chunked else "3,000,001") in str(error)


@pytest.mark.parametrize("drip", ["headers", "body"])
def test_a_dripping_server_is_cut_at_the_deadline(bad: Bad, make: Make, drip: str) -> None:
    """No single wait is long enough to time out; the whole is."""
    s3, follow, _ = bad
    follow(Script(drip=drip, size=10_000, body=bytes(10_000)))
    source = make(s3, 1)

    started_s = time.monotonic()
    error = refusal(source)
    taken_s = time.monotonic() - started_s

    assert isinstance(error, ProcessingFailed)
    assert "was not there within 1 s" in str(error)
    assert 1 <= taken_s < 2


def test_a_connection_that_was_given_up_is_closed(bad: Bad, make: Make) -> None:
    """Its thread ends and its socket too, long before the drip does."""
    s3, follow, left_s = bad
    follow(Script(drip="body", size=10_000, body=bytes(10_000)))
    source = make(s3, 1)
    before = len(left_s)

    refusal(source)
    given_up_s = time.monotonic()
    (thread,) = source._stragglers
    thread.join(5)

    assert not thread.is_alive()
    while len(left_s) == before:
        assert time.monotonic() < given_up_s + 5
        time.sleep(0.05)


def test_few_fetches_that_were_given_up_are_left_behind(bad: Bad, make: Make) -> None:
    """Where they do not end, no more are begun."""
    s3, follow, _ = bad
    follow(Script(drip="headers"))
    source = make(s3, 1)
    before = threading.active_count()

    errors = [refusal(source) for _ in range(6)]

    assert ["within 1 s" in str(error) for error in errors] == [True] * 4 + [False] * 2
    assert errors[5].reason == "4 fetches that were given up have not ended"
    assert len(s3.requests) == 4
    assert threading.active_count() <= before + 8  # and as many of the server


@pytest.fixture
def nobody(unused: int, make: Make) -> S3Source:
    """A source whose S3 does not listen."""
    return make(S3(f"http://127.0.0.1:{unused}"), 10)


@pytest.fixture
def unused() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def test_an_s3_that_is_not_there_is_our_failure(nobody: S3Source) -> None:
    """The log has the kind of it."""
    error = refusal(nobody)

    assert isinstance(error, ProcessingFailed)
    assert error.reason == "S3: EndpointConnectionError"


def test_a_connection_that_breaks_is_our_failure(bad: Bad, make: Make) -> None:
    """What came is never taken for the whole."""
    s3, follow, _ = bad
    follow(Script(headers={"Content-Length": "200"}, body=bytes(100)))
    source = make(s3, 2)

    assert isinstance(refusal(source), ProcessingFailed)


def test_without_credentials_nothing_is_asked(
    moto: S3, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They come through boto3's own chain, or not at all."""
    source = make(moto, 10)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    moto.forget()

    error = refusal(source)

    assert isinstance(error, ProcessingFailed)
    assert error.reason == "S3: NoCredentialsError"
    assert moto.requests == []


def test_credentials_are_not_logged(
    source: S3Source, moto: S3, caplog: pytest.LogCaptureFixture
) -> None:
    """Boto3 logs where it found them at most; TorchServe's workers log from INFO on."""
    moto.put("my-shelf", "plans/a.png", b"x")
    with caplog.at_level(logging.INFO):
        source.fetch(ADDRESS)

    assert "testing" not in caplog.text


def test_without_boto3_the_setting_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the start, instead of at the first request; without the setting it is not missed."""
    monkeypatch.setitem(sys.modules, "boto3", None)

    S3Source(Config())
    with pytest.raises(ConfigError, match="boto3 is not installed"):
        S3Source(Config(image_url_prefixes=AllowList(("s3://my-shelf/",))))
