# SPDX-License-Identifier: AGPL-3.0-or-later
"""``python -m deploy.image …`` is ``python -m deploy image …``."""

from __future__ import annotations

import runpy
import sys

if __name__ == "__main__":
    sys.argv.insert(1, "image")
    runpy.run_module("deploy", run_name="__main__")
