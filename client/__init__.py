# SPDX-License-Identifier: AGPL-3.0-or-later
"""The client in a checkout: ``roomdet_client`` below is what ``pip install ./client`` installs."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
