# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the command ``doctor`` does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.account.context import open_context
from deploy.account.diagnosis import Level, run_checks
from deploy.account.table import CHECKS
from deploy.cli import repeated, show
from serving.console import tell

if TYPE_CHECKING:
    import argparse


def run_doctor(args: argparse.Namespace) -> int:
    """Print what is wrong and what to do about it; 0 if nothing fails."""
    findings = []
    for finding in run_checks(CHECKS, open_context(args.config, args.changes, args.endpoint_url)):
        findings.append(finding)
        if args.output == "table":  # at once: some of them take seconds
            tell(repeated(str(finding), args))
    if args.output == "json":
        show([finding.as_document() for finding in findings], args)
    return 1 if any(finding.level is Level.FAILURE for finding in findings) else 0
