# SPDX-License-Identifier: AGPL-3.0-or-later
"""A transform job that runs: its server starts, gets one object after the other, and ends.

Source: developer guide, "Use your own inference code with batch transform" and "Batch transform
errors"; botocore's model of TransformOutput: what fails leaves no output, the others are worked
off all the same, and the job is Failed in the end.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from sagemaker_local.fleets import new_instance_id
from sagemaker_local.life import launch_spec_of
from sagemaker_local.logs import OF_TRANSFORM_JOBS, Stream, stamped
from sagemaker_local.model_servers import PING_FAILED, ServerFailed
from sagemaker_local.pool import Closing
from sagemaker_local.refusal import Refusal
from sagemaker_local.transform_input import SUFFIX

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from deploy.contract.answers import Answer
    from sagemaker_local.backend import Backend
    from sagemaker_local.model_servers import LaunchSpec, ModelServer
    from sagemaker_local.records import Record, TransformJob
    from sagemaker_local.transform_input import Item

PATH = "/execution-parameters"
_PATH_TIMEOUT_S = 2.0  # as of /ping
DEFAULTS = {"MaxConcurrentTransforms": 1, "MaxPayloadInMB": 6, "BatchStrategy": "MULTI_RECORD"}
_STRATEGIES = {"MultiRecord": "MULTI_RECORD", "SingleRecord": "SINGLE_RECORD"}
_TIMEOUT_S, _RETRIES = 600, 3  # botocore's model of ModelClientConfig
_MB = 2**20
_SERVER_ERROR = 500
_PUMP_S = 0.5
_NO_PING = (
    "AlgorithmError: Model container failed to respond to ping; Ensure /ping endpoint is "
    "implemented and responds with an HTTP 200 status code"
)
_SEE_LOGS = "{whose}: See job logs for more information"


def run(backend: Backend, job: TransformJob, model: Record, items: Sequence[Item]) -> None:
    """Run a job to its end.

    Raises:
        Closing: If everything is about to stop.
    """
    instances = _instances(job)
    try:
        launch = _launch(backend, job, model)
        server = backend.pool.lease(launch)
    except ServerFailed as err:
        backend.logs.put(instances[0], err.log)
        job.end("Failed", _NO_PING if err.reason == PING_FAILED else f"ClientError: {err.reason}")
        return
    except Refusal as err:  # the image has gone meanwhile
        job.end("Failed", f"ClientError: {err}")
        return
    try:
        job.start()
        settings = agreed(job.params, server.get(PATH, _PATH_TIMEOUT_S))
        work = _Run(backend, job, server, settings, instances)
        work.all(items)
        backend.logs.pump(instances[0], server.log)  # who sees the end shall see all of the log
        work.end()
    finally:
        backend.pool.release(launch, spare=False)


def agreed(params: Mapping[str, Any], offered: Answer) -> dict[str, Any]:
    """What a job goes by: its own values, then what the container offers, then the defaults."""
    found: dict[str, Any] = dict(DEFAULTS)
    try:
        content = json.loads(offered.body) if offered.is_success else {}
    except ValueError:
        content = {}
    if isinstance(content, dict):
        found |= {
            key: content[key]
            for key, default in DEFAULTS.items()
            if content.get(key) and type(content[key]) is type(default)
        }
    own = {key: params[key] for key in DEFAULTS if params.get(key)}
    if "BatchStrategy" in own:
        own["BatchStrategy"] = _STRATEGIES[own["BatchStrategy"]]
    return found | own


def _instances(job: TransformJob) -> list[Stream]:
    """The log streams of a job's instances."""
    count = job.params["TransformResources"]["InstanceCount"]
    at_s = int(time.time())
    return [
        Stream(job.region, OF_TRANSFORM_JOBS, f"{job.name}/{new_instance_id()}-{at_s}")
        for _ in range(count)
    ]


def _launch(backend: Backend, job: TransformJob, model: Record) -> LaunchSpec:
    """With what the job's server is started; nobody else uses it."""
    params = job.params
    launch, _ = launch_spec_of(backend, backend.region(job.region), {}, model)
    given = {
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": params.get("MaxPayloadInMB"),
        "SAGEMAKER_BATCH_STRATEGY": _STRATEGIES.get(params.get("BatchStrategy", "")),
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": params.get("MaxConcurrentTransforms"),
    }
    environ = {
        **launch.environ,
        **params.get("Environment", {}),
        "SAGEMAKER_BATCH": "true",
        **{key: str(value) for key, value in given.items() if value},
    }
    return replace(launch, environ=environ, owner=job.arn)


