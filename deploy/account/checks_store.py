# SPDX-License-Identifier: AGPL-3.0-or-later
"""Where models and images lie: the bucket of S3 and the repository of ECR."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.account import desired_state
from deploy.account.diagnosis import Result, fails, ok, warning
from deploy.account.settings import read_settings
from deploy.image.names import parse_name

if TYPE_CHECKING:
    from deploy.account.context import DoctorContext

_OLD_EUROPE = "EU"  # what S3 says of buckets that were made in eu-west-1 long ago
_MEND = "`python -m deploy bootstrap --yes` mends a bucket and a repository that it has made"


def check_bucket(context: DoctorContext) -> Result:
    """The bucket is there, in the endpoint's region, closed to the public, with versions."""
    aws, name = context.aws, context.places.bucket
    location = aws.ask("s3", "get_bucket_location", {"Bucket": name})
    if location is None:
        return fails(
            f"there is no bucket {name}",
            "`python -m deploy bootstrap --yes` makes one and prints `artifacts`; or correct it",
        )
    region = location.get("LocationConstraint") or desired_state.NO_LOCATION
    region = "eu-west-1" if region == _OLD_EUROPE else region
    if region != aws.region:
        return fails(
            f"bucket {name} lies in {region}, the endpoint in {aws.region}",
            "SageMaker reads models of its own region: name a bucket there (`python -m deploy "
            f"bootstrap --region {aws.region}`), or another region",
        )
    settings = read_settings(aws, {"Bucket": name})
    if settings.is_public:
        return fails(
            f"everybody may read bucket {name}",
            "Take the statement that allows it out of the bucket's policy; " + _MEND,
        )
    loose = [
        *([] if settings.is_closed else ["nothing blocks public access"]),
        *([] if settings.versioning == "Enabled" else ["a deleted model cannot come back"]),
    ]
    if loose:
        return warning(f"bucket {name}: {', '.join(loose)}", _MEND)
    return ok(f"{name}: in {region}, closed to the public, versions are kept")


def check_repository(context: DoctorContext) -> Result:
    """The repository is there, tags stay with their images, images are scanned."""
    spec = context.spec
    name = parse_name(spec.image).repository
    params = {"repositoryNames": [name], "registryId": spec.image_place.account}
    found = context.aws.ask("ecr", "describe_repositories", params)
    if found is None:
        return fails(
            f"there is no repository {name} in {spec.image_place.region} of account "
            f"{spec.image_place.account}",
            "`python -m deploy bootstrap --yes` makes one; or correct `image`",
        )
    repository = found["repositories"][0]
    loose = []
    if not repository.get("imageTagMutability", "").startswith("IMMUTABLE"):
        loose.append("a tag can come to mean another image")
    if not repository.get("imageScanningConfiguration", {}).get("scanOnPush"):
        loose.append("images are not scanned when they are pushed")
    if loose:
        return warning(f"repository {name}: {', '.join(loose)}", _MEND)
    return ok(f"{name}: tags stay, images are scanned")
