# SPDX-License-Identifier: AGPL-3.0-or-later
"""The local SageMaker's transform jobs: inputs, outputs, failures, limits and states."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from deploy.contract.answers import Answer
from sagemaker_local.backend import Quotas
from sagemaker_local.seeding import put_image
from sagemaker_local.transform_run import agreed
from tests.contract.local_sagemaker import DEADLINE_S, REGION, played_lab

if TYPE_CHECKING:
    from tests.contract.local_sagemaker import Harness

SEE_LOGS = "See job logs for more information"
_MB = 2**20


def outputs(lab: Harness, job: str) -> list[str]:
    """Keys below a job's output path."""
    found = lab.client("s3").list_objects_v2(Bucket=lab.repository, Prefix=f"{job}/out/")
    return [entry["Key"].removeprefix(f"{job}/out/") for entry in found.get("Contents", [])]


def lines(lab: Harness, job: str) -> dict[str, list[str]]:
    """What a job's log streams say, without the time; by stream without the instance."""
    logs, group = lab.client("logs"), "/aws/sagemaker/TransformJobs"
    streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{job}/")
    names = [stream["logStreamName"] for stream in streams["logStreams"]]
    events = logs.filter_log_events(logGroupName=group, logStreamNames=names)["events"]
    found: dict[str, list[str]] = {}
    for event in events:
        kind = "data-log" if event["logStreamName"].endswith("/data-log") else "server"
        text = event["message"].partition(":[sagemaker logs]: ")
        found.setdefault(kind, []).append(text[2] or text[0])
    return found


def refusal(lab: Harness, model: str, **more: Any) -> tuple[str, str]:
    """Code and message of a job that is not made."""
    name = lab.name("job")
    lab.put(f"{name}/in/0")
    with pytest.raises(ClientError) as caught:
        lab.sagemaker.create_transform_job(**lab.job_params(model, name, **more))
    error = caught.value.response["Error"]
    return str(error["Code"]), str(error["Message"])


def test_one_object_is_one_request(lab: Harness) -> None:
    """And one output, with the suffix; folders stay."""
    name, model = lab.name("job"), lab.model(NAME="one")
    for key, body in (("a.png", b"a"), ("house/b.png", b"bb"), ("house/", b"")):
        lab.put(f"{name}/in/{key}", body)
    params = lab.job_params(model, name)
    params["TransformInput"]["ContentType"] = "image/png"
    params["TransformOutput"]["Accept"] = "application/json"
    arn = lab.sagemaker.create_transform_job(**params)["TransformJobArn"]
    assert f"arn:aws:sagemaker:{REGION}:123456789012:transform-job/{name}" == arn
    found = lab.finished(name)

    assert "Completed" == found["TransformJobStatus"]
    assert found["CreationTime"] <= found["TransformStartTime"] <= found["TransformEndTime"]
    assert params["TransformInput"] == found["TransformInput"]
    assert ["a.png.out", "house/b.png.out"] == outputs(lab, name)
    root = f"{lab.account.artifacts}/{name}/out"
    assert "one 2 application/json" == lab.content(f"{root}/house/b.png.out")
    told = "MaxConcurrentTransforms=1, MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD"
    assert {"data-log": [told], "server": ["one starts", *["one request"] * 2]} == lines(lab, name)


@pytest.mark.parametrize(
    ("bad", "reason", "told"),
    [
        pytest.param(b"BAD", "ClientError", "ClientError: 400", id="the object's"),
        pytest.param(
            b"WORSE", "AlgorithmError", "Bad HTTP status received from algorithm: 500",
            id="the server's",
        ),
    ],
)  # fmt: skip
def test_an_object_that_fails(lab: Harness, bad: bytes, reason: str, told: str) -> None:
    """Has no output and fails the job, but only after the others have been answered."""
    job = lab.job(lab.model(NAME="some"), b"plan", bad, b"plan")
    found = lab.finished(job)

    assert ("Failed", f"{reason}: {SEE_LOGS}") == (
        found["TransformJobStatus"], found["FailureReason"],
    )  # fmt: skip
    assert ["0.out", "2.out"] == outputs(lab, job)
    where = f"{lab.repository}/{job}/in/1"
    expected = [f"{where}: {line}" for line in (told, "", "Message:", f"some {len(bad)} -")]
    assert expected == lines(lab, job)["data-log"][1:]
    assert found["FailureReason"] == lab.sagemaker.list_transform_jobs(NameContains=job)[
        "TransformJobSummaries"][0]["FailureReason"]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "retries", "requests"),
    [(b"WORSE", None, 4), (b"WORSE", 1, 2), (b"WORSE", 0, 1), (b"BAD", None, 1)],
)
def test_what_is_asked_again(lab: Harness, body: bytes, retries: int | None, requests: int) -> None:
    """An error of the server, as often as InvocationsMaxRetries; one of the object, never."""
    more = {} if retries is None else {"ModelClientConfig": {"InvocationsMaxRetries": retries}}
    job = lab.job(lab.model(NAME="again"), body, **more)
    assert "Failed" == lab.finished(job)["TransformJobStatus"]
    assert requests == lines(lab, job)["server"].count("one request")


