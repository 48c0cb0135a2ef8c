# SPDX-License-Identifier: AGPL-3.0-or-later
"""The local SageMaker's control calls, made by boto3."""

from __future__ import annotations

import hashlib
import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

from deploy.__main__ import main
from sagemaker_local.backend import Quotas
from sagemaker_local.constraints import compiled
from sagemaker_local.control import HOSTED, RECORDED
from sagemaker_local.protocol import ProtocolError, render_answer, service_model
from sagemaker_local.seeding import put_image
from tests.contract.local_sagemaker import REGION, Harness, played_lab

if TYPE_CHECKING:
    from collections.abc import Iterator

    from botocore.model import Shape

OCI = "application/vnd.oci.image.manifest.v1+json"
VPC = {"SecurityGroupIds": ["sg-1"], "Subnets": ["subnet-1"]}
ARN = f"arn:aws:sagemaker:{REGION}:123456789012"


def refusal(call: Any, **params: Any) -> tuple[str, str]:
    """Code and message of a call that fails."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    assert caught.value.response["ResponseMetadata"]["RequestId"]
    return str(error["Code"]), str(error["Message"])


def test_every_call(lab: Harness) -> None:
    """boto3 sends each of them and understands each answer."""
    made: set[str] = set()
    sagemaker = lab.sagemaker
    sagemaker.meta.events.register("before-call.sagemaker", lambda model, **_: made.add(model.name))
    model, endpoint = lab.model(NAME="one"), lab.name("endpoint")
    assert (
        "one"
        == sagemaker.describe_model(ModelName=model)["PrimaryContainer"]["Environment"]["NAME"]
    )
    assert model in {m["ModelName"] for m in sagemaker.list_models(MaxResults=100)["Models"]}
    first, second = lab.config(model), lab.config(lab.model(NAME="two"))
    described = sagemaker.describe_endpoint_config(EndpointConfigName=first)
    assert 2 == described["ProductionVariants"][0]["InitialInstanceCount"]
    listed = sagemaker.list_endpoint_configs(NameContains=first)["EndpointConfigs"]
    assert first in {config["EndpointConfigName"] for config in listed}

    arn = sagemaker.create_endpoint(
        EndpointName=endpoint, EndpointConfigName=first, Tags=[{"Key": "a", "Value": "1"}]
    )["EndpointArn"]
    assert f"{ARN}:endpoint/{endpoint}" == arn
    assert "InService" == lab.settled(endpoint)["EndpointStatus"]
    assert [endpoint] == [
        e["EndpointName"] for e in sagemaker.list_endpoints(NameContains=endpoint)["Endpoints"]
    ]
    sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=second)
    assert second == lab.settled(endpoint)["EndpointConfigName"]
    wanted = [{"VariantName": "AllTraffic", "DesiredInstanceCount": 4}]
    sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=endpoint, DesiredWeightsAndCapacities=wanted
    )
    assert 4 == lab.settled(endpoint)["ProductionVariants"][0]["DesiredInstanceCount"]

    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "b", "Value": "2"}])
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["a"])
    assert [{"Key": "b", "Value": "2"}] == sagemaker.list_tags(ResourceArn=arn)["Tags"]

    sagemaker.delete_endpoint(EndpointName=endpoint)
    sagemaker.get_waiter("endpoint_deleted").wait(
        EndpointName=endpoint, WaiterConfig={"Delay": 0.1, "MaxAttempts": 100}
    )
    job = lab.job(model)
    assert "Completed" == lab.finished(job)["TransformJobStatus"]
    listed = sagemaker.list_transform_jobs(NameContains=job)["TransformJobSummaries"]
    assert [job] == [found["TransformJobName"] for found in listed]
    with pytest.raises(ClientError, match="the transform job is in status Completed"):
        sagemaker.stop_transform_job(TransformJobName=job)
    sagemaker.delete_endpoint_config(EndpointConfigName=first)
    sagemaker.delete_model(ModelName=model)
    assert {*RECORDED, *HOSTED} == made


def test_an_answer_that_does_not_fit_is_a_bug() -> None:
    """Missing, misspelled or malformed members never reach a client."""
    with pytest.raises(ProtocolError, match="ModelArn"):
        render_answer("CreateModel", {})
    with pytest.raises(ProtocolError, match="regular expression"):
        render_answer("CreateModel", {"ModelArn": "arn:aws:s3:eu-central-1:123456789012:model/x"})
    with pytest.raises(ProtocolError, match="answers nothing"):
        render_answer("DeleteModel", {"ModelArn": "x"})


def test_a_bug_is_a_server_error_in_the_client() -> None:
    """And tests can see it: the place keeps its trace."""
    with played_lab() as lab:
        lab.place.backend.region(REGION).records["model"]["broken"] = None  # type: ignore[assignment]
        code, message = refusal(lab.sagemaker.describe_model, ModelName="broken")
        assert "InternalFailure" == code
        assert "AttributeError" in message
        assert "describe_model" in lab.place.backend.bugs.pop()
        del lab.place.backend.region(REGION).records["model"]["broken"]


def patterns(shape: Shape, seen: set[str]) -> Iterator[str]:
    """All patterns below a shape."""
    if shape.name in seen:
        return
    seen.add(shape.name)
    if "pattern" in shape.metadata:
        yield shape.metadata["pattern"]
    parts = [getattr(shape, name, None) for name in ("member", "key", "value")]
    for part in [*getattr(shape, "members", {}).values(), *(part for part in parts if part)]:
        yield from patterns(part, seen)


def test_every_pattern_of_the_model_is_understood() -> None:
    """Those of our calls and answers."""
    calls = [service_model("sagemaker").operation_model(name) for name in {*RECORDED, *HOSTED}]
    runtime = service_model("sagemaker-runtime")
    calls += [runtime.operation_model(f"InvokeEndpoint{kind}") for kind in ("", "Async")]
    shapes = [shape for call in calls for shape in (call.input_shape, call.output_shape) if shape]
    found = {pattern for shape in shapes for pattern in patterns(shape, set())}

    assert len(found) > 30
    for pattern in found:
        compiled(pattern)
    assert compiled(r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)").fullmatch("roomdet:Größe 1/2")
    assert not compiled(r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)").fullmatch("a\tb")
    assert not compiled(r"\p{ASCII}*").fullmatch("ö")


@pytest.mark.parametrize(
    ("call", "params", "told"),
    [
        pytest.param("describe_model", {"ModelName": "no"}, f'model "{ARN}:model/no".', id="model"),
        pytest.param(
            "delete_endpoint_config",
            {"EndpointConfigName": "No"},
            f'endpoint configuration "{ARN}:endpoint-config/no".',
            id="config",
        ),
        pytest.param(
            "update_endpoint",
            {"EndpointName": "no", "EndpointConfigName": "no"},
            f'endpoint "{ARN}:endpoint/no".',
            id="endpoint",
        ),
        pytest.param(
            "list_tags", {"ResourceArn": f"{ARN}:endpoint/no"}, f'endpoint "{ARN}', id="tags"
        ),
    ],
)
def test_what_is_not_there(lab: Harness, call: str, params: dict[str, str], told: str) -> None:
    """In SageMaker's own words, with the name in full."""
    code, message = refusal(getattr(lab.sagemaker, call), **params)

    assert ("ValidationException", True) == (code, message.startswith(f"Could not find {told}"))


