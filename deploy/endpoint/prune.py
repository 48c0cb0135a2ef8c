# SPDX-License-Identifier: AGPL-3.0-or-later
"""What is no longer needed: versions over the number to keep, and what runs that ended left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.aws.s3 import split_address
from deploy.endpoint.actions import ApiCall

if TYPE_CHECKING:
    from collections.abc import Iterable

    from deploy.endpoint.remote import RemoteState


def prune(
    remote: RemoteState,
    keep: Iterable[str],
    *,
    models: Iterable[str] = (),
    objects: Iterable[str] = (),
) -> list[ApiCall]:
    """The calls that remove all but what is kept, and what that refers to.

    Args:
        remote: What is there.
        keep: Configurations to keep; those that any endpoint uses are kept, too.
        models: Models to keep beside those of the configurations.
        objects: Addresses of files to keep beside those of the models.
    """
    kept = set(keep) | remote.in_use
    kept |= {e.config for e in (remote.endpoint, remote.candidate) if e is not None}
    used_models = {v.model for v in remote.versions if v.config in kept} | set(models)
    used_objects = {a for name, a in remote.models.items() if name in used_models} | set(objects)
    configs = [v.config for v in reversed(remote.versions)] + list(remote.candidate_configs)
    return [
        *(_config(name) for name in configs if name not in kept),
        *(_model(name) for name in sorted(remote.models) if name not in used_models),
        *(_object(address) for address in sorted(remote.objects - used_objects)),
    ]


def _config(name: str) -> ApiCall:
    params = {"EndpointConfigName": name}
    return ApiCall("sagemaker", "delete_endpoint_config", params, "it is no longer needed")


def _model(name: str) -> ApiCall:
    return ApiCall("sagemaker", "delete_model", {"ModelName": name}, "it is no longer needed")


def _object(address: str) -> ApiCall:
    bucket, key = split_address(address)
    params = {"Bucket": bucket, "Key": key}
    return ApiCall("s3", "delete_object", params, "it is no longer needed")
