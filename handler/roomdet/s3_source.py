# SPDX-License-Identifier: AGPL-3.0-or-later
"""Objects of S3, fetched with the credentials of the role that this process runs under.

The only file of the handler that imports boto3, and it does so when the first object is asked for.
"""

from __future__ import annotations

import importlib.util
import threading
from concurrent.futures import Future, wait
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from roomdet.errors import ConfigError, FileTooLarge, ProcessingFailed, ValidationError
from roomdet.images import too_many_bytes

if TYPE_CHECKING:
    from roomdet.config import Config, Limits
    from roomdet.errors import RequestError
    from roomdet.s3_address import S3Address

# A connection, and each wait for more bytes; the time for the whole is `fetch_timeout_s`.
_SOCKET_TIMEOUT_S = 5
_ATTEMPTS = 2
_CHUNK_BYTES = 2**20
# Given up, but still waiting for a byte that does not come; more of them are not begun.
_MAX_STRAGGLERS = 4
_AT_ONCE_S = 0.001
_REDIRECTS = range(300, 400)
# S3 says 403 instead of 404 to whoever may not list the bucket.
_MISSING_OR_DENIED = (403, 404)
# 429 is asked again, like 5xx.
_TOO_MANY_REQUESTS = 429


class S3Source:
    """Fetches objects, each within a time and a size; several threads may ask at once.

    Args:
        config: Limits, times, and the region of the buckets.

    Raises:
        ConfigError: If objects may be named, but boto3 is not installed.
    """

    def __init__(self, config: Config) -> None:
        if config.image_url_prefixes.prefixes and not importlib.util.find_spec("boto3"):
            raise ConfigError(
                "image_url_prefixes is set, but boto3 is not installed (pip install boto3)"
            )
        self._limits = config.limits
        self._timeout_s = config.fetch_timeout_s
        self._region = config.region
        self._client: Any = None
        self._connecting = threading.Lock()
        self._stragglers: list[threading.Thread] = []
        self._counting = threading.Lock()

    def fetch(self, address: S3Address) -> bytes:
        """Read one object.

        A thread does it, because neither the chain of credentials nor a connection has a limit for
        its time as a whole: a server that sends a byte now and then would never run into one.

        Args:
            address: An address that was admitted.

        Raises:
            ValidationError: If there is no such object here, or it may not be read.
            FileTooLarge: If it has more bytes than the limit; it is not downloaded then.
            ProcessingFailed: If S3 does not answer, or not in time.
        """
        with self._counting:
            self._stragglers = [thread for thread in self._stragglers if thread.is_alive()]
            is_full = len(self._stragglers) >= _MAX_STRAGGLERS
        if is_full:
            raise _unavailable(f"{_MAX_STRAGGLERS} fetches that were given up have not ended")
        download = _Download(address, self._limits)
        done: Future[bytes] = Future()
        thread = threading.Thread(target=self._run, args=(download, done), daemon=True)
        thread.start()
        wait([done], self._timeout_s)
        if not done.done():
            download.give_up()
            with self._counting:
                self._stragglers.append(thread)
            raise ProcessingFailed(
                f"the file of image_url was not there within {self._timeout_s} s; try again, or "
                "send the file itself",
                reason=f"S3: nothing complete within {self._timeout_s} s",
            )
        return done.result()

    def _run(self, download: _Download, done: Future[bytes]) -> None:
        try:
            with self._connecting:  # the first batch's fetches share one client, too
                if self._client is None:
                    self._client = _connect(self._region, self._timeout_s)
            done.set_result(download.run(self._client))
        except BaseException as err:  # noqa: BLE001  # fetch raises it
            done.set_exception(err)


class _Download:
    """One object on its way; given up, it ends at the next byte or the next time-out."""

    def __init__(self, address: S3Address, limits: Limits) -> None:
        self._named = {"Bucket": address.bucket, "Key": address.key}
        self._limits = limits
        self._is_given_up = False
        self._body: Any = None

    def give_up(self) -> None:
        self._is_given_up = True
        if self._body is not None:
            with suppress(AttributeError, OSError):  # it ends by itself at this moment
                self._body.set_socket_timeout(_AT_ONCE_S)

    def run(self, client: Any) -> bytes:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  # see above

        try:
            self._check_size(client.head_object(**self._named))
            answer = client.get_object(**self._named)
            self._check_size(answer)  # it may be another object by now
            self._body = answer["Body"]
            return self._read()
        except ClientError as err:
            raise _refusal(err.response, err.operation_name) from err
        except BotoCoreError as err:
            # Its text may have the address, which the log has no business with.
            raise _unavailable(f"S3: {type(err).__name__}") from err
        finally:
            if self._body is not None:
                self._body.close()

    def _check_size(self, answer: dict[str, Any]) -> None:
        size = answer.get("ContentLength", 0)  # S3 always says; _read counts as well
        if size > self._limits.max_bytes:
            raise too_many_bytes(size, self._limits)

    def _read(self) -> bytes:
        chunks, size = [], 0
        while not self._is_given_up and (chunk := self._body.read(_CHUNK_BYTES)):
            chunks.append(chunk)
            size += len(chunk)
            if size > self._limits.max_bytes:  # whatever length the answer claimed
                limit = self._limits.max_bytes
                raise FileTooLarge(f"the file has more than {limit:,} bytes", {"limit": limit})
        return b"".join(chunks)


def _connect(region: str | None, timeout_s: float) -> Any:
    """A client for S3 that answers once, or tries again soon, and goes nowhere else."""
    import boto3  # noqa: PLC0415  # only where it is needed
    from botocore.config import Config  # noqa: PLC0415

    patience_s = min(_SOCKET_TIMEOUT_S, timeout_s)
    config = Config(
        connect_timeout=patience_s,
        read_timeout=patience_s,
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
    )
    client = boto3.session.Session().client("s3", region_name=region, config=config)
    client.meta.events.register("response-received.s3", _end_at_refusal)
    return client


def _end_at_refusal(parsed_response: Any, event_name: str, **_: Any) -> None:
    """End a call at a redirect or a refusal.

    Botocore would go on: after 301, 302, 307 and some of 400 it looks for the region in which the
    bucket is and asks there.
    """
    from botocore.exceptions import ClientError  # noqa: PLC0415

    if parsed_response is None:  # no answer came
        return
    status = parsed_response["ResponseMetadata"]["HTTPStatusCode"]
    if status in range(300, 500) and status != _TOO_MANY_REQUESTS:
        raise ClientError(parsed_response, event_name.rpartition(".")[2])


def _refusal(answer: Any, operation: str) -> RequestError:
    """The error for an answer of S3 that is no success.

    What does not exist and what may not be read are told alike, so that nobody learns which names
    exist.
    """
    status = answer["ResponseMetadata"]["HTTPStatusCode"]
    reason = f"S3 answered {operation} with {status} {answer.get('Error', {}).get('Code', '')}"
    if status in _REDIRECTS:
        return ValidationError(
            "S3 answered image_url with a redirect, and none is followed: the bucket must be in "
            "the region of this server; send the file itself, or ask the server's operator",
            reason=f"{reason}; AWS_REGION must be that of the bucket",
        )
    if status in _MISSING_OR_DENIED:
        return ValidationError(
            "the object of image_url does not exist, or this server may not read it; check the "
            "address, or ask the server's operator for s3:GetObject on it",
            reason=reason,
        )
    return _unavailable(reason)


def _unavailable(reason: str) -> ProcessingFailed:
    return ProcessingFailed(
        "S3 cannot be asked for image_url at the moment; try again, or send the file itself; the "
        "server's log says why",
        reason=reason,
    )
