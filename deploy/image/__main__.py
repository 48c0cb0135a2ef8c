# SPDX-License-Identifier: AGPL-3.0-or-later
"""``python -m deploy.image …`` is ``python -m deploy image …``."""

from __future__ import annotations

import sys

from deploy.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["image", *sys.argv[1:]]))
