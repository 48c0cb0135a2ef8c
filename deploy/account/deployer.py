# SPDX-License-Identifier: AGPL-3.0-or-later
"""What people and CI need, as policies: for `python -m deploy`, and for `bootstrap`.

One statement has what one kind of resource takes, so that `doctor` can ask IAM for each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.account.policies import PULL, SAGEMAKER, allow, policy_of, under

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deploy.account.places import Places
    from deploy.account.policies import Policy

_PUSH = (
    "ecr:CompleteLayerUpload",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
)
_SCALING = "application-autoscaling"
# Statements that no release needs: `image push`, `image fix` and `invoke` do, or `doctor` alone.
SPARE = frozenset(
    {
        "PlansByReference",
        "PushImage",
        "SeeBucket",
        "SeeRepository",
        "SeeRole",
        "AskIam",
        "SeeQuotas",
    }
)
# Statements that only endpoints of instances need.
OF_INSTANCES = frozenset({"Alarms", "Autoscaling", "ScaleEndpoint", "FirstAutoscaling"})


def deployer_policy(
    places: Places, plans: Sequence[str] = (), outputs: Sequence[str] = ()
) -> Policy:
    """What a person, or CI, needs for `python -m deploy`, `bootstrap` apart.

    All endpoints of the account are read, since no configuration is removed that one of them uses.

    Args:
        places: What it is for.
        plans: S3 addresses that the container reads plans under; `invoke` puts some there.
        outputs: S3 addresses that asynchronous answers are written under.
    """
    return policy_of(
        [
            *_hosting(places),
            *_reading(places),
            *_artifacts(places),
            *_plans(places, plans),
            *_answers(places, outputs),
            *_image(places),
            *_role(places),
            *_watching(places),
            *_scaling(places),
        ]
    )


def bootstrap_policy(places: Places, role: str) -> Policy:
    """What `python -m deploy bootstrap --yes` needs.

    Args:
        places: What it makes.
        role: Name of the role that it makes.
    """
    account = places.account
    of_bucket = (
        "BucketPolicy", "BucketPublicAccessBlock", "BucketTagging", "BucketVersioning",
        "EncryptionConfiguration", "LifecycleConfiguration",
    )  # fmt: skip
    bucket_calls = [f"s3:{verb}{noun}" for verb in ("Get", "Put") for noun in of_bucket]
    repository_calls = [
        "ecr:CreateRepository", "ecr:DescribeRepositories", "ecr:ListTagsForResource",
        "ecr:PutImageScanningConfiguration", "ecr:PutImageTagMutability", "ecr:TagResource",
    ]  # fmt: skip
    role_calls = [
        "iam:CreateRole", "iam:GetRole", "iam:GetRolePolicy", "iam:PutRolePolicy", "iam:TagRole",
    ]  # fmt: skip
    bucket = [account.s3_arn(places.bucket)]
    return policy_of(
        [
            allow("Bucket", ["s3:CreateBucket", "s3:ListBucket", *bucket_calls], bucket),
            allow("Repository", repository_calls, [places.repository]),
            allow("Role", role_calls, [account.iam_arn(f"role/{role}")]),
        ]
    )


def _endpoints(places: Places) -> list[str]:
    """The endpoint, and those whose names go on after a hyphen, such as its candidate."""
    name = places.endpoint.lower()  # SageMaker's ARNs are in lower case
    return [places.account.arn("sagemaker", f"endpoint/{name}{end}") for end in ("", "-*")]


def _hosting(places: Places) -> list[Policy]:
    account, name = places.account, places.endpoint.lower()
    tagging = "sagemaker:AddTags"
    return [
        allow(
            "Endpoints",
            [
                *_calls("Endpoint", "Create", "Delete", "Update", "Invoke"),
                "sagemaker:InvokeEndpointAsync",
                tagging,
            ],
            _endpoints(places),
        ),
        allow(
            "Configurations",
            [
                *_calls("EndpointConfig", "Create", "Delete"),
                *_calls("Endpoint", "Create", "Update"),  # these name a configuration
                tagging,
            ],
            [account.arn("sagemaker", f"endpoint-config/{name}-*")],
        ),
        allow(
            "Models",
            [*_calls("Model", "Create", "Delete"), tagging],
            [account.arn("sagemaker", f"model/{name}-*")],
        ),
        allow(
            "Batches",
            [*_calls("TransformJob", "Create", "Describe"), tagging],
            [account.arn("sagemaker", f"transform-job/{name}-*")],
        ),
    ]


def _reading(places: Places) -> list[Policy]:
    kinds = {"Endpoint": "endpoint", "EndpointConfig": "endpoint-config", "Model": "model"}
    return [
        *(
            allow(
                f"Read{kind}s",
                [f"sagemaker:Describe{kind}", "sagemaker:ListTags"],
                [places.account.arn("sagemaker", f"{name}/*")],
            )
            for kind, name in kinds.items()
        ),
        allow("List", [f"sagemaker:List{kind}s" for kind in kinds], ["*"]),
    ]


def _artifacts(places: Places) -> list[Policy]:
    account = places.account
    bucket = [account.s3_arn(places.bucket)]
    seen = ("Location", "PolicyStatus", "PublicAccessBlock", "Versioning")
    objects = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    return [
        allow("Artifacts", objects, [under(account, places.artifacts)]),
        allow("ListArtifacts", ["s3:ListBucket"], bucket),
        allow("SeeBucket", [f"s3:GetBucket{what}" for what in seen], bucket),
    ]


def _plans(places: Places, plans: Sequence[str]) -> list[Policy]:
    """What is too large to be sent lies there until it is answered (by_reference.py)."""
    folders = [under(places.account, f"{address.rstrip('/')}/invoke") for address in plans]
    objects = ["s3:DeleteObject", "s3:PutObject"]
    return [allow("PlansByReference", objects, folders)] if folders else []


def _answers(places: Places, outputs: Sequence[str]) -> list[Policy]:
    """To whoever may not list, S3 says 403 of an answer that is not there yet."""
    if not outputs:
        return []
    account = places.account
    buckets = {address.removeprefix("s3://").partition("/")[0] for address in outputs}
    objects = [under(account, address) for address in outputs]
    return [
        allow("Answers", ["s3:DeleteObject", "s3:GetObject"], objects),
        allow("ListAnswers", ["s3:ListBucket"], sorted(map(account.s3_arn, buckets))),
    ]


def _image(places: Places) -> list[Policy]:
    repository = [places.repository]
    return [
        allow("Image", PULL, repository),
        allow("PushImage", _PUSH, repository),
        allow("SeeRepository", ["ecr:DescribeRepositories"], repository),
        allow("LogIn", ["ecr:GetAuthorizationToken"], ["*"]),
    ]


def _role(places: Places) -> list[Policy]:
    account = places.account
    anybody = [account.iam_arn("role/*"), account.iam_arn("user/*")]
    to_sagemaker = {"StringEquals": {"iam:PassedToService": SAGEMAKER}}
    return [
        allow("PassRole", ["iam:PassRole"], [places.role], to_sagemaker),
        allow("SeeRole", ["iam:GetRole"], [places.role]),
        # `doctor` asks it of whoever runs it, and of the role.
        allow("AskIam", ["iam:SimulatePrincipalPolicy"], anybody),
    ]


def _watching(places: Places) -> list[Policy]:
    account, name = places.account, places.endpoint
    alarms = [
        account.arn("cloudwatch", f"alarm:{name}-*"),
        # Application Auto Scaling makes these, and asks for the right of whoever makes its policy.
        account.arn("cloudwatch", f"alarm:TargetTracking-endpoint/{name}/*"),
    ]
    changes = ("DeleteAlarms", "ListTagsForResource", "PutMetricAlarm", "TagResource")
    group = f"log-group:/aws/sagemaker/Endpoints/{name}"
    logs = [account.arn("logs", f"{group}{end}") for end in ("", ":*", "-*")]
    logs.append(account.arn("logs", "log-group:/aws/sagemaker/TransformJobs:*"))
    return [
        allow("Alarms", [f"cloudwatch:{call}" for call in changes], alarms),
        allow("ReadAlarms", ["cloudwatch:DescribeAlarms"], ["*"]),
        allow("ReadLogs", ["logs:FilterLogEvents"], logs),
        allow("SeeQuotas", ["servicequotas:ListServiceQuotas"], ["*"]),
    ]


def _scaling(places: Places) -> list[Policy]:
    account, service = places.account, "sagemaker.application-autoscaling"
    changes = (
        "DeleteScalingPolicy", "DeregisterScalableTarget", "PutScalingPolicy",
        "RegisterScalableTarget", "TagResource",
    )  # fmt: skip
    reads = ("DescribeScalableTargets", "DescribeScalingPolicies")
    # Its own role, which AWS makes when the first endpoint of an account is scaled.
    own_role = [account.iam_arn(f"role/aws-service-role/{service}.*/*")]
    for_it = {"StringLike": {"iam:AWSServiceName": f"{service}.amazonaws.com"}}
    return [
        allow(
            "Autoscaling",
            [f"{_SCALING}:{call}" for call in changes],
            [account.arn(_SCALING, "scalable-target/*")],
        ),
        allow("ReadAutoscaling", [f"{_SCALING}:{call}" for call in reads], ["*"]),
        # Not called: Application Auto Scaling asks it of whoever registers a target.
        allow(
            "ScaleEndpoint",
            ["sagemaker:UpdateEndpointWeightsAndCapacities"],
            _endpoints(places),
        ),
        allow("FirstAutoscaling", ["iam:CreateServiceLinkedRole"], own_role, for_it),
    ]


def _calls(kind: str, *verbs: str) -> list[str]:
    return [f"sagemaker:{verb}{kind}" for verb in verbs]
