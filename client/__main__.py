# SPDX-License-Identifier: AGPL-3.0-or-later
"""``python -m client …`` in a checkout is ``roomdet …`` where the client is installed."""

import sys

from roomdet_client.cli import main

if __name__ == "__main__":
    sys.exit(main())