def test_names_in_use(lab: Harness) -> None:
    """Of a model, a configuration and an endpoint."""
    endpoint = lab.endpoint()
    config = lab.describe(endpoint)["EndpointConfigName"]
    found = lab.sagemaker.describe_endpoint_config(EndpointConfigName=config)
    variants = found["ProductionVariants"]
    model = variants[0]["ModelName"]

    for call, params, kind, name in (
        ("create_model", lab.model_params(model), "model", model),
        ("create_endpoint_config", {"EndpointConfigName": config, "ProductionVariants": variants},
         "endpoint configuration", config),
        ("create_endpoint", {"EndpointName": endpoint, "EndpointConfigName": config}, "endpoint",
         endpoint),
    ):  # fmt: skip
        place = kind.replace(" configuration", "-config")
        told = f'Cannot create already existing {kind} "{ARN}:{place}/{name}".'
        assert ("ValidationException", told) == refusal(getattr(lab.sagemaker, call), **params)


def test_unknown_calls(lab: Harness) -> None:
    """Those that SageMaker has and we have not, and those that nobody has."""
    code, message = refusal(lab.sagemaker.list_training_jobs)
    assert "UnknownOperationException" == code
    assert "UpdateEndpoint" in message
    request = urllib.request.Request(
        lab.place.url, b"{}", {"X-Amz-Target": "SageMaker.MakeCoffee"}, method="POST"
    )
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request)
    with caught.value as answer:
        assert "SageMaker has no MakeCoffee" == json.load(answer)["message"]


def test_values_out_of_range(lab: Harness) -> None:
    """What botocore does not look at before it sends a call: patterns, choices and upper bounds."""
    params = lab.model_params("no_underscore", **{"A" * 1025: "x"})
    code, message = refusal(lab.sagemaker.create_model, **params)
    assert "ValidationException" == code
    assert message.startswith("2 validation errors detected: ")
    assert "Value 'no_underscore' at 'modelName' failed to satisfy constraint" in message

    variant = {"VariantName": "v", "ModelName": lab.model(), "InstanceType": "ml.none.large",
               "InitialInstanceCount": 1}  # fmt: skip
    _, message = refusal(
        lab.sagemaker.create_endpoint_config, EndpointConfigName="x", ProductionVariants=[variant]
    )
    assert "'productionVariants.1.member.instanceType'" in message
    assert "enum value set: [ml." in message


