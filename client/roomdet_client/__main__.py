# SPDX-License-Identifier: AGPL-3.0-or-later
"""``python -m roomdet_client …`` is ``roomdet …``."""

import sys

from roomdet_client.cli import main

if __name__ == "__main__":
    sys.exit(main())