@dataclass(slots=True)
class _Run:
    """The middle of a job.

    Attributes:
        backend: Where.
        job: It.
        server: What answers.
        settings: MaxConcurrentTransforms, MaxPayloadInMB and BatchStrategy that it goes by.
        instances: Log streams of its instances.
    """

    backend: Backend
    job: TransformJob
    server: ModelServer
    settings: Mapping[str, Any]
    instances: Sequence[Stream]
    _blamed: set[str] = field(default_factory=set)
    _ended: threading.Event = field(default_factory=threading.Event)

    def all(self, items: Sequence[Item]) -> None:
        """Work off all objects.

        Raises:
            Closing: If everything is about to stop.
        """
        told = ", ".join(f"{key}={self.settings[key]}" for key in self.settings)
        for instance in self.instances:
            self._log(instance, f": {told}")
        count, per_instance = len(self.instances), self.settings["MaxConcurrentTransforms"]
        with ThreadPoolExecutor(count * per_instance + 1) as threads:
            pumping = threads.submit(self._pump)
            try:
                futures = []
                for index, instance in enumerate(self.instances):
                    own = deque(items[index::count])
                    futures += [
                        threads.submit(self._lane, instance, own) for _ in range(per_instance)
                    ]
                for future in futures:
                    future.result()
            finally:
                self._ended.set()
            pumping.result()

    def end(self) -> None:
        """End the job as it went."""
        if self.job.status == "Stopping":
            self.job.end("Stopped")
        elif self._blamed:
            whose = "AlgorithmError" if "AlgorithmError" in self._blamed else "ClientError"
            self.job.end("Failed", _SEE_LOGS.format(whose=whose))
        else:
            self.job.end("Completed")

    def _pump(self) -> None:
        """Send what the server prints, again and again."""
        while not self._ended.wait(_PUMP_S):
            self.backend.logs.pump(self.instances[0], self.server.log)

    def _lane(self, instance: Stream, items: deque[Item]) -> None:
        """Work off objects one after the other, until none is left or the job is to stop."""
        while self.job.status == "InProgress":
            try:
                item = items.popleft()
            except IndexError:
                return
            begun_s = time.monotonic()
            self._one(instance, item)
            spent_s = (time.monotonic() - begun_s) / self.backend.clock.scale
            self.backend.clock.wait(self.backend.seconds_per_object - spent_s)

    def _one(self, instance: Stream, item: Item) -> None:
        body = self.backend.aws.object_bytes(self.job.region, item.bucket, item.key)
        if body is None:
            self._blame("ClientError", instance, item, "Could not download the object")
            return
        if len(body) > self.settings["MaxPayloadInMB"] * _MB:
            self._blame("ClientError", instance, item, "Too much data for max payload size")
            return
        answer = self._asked(body)
        if answer.is_refusal:
            self._blame("ClientError", instance, item, f"ClientError: {answer.status}", answer)
        elif not answer.status:
            told = "Unable to get response from algorithm"
            self._blame("AlgorithmError", instance, item, told)
        elif not answer.is_success:
            told = f"Bad HTTP status received from algorithm: {answer.status}"
            self._blame("AlgorithmError", instance, item, told, answer)
        else:
            self._store(instance, item, answer)

    def _asked(self, body: bytes) -> Answer:
        """The answer to an object; asked again where the server, not the object, is to blame."""
        client = self.job.params.get("ModelClientConfig", {})
        timeout_s = client.get("InvocationsTimeoutInSeconds", _TIMEOUT_S)
        source, output = self.job.params["TransformInput"], self.job.params["TransformOutput"]
        headers = {"Content-Type": source.get("ContentType"), "Accept": output.get("Accept")}
        sent = {key: value for key, value in headers.items() if value}
        for _ in range(client.get("InvocationsMaxRetries", _RETRIES) + 1):
            answer = self.server.send(body, sent, timeout_s)
            if self.backend.clock.closing.is_set():
                raise Closing
            if answer.status and answer.status < _SERVER_ERROR:
                break
        return answer

    def _store(self, instance: Stream, item: Item, answer: Answer) -> None:
        path = self.job.params["TransformOutput"]["S3OutputPath"].partition("://")[2]
        bucket, _, folder = path.rstrip("/").partition("/")
        key = "/".join(filter(None, (folder, f"{item.relative}{SUFFIX}")))
        kind = answer.headers.get("content-type", "application/octet-stream")
        if not self.backend.aws.put_object(self.job.region, bucket, key, answer.body, kind):
            self._blame("ClientError", instance, item, f"Could not upload to s3://{bucket}/{key}")

    def _blame(
        self, whose: str, instance: Stream, item: Item, told: str, answer: Answer | None = None
    ) -> None:
        """Write down why an object has no output."""
        self._blamed.add(whose)
        lines = [told]
        if answer:
            text = answer.body.decode("utf-8", errors="replace")
            lines += ["", "Message:", *text.splitlines()]
        self._log(instance, *(f": {item.name}: {line}" for line in lines))

    def _log(self, instance: Stream, *lines: str) -> None:
        self.backend.logs.put(instance.beside, "\n".join(map(stamped, lines)))
