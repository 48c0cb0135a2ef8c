# SPDX-License-Identifier: AGPL-3.0-or-later
"""Ask a server or an endpoint for the rooms of plans."""

from __future__ import annotations

import asyncio
import functools
import json
import random
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from roomdet_client.answers import Detection, parse_answer
from roomdet_client.errors import (
    ClientError,
    PayloadTooLarge,
    PlanUnreadable,
    ServerBusy,
    WorkerDied,
)
from roomdet_client.http_transport import BrokenConnection, HttpTransport, NothingListens
from roomdet_client.letterbox import unletterbox
from roomdet_client.pages import Plan
from roomdet_client.payload import fit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Any

    from roomdet_client.sagemaker_transport import Shelf

TIMEOUT_S = 60.0  # TorchServe's responseTimeout, and SageMaker's own limit
CONCURRENCY = 4
RETRIES = 3
# Before the next try: a random part of 1, 2, 4 … s (AWS Architecture Blog, "Exponential Backoff
# and Jitter", full jitter).
_FIRST_PAUSE_S = 1.0
_MOST_PAUSE_S = 20.0
_OCTETS = "application/octet-stream"
_JSON = "application/json"
# Feet and inches as they stand on drawings; a header carries ASCII.
_QUOTES = str.maketrans(
    dict.fromkeys("\u2032\u2018\u2019", "'") | dict.fromkeys("\u2033\u201c\u201d", '"')
)
_KILLED = 507  # the worker's memory had run out: the same plan would kill the next one


class Transport(Protocol):
    """How requests go out."""

    where: str

    @property
    def limit_bytes(self) -> int:
        """The largest body."""
        ...

    def send(self, body: bytes, content_type: str, attributes: str) -> bytes:
        """Send one request, return the body of a successful answer."""
        ...

    def close(self) -> None: ...