def test_images_that_sagemaker_refuses(lab: Harness) -> None:
    """Not of ECR, not there, of another region, or with an OCI manifest."""
    host, ours = f"123456789012.dkr.ecr.{REGION}.amazonaws.com", lab.repository
    put_image(lab.place.backend.aws, REGION, lab.repository, OCI, imageTag="oci")
    for image, told in (
        ("rooms:latest", 'Using non-ECR image "rooms:latest" without Vpc repository access mode'),
        (f"{host}/{ours}:none", f"Requested image {host}/{ours}:none not found."),
        (f"{host}/none:latest", f"Requested image {host}/none:latest not found."),
        (f"{host.replace('eu', 'us')}/{ours}:latest", "not found."),
        (f"{host}/{ours}:oci", f"Unsupported manifest media type {OCI} for image "
         f"{host}/{ours}:oci. Ensure that valid manifest media type is used for specified image."),
    ):  # fmt: skip
        params = lab.model_params("never")
        params["PrimaryContainer"]["Image"] = image
        code, message = refusal(lab.sagemaker.create_model, **params)
        assert "ValidationException" == code
        assert told in message


def test_images_can_be_read(lab: Harness) -> None:
    """By the digest of the manifest, down to the content of a layer."""
    ecr, digest = lab.client("ecr"), lab.account.image.partition("@")[2]
    wanted = {"repositoryName": lab.repository, "imageIds": [{"imageDigest": digest}]}
    (image,) = ecr.batch_get_image(**wanted)["images"]
    assert digest == f"sha256:{hashlib.sha256(image['imageManifest'].encode()).hexdigest()}"
    config = json.loads(image["imageManifest"])["config"]
    found = ecr.get_download_url_for_layer(
        repositoryName=lab.repository, layerDigest=config["digest"]
    )
    with urllib.request.urlopen(found["downloadUrl"]) as answer:
        assert "amd64" == json.load(answer)["architecture"]
    part = urllib.request.Request(found["downloadUrl"], headers={"Range": "bytes=0-3"})
    with urllib.request.urlopen(part) as answer:
        assert (206, 4) == (answer.status, len(answer.read()))
    code, message = refusal(
        ecr.get_download_url_for_layer, repositoryName=lab.repository,
        layerDigest=f"sha256:{'0' * 64}",
    )  # fmt: skip
    assert "LayersNotFoundException" == code
    assert lab.repository in message


