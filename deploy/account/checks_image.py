# SPDX-License-Identifier: AGPL-3.0-or-later
"""The image: whether SageMaker takes it, as `apply` would find."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.account.diagnosis import Result, fails, ok, warning
from deploy.aws.errors import AwsNotFound
from deploy.endpoint.image import find_image
from deploy.errors import ManifestError, NotFound

if TYPE_CHECKING:
    from deploy.account.context import DoctorContext


def check_image(context: DoctorContext) -> Result:
    """Its manifest, its media types, its platform and its size."""
    spec, said = context.spec, list[str]()
    try:
        image = find_image(context.aws, spec, said.append)
    except ManifestError as err:
        message, _, mending = str(err).partition(". This mends it: ")
        return fails(message, f"`{mending or f'python -m deploy image check {spec.image}'}`")
    except (AwsNotFound, NotFound):
        return fails(
            f"there is no image {spec.image}",
            "`python -m deploy image push` pushes one and writes its digest; or correct `image`",
        )
    if said:
        notes = "; ".join(text.removeprefix("warning: ") for text in said)
        return warning(notes, f"`python -m deploy image check {image}` tells more")
    return ok(f"SageMaker takes it: {image}")
