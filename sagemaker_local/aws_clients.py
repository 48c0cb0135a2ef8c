# SPDX-License-Identifier: AGPL-3.0-or-later
"""What SageMaker asks of other services: S3, ECR, IAM, CloudWatch and its logs, SNS, autoscaling.

All of them are moto's, and are asked as any client asks them.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from deploy.image.names import ImageName

# The account is moto's own. What a client signs with is not looked at.
ACCOUNT = "123456789012"
KEY_ID = SECRET = "local"  # noqa: S105
_SERVICE_PRINCIPAL = "sagemaker.amazonaws.com"
_MEDIA_TYPES = [
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.oci.image.index.v1+json",
]


@dataclass(slots=True)
class AwsClients:
    """The other services at an address."""

    url: str
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def client(self, service: str, region: str) -> Any:
        with self._lock:
            if (service, region) not in self._clients:
                self._clients[service, region] = botocore.session.Session().create_client(
                    service,
                    region_name=region,
                    endpoint_url=self.url,
                    aws_access_key_id=KEY_ID,
                    aws_secret_access_key=SECRET,
                    config=Config(
                        proxies={},
                        retries={"total_max_attempts": 1},
                        max_pool_connections=20,
                        s3={"addressing_style": "path"},
                    ),
                )
            return self._clients[service, region]

    def object_bytes(self, region: str, bucket: str, key: str) -> bytes | None:
        """An object of S3; None if there is none."""
        try:
            answer = self.client("s3", region).get_object(Bucket=bucket, Key=key)
        except ClientError as err:
            _expect(err, "NoSuchKey", "NoSuchBucket", "404")
            return None
        body: bytes = answer["Body"].read()
        return body

    def put_object(self, region: str, bucket: str, key: str, body: bytes, kind: str) -> bool:
        """Store an object in S3; False if there is no such bucket."""
        try:
            self.client("s3", region).put_object(
                Bucket=bucket, Key=key, Body=body, ContentType=kind
            )
        except ClientError as err:
            _expect(err, "NoSuchBucket", "404")
            return False
        return True

    def keys(self, region: str, bucket: str, prefix: str) -> list[tuple[str, int]]:
        """Keys and sizes of the objects of S3 below a prefix; none if there is no such bucket."""
        pages = self.client("s3", region).get_paginator("list_objects_v2")
        try:
            return [
                (found["Key"], found["Size"])
                for page in pages.paginate(Bucket=bucket, Prefix=prefix)
                for found in page.get("Contents", [])
            ]
        except ClientError as err:
            _expect(err, "NoSuchBucket", "404")
            return []

    def publish(self, topic: str, message: str) -> bool:
        """Send a message to a topic of SNS; False if there is none."""
        region = topic.split(":")[3]
        try:
            self.client("sns", region).publish(TopicArn=topic, Message=message)
        except ClientError as err:
            _expect(err, "NotFound", "NotFoundException")
            return False
        return True

    def has_object(self, region: str, bucket: str, key: str) -> bool:
        """Whether S3 has an object."""
        try:
            self.client("s3", region).head_object(Bucket=bucket, Key=key)
        except ClientError as err:
            _expect(err, "NoSuchKey", "NoSuchBucket", "404")
            return False
        return True

    def manifest(self, region: str, image: ImageName) -> tuple[str, str] | None:
        """Media type and digest of what an image's name leads to in ECR; None if nothing."""
        wanted = {"imageDigest": image.digest} if image.digest else {"imageTag": image.tag}
        place = image.ecr
        if place is None or place.region != region or place.account != ACCOUNT:
            return None
        try:
            answer = self.client("ecr", region).batch_get_image(
                registryId=place.account,
                repositoryName=image.repository,
                imageIds=[wanted],
                acceptedMediaTypes=_MEDIA_TYPES,
            )
        except ClientError as err:
            _expect(err, "RepositoryNotFoundException")
            return None
        if not answer["images"]:
            return None
        found = answer["images"][0]
        kind = (
            found.get("imageManifestMediaType") or json.loads(found["imageManifest"])["mediaType"]
        )
        return kind, found["imageId"]["imageDigest"]

    def can_be_assumed(self, region: str, role: str) -> bool:
        """Whether IAM has a role that trusts SageMaker."""
        try:
            name = role.rpartition("/")[2]
            found = self.client("iam", region).get_role(RoleName=name)["Role"]
        except ClientError as err:
            _expect(err, "NoSuchEntity")
            return False
        return found["Arn"] == role and _SERVICE_PRINCIPAL in json.dumps(
            found["AssumeRolePolicyDocument"]
        )

    def put_metrics(self, region: str, namespace: str, data: Sequence[Mapping[str, Any]]) -> None:
        """Send data points to CloudWatch."""
        self.client("cloudwatch", region).put_metric_data(Namespace=namespace, MetricData=data)

    def alarms(self, region: str, names: Sequence[str] = ()) -> Iterator[Mapping[str, Any]]:
        """Metric alarms: those of these names, or all."""
        chosen = {"AlarmNames": list(names)} if names else {}
        pages = self.client("cloudwatch", region).get_paginator("describe_alarms")
        for page in pages.paginate(**chosen):
            yield from page["MetricAlarms"]

    def set_alarm(self, region: str, name: str, state: str, reason: str) -> None:
        """Set the state of an alarm."""
        self.client("cloudwatch", region).set_alarm_state(
            AlarmName=name, StateValue=state, StateReason=reason
        )

    def scalable_targets(self, region: str) -> Sequence[Mapping[str, Any]]:
        """What application-autoscaling knows of endpoints."""
        found: Sequence[Mapping[str, Any]] = self.client(
            "application-autoscaling", region
        ).describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
        return found

    def scaling_policies(self, region: str) -> Sequence[Mapping[str, Any]]:
        """How application-autoscaling shall scale endpoints."""
        found: Sequence[Mapping[str, Any]] = self.client(
            "application-autoscaling", region
        ).describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
        return found

    def put_log(self, region: str, group: str, stream: str, events: Sequence[Any]) -> None:
        """Append events to a stream of CloudWatch Logs; group and stream are made if need be."""
        logs = self.client("logs", region)
        for make, names in (
            (logs.create_log_group, {"logGroupName": group}),
            (logs.create_log_stream, {"logGroupName": group, "logStreamName": stream}),
        ):
            try:
                make(**names)
            except ClientError as err:
                _expect(err, "ResourceAlreadyExistsException")
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=list(events))


def _expect(err: ClientError, *codes: str) -> None:
    """Let the expected codes pass.

    Raises:
        ClientError: For any other.
    """
    if err.response["Error"]["Code"] not in codes:
        raise err
