# SPDX-License-Identifier: AGPL-3.0-or-later
"""Remove all that a live run has made: ``python -m tests.live.cleaning NAME``.

Names alone decide, not what the run remembers, so it also cleans up after one that was killed.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PREFIX = "roomdet-live-"
_SETTLES_S, _PAUSE_S = 1800.0, 5.0
_GONE = ("NoSuch", "NotFound", "ValidationException")


@dataclass(frozen=True, slots=True)
class Cleaner:
    """Removes what a name begins with.

    Attributes:
        name: Of the run's endpoint.
        region: Where it is; None for boto3's own.
    """

    name: str
    region: str | None = None

    def clean(self) -> list[str]:
        """Remove it; what could not be removed, and why. Each thing is tried, whatever fails."""
        if not self.name.startswith(PREFIX):
            raise ValueError(f"{self.name} does not begin with {PREFIX}")
        steps: list[Callable[[], Iterable[str]]] = [
            self._scaling, self._jobs, self._endpoints, self._configs, self._models, self._alarms,
            self._logs, self._buckets, self._repository, self._role,
        ]  # fmt: skip
        failed: list[str] = []
        for step in steps:
            try:
                for what in step():
                    print(f"removed {what}", file=sys.stderr, flush=True)
            except (BotoCoreError, ClientError, TimeoutError) as err:
                failed.append(f"{step.__name__.strip('_')}: {err}")
        return failed

    def left(self) -> list[str]:
        """What is there still."""
        sagemaker = self._client("sagemaker")
        return [
            *self._named(sagemaker.list_endpoints, "Endpoints", "EndpointName"),
            *self._named(sagemaker.list_endpoint_configs, "EndpointConfigs", "EndpointConfigName"),
            *self._named(sagemaker.list_models, "Models", "ModelName"),
            *self._bucket_names(),
        ]

    def _client(self, service: str) -> Any:
        return boto3.client(service, region_name=self.region)

    def _named(self, listing: Callable[..., Any], key: str, field: str) -> list[str]:
        found = listing(NameContains=self.name)[key]
        return [entry[field] for entry in found if entry[field].startswith(self.name)]

    def _scaling(self) -> Iterable[str]:
        scaling = self._client("application-autoscaling")
        for target in scaling.describe_scalable_targets(ServiceNamespace="sagemaker")[
            "ScalableTargets"
        ]:
            if target["ResourceId"].startswith(f"endpoint/{self.name}"):
                scaling.deregister_scalable_target(
                    ServiceNamespace="sagemaker",
                    ResourceId=target["ResourceId"],
                    ScalableDimension=target["ScalableDimension"],
                )
                yield target["ResourceId"]

    def _jobs(self) -> Iterable[str]:
        sagemaker = self._client("sagemaker")
        for job in sagemaker.list_transform_jobs(NameContains=self.name, StatusEquals="InProgress")[
            "TransformJobSummaries"
        ]:
            if job["TransformJobName"].startswith(self.name):
                sagemaker.stop_transform_job(TransformJobName=job["TransformJobName"])
                yield job["TransformJobName"]

    def _endpoints(self) -> Iterable[str]:
        sagemaker = self._client("sagemaker")
        names = self._named(sagemaker.list_endpoints, "Endpoints", "EndpointName")
        for name in names:
            deadline_s = time.monotonic() + _SETTLES_S
            while not self._delete_endpoint(sagemaker, name):  # it is being made or changed
                if time.monotonic() > deadline_s:
                    raise TimeoutError(f"{name} does not settle")
                time.sleep(_PAUSE_S)
            yield name

    @staticmethod
    def _delete_endpoint(sagemaker: Any, name: str) -> bool:
        try:
            sagemaker.delete_endpoint(EndpointName=name)
        except ClientError as err:
            return "Could not find" in str(err)
        return True

    def _configs(self) -> Iterable[str]:
        sagemaker = self._client("sagemaker")
        for name in self._named(
            sagemaker.list_endpoint_configs, "EndpointConfigs", "EndpointConfigName"
        ):
            sagemaker.delete_endpoint_config(EndpointConfigName=name)
            yield name

    def _models(self) -> Iterable[str]:
        sagemaker = self._client("sagemaker")
        for name in self._named(sagemaker.list_models, "Models", "ModelName"):
            sagemaker.delete_model(ModelName=name)
            yield name

    def _alarms(self) -> Iterable[str]:
        cloudwatch = self._client("cloudwatch")
        found = cloudwatch.describe_alarms(AlarmNamePrefix=self.name)["MetricAlarms"]
        names = [alarm["AlarmName"] for alarm in found]
        if names:
            cloudwatch.delete_alarms(AlarmNames=names)
        return names

    def _logs(self) -> Iterable[str]:
        logs = self._client("logs")
        groups = logs.describe_log_groups(
            logGroupNamePrefix=f"/aws/sagemaker/Endpoints/{self.name}"
        )
        for group in groups["logGroups"]:
            logs.delete_log_group(logGroupName=group["logGroupName"])
            yield group["logGroupName"]

    def _bucket_names(self) -> list[str]:
        buckets = self._client("s3").list_buckets()["Buckets"]
        return [bucket["Name"] for bucket in buckets if bucket["Name"].startswith(self.name)]

    def _buckets(self) -> Iterable[str]:
        s3 = self._client("s3")
        for bucket in self._bucket_names():
            for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
                found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
                if found:
                    objects = [{key: one[key] for key in ("Key", "VersionId")} for one in found]
                    s3.delete_objects(Bucket=bucket, Delete={"Objects": objects})
            s3.delete_bucket(Bucket=bucket)
            yield bucket

    def _repository(self) -> Iterable[str]:
        try:
            self._client("ecr").delete_repository(repositoryName=self.name, force=True)
        except ClientError as err:
            _expect_gone(err)
            return
        yield f"repository {self.name}"

    def _role(self) -> Iterable[str]:
        iam = self._client("iam")
        for page in iam.get_paginator("list_roles").paginate():
            for role in (entry["RoleName"] for entry in page["Roles"]):
                if role.startswith(f"{self.name}-sagemaker"):
                    for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
                        iam.delete_role_policy(RoleName=role, PolicyName=policy)
                    iam.delete_role(RoleName=role)
                    yield f"role {role}"


def _expect_gone(err: ClientError) -> None:
    if not any(word in err.response["Error"]["Code"] for word in _GONE):
        raise err


if __name__ == "__main__":
    problems = Cleaner(sys.argv[1]).clean()
    print("\n".join(problems) or f"nothing of {sys.argv[1]} is left")
    sys.exit(1 if problems else 0)