def test_an_image_passes_our_own_check(
    lab: Harness, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`python -m deploy image check` finds nothing wrong with it."""
    for name, value in lab.place.environ.items():
        monkeypatch.setenv(name, value)
    assert main(["image", "check", lab.account.image]) == 0
    assert "linux/amd64, 1 layer" in capsys.readouterr().out


def test_roles_and_model_data(lab: Harness) -> None:
    """A role must exist and trust SageMaker; the model must lie in S3."""
    iam = lab.client("iam")
    distrustful = iam.create_role(RoleName="distrustful", AssumeRolePolicyDocument="{}")
    for role in ("arn:aws:iam::123456789012:role/nobody", distrustful["Role"]["Arn"]):
        params = lab.model_params("never") | {"ExecutionRoleArn": role}
        code, message = refusal(lab.sagemaker.create_model, **params)
        assert "ValidationException" == code
        assert message.startswith(f"Could not access model data at {lab.account.artifacts}/models/")
        assert f'the role "{role}" exists' in message
    params = lab.model_params("never")
    params["PrimaryContainer"]["ModelDataUrl"] = url = f"{lab.account.artifacts}/none.tar.gz"
    told = f"Could not find model data at {url}."
    assert ("ValidationException", told) == refusal(lab.sagemaker.create_model, **params)


@pytest.mark.parametrize(
    ("variant", "beside", "told"),
    [
        pytest.param({"InstanceType": "ml.c6i.large"}, {}, "InstanceType is not", id="instances"),
        pytest.param({}, {"VpcConfig": VPC}, "VpcConfig",
                     id="vpc"),
        pytest.param({"MemorySizeInMB": 2500}, {}, "MemorySizeInMB must be", id="memory"),
        pytest.param({"ProvisionedConcurrency": 9}, {}, "must not be greater", id="provisioned"),
        pytest.param({"MaxConcurrency": 201}, {}, "less than or equal to 200", id="concurrency"),
        pytest.param({"second": True}, {}, "only one variant", id="variants"),
    ],
)  # fmt: skip
def test_what_serverless_refuses(
    lab: Harness, variant: dict[str, Any], beside: dict[str, Any], told: str
) -> None:
    """When a configuration is made."""
    config = {"MemorySizeInMB": 2048, "MaxConcurrency": 5}
    config |= {key: variant[key] for key in variant if key.endswith(("Concurrency", "MB"))}
    whole: dict[str, Any] = {"VariantName": "one", "ModelName": lab.model(),
                             "ServerlessConfig": config}  # fmt: skip
    if "InstanceType" in variant:
        whole |= variant
    variants = [whole, {**whole, "VariantName": "two"}] if "second" in variant else [whole]
    code, message = refusal(
        lab.sagemaker.create_endpoint_config,
        EndpointConfigName="never",
        ProductionVariants=variants,
        **beside,
    )
    assert "ValidationException" == code
    assert told in message


def test_serverless_takes_a_compressed_model_alone(lab: Harness) -> None:
    """ModelDataSource is refused even where it names a .tar.gz."""
    params, name = lab.model_params("sourced"), lab.name("sourced")
    source = {"S3Uri": params["PrimaryContainer"].pop("ModelDataUrl"), "S3DataType": "S3Object",
              "CompressionType": "Gzip"}  # fmt: skip
    params["PrimaryContainer"]["ModelDataSource"] = {"S3DataSource": source}
    lab.sagemaker.create_model(**params | {"ModelName": name})

    lab.config(name)
    with pytest.raises(ClientError, match="ModelDataSource is not supported for serverless"):
        lab.config(name, concurrency=1)


def test_lists_in_order_and_in_pages(lab: Harness) -> None:
    """Ten at a time, the newest first, or by name."""
    prefix = lab.name("paged")
    params = lab.model_params("")
    names = [f"{prefix}-{index:02}" for index in range(12)]
    for name in names:
        lab.sagemaker.create_model(**params | {"ModelName": name})

    first = lab.sagemaker.list_models(NameContains=prefix.upper())
    assert names[:1:-1] == [model["ModelName"] for model in first["Models"]]
    rest = lab.sagemaker.list_models(NameContains=prefix, NextToken=first["NextToken"])
    assert names[1::-1] == [model["ModelName"] for model in rest["Models"]]
    assert "NextToken" not in rest
    pages = lab.sagemaker.get_paginator("list_models").paginate(
        NameContains=prefix, SortBy="Name", SortOrder="Ascending"
    )
    assert names == [model["ModelName"] for page in pages for model in page["Models"]]
    later = first["Models"][3]["CreationTime"]
    some = lab.sagemaker.list_models(NameContains=prefix, CreationTimeAfter=later)["Models"]
    assert len(some) < 12


def test_tags_have_limits(lab: Harness) -> None:
    """Fifty, each key once, none of AWS's own."""
    arn = lab.sagemaker.describe_model(ModelName=lab.model())["ModelArn"]
    many = [{"Key": f"key-{index}", "Value": ""} for index in range(51)]
    for tags in (many, [many[0], many[0]], [{"Key": "aws:mine", "Value": "x"}]):
        with pytest.raises(ClientError, match="ValidationException"):
            lab.sagemaker.add_tags(ResourceArn=arn, Tags=tags)


def test_quotas() -> None:
    """Checked before anything starts; both sides of an update count as instances."""
    quotas = Quotas(serverless_concurrency=10, instances={"ml.c6i.large": 3})
    with played_lab(quotas=quotas) as lab:
        lab.endpoint(concurrency=6)
        config = lab.config(lab.model(), concurrency=5)
        code, message = refusal(
            lab.sagemaker.create_endpoint, EndpointName="b", EndpointConfigName=config
        )
        assert "ResourceLimitExceeded" == code
        assert (
            "is 10 Units, with current utilization of 6 Units and a request delta of 5" in message
        )
        endpoint = lab.endpoint()
        code, message = refusal(
            lab.sagemaker.update_endpoint,
            EndpointName=endpoint,
            EndpointConfigName=lab.config(lab.model()),
        )
        assert "ResourceLimitExceeded" == code
        assert "'ml.c6i.large for endpoint usage' is 3 Instances" in message
        assert "InService" == lab.describe(endpoint)["EndpointStatus"]


def test_regions_are_apart(lab: Harness) -> None:
    """A model of one is not in another."""
    name = lab.model()
    other = boto3.client(
        "sagemaker", endpoint_url=lab.place.url, region_name="eu-west-1",
        aws_access_key_id="test", aws_secret_access_key="test",
    )  # fmt: skip
    with pytest.raises(
        ClientError, match=f'Could not find model "arn:aws:sagemaker:eu-west-1:.*{name}'
    ):
        other.describe_model(ModelName=name)