class RoomClient:
    """Finds rooms. Keeps its connections; several threads may share one.

    Args:
        url: Address of a server, such as ``http://127.0.0.1:8080``.
        timeout_s: For each read; the whole of a request may take longer, with its retries.
        retries: Further tries of a request that did not arrive or was turned away: full queue,
            throttling, a connection that broke, once a worker that ended. A request that timed out
            is not sent again, because the server may be at work on it still; nor is one that was
            refused, or whose worker had no memory left.
        concurrency: Connections that are kept.
        s3_place: ``s3://bucket/prefix/`` that the server reads plans from, for those that are too
            large to be sent; needs ``roomdet-client[sagemaker]``.
        limit_bytes: The largest body, where the server's is not the default.
        region: Of AWS.

    Raises:
        ClientError: If an address is none.
        MissingDependency: If boto3 is needed and not installed.
    """

    def __init__(  # noqa: PLR0913  # keywords, each with a default
        self,
        url: str,
        *,
        timeout_s: float = TIMEOUT_S,
        retries: int = RETRIES,
        concurrency: int = CONCURRENCY,
        s3_place: str | None = None,
        limit_bytes: int | None = None,
        region: str | None = None,
    ) -> None:
        self._set_up(
            HttpTransport(url, timeout_s=timeout_s, concurrency=concurrency),
            _shelf(s3_place, region, timeout_s, concurrency),
            retries,
            limit_bytes,
        )

    @classmethod
    def sagemaker(  # noqa: PLR0913  # as above
        cls,
        endpoint: str,
        *,
        region: str | None = None,
        timeout_s: float = TIMEOUT_S,
        retries: int = RETRIES,
        concurrency: int = CONCURRENCY,
        s3_place: str | None = None,
        limit_bytes: int | None = None,
    ) -> RoomClient:
        """A client of a SageMaker endpoint, real-time or serverless.

        Needs ``roomdet-client[sagemaker]``; credentials are boto3's. Arguments as of the class.

        Args:
            endpoint: Its name.
            region: Without it boto3's own configuration has it.
            timeout_s: For each read.
            retries: Further tries.
            concurrency: Connections that are kept.
            s3_place: Where plans go that are too large to be sent.
            limit_bytes: The largest body; without it DescribeEndpoint is asked which kind the
                endpoint is, and the smaller limit, 4 MiB, holds where that is not allowed.
        """
        # Few callers have an endpoint.
        from roomdet_client.sagemaker_transport import Aws, SageMakerTransport  # noqa: PLC0415

        client = cls.__new__(cls)
        transport = SageMakerTransport(endpoint, Aws(region, timeout_s, concurrency), limit_bytes)
        client._set_up(transport, _shelf(s3_place, region, timeout_s, concurrency), retries, None)
        return client

    def _set_up(
        self, transport: Transport, shelf: Shelf | None, retries: int, limit_bytes: int | None
    ) -> None:
        self._transport, self._shelf = transport, shelf
        self._retries, self._own_limit = retries, limit_bytes
        self._was_answered = False
        self._sleep: Callable[[float], None] = time.sleep

    @property
    def where(self) -> str:
        """Whom it asks, in words."""
        return self._transport.where

    def detect(  # noqa: PLR0913  # the API's options
        self,
        source: bytes | str | Path | Plan,
        *,
        page: int = 1,
        confidence: float | None = None,
        iou: float | None = None,
        max_rooms: int | None = None,
        detail: str | None = None,
        include: Sequence[str] = (),
        scale: str | None = None,
        original_wh: tuple[float, float] | None = None,
    ) -> Detection:
        """Find the rooms of one page.

        Args:
            source: A file's path, or the bytes of a picture or PDF.
            page: Of a PDF or TIFF, counted from 1.
            confidence: Rooms below are left out; 0.01 to 1.
            iou: Overlap of two boxes at which one is dropped; 0 to 1.
            max_rooms: At most so many; 1 to 1000.
            detail: ``auto``, ``page`` or ``sheet``.
            include: What else is wanted of each room: of ``name``, ``polygon`` and ``area``.
            scale: Of the drawing, where you know it, such as ``1:100`` or ``1/8"=1'``.
            original_wh: Width and height of the plan before ``source`` was made of it, where that
                is a square with the plan in its middle; boxes are then those of the plan.

        Raises:
            RequestRefused: If the server answered with an error.
            ServerUnreachable: If no answer came.
            PlanUnreadable: If the file is not there, or too large to be sent and not readable here.
            PayloadTooLarge: If the plan cannot be made small enough.
            CredentialsRefused: If AWS does not know who asks.
            NoAnswerForm: If the answer is of another form.
        """
        plan = _plan(source)
        given = {"confidence": confidence, "iou": iou, "max_rooms": max_rooms, "detail": detail,
                 "include": words(include) or None, "scale": scale}  # fmt: skip
        options = {name: value for name, value in given.items() if value is not None}
        body, sent_as = self._asked(plan, page, options)
        detection = replace(parse_answer(body.decode(errors="replace")), sent_as=sent_as)
        if original_wh is not None:
            return unletterbox(detection, original_wh)
        try:
            return detection.on(plan, page)
        except PlanUnreadable:  # the server reads more than Pillow and PDFium do here
            return detection

    def _asked(self, plan: Plan, page: int, options: dict[str, Any]) -> tuple[bytes, str]:
        limit_bytes = self._own_limit
        if limit_bytes is None:
            limit_bytes = self._transport.limit_bytes
        has_shelf = self._shelf is not None
        # Names and scales are read from the text of a PDF.
        may_draw = not (has_shelf and {"name", "area"} & {*options.get("include", ())})
        try:
            payload = fit(plan, page, limit_bytes, may_lose=not has_shelf, may_draw=may_draw)
        except PayloadTooLarge:
            if self._shelf is None:
                raise
            return self._by_reference(self._shelf, plan, page, options), "by reference in S3"
        asked = options if payload.page == 1 else {**options, "page": payload.page}
        return self._tried(payload.data, _OCTETS, _attributes(asked)), payload.sent_as

    def _by_reference(
        self, shelf: Shelf, plan: Plan, page: int, options: Mapping[str, Any]
    ) -> bytes:
        with shelf.stored(plan.data) as address:
            request = {"image_url": address, **options, "page": page}
            return self._tried(json.dumps(request).encode(), _JSON, "")

    def _tried(self, body: bytes, content_type: str, attributes: str) -> bytes:
        """Send a request, again where that is safe."""
        died = 0
        for tried in range(self._retries + 1):
            try:
                answer = self._transport.send(body, content_type, attributes)
            except ClientError as err:
                died += isinstance(err, WorkerDied)
                if tried == self._retries or died > 1 or not self._is_safe_again(err):
                    raise
                pause_s = min(_FIRST_PAUSE_S * 2**tried, _MOST_PAUSE_S)
                self._sleep(random.uniform(0, pause_s))  # noqa: S311  # spreads clients out
            else:
                self._was_answered = True
                return answer
        raise AssertionError("the last try returns or raises")

    def _is_safe_again(self, err: ClientError) -> bool:
        if isinstance(err, WorkerDied):
            return err.status != _KILLED
        # Where nothing ever answered, the address is wrong or the server not there.
        if isinstance(err, (NothingListens, BrokenConnection)):
            return self._was_answered
        return isinstance(err, ServerBusy)

    def close(self) -> None:
        self._transport.close()
        if self._shelf is not None:
            self._shelf.close()

    def __enter__(self) -> RoomClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class AsyncRoomClient:
    """The same for programs of asyncio: requests run in as many threads as are allowed at once.

    A task that is canceled stops waiting at once; its request ends by itself.

    Args:
        client: What asks; it is closed with this one.
        concurrency: Requests at once.
    """

    def __init__(self, client: RoomClient | str, *, concurrency: int = CONCURRENCY) -> None:
        if isinstance(client, str):
            client = RoomClient(client, concurrency=concurrency)
        self._client = client
        self._threads = ThreadPoolExecutor(concurrency, thread_name_prefix="roomdet")

    @classmethod
    def sagemaker(
        cls, endpoint: str, *, concurrency: int = CONCURRENCY, **settings: Any
    ) -> AsyncRoomClient:
        """Of an endpoint; ``settings`` are those of :meth:`RoomClient.sagemaker`."""
        client = RoomClient.sagemaker(endpoint, concurrency=concurrency, **settings)
        return cls(client, concurrency=concurrency)

    async def detect(self, source: bytes | str | Path | Plan, **options: Any) -> Detection:
        """Find the rooms of one page; see :meth:`RoomClient.detect`."""
        ask = functools.partial(self._client.detect, source, **options)
        return await asyncio.get_running_loop().run_in_executor(self._threads, ask)

    async def close(self) -> None:
        """Wait for requests under way and close the connections."""
        await asyncio.to_thread(self._threads.shutdown)
        self._client.close()

    async def __aenter__(self) -> AsyncRoomClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()


