# SPDX-License-Identifier: AGPL-3.0-or-later
"""The next step for an endpoint that does not serve, or not what it was to serve.

States are those of botocore 1.44's model of SageMaker (``EndpointStatus``), and what may be done in
each is from its documentation of ``DescribeEndpoint``.
"""

from __future__ import annotations

import re

from deploy.aws.advice import next_step

_AFTER = "run `python -m deploy apply` again, which replaces what failed and keeps what serves"
_WAITS = "`python -m deploy status --wait` follows it; `apply`, `rollback` and `delete` wait for it"
# From the wording of FailureReason to its cause.
_CAUSES = (
    (  # aws/sagemaker-python-sdk#787 and many more
        r"did not pass the ping health check",
        "The container started, but /ping did not answer 200 in time, mostly because the archive "
        "does not load or the memory is too small. `python -m deploy logs{candidate}` shows what "
        "it wrote; `python -m deploy contract IMAGE` tries the same here",
    ),
    (  # users quote it, and that there is no log group then
        r"CannotStartContainerError",
        "The container did not start: the image is of another architecture, or has no entry "
        "point that takes `serve`; `python -m deploy contract IMAGE` tries it here. There is no "
        "log, since nothing ran",
    ),
    (  # DIAGNijmegen/rse-grand-challenge#2631, aws/deep-learning-containers#6673
        r"Unable to provision requested ML compute capacity|InsufficientInstanceCapacity",
        "AWS has no such instance free in this region now: try again later, or name another "
        "realtime.instance_type; the archive and the image are not at fault",
    ),
)
_STATES = {
    "Creating": f"It is being made; a serverless one may take 20 minutes: {_WAITS}.",
    "Updating": f"An update is under way: {_WAITS}.",
    "SystemUpdating": "AWS maintains it: it serves, but cannot be updated, scaled or deleted "
    f"until that is over: {_WAITS}.",
    "RollingBack": f"It goes back to what served before, and serves meanwhile: {_WAITS}. "
    "`python -m deploy logs --errors` may show what was wrong with the new version.",
    "UpdateRollbackFailed": "Both the update and the way back failed: it serves with the old and "
    "the new version mixed. `python -m deploy rollback` puts one version on all instances; if that "
    "is refused, ask AWS's support with the endpoint's ARN.",
    "OutOfService": "It takes no requests: `python -m deploy logs` may show why; "
    "`python -m deploy apply` updates it.",
    "Deleting": "It is being deleted; `python -m deploy apply` waits for that and makes it anew.",
    "gone": "Somebody deleted it: `python -m deploy apply` makes it anew.",
}
_WENT_BACK = (
    "It serves what it served before. `python -m deploy logs --errors` may show what was wrong "
    "with the new version; `python -m deploy contract IMAGE` tries its container here."
)


def next_step_in(
    status: str, reason: str = "", cause: str = "", *, is_candidate: bool = False
) -> str:
    """What to do about an endpoint; empty if it serves and nothing is wrong.

    Args:
        status: ``EndpointStatus``, or ``gone``.
        reason: ``FailureReason``, or why what serves is not what was wanted; empty if there is
            none.
        cause: What its container's log says of it; empty if that is unknown.
        is_candidate: It is the temporary one, which nobody else uses.
    """
    logs = f"`python -m deploy logs{' --candidate' if is_candidate else ''}`"
    if cause and status in {"InService", "Failed"}:
        return f"Mend what the log says ({logs} has all of it), then {_AFTER}."
    if status == "InService":
        return _WENT_BACK if reason else ""
    if status != "Failed":
        return _STATES.get(status, "This state is not known here: look at it in AWS's console.")
    for wording, told in _CAUSES:
        if re.search(wording, reason):
            return (
                f"{told.format(candidate=' --candidate' if is_candidate else '')}. Then {_AFTER}."
            )
    known = next_step("CreateEndpoint", "", reason)
    return f"{known or f'Read the reason, and {logs}.'} Then {_AFTER}."
