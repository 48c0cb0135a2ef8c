# SPDX-License-Identifier: AGPL-3.0-or-later
"""Advice by SageMaker's wording, where it has one code for many mistakes.

The wording is as users have quoted it; where, is said beside it. Each entry has the codes that it
is looked for with (none: any), the wording, and the advice, as a Rule of advice.py does.
"""

from __future__ import annotations

_PULL = "ecr:BatchGetImage, ecr:GetDownloadUrlForLayer and ecr:BatchCheckLayerAvailability"
_AGAIN = "run the same command again"
_WHOSE = "`aws sts get-caller-identity` shows whose credentials these are"
_ANY: set[str] = set()
_VALIDATION = {"ValidationException", "ValidationError"}

_IMAGES = (
    (  # mlflow/mlflow#13834, aws/amazon-sagemaker-feedback#180
        _ANY,
        r"Unsupported manifest media type",
        "Run `python -m deploy image fix IMAGE` and name the image by the digest that it prints; "
        "docs/manifest.md says why.",
    ),
    (  # users quote the first of CreateModel; aws/amazon-sagemaker-examples#275 has the second
        _ANY,
        r"[Rr]ole \S+ cannot pull |images included in the model for the production variant",
        "Look with `python -m deploy image check` whether the image is there. Allow the role "
        f"ecr:GetAuthorizationToken, {_PULL}. If the image is another account's, its repository's "
        "policy must let yours pull it; or copy it.",
    ),
    (  # the end is quoted by users who named a repository of another account or region
        _ANY,
        r"does not grant .*permission to .*sagemaker\.amazonaws\.com",
        "The repository is another account's, or another region's: push the image to a repository "
        f"of your own, or let that repository's policy allow {_PULL} to sagemaker.amazonaws.com.",
    ),
    (  # aws/amazon-sagemaker-examples#195 has the first; the second was not found quoted
        _ANY,
        r"ECR image \S+ is invalid|Requested image \S+ not found",
        "Push the image, and name it by the digest that `python -m deploy image check` prints; "
        "the account and the region in its name must be the endpoint's.",
    ),
    (
        {"RepositoryNotFoundException"},
        "",
        "`python -m deploy bootstrap` makes the repository; or correct the image's name: account, "
        "region and repository are part of it.",
    ),
    (
        {"ImageNotFoundException", "ImageNotFound"},
        "",
        "`python -m deploy image push` pushes the image and writes its digest into the "
        "configuration; or correct its name: account, region and repository are part of it.",
    ),
    (  # users of serverless endpoints quote it, with 10737418240
        _ANY,
        r"Image size \d+ is greater than supported size",
        "A serverless endpoint takes images of up to 10 GB: `python -m deploy image sizes` shows "
        "what takes the room.",
    ),
)
_ROLE_AND_MODEL = (
    (  # awslabs/predictive-maintenance-using-machine-learning#3, bentoml/BentoML#892
        _ANY,
        r"Could not assume role|execution role ARN|unable to assume the role",
        "Look whether the role exists, and whether its trust policy lets sagemaker.amazonaws.com "
        "call sts:AssumeRole. A role that was made just now takes some seconds to be seen.",
    ),
    (  # users quote it of FailureReason
        _ANY,
        r"Failed to extract model data",
        "The object is no .tar.gz: `python -m deploy apply` packs and uploads it from the archive; "
        "delete what lies there under that name.",
    ),
    (  # the same of three causes; aws/amazon-sagemaker-examples#2264 has it
        _ANY,
        r'Could not access model data at .*ensure that the role "(?P<role>[^"]+)" exists',
        "SageMaker says this of three causes: there is no role {role}, it does not let "
        "sagemaker.amazonaws.com assume it, or it may not s3:GetObject the model's file. "
        "`python -m deploy doctor` tells which.",
    ),
    (  # aws/amazon-sagemaker-examples#2264, philschmid/llm-sagemaker-sample#2, mlflow/mlflow#2573
        _ANY,
        r"Could not (find|access) model data|Failed to download model data",
        "Look whether the object is there, in the endpoint's region. Allow the role s3:GetObject "
        "on it (and kms:Decrypt, if it is encrypted with a key of yours).",
    ),
)
_INVOKING = (
    (  # aws-samples/host-yolov8-on-sagemaker-endpoint#21, aws/amazon-sagemaker-examples#3089
        {"ModelError"},
        r"invocation timed out|could not get a response",
        "The container took longer than 60 s, or its memory ran out: `python -m deploy logs "
        "--errors` may tell. Send a smaller picture, or give it more (serverless.memory_mb, or a "
        "larger realtime.instance_type).",
    ),
    (  # aws/sagemaker-python-sdk#4271 for the last; we refuse such a file ourselves, before
        {"ValidationError"},
        r"[Ll]ength exceeded|[Rr]equest size|[Oo]versize",
        "SageMaker hands on 4 MB in mode serverless and 6,291,456 bytes in mode realtime: save the "
        "picture as JPEG, or with fewer pixels.",
    ),
    (
        {"ModelNotReadyException"},
        "",
        "A container is still being started: try again in a minute. "
        "serverless.provisioned_concurrency keeps some ready.",
    ),
)
_CHANGES = (
    (  # hashicorp/terraform-provider-aws#40048 and #49020
        _VALIDATION,
        r"Could not find endpoint configuration ",
        "It was deleted, and SageMaker updates no endpoint without it: `python -m deploy apply` "
        f"with the archive that serves now makes it again (`status` tells its version). Then "
        f"{_AGAIN}.",
    ),
    (  # of the same form; the ARN in it tells region and account
        _VALIDATION,
        r"Could not find (endpoint|model) |[Ee]ndpoint \S+ .*not found",
        f"It is not there: look at name, region and account. {_WHOSE}; `python -m deploy plan` "
        "shows what is missing.",
    ),
    (  # aws/sagemaker-python-sdk#101
        _VALIDATION,
        r"Cannot create already existing",
        "Another run made it meanwhile, or it is not ours: `python -m deploy plan` shows what is "
        "left to do.",
    ),
    (  # aws-controllers-k8s' SageMaker operator knows it by this wording
        _VALIDATION,
        r"Cannot update in-progress endpoint",
        f"A change is under way: `python -m deploy status --wait` follows it. Then {_AGAIN}.",
    ),
    (  # not found quoted; the local SageMaker says it
        _VALIDATION,
        r"Could not find alarms|currently in use endpoint configuration",
        "Something changed since the plan was made: `python -m deploy plan` shows what is left.",
    ),
    (  # awslabs/stable-diffusion-aws-extension#161
        _ANY,
        r"does not have application-autoscaling:DeregisterScalableTarget permission",
        f"Allow application-autoscaling:DeregisterScalableTarget. {_WHOSE}.",
    ),
    (  # "Update or delete endpoints that use automatic scaling" of the developer guide
        _VALIDATION,
        r"[Dd]eregister",
        "Autoscaling holds the variant: deregister it, update, and let `python -m deploy apply` "
        "register it again.",
    ),
)
BY_WORDING = (*_IMAGES, *_ROLE_AND_MODEL, *_INVOKING, *_CHANGES)
