# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the command ``image fix`` does; it packs layers anew, which needs zstandard."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from deploy.image.connect import connection_of, open_registry
from deploy.image.fix import fix
from deploy.image.names import TAG, parse_name
from deploy.image.report import fix_document
from serving.console import say, tell
from serving.errors import BadUsage

if TYPE_CHECKING:
    import argparse


def run_fix(args: argparse.Namespace) -> int:
    """Write the manifest that SageMaker takes; 0 if it lies there now."""
    name = parse_name(args.image)
    if args.to and not TAG.fullmatch(args.to):
        raise BadUsage(f"{args.to!r} is no tag; a tag has letters, digits, _ . -")
    fixed = fix(open_registry(name, connection_of(args)), name, tag=args.to, say=say)
    if args.output == "json":
        tell(json.dumps(fix_document(fixed), indent=2))
    else:
        tell(fixed.name.at(digest=fixed.name.digest))
    return 0
