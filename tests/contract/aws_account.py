# SPDX-License-Identifier: AGPL-3.0-or-later
"""An account of AWS on this machine: the local SageMaker, and calls that moto lacks.

moto has no SimulatePrincipalPolicy and no ListServiceQuotas. They are added to moto's own classes,
so boto3 asks them over HTTP like all others: policies are those that moto has of users and roles.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from moto.core.exceptions import AccessDeniedError
from moto.core.responses import ActionResult
from moto.iam.models import iam_backends
from moto.iam.responses import IamResponse
from moto.servicequotas.responses import ServiceQuotasResponse

from sagemaker_local.local_sagemaker import LocalSageMaker, local_sagemaker
from tests.contract.local_sagemaker import SCALE, FakeServer
from tests.iam import decide

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NUMBER = "123456789012"
QUOTAS = {
    "Maximum total concurrency that can be allocated across all serverless endpoints": 200.0,
    "Memory size in MB per serverless endpoint": 6144.0,
    "ml.c6i.large for endpoint usage": 20.0,
}


@dataclass
class AwsLab:
    """The account.

    Attributes:
        place: The local SageMaker.
        region: Where all of a test lies; each test has its own.
        quotas: What Service Quotas tells.
        denied: Calls of IAM that nobody may make.
    """

    place: LocalSageMaker
    region: str
    quotas: dict[str, float] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict)

    def client(self, service: str, region: str = "") -> Any:
        """boto3's client, as the account's administrator."""
        key = (service, region or self.region)
        if key not in self._clients:
            self._clients[key] = boto3.client(
                service,
                endpoint_url=self.place.url,
                region_name=key[1],
                aws_access_key_id="local",
                aws_secret_access_key="local",
                config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
            )
        return self._clients[key]

    def user(self, name: str, policy: Mapping[str, Any]) -> dict[str, str]:
        """A user with one policy; variables with which boto3 is that user."""
        iam = self.client("iam")
        iam.create_user(UserName=name)
        arn = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(policy))["Policy"]["Arn"]
        iam.attach_user_policy(UserName=name, PolicyArn=arn)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return {
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
        }

    def deny(self, *operations: str) -> None:
        """Let nobody make some calls of IAM."""
        self.denied.update(operations)

    def push(self, repository: str, tag: str, *, kind: str = "", platform: str = "amd64") -> str:
        """A small image; its digest."""
        kind = kind or "application/vnd.docker.distribution.manifest.v2+json"
        layer = b"\x1f\x8b\x08\x00 a layer that nobody unpacks"
        config = {
            "architecture": platform,
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [_digest(b"unpacked")]},
            "config": {"Entrypoint": ["pid1"]},
        }
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": kind,
                "config": self._blob(
                    repository,
                    "application/vnd.docker.container.image.v1+json",
                    json.dumps(config).encode(),
                ),
                "layers": [
                    self._blob(
                        repository, "application/vnd.docker.image.rootfs.diff.tar.gzip", layer
                    )
                ],
            }
        )
        self.client("ecr").put_image(
            repositoryName=repository,
            imageManifest=manifest,
            imageManifestMediaType=kind,
            imageTag=tag,
        )
        return _digest(manifest.encode())

    def _blob(self, repository: str, kind: str, content: bytes) -> dict[str, Any]:
        """A layer or a configuration, uploaded as ECR takes it."""
        ecr, digest, named = self.client("ecr"), _digest(content), {"repositoryName": repository}
        upload = ecr.initiate_layer_upload(**named)["uploadId"]
        last = len(content) - 1
        ecr.upload_layer_part(
            **named, uploadId=upload, partFirstByte=0, partLastByte=last, layerPartBlob=content
        )
        ecr.complete_layer_upload(**named, uploadId=upload, layerDigests=[digest])
        return {"mediaType": kind, "size": len(content), "digest": digest}


@contextmanager
def aws_place() -> Iterator[LocalSageMaker]:
    """A local SageMaker whose servers are played; nothing may go wrong inside."""
    with local_sagemaker(FakeServer, time_scale=SCALE, timeout_s=5.0) as place:
        yield place
    assert place.backend.bugs == []


@contextmanager
def aws_lab(place: LocalSageMaker, region: str) -> Iterator[AwsLab]:
    """An account with nothing in this region, whose calls are all there."""
    lab = AwsLab(place, region, dict(QUOTAS))
    with _added_calls(lab):
        yield lab
        sagemaker = lab.client("sagemaker")
        for endpoint in sagemaker.list_endpoints()["Endpoints"]:  # one that serves costs time
            sagemaker.delete_endpoint(EndpointName=endpoint["EndpointName"])


@contextmanager
def _added_calls(lab: AwsLab) -> Iterator[None]:
    def simulate(self: IamResponse) -> ActionResult:
        if "simulate_principal_policy" in lab.denied:
            raise AccessDeniedError("who asks", "iam:SimulatePrincipalPolicy")
        return _simulated(self)

    def list_quotas(self: ServiceQuotasResponse) -> str:
        del self
        listed = [
            {"ServiceCode": "sagemaker", "QuotaName": name, "Value": value}
            for name, value in lab.quotas.items()
        ]
        return json.dumps({"Quotas": listed})

    added = (
        (IamResponse, "simulate_principal_policy", simulate),
        (ServiceQuotasResponse, "list_service_quotas", list_quotas),
    )
    with ExitStack() as stack:
        for kind, name, call in added:
            stack.enter_context(_attribute(kind, name, call))
        yield


@contextmanager
def _attribute(kind: type, name: str, value: Any) -> Iterator[None]:
    before = kind.__dict__.get(name)
    setattr(kind, name, value)
    try:
        yield
    finally:
        if before is None:
            delattr(kind, name)
        else:
            setattr(kind, name, before)


def _simulated(asked: IamResponse) -> ActionResult:
    """What IAM answers, of the policies that moto has of a user or role."""
    arn = asked._get_param("PolicySourceArn")
    backend = iam_backends[asked.current_account]["aws"]
    kind, _, name = arn.rpartition(":")[2].partition("/")
    policies = _policies(backend, kind, name.rpartition("/")[2])
    context = {
        entry["ContextKeyName"]: entry["ContextKeyValues"][0]
        for entry in asked._get_param("ContextEntries", [])
    }
    results = [
        {
            "EvalActionName": action,
            "EvalResourceName": resource,
            "EvalDecision": decide(policies, action, resource, context),
        }
        for action in asked._get_param("ActionNames")
        for resource in asked._get_param("ResourceArns", ["*"])
    ]
    return ActionResult({"EvaluationResults": results, "IsTruncated": False})


def _policies(backend: Any, kind: str, name: str) -> list[Any]:
    if kind == "user":
        inline = [backend.get_user_policy(name, p) for p in backend.list_user_policies(name)]
        documents = [json.loads(policy["policy_document"]) for policy in inline]
        attached = backend.list_attached_user_policies(name)[0]
    else:
        inline = [backend.get_role_policy(name, p)[1] for p in backend.list_role_policies(name)]
        documents = [json.loads(policy) for policy in inline]
        attached = backend.list_attached_role_policies(name)[0]
    versions = [v for policy in attached for v in policy.versions if v.is_default]
    return documents + [json.loads(version.document) for version in versions]


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