def test_an_answer_that_takes_too_long(lab: Harness) -> None:
    """For InvocationsTimeoutInSeconds."""
    client = {"InvocationsTimeoutInSeconds": 1, "InvocationsMaxRetries": 0}
    job = lab.job(lab.model(DELAY_S="3"), ModelClientConfig=client)
    assert f"AlgorithmError: {SEE_LOGS}" == lab.finished(job)["FailureReason"]
    assert lines(lab, job)["data-log"][-1].endswith("Unable to get response from algorithm")


def test_an_object_that_is_too_large(lab: Harness) -> None:
    """By one byte; it is not sent."""
    job = lab.job(lab.model(), b"x" * _MB, b"x" * (_MB + 1), MaxPayloadInMB=1)
    assert f"ClientError: {SEE_LOGS}" == lab.finished(job)["FailureReason"]
    assert ["0.out"] == outputs(lab, job)
    assert lines(lab, job)["data-log"][-1].endswith("/in/1: Too much data for max payload size")


def test_a_manifest(lab: Harness) -> None:
    """Lists a prefix and keys below it; a key that is not there fails like any other object."""
    name = lab.name("job")
    lab.put(f"{name}/plans/x/a.png")
    lab.put(f"{name}/plans/not-listed.png")
    root = f"{lab.account.artifacts}/{name}"
    content = [{"prefix": f"{root}/plans/"}, "x/a.png", "gone.png"]
    source = {"S3DataType": "ManifestFile",
              "S3Uri": lab.put(f"{name}/list.json", json.dumps(content).encode())}  # fmt: skip
    params = lab.job_params(lab.model(NAME="listed"), name)
    params["TransformInput"] = {"DataSource": {"S3DataSource": source}}
    lab.sagemaker.create_transform_job(**params)

    assert "Failed" == lab.finished(name)["TransformJobStatus"]
    assert ["x/a.png.out"] == outputs(lab, name)
    for body in (b"no json", b"[]", b'["a"]', b'[{"prefix": "s3://x/"}]'):
        lab.put(f"{name}/list.json", body)
        with pytest.raises(ClientError, match="manifest at"):
            lab.sagemaker.create_transform_job(**params | {"TransformJobName": "never"})


def test_the_container_is_told_and_asked(lab: Harness) -> None:
    """It knows that it runs in a job; what the request leaves open is its own choice."""
    offered = '{"MaxConcurrentTransforms": 3, "BatchStrategy": "SINGLE_RECORD"}'
    more = {"EXECUTION_PARAMETERS": offered}
    for echo, answer in (
        ("SAGEMAKER_BATCH", "true"), ("SAGEMAKER_MAX_PAYLOAD_IN_MB", "7"), ("OWN", "job's"),
        ("SAGEMAKER_MAX_CONCURRENT_TRANSFORMS", "None 4 -"),
    ):  # fmt: skip
        model = lab.model(ECHO=echo, OWN="model's", **more)
        job = lab.job(model, MaxPayloadInMB=7, Environment={"OWN": "job's"})
        assert "Completed" == lab.finished(job)["TransformJobStatus"]
        assert answer == lab.content(f"{lab.account.artifacts}/{job}/out/0.out")
    told = "MaxConcurrentTransforms=3, MaxPayloadInMB=7, BatchStrategy=SINGLE_RECORD"
    assert [told] == lines(lab, job)["data-log"]


