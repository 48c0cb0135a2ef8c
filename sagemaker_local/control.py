# SPDX-License-Identifier: AGPL-3.0-or-later
"""SageMaker's control calls by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sagemaker_local import configs, endpoints, listing, models, tags, transform, updates
from sagemaker_local.protocol import Response, parse_call, render_answer
from sagemaker_local.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sagemaker_local.backend import Backend
    from sagemaker_local.records import Region

    Local = Callable[[Region, Mapping[str, Any]], dict[str, Any]]
    Wide = Callable[[Backend, Region, Mapping[str, Any]], dict[str, Any]]

# Those that only look at, or change, what is recorded.
RECORDED: Mapping[str, Local] = {
    "DescribeModel": models.describe_model,
    "DeleteModel": models.delete_model,
    "ListModels": listing.list_models,
    "CreateEndpointConfig": configs.create_config,
    "DescribeEndpointConfig": configs.describe_config,
    "DeleteEndpointConfig": configs.delete_config,
    "ListEndpointConfigs": listing.list_configs,
    "DescribeEndpoint": endpoints.describe_endpoint,
    "ListEndpoints": listing.list_endpoints,
    "DescribeTransformJob": transform.describe_job,
    "ListTransformJobs": listing.list_jobs,
    "StopTransformJob": transform.stop_job,
    "ListTags": tags.list_tags,
    "AddTags": tags.add_tags,
    "DeleteTags": tags.delete_tags,
}
# Those that ask other services, or begin something.
HOSTED: Mapping[str, Wide] = {
    "CreateModel": models.create_model,
    "CreateTransformJob": transform.create_job,
    "CreateEndpoint": endpoints.create_endpoint,
    "DeleteEndpoint": endpoints.delete_endpoint,
    "UpdateEndpoint": updates.update_endpoint,
    "UpdateEndpointWeightsAndCapacities": updates.update_weights,
}


def answer_call(backend: Backend, region: Region, operation: str, body: bytes) -> Response:
    """Answer one control call.

    Raises:
        ProtocolError: If the answer does not fit the service model.
        Refusal: If the call is refused.
    """
    given = parse_call(operation, body)
    if operation in RECORDED:
        answer = RECORDED[operation](region, given)
    elif operation in HOSTED:
        answer = HOSTED[operation](backend, region, given)
    else:
        known = ", ".join(sorted({*RECORDED, *HOSTED}))
        raise Refusal(
            "UnknownOperationException", f"{operation} is not served here; what is: {known}"
        )
    return render_answer(operation, answer)
