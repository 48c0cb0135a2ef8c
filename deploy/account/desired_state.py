# SPDX-License-Identifier: AGPL-3.0-or-later
"""What `bootstrap` makes, as the parameters of AWS's calls; the template is made of the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from deploy.account import policies

if TYPE_CHECKING:
    from deploy.account.places import Names

BOOTSTRAP_TAG = "roomdet:bootstrap"
INLINE_POLICY = "roomdet-endpoint"
NO_LOCATION = "us-east-1"  # the one region that S3 takes no name of
KEPT_DAYS = 90  # of an object that was deleted or overwritten
UPLOAD_DAYS = 7  # of an upload that nobody completed
PUBLIC_ACCESS = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}
VERSIONING = {"Status": "Enabled"}
ENCRYPTION = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
LIFECYCLE_RULES = (
    {
        "ID": "roomdet-noncurrent",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "NoncurrentVersionExpiration": {"NoncurrentDays": KEPT_DAYS},
    },
    {
        "ID": "roomdet-uploads",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": UPLOAD_DAYS},
    },
)


def tags(names: Names) -> list[dict[str, str]]:
    """The tag that says what is ours."""
    return [{"Key": BOOTSTRAP_TAG, "Value": names.name}]


def repository(names: Names) -> dict[str, Any]:
    """Parameters of `create_repository`.

    Nothing expires: an endpoint that scales out, or goes back, pulls an image of long ago.
    """
    return {
        "repositoryName": names.name,
        "imageTagMutability": "IMMUTABLE",
        "imageScanningConfiguration": {"scanOnPush": True},
        "tags": tags(names),
    }


def role(names: Names) -> dict[str, Any]:
    """Parameters of `create_role`."""
    return {
        "RoleName": names.role,
        "AssumeRolePolicyDocument": json.dumps(policies.trust_policy(names.account)),
        "Description": "SageMaker fetches the room detector's model and image in this role",
        "Tags": tags(names),
    }


def role_policy(names: Names) -> policies.Policy:
    """What the role may do."""
    return policies.execution_policy(names.places(), names.plans, names.outputs)
