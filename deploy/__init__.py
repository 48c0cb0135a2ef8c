# SPDX-License-Identifier: AGPL-3.0-or-later
"""Run the room detector: on this machine (``python -m deploy local …``), and on AWS."""

import sys
from pathlib import Path

# The client is a distribution of its own (client/pyproject.toml). Here the checkout's is meant, and
# nothing need be installed for commands such as `python -m deploy image build`.
sys.path.insert(0, str(Path(__file__).parent.parent / "client"))
