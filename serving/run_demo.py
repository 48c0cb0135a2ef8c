# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the command ``local demo`` does; it draws, which the others do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from roomdet_client.errors import ClientError
from serving.demo import demo
from serving.errors import ToolError

if TYPE_CHECKING:
    import argparse


def run_demo(args: argparse.Namespace) -> int:
    """Find the rooms of one plan; 0 when rooms were answered."""
    try:
        demo(args.archive, args.plan, args.drawing, args.page)
    except ClientError as err:
        raise ToolError(str(err)) from err
    return 0
