# SPDX-License-Identifier: AGPL-3.0-or-later
"""What cfn-lint says of a template of CloudFormation's."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def lint(template: str) -> list[Any]:
    """What is wrong, in any region.

    Args:
        template: YAML or JSON.
    """
    program = Path(sys.executable).with_name("cfn-lint")
    command = [str(program), "--regions", "ALL_REGIONS", "--format", "json"]
    result = subprocess.run(command, input=template, capture_output=True, text=True, check=False)
    found: list[Any] = json.loads(result.stdout or "[]")
    assert (result.returncode == 0) == (not found), result.stderr
    return found
