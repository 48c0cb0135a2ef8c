# SPDX-License-Identifier: AGPL-3.0-or-later
"""A plan over the limit of its mode is named instead of sent.

That it is refused where the endpoint reads nothing is tests/contract/test_endpoint_invoke.py's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image

from archive.pack import pack
from tests.conftest import NETWORK, ROOT
from tests.e2e.console import REGION, console

if TYPE_CHECKING:
    from pathlib import Path

SIDE_PX = 2000  # as a BMP 12 MB


def test_a_plan_of_twelve_megabytes(tmp_path: Path) -> None:
    """Through the endpoint, whose server fetches it; nothing of it stays in S3."""
    archive, plan = tmp_path / "rooms-1.0.mar", tmp_path / "plan.bmp"
    pack(NETWORK, archive, version="1.0", root=ROOT)
    with Image.open(ROOT / "docs" / "sample" / "plan.png") as sheet:
        sheet.convert("RGB").resize((SIDE_PX, SIDE_PX)).save(plan)
    with console() as typed:
        # On AWS the container has its role and needs no address.
        own = {**typed.place.environ, "AWS_ENDPOINT_URL": typed.url}
        reading = typed.with_settings(
            "endpoint=large",
            "environment.ROOMDET_IMAGE_URL_PREFIXES=s3://rooms/plans/",
            *(f"environment.{name}={value}" for name, value in own.items()),
        )
        assert reading.apply(archive, "--no-candidate").status == 0

        found = reading.run("invoke", str(plan), "--max-rooms=3")

        assert 3 == len(found.document()["detected_rooms"])
        assert "named instead of sent" in found.err
        s3 = typed.place.backend.aws.client("s3", REGION)
        assert "Contents" not in s3.list_objects_v2(Bucket="rooms", Prefix="plans/")
