# SPDX-License-Identifier: AGPL-3.0-or-later
"""The local SageMaker with real archives on real TorchServes, and as a command."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import zipfile
from typing import TYPE_CHECKING

import psutil
import pytest
from botocore.exceptions import ClientError

from deploy.__main__ import main
from sagemaker_local.local_sagemaker import LocalSageMaker, ServeWith, local_sagemaker, starter
from serving.golden import read_golden
from tests.conftest import ROOT
from tests.deploying import DEADLINE_S, REGION, Deployment, bare_account, values
from tests.e2e.spoiling import SHIFTED, without

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from serving.golden import Golden


@pytest.fixture
def place() -> Iterator[LocalSageMaker]:
    """A local SageMaker with real servers, whose waits are short."""
    with local_sagemaker(starter(ServeWith.TORCHSERVE), time_scale=0.01) as place:
        yield place
        assert place.backend.bugs == []


def test_versions_come_and_go(place: LocalSageMaker, archive: Path, tmp_path: Path) -> None:
    """Created, answered wrongly by a canary, rolled back, and refused where it does not load."""
    account = bare_account(place.backend.aws, REGION)
    there = Deployment(place.url, values(account), tmp_path)
    golden = read_golden(archive)
    first = there.config(archive, "v1")
    there.sagemaker.create_endpoint(EndpointName="rooms", EndpointConfigName=first)
    assert "InService" == there.settled("Creating")["EndpointStatus"]
    assert there.verdicts(golden, 2) == [True, True]
    with pytest.raises(ClientError, match=r"Received client error \(400\) from primary") as caught:
        there.ask(b"no plan")
    original = json.loads(str(dict(caught.value.response)["OriginalMessage"]))
    assert "invalid_file_format" == original["error"]

    with zipfile.ZipFile(archive) as content:
        schema = content.read("roomdet/schema.py") + SHIFTED
    wrong = without(archive, tmp_path / "wrong.mar", "roomdet/schema.py", schema)
    there.cloudwatch.put_metric_alarm(
        AlarmName="bad", Namespace="AWS/SageMaker", MetricName="Invocation5XXErrors", Period=60,
        EvaluationPeriods=1, Threshold=1, Statistic="Sum",
        ComparisonOperator="GreaterThanThreshold", TreatMissingData="notBreaching",
        Dimensions=[{"Name": "EndpointName", "Value": "rooms"},
                    {"Name": "VariantName", "Value": "AllTraffic"}],
    )  # fmt: skip
    size = {"Type": "CAPACITY_PERCENT", "Value": 50}
    traffic = {"Type": "CANARY", "CanarySize": size, "WaitIntervalInSeconds": 3600}
    there.sagemaker.update_endpoint(
        EndpointName="rooms",
        EndpointConfigName=there.config(wrong, "v2"),
        DeploymentConfig={
            "BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": traffic},
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "bad"}]},
        },
    )
    deadline = time.monotonic() + DEADLINE_S
    while all(there.verdicts(golden, 2)):  # the old version answers while the new one starts
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert 5 == sum(there.verdicts(golden, 10))
    there.cloudwatch.set_alarm_state(AlarmName="bad", StateValue="ALARM", StateReason="a test")
    found = there.settled("Updating", "RollingBack")
    assert ("InService", "v1") == (found["EndpointStatus"], found["EndpointConfigName"])
    assert all(there.verdicts(golden, 4))

    damaged = without(archive, tmp_path / "damaged.mar", "network.bin", b"other weights")
    for name, content_of, sha256 in (("v3", damaged, ""), ("v4", archive, "0" * 64)):
        config = there.config(content_of, name, sha256=sha256)
        there.sagemaker.update_endpoint(EndpointName="rooms", EndpointConfigName=config)
        found = there.settled("Updating", "RollingBack")
        assert "v1" == found["EndpointConfigName"]
        assert "did not pass the ping health check" in found["FailureReason"]
    assert there.verdicts(golden, 1) == [True]
    text = there.log()
    assert "network.bin has sha256" in text
    assert f"ROOMDET_ARCHIVE_SHA256 says {'0' * 64}" in text


def answers(there: Deployment, golden: Golden) -> bool:
    """Whether the golden plan's rooms are found; a container that is not there finds none."""
    try:
        return there.verdicts(golden, 1) == [True]
    except ClientError as err:
        if err.response["Error"]["Code"] != "ServiceUnavailable":
            raise
        return False


def test_the_command(archive: Path, tmp_path: Path) -> None:
    """It tells where it is and what is there, serves a model, and leaves nothing behind."""
    command = [sys.executable, "-m", "deploy", "local", "sagemaker", "--port", "0"]
    process = subprocess.Popen(
        command, cwd=ROOT, env=os.environ | {"TMPDIR": str(tmp_path)}, stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    try:
        assert process.stdout
        told = json.loads(process.stdout.readline())
        assert told["endpoint_url"] in told["export"]
        account = dict(setting.split("=", 1) for setting in told["set"])
        there = Deployment(told["endpoint_url"], account, tmp_path)
        config = there.config(archive, "v1")
        there.sagemaker.create_endpoint(EndpointName="rooms", EndpointConfigName=config)
        assert "InService" == there.settled("Creating")["EndpointStatus"]
        assert there.verdicts(read_golden(archive), 1) == [True]
        left = psutil.Process(process.pid).children(recursive=True)
        assert len(left) >= 2  # JVM, worker
        (jvm,) = (each for each in left if each.parent() == psutil.Process(process.pid))
        jvm.kill()
        deadline = time.monotonic() + DEADLINE_S
        while not answers(there, read_golden(archive)):  # another container takes its place
            assert time.monotonic() < deadline
            time.sleep(0.1)
        left += psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGTERM)
        assert 0 == process.wait(60)
    finally:
        process.kill()
        process.communicate()
    assert not psutil.wait_procs(left, timeout=5)[1]
    assert not [path for path in tmp_path.iterdir() if path.suffix != ".gz"]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--image", "x"], "--image goes with --serve-with image"),
        (["--time-scale", "2"], "more than 0, at most 1"),
    ],
)
def test_bad_usage(more: list[str], told: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Is told before anything starts."""
    try:
        status = main(["local", "sagemaker", *more])
    except SystemExit as err:
        status = int(str(err.code))
    assert 2 == status
    assert told in capsys.readouterr().err


def test_a_port_that_is_taken() -> None:
    """Is named."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        result = subprocess.run(
            [sys.executable, "-m", "deploy", "local", "sagemaker", "--port", port],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert 1 == result.returncode, result.stderr
    assert f"port {port} cannot be listened on" in result.stderr
