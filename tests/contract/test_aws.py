# SPDX-License-Identifier: AGPL-3.0-or-later
"""deploy/aws.py against botocore's own model of ECR and SageMaker."""

from __future__ import annotations

import botocore.session
import pytest

from deploy.aws_codes import failure
from deploy.errors import AwsError, DeployError, NotFound, TagIsImmutable
from deploy.image.ecr import MAX_PART_BYTES

CALLS = (
    "BatchGetImage", "GetDownloadUrlForLayer", "PutImage", "BatchCheckLayerAvailability",
    "InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload", "GetAuthorizationToken",
)  # fmt: skip
ECR = botocore.session.get_session().get_service_model("ecr")
CODES = sorted({shape.name for call in CALLS for shape in ECR.operation_model(call).error_shapes})


@pytest.mark.parametrize("code", CODES)
def test_every_code_of_ecrs_becomes_an_error_of_ours(code: str) -> None:
    """With the call and the code in its message."""
    error = failure("PutImage", code, "why")

    assert isinstance(error, DeployError)
    assert f"PutImage: {code}: why" == str(error)


def test_codes_that_we_name_exist() -> None:
    """A misspelled one would never be met."""
    named = {code for code in CODES if type(failure("", code, "")) is not AwsError}

    assert named == {
        "RepositoryNotFoundException", "LayersNotFoundException", "LayerInaccessibleException",
        "ImageTagAlreadyExistsException",
    }  # fmt: skip
    assert isinstance(failure("", "LayersNotFoundException", ""), NotFound)
    assert isinstance(failure("", "ImageTagAlreadyExistsException", ""), TagIsImmutable)
    # These two are no failure: what was to be written is there.
    assert {"ImageAlreadyExistsException", "LayerAlreadyExistsException"} <= set(CODES)
    assert "ImageNotFound" in ECR.shape_for("ImageFailureCode").metadata["enum"]


def test_limits_are_those_of_the_model() -> None:
    """ECR takes no larger part of a layer."""
    assert ECR.shape_for("LayerPartBlob").metadata["max"] == MAX_PART_BYTES