@pytest.mark.parametrize(
    ("own", "offered", "expected"),
    [
        pytest.param({}, Answer(404), (1, 6, "MULTI_RECORD"), id="nothing"),
        pytest.param({}, Answer(200, b"no json"), (1, 6, "MULTI_RECORD"), id="no JSON"),
        pytest.param({}, Answer(200, b"[1]"), (1, 6, "MULTI_RECORD"), id="no object"),
        pytest.param({}, Answer(200, b'{"MaxPayloadInMB": "9"}'), (1, 6, "MULTI_RECORD"),
                     id="no number"),
        pytest.param({}, Answer(200, b'{"MaxPayloadInMB": 9}'), (1, 9, "MULTI_RECORD"),
                     id="offered"),
        pytest.param({"MaxConcurrentTransforms": 0}, Answer(200, b'{"MaxConcurrentTransforms": 2}'),
                     (2, 6, "MULTI_RECORD"), id="0 is unset"),
        pytest.param({"MaxPayloadInMB": 3, "BatchStrategy": "SingleRecord"},
                     Answer(200, b'{"MaxPayloadInMB": 9}'), (1, 3, "SINGLE_RECORD"), id="own"),
    ],
)  # fmt: skip
def test_who_decides(own: dict[str, Any], offered: Answer, expected: tuple[int, int, str]) -> None:
    """The request, then the container, then the defaults."""
    assert expected == tuple(agreed(own, offered).values())


def test_objects_are_split_among_instances(lab: Harness) -> None:
    """By number; each works on as many at a time as it may."""
    lab.place.backend.seconds_per_object = 30  # 0.3 s here
    try:
        for count, concurrency, least_s in ((1, 1, 2.4), (4, 1, 0.6), (2, 2, 0.6)):
            most_s = 30 if count == 1 else 2.4
            job = lab.job(
                lab.model(), *[b"plan"] * 8, MaxConcurrentTransforms=concurrency,
                TransformResources={"InstanceType": "ml.c6i.large", "InstanceCount": count},
            )  # fmt: skip
            found = lab.finished(job)
            taken_s = (found["TransformEndTime"] - found["TransformStartTime"]).total_seconds()
            assert least_s <= taken_s < most_s
            assert 8 == len(outputs(lab, job))
            assert count == len(lines(lab, job)["data-log"])
    finally:
        lab.place.backend.seconds_per_object = 0


def test_a_job_can_be_stopped(lab: Harness) -> None:
    """Objects that were begun are finished, at most one more than those seen; no other is."""
    job = lab.job(lab.model(DELAY_S="1"), *[b"plan"] * 5)
    while not outputs(lab, job):
        time.sleep(0.02)
    lab.sagemaker.stop_transform_job(TransformJobName=job)
    assert "Stopping" == lab.sagemaker.describe_transform_job(TransformJobName=job)[
        "TransformJobStatus"]  # fmt: skip
    assert "Stopped" == lab.finished(job)["TransformJobStatus"]
    begun = lines(lab, job)["server"].count("one request")
    assert begun in {1, 2}
    assert [f"{index}.out" for index in range(begun)] == outputs(lab, job)


def test_a_server_that_does_not_start(lab: Harness) -> None:
    """Fails the job; its log says why."""
    job = lab.job(lab.model(START="fail"))
    assert lab.finished(job)["FailureReason"].startswith(
        "AlgorithmError: Model container failed to respond to ping"
    )
    assert ["it did not want to"] == lines(lab, job)["server"]


def test_a_model_that_has_gone(lab: Harness) -> None:
    """Its file, or its image, since it was made."""
    s3, ecr = lab.client("s3"), lab.client("ecr")
    model = lab.model()
    s3.delete_object(Bucket=lab.repository, Key="models/model.tar.gz")
    found = lab.finished(lab.job(model))
    told = f"Could not find model data at {lab.account.artifacts}/models/model.tar.gz."
    assert ("Failed", f"ClientError: {told}") == (
        found["TransformJobStatus"], found["FailureReason"],
    )  # fmt: skip

    ecr.create_repository(repositoryName="short-lived")
    put_image(lab.place.backend.aws, REGION, "short-lived")
    params = lab.model_params(lab.name("model"))
    image = f"123456789012.dkr.ecr.{REGION}.amazonaws.com/short-lived:latest"
    params["PrimaryContainer"]["Image"] = image
    lab.sagemaker.create_model(**params)
    ecr.delete_repository(repositoryName="short-lived", force=True)
    found = lab.finished(lab.job(params["ModelName"]))
    assert f"ClientError: Requested image {image} not found." == found["FailureReason"]


