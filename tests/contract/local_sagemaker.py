# SPDX-License-Identifier: AGPL-3.0-or-later
"""A local SageMaker whose servers are played, for tests of its calls; and boto3's clients of it."""

from __future__ import annotations

import itertools
import json
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from deploy.contract.answers import ATTRIBUTES, Answer
from deploy.contract.wire import parse_url
from sagemaker_local.local_sagemaker import LocalSageMaker, local_sagemaker
from sagemaker_local.model_servers import PING_FAILED, ServerFailed
from serving.golden import read_golden
from tests.deploying import bare_account

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Mapping

    from sagemaker_local.backend import Quotas
    from sagemaker_local.model_servers import LaunchSpec
    from sagemaker_local.seeding import Account

REGION = "eu-central-1"
SCALE = 0.01
DEADLINE_S = 60.0
_NUMBERS = itertools.count(1)


A_BUG = (
    '{"time":"2026-11-24T18:00:02.000Z","level":"ERROR","event":"log","message":"Request 1 failed",'
    r'"trace":"Traceback (most recent call last):\n  File \"x.py\", line 1\nRuntimeError: a bug"}'
)


class FakeServer:
    """Does what the variables of its container say.

    ``START=fail`` does not start; ``STATUS`` is answered, and 0 is no answer; ``DELAY_S`` is
    waited. ``BAD`` is a body that gets 400, ``WORSE`` one that gets 500, ``DIE`` one that ends it.
    It answers ``NAME``, the size of the body and the headers that came; ``ECHO`` names a variable
    that it answers instead. ``GOLDEN`` names an archive: its golden plan's rooms are answered, and
    what is no plan refused. ``URL`` is a server that is asked instead.
    """

    def __init__(self, launch: LaunchSpec) -> None:
        self.environ: Mapping[str, str] = launch.environ
        self.is_stopped = False
        self._folder = tempfile.TemporaryDirectory(prefix="played-")
        self._log = Path(self._folder.name) / "log"
        self._log.write_text(f"{launch.environ.get('NAME', 'nobody')} starts\n", "utf-8")

    @property
    def log(self) -> Path:
        """One line, and one for each request."""
        return self._log

    def wait_ready(self, stop: threading.Event) -> None:
        """Wait as long as it takes, or fail."""
        stop.wait(float(self.environ.get("START_S", "0")))
        if self.environ.get("START") == "fail":
            raise ServerFailed(PING_FAILED, "it did not want to\n")

    def send(self, body: bytes, headers: Mapping[str, str], timeout_s: float) -> Answer:
        """Answer as told."""
        if "URL" in self.environ:
            server = parse_url(self.environ["URL"])
            return server.ask("POST", "/invocations", body, headers, timeout_s=timeout_s)
        delay_s, status = float(self.environ.get("DELAY_S", "0")), self.environ.get("STATUS", "200")
        if delay_s > timeout_s:
            return Answer(0, seconds=timeout_s, failure="TimeoutError('timed out')")
        time.sleep(delay_s)
        if status == "0" or self.is_stopped:
            return Answer(0, failure="ConnectionRefusedError(111)")
        if body == b"DIE":
            self.is_stopped = True
            return Answer(0, failure="ConnectionResetError(104)")
        with self._log.open("a") as file:
            file.write("one request\n")
            if status == "500":
                file.write(f"{A_BUG}\n")
        named = {ATTRIBUTES.lower(): headers[ATTRIBUTES]} if ATTRIBUTES in headers else {}
        status = {"BAD": "400", "WORSE": "500"}.get(body.decode(errors="replace"), status)
        text = f"{self.environ.get('NAME')} {len(body)} {headers.get('Accept', '-')}"
        text = self.environ.get(self.environ.get("ECHO", ""), text)
        if "GOLDEN" in self.environ and status == "200":
            status, text = golden_answer(Path(self.environ["GOLDEN"]), body)
        return Answer(int(status), text.encode(), {"content-type": "text/plain", **named}, 0.5)

    def get(self, path: str, timeout_s: float) -> Answer:
        """EXECUTION_PARAMETERS, if it has that variable."""
        offered = self.environ.get("EXECUTION_PARAMETERS")
        if path != "/execution-parameters" or offered is None:
            return Answer(404, b"{}", seconds=min(timeout_s, 0.0))
        return Answer(200, offered.encode())

    def is_running(self) -> bool:
        """Until a body ``DIE`` came, or it was stopped."""
        return not self.is_stopped

    def memory_percent(self) -> float:
        """A quarter."""
        return 25.0

    def stop(self) -> None:
        """Remember it."""
        self.is_stopped = True
        self._folder.cleanup()


