# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reading a page with what the tests of pictures and documents have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from roomdet.config import Limits
from roomdet.errors import RequestError
from roomdet.images import read_page
from tests.builders import PLAN_WH

if TYPE_CHECKING:
    from roomdet.page import Page

LIMITS: Final = Limits()
# At this side the drawn plan is neither reduced nor enlarged, and a point of a page is one pixel.
SIDE_PX: Final = max(PLAN_WH)


def read(data: bytes, *, page: int = 1, side_px: int = SIDE_PX, limits: Limits = LIMITS) -> Page:
    """Read with what most tests have in common."""
    return read_page(data, page=page, side_px=side_px, limits=limits)


def attempt(data: bytes) -> Page | RequestError:
    """The page or the answer; anything else is a failure."""
    try:
        return read(data)
    except RequestError as err:
        return err