def test_each_job_has_its_own_server(lab: Harness) -> None:
    """Also beside an endpoint of the same model; it ends with the job."""
    model, pool = lab.model(DELAY_S="1"), lab.place.backend.pool
    before = pool.running()
    jobs = [lab.job(model), lab.job(model)]
    deadline = time.monotonic() + DEADLINE_S
    while pool.running() < before + 2:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    for job in jobs:
        lab.finished(job)
    while pool.running() > before:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        pytest.param({"MaxPayloadInMB": 101}, "is 101 MB; 100 MB are the most", id="payload"),
        pytest.param({"MaxPayloadInMB": 26, "MaxConcurrentTransforms": 4}, "is 104 MB", id="sum"),
        pytest.param({"MaxPayloadInMB": 0}, "is not served here", id="chunks"),
        pytest.param({"split": "Line"}, "SplitType Line is not served here", id="split"),
        pytest.param({"kind": "AugmentedManifestFile"}, "S3DataType Augmented", id="augmented"),
        pytest.param({"prefix": "none/"}, "No S3 objects found under S3 URL", id="nothing"),
        pytest.param({"bucket": "nobodys"}, 'permissions on bucket "nobodys"', id="bucket"),
        pytest.param({"DataProcessing": {"InputFilter": "$"}}, "DataProcessing", id="filters"),
        pytest.param({"ModelClientConfig": {"InvocationsMaxRetries": 4}},
                     "less than or equal to 3", id="retries"),
        pytest.param({"TransformResources": {"InstanceType": "ml.none", "InstanceCount": 1}},
                     "enum value set", id="instances"),
    ],
)  # fmt: skip
def test_jobs_that_are_refused(lab: Harness, more: dict[str, Any], told: str) -> None:
    """Before anything starts."""
    model = lab.model()
    bucket, prefix = more.pop("bucket", lab.repository), more.pop("prefix", "models/")
    source = {"S3DataType": more.pop("kind", "S3Prefix"), "S3Uri": f"s3://{bucket}/{prefix}"}
    given = {"DataSource": {"S3DataSource": source}, "SplitType": more.pop("split", "None")}
    code, message = refusal(lab, model, TransformInput=given, **more)
    assert "ValidationException" == code
    assert told in message


def test_names_of_jobs(lab: Harness) -> None:
    """One is used once for ever; one that nobody has used is not found, nor is a model."""
    model = lab.model()
    job = lab.job(model)
    code, message = refusal(lab, model, TransformJobName=job)
    assert "ResourceInUse" == code
    assert (
        f"already exists (arn:aws:sagemaker:{REGION}:123456789012:transform-job/{job})" in message
    )
    assert 'Could not find model "arn:' in refusal(lab, "nobody")[1]
    for call in ("describe_transform_job", "stop_transform_job"):
        with pytest.raises(ClientError, match="Could not find requested job with name: nobody"):
            getattr(lab.sagemaker, call)(TransformJobName="nobody")


def test_a_model_data_source_is_refused(lab: Harness) -> None:
    """In SageMaker's words."""
    params, name = lab.model_params("sourced"), lab.name("sourced")
    source = {"S3Uri": params["PrimaryContainer"].pop("ModelDataUrl"), "S3DataType": "S3Object",
              "CompressionType": "Gzip"}  # fmt: skip
    params["PrimaryContainer"]["ModelDataSource"] = {"S3DataSource": source}
    lab.sagemaker.create_model(**params | {"ModelName": name})
    assert "SageMaker Batch currently doesn't support" in refusal(lab, name)[1]


def test_tags_of_a_job(lab: Harness) -> None:
    """As of everything else."""
    job = lab.job(lab.model(), Tags=[{"Key": "a", "Value": "1"}])
    arn = lab.finished(job)["TransformJobArn"]
    assert [{"Key": "a", "Value": "1"}] == lab.sagemaker.list_tags(ResourceArn=arn)["Tags"]


def test_an_account_has_so_many_instances() -> None:
    """For jobs that run; those that have ended are not counted."""
    with played_lab(quotas=Quotas(transform_instances={"ml.c6i.large": 1})) as lab:
        model = lab.model(DELAY_S="0.5")
        first = lab.job(model)
        code, message = refusal(lab, model)
        assert "ResourceLimitExceeded" == code
        assert "'ml.c6i.large for transform job usage' is 1 Instances" in message
        lab.finished(first)
        lab.finished(lab.job(model))


def test_all_ends_in_the_middle_of_a_job() -> None:
    """Nothing is left, however many objects are."""
    started_s = time.monotonic()
    with played_lab() as lab:
        lab.job(lab.model(DELAY_S="0.5"), *[b"plan"] * 50)
        lab.job(lab.model(START_S="3600"))
    assert time.monotonic() < started_s + 20