def golden_answer(archive: Path, body: bytes) -> tuple[str, str]:
    """What a server with that archive answers: status and body."""
    if body == b"no plan":
        return "400", '{"error": "invalid_file_format", "message": "is text"}'
    rooms = [
        {"id": f"room_{number}", "bounding_box": box, "confidence": 0.9}
        for number, box in enumerate(read_golden(archive).boxes_xyxy_grid)
    ]
    return "200", json.dumps({"detected_rooms": rooms, "processing_time_ms": 1})


@dataclass
class Harness:
    """A local SageMaker and what tests need there.

    Attributes:
        place: It.
        account: Bucket, role and image.
    """

    place: LocalSageMaker
    account: Account
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """boto3's client, which does not try again."""
        if service not in self._clients:
            self._clients[service] = boto3.client(
                service,
                endpoint_url=self.place.url,
                region_name=REGION,
                aws_access_key_id="test",
                aws_secret_access_key="test",
                config=Config(retries={"total_max_attempts": 1}, max_pool_connections=20),
            )
        return self._clients[service]

    @property
    def repository(self) -> str:
        """Name of the repository of ECR, and of the bucket."""
        return self.account.artifacts.removeprefix("s3://")

    @property
    def sagemaker(self) -> Any:
        """The control plane."""
        return self.client("sagemaker")

    def name(self, prefix: str = "it") -> str:
        """A name that nobody else has."""
        return f"{prefix}-{next(_NUMBERS)}"

    def model(self, **environ: str) -> str:
        """A new model with these variables; its name."""
        name = self.name("model")
        self.sagemaker.create_model(**self.model_params(name, **environ))
        return name

    def model_params(self, name: str, **environ: str) -> dict[str, Any]:
        """Parameters of a model that is not refused."""
        key = "models/model.tar.gz"
        self.client("s3").put_object(Bucket=self.repository, Key=key, Body=b"a model")
        container = {
            "Image": self.account.image,
            "ModelDataUrl": f"{self.account.artifacts}/{key}",
            "Environment": environ,
        }
        return {
            "ModelName": name,
            "ExecutionRoleArn": self.account.role,
            "PrimaryContainer": container,
        }

    def put(self, key: str, body: bytes = b"plan") -> str:
        """An object in the bucket; its address."""
        self.client("s3").put_object(Bucket=self.repository, Key=key, Body=body)
        return f"{self.account.artifacts}/{key}"

    def content(self, url: str) -> str | None:
        """An object as text; None if it is not there."""
        bucket, _, key = url.removeprefix("s3://").partition("/")
        s3 = self.client("s3")
        try:
            return str(s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode())
        except s3.exceptions.NoSuchKey:
            return None

    def job_params(self, model: str, name: str, **more: Any) -> dict[str, Any]:
        """Parameters of a transform job of the objects below ``NAME/in/``."""
        root = f"{self.account.artifacts}/{name}"
        source = {"S3DataType": "S3Prefix", "S3Uri": f"{root}/in/"}
        return {
            "TransformJobName": name,
            "ModelName": model,
            "TransformInput": {"DataSource": {"S3DataSource": source}},
            "TransformOutput": {"S3OutputPath": f"{root}/out"},
            "TransformResources": {"InstanceType": "ml.c6i.large", "InstanceCount": 1},
            **more,
        }

    def job(self, model: str, *bodies: bytes, **more: Any) -> str:
        """A new transform job of these objects, ``0``, ``1`` and so on; its name."""
        name = self.name("job")
        for index, body in enumerate(bodies or [b"plan"]):
            self.put(f"{name}/in/{index}", body)
        self.sagemaker.create_transform_job(**self.job_params(model, name, **more))
        return name

    def finished(self, job: str) -> dict[str, Any]:
        """What DescribeTransformJob says when it is over."""
        deadline = time.monotonic() + DEADLINE_S
        while (found := self.sagemaker.describe_transform_job(TransformJobName=job))[
            "TransformJobStatus"
        ] in {"InProgress", "Stopping"}:
            assert time.monotonic() < deadline, found
            time.sleep(0.02)
        described: dict[str, Any] = found
        return described

    def config(
        self,
        model: str,
        *,
        concurrency: int = 0,
        instances: int = 2,
        asynchronous: dict[str, Any] | None = None,
        **more: Any,
    ) -> str:
        """A new configuration, serverless if it has a concurrency; its name."""
        name = self.name("config")
        variant = {"VariantName": "AllTraffic", "ModelName": model, **more}
        if concurrency:
            settings = {"MemorySizeInMB": 2048, "MaxConcurrency": concurrency}
            variant["ServerlessConfig"] = settings
        else:
            variant |= {"InstanceType": "ml.c6i.large", "InitialInstanceCount": instances}
        beside = {"AsyncInferenceConfig": asynchronous} if asynchronous else {}
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=name, ProductionVariants=[variant], **beside
        )
        return name

    def endpoint(self, *, concurrency: int = 0, **environ: str) -> str:
        """A new endpoint that has settled; its name."""
        name = self.name("endpoint")
        config = self.config(self.model(**environ), concurrency=concurrency)
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
        self.settled(name)
        return name

    def async_config(self, per_instance: int = 1, **output: Any) -> dict[str, Any]:
        """An AsyncInferenceConfig with a place for answers and one for failures."""
        root = self.account.artifacts
        places = {"S3OutputPath": f"{root}/answers", "S3FailurePath": f"{root}/failures/"}
        return {
            "OutputConfig": {**places, **output},
            "ClientConfig": {"MaxConcurrentInvocationsPerInstance": per_instance},
        }

    def async_endpoint(
        self, *, instances: int = 1, config: dict[str, Any] | None = None, **environ: str
    ) -> str:
        """A new asynchronous endpoint that has settled; its name."""
        name = self.name("endpoint")
        made = self.config(
            self.model(**environ), instances=instances, asynchronous=config or self.async_config()
        )
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=made)
        self.settled(name)
        return name

    def queue(self, name: str, body: bytes = b"plan", **more: Any) -> dict[str, Any]:
        """The answer to InvokeEndpointAsync of a body that lies in S3."""
        where = self.put(self.name("inputs/plan"), body)
        runtime = self.client("sagemaker-runtime")
        answer: dict[str, Any] = runtime.invoke_endpoint_async(
            EndpointName=name, InputLocation=where, **more
        )
        return answer

    def awaited(self, url: str) -> str:
        """An object as text, as soon as it is there."""
        deadline = time.monotonic() + DEADLINE_S
        while (found := self.content(url)) is None:
            assert time.monotonic() < deadline, url
            time.sleep(0.02)
        return found

    def describe(self, name: str) -> dict[str, Any]:
        """What DescribeEndpoint says."""
        found: dict[str, Any] = self.sagemaker.describe_endpoint(EndpointName=name)
        return found

    def settled(self, name: str) -> dict[str, Any]:
        """What DescribeEndpoint says when nothing happens any more."""
        return self.wait(
            name,
            lambda found: (
                found["EndpointStatus"] in {"InService", "Failed", "UpdateRollbackFailed"}
            ),
        )

    def wait(self, name: str, is_there: Any) -> dict[str, Any]:
        """What DescribeEndpoint says as soon as something is so."""
        deadline = time.monotonic() + DEADLINE_S
        while not is_there(found := self.describe(name)):
            assert time.monotonic() < deadline, found
            time.sleep(0.02)
        return found

    def invoke(self, name: str, body: bytes = b"plan", **more: Any) -> dict[str, Any]:
        """The answer to InvokeEndpoint, its body as text."""
        runtime = self.client("sagemaker-runtime")
        answer: dict[str, Any] = runtime.invoke_endpoint(EndpointName=name, Body=body, **more)
        answer["Text"] = answer["Body"].read().decode()
        return answer


@contextmanager
def played_lab(
    *, quotas: Quotas | None = None, scale: float = SCALE, timeout_s: float = 5.0
) -> Iterator[Harness]:
    """A lab of its own; nothing may have gone wrong inside."""
    with local_sagemaker(FakeServer, quotas=quotas, time_scale=scale, timeout_s=timeout_s) as place:
        name = f"rooms-{next(_NUMBERS)}"  # what other labs of this process do not have
        yield Harness(place, bare_account(place.backend.aws, REGION, name))
    assert place.backend.bugs == []
    assert not place.backend.pool.running()


@contextmanager
def served_endpoint(url: str) -> Iterator[tuple[str, str]]:
    """An endpoint whose instances are a server; SageMaker's address and the endpoint's name."""
    with played_lab(timeout_s=60.0) as lab:
        yield lab.place.url, lab.endpoint(URL=url)
