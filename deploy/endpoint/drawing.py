# SPDX-License-Identifier: AGPL-3.0-or-later
"""``invoke --draw``: the plan with its rooms as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roomdet_client.errors import PlanUnreadable
from serving.console import say
from serving.errors import ToolError

if TYPE_CHECKING:
    import argparse

    from roomdet_client.answers import Detection


def draw(data: bytes, answer: Detection, args: argparse.Namespace) -> None:
    """Write what was found on a plan.

    Args:
        data: The plan, a picture or PDF.
        answer: What was found.
        args: Name the page and the file to write.

    Raises:
        OSError: If it cannot be written.
        ToolError: If the plan cannot be read here.
    """
    # Pillow and pypdfium2 are for this alone.
    from roomdet_client.drawing import draw_rooms  # noqa: PLC0415

    try:
        draw_rooms(data, answer.rooms, page=args.page or 1).save(args.draw)
    except (PlanUnreadable, ValueError) as err:  # ValueError: no ending of a picture
        raise ToolError(f"{args.draw} is not drawn: {err}") from err
    say(f"The plan with its rooms: {args.draw}")
