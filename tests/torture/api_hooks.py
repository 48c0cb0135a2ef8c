# SPDX-License-Identifier: AGPL-3.0-or-later
"""What schemathesis is to know beside docs/openapi.yaml: files to send, as they are and spoilt.

It loads this file by ``SCHEMATHESIS_HOOKS`` (tests/torture/api.py).
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import schemathesis
from hypothesis import strategies as st

from tests.builders import draw_plan, encode, plan_pdf

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy
    from schemathesis import HookContext

PLAN = draw_plan((64, 40))
FILES = {
    "application/octet-stream": encode(PLAN, "PNG"),
    "application/pdf": plan_pdf(),
    **{f"image/{kind}": encode(PLAN, kind.upper()) for kind in
       ("png", "jpeg", "tiff", "webp", "bmp", "gif")},
}  # fmt: skip


def _cut(file: bytes) -> SearchStrategy[bytes]:
    return st.integers(0, len(file)).map(lambda length: file[:length])


def _changed(file: bytes) -> SearchStrategy[bytes]:
    places = st.tuples(st.integers(0, len(file) - 1), st.binary(min_size=1, max_size=4))
    return places.map(lambda at: file[: at[0]] + at[1] + file[at[0] + len(at[1]) :])


def files(file: bytes) -> SearchStrategy[bytes]:
    """A file, cut off, with a few other bytes, or any bytes at all."""
    return st.one_of(st.just(file), _cut(file), _changed(file), st.binary(max_size=200))


for media_type, content in FILES.items():
    schemathesis.openapi.media_type(media_type, files(content))


@schemathesis.hook  # type: ignore[untyped-decorator]  # not installed beside the checks
def map_body(_: HookContext, body: Any) -> Any:
    """Put a picture where the schema says no more than that there is a text, every other time."""
    if isinstance(body, dict) and isinstance(body.get("image"), str) and len(body["image"]) % 2:
        return {**body, "image": base64.b64encode(FILES["image/png"]).decode()}
    return body
