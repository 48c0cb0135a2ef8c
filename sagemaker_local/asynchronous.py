# SPDX-License-Identifier: AGPL-3.0-or-later
"""InvokeEndpointAsync: what is refused, what is queued, and whose turn it is."""

from __future__ import annotations

import json
import time
import uuid
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from deploy.contract.answers import ATTRIBUTES
from sagemaker_local.async_work import Work
from sagemaker_local.backlog import Task
from sagemaker_local.constraints import violations
from sagemaker_local.invoke import READY, find_live, header_params, refused
from sagemaker_local.model_data import parse_url
from sagemaker_local.protocol import ProtocolError, Response, request_id, service_model
from sagemaker_local.records import now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sagemaker_local.backend import Backend
    from sagemaker_local.fleets import Fleet, Variant
    from sagemaker_local.invoke import Invocation
    from sagemaker_local.records import Endpoint, Region

OPERATION = "InvokeEndpointAsync"
MAX_INLINE_BYTES = 128_000  # botocore's model of InvokeEndpointAsync, Body
CONCURRENCY = 1  # of an instance, without MaxConcurrentInvocationsPerInstance; AWS chooses
_TTL_S = 21_600  # botocore's model of RequestTTLSeconds
_TIMEOUT_S = 900  # likewise, InvocationTimeoutSeconds
_HEADERS = {"ContentType": "Content-Type", "Accept": "Accept", "CustomAttributes": ATTRIBUTES}
_SHOWN = {"Accept": "accept", "ContentType": "contentType", "CustomAttributes": "customAttributes",
          "EndpointName": "endpointName", "InputLocation": "inputLocation"}  # fmt: skip


def accept(backend: Backend, region: Region, request: Invocation) -> Response:
    """Queue one request.

    Raises:
        Refusal: If SageMaker refuses it.
    """
    endpoint, live = find_live(region, request.name)
    if live.asynchronous is None:
        raise refused(f"Endpoint {request.name} is not asynchronous; it takes InvokeEndpoint.")
    given = header_params(OPERATION, request)
    _check_input(given, request.body)
    task = _task(backend, live.asynchronous, given, request)
    endpoint.backlog.add(task)
    dispatch(backend, endpoint)
    return _accepted(task)


def dispatch(backend: Backend, endpoint: Endpoint) -> None:
    """Let servers have as many requests as they may."""
    while endpoint.backlog.is_waiting():
        with endpoint.lock:
            fleet = _next_fleet(endpoint)
            if fleet is None or fleet.asynchronous is None or endpoint.status not in READY:
                return
            (variant,) = fleet.variants
            if variant.server is None or variant.in_flight >= capacity(fleet, variant):
                return
            task = endpoint.backlog.take()
            if task is None:
                return
            variant.enter()
        backend.ask(partial(_answer, Work(backend, endpoint, fleet, task)), endpoint.name)


def _next_fleet(endpoint: Endpoint) -> Fleet | None:
    """The side that gets the next request."""
    coming, percent = endpoint.coming, endpoint.share_percent
    return coming if coming and endpoint.backlog.share.takes(percent) else endpoint.live


def _answer(work: Work) -> None:
    """Answer one request, then see to the next."""
    try:
        work.answer()
    finally:
        work.variant.leave()
        work.endpoint.backlog.done(work.task)
    dispatch(work.backend, work.endpoint)


def tend(backend: Backend, endpoint: Endpoint, *, is_measured: bool) -> None:
    """Give up requests that have waited too long, and see whether others can be served.

    Args:
        backend: Where.
        endpoint: Whose they are.
        is_measured: Whether metrics of the queue are recorded.
    """
    fleet = endpoint.live
    if fleet is None or fleet.asynchronous is None:
        return
    for task in endpoint.backlog.expired():
        Work(backend, endpoint, fleet, task).expire()
        endpoint.backlog.done(task)
    dispatch(backend, endpoint)
    if is_measured:
        (variant,) = fleet.variants
        gauges = backlog_gauges(endpoint, variant.instances)
        backend.metrics.record(endpoint.region, endpoint.name, "", gauges)


def backlog_gauges(endpoint: Endpoint, instances: int) -> dict[str, float]:
    """Metrics of the queue.

    Without instances each request counts as if there were one, and without requests there is no
    value at all: so that an endpoint comes back from zero when more than the target wait.
    """
    size = float(endpoint.backlog.size())
    gauges = {
        "ApproximateBacklogSize": size,
        "ApproximateAgeOfOldestRequest": endpoint.backlog.oldest_s(),
        "HasBacklogWithoutCapacity": float(size > 0 and not instances),
    }
    if instances or size:
        gauges["ApproximateBacklogSizePerInstance"] = size / max(instances, 1)
    return gauges


def capacity(fleet: Fleet, variant: Variant) -> int:
    """How many requests may be worked on at a time."""
    client = (fleet.asynchronous or {}).get("ClientConfig", {})
    concurrency: int = client.get("MaxConcurrentInvocationsPerInstance", CONCURRENCY)
    return variant.instances * concurrency


def _check_input(given: Mapping[str, Any], body: bytes) -> None:
    if ("InputLocation" in given) == bool(body):
        raise refused("Provide exactly one of InputLocation and Body.")
    if len(body) > MAX_INLINE_BYTES:
        raise refused(f"The body has {len(body)} bytes; {MAX_INLINE_BYTES} are the most.")
    if "InputLocation" in given and parse_url(given["InputLocation"]) is None:
        raise refused(f"InputLocation {given['InputLocation']} is no object of S3.")


def _task(
    backend: Backend, config: Mapping[str, Any], given: Mapping[str, Any], request: Invocation
) -> Task:
    own, received_s = str(uuid.uuid4()), time.monotonic()
    output = config["OutputConfig"]
    folder = f"{output['S3OutputPath'].rstrip('/')}/{given.get('S3OutputPathExtension', '')}"
    failures = output.get("S3FailurePath", "").rstrip("/")
    inference_id = given.get("InferenceId", str(uuid.uuid4()))
    headers = {_HEADERS[name]: given[name] for name in _HEADERS if name in given}
    return Task(
        inference_id,
        {shown: given[name] for name, shown in _SHOWN.items() if name in given},
        headers | {"X-Amzn-SageMaker-Inference-Id": inference_id},
        None if "InputLocation" in given else request.body,
        f"{folder.rstrip('/')}/{given.get('Filename', f'{own}.out')}",
        f"{failures}/{own}-error.out" if failures else "",
        given.get("InvocationTimeoutSeconds", _TIMEOUT_S),
        received_s + given.get("RequestTTLSeconds", _TTL_S) * backend.clock.scale,
        now(),
        received_s,
    )


def _accepted(task: Task) -> Response:
    """The answer to a request that has been queued.

    Raises:
        ProtocolError: If it does not fit the service model.
    """
    shape = service_model("sagemaker-runtime").operation_model(OPERATION).output_shape
    assert shape
    given = {"OutputLocation": task.output, "InferenceId": task.inference_id}
    if task.failure:
        given["FailureLocation"] = task.failure
    if found := list(violations(given, shape)):
        raise ProtocolError(f"the answer to {OPERATION} is malformed: {'; '.join(found)}")
    body = json.dumps({"InferenceId": given.pop("InferenceId")}).encode()
    headers = {shape.members[name].serialization["name"]: given[name] for name in given}
    headers |= {"Content-Type": "application/json", "x-amzn-RequestId": request_id()}
    return Response(HTTPStatus.ACCEPTED, body, headers)