def detect(
    data: bytes,
    *,
    url: str,
    options: Mapping[str, float | str | Sequence[str]] | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Detection:
    """Ask once, as the bytes are and over a connection of its own: what a measurement wants.

    Args:
        data: A picture or PDF.
        url: Address of a server, such as ``http://127.0.0.1:8080``.
        options: ``confidence``, ``iou``, ``max_rooms``, ``page``, ``detail``, ``include``,
            ``scale``.
        timeout_s: For each read.

    Raises:
        RequestRefused: If the server answered with an error.
        ServerUnreachable: If no answer came.
        NoAnswerForm: If the answer is of another form.
    """
    with ExitStack() as stack:
        transport = HttpTransport(url, timeout_s=timeout_s, concurrency=1)
        stack.callback(transport.close)
        body = transport.send(data, _OCTETS, _attributes(options or {}))
        return parse_answer(body.decode(errors="replace"))


def words(given: Sequence[str] | str) -> list[str]:
    """A list of words; a text is read as words with commas between."""
    parts = given.split(",") if isinstance(given, str) else given
    return [word for part in parts if (word := part.strip())]


def _attributes(options: Mapping[str, Any]) -> str:
    """Options as a header carries them.

    Raises:
        ClientError: If a value has letters that none can.
    """
    return ";".join(f"{name}={_attribute(name, value)}" for name, value in options.items())


def _attribute(name: str, value: Any) -> str:
    text = ",".join(value) if isinstance(value, (list, tuple)) else str(value)
    text = text.translate(_QUOTES)
    if ";" in text or not (text.isascii() and text.isprintable()):
        raise ClientError(
            f"{name} is {text!r}; it may have letters of ASCII only, and no semicolon"
        )
    return text


def _plan(source: bytes | str | Path | Plan) -> Plan:
    if isinstance(source, Plan):
        return source
    return Plan(source) if isinstance(source, bytes) else Plan.read(source)


def _shelf(
    place: str | None, region: str | None, timeout_s: float, concurrency: int
) -> Shelf | None:
    if place is None:
        return None
    from roomdet_client.sagemaker_transport import Aws, Shelf  # noqa: PLC0415  # needs boto3

    return Shelf(place, Aws(region, timeout_s, concurrency))
