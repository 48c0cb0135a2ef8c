# SPDX-License-Identifier: AGPL-3.0-or-later
"""``model.tar.gz``: fetched from S3 and unpacked as SageMaker does it."""

from __future__ import annotations

import io
import re
import tarfile
from typing import TYPE_CHECKING

from sagemaker_local.model_servers import ServerFailed

if TYPE_CHECKING:
    from pathlib import Path

    from sagemaker_local.model_servers import LaunchSpec

_URL = re.compile(r"(?:s3://|https://s3[^/]*/)(?P<bucket>[^/]+)/(?P<key>.+)")


def parse_url(url: str) -> tuple[str, str] | None:
    """Bucket and key of an address in S3; None if it is none."""
    found = _URL.fullmatch(url)
    return (found["bucket"], found["key"]) if found else None


def unpack(launch: LaunchSpec, folder: Path) -> None:
    """Unpack a model into a folder, which is then /opt/ml/model.

    Raises:
        ServerFailed: If it is no ``.tar.gz``.
    """
    folder.mkdir(parents=True)
    if not launch.data_url:
        return  # the image has its model in it
    try:
        with tarfile.open(fileobj=io.BytesIO(launch.data), mode="r:gz") as archive:
            archive.extractall(folder, filter="data")
    except (tarfile.TarError, OSError, EOFError) as err:
        raise ServerFailed(
            f'Failed to extract model data archive from URL "{launch.data_url}". Please ensure '
            "that the object located at the URL is a valid tar.gz archive.",
            str(err),
        ) from err
