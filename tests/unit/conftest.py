# SPDX-License-Identifier: AGPL-3.0-or-later
"""What unit tests share."""

from __future__ import annotations

import hypothesis

# How long an example takes depends on what else the machine does.
hypothesis.settings.register_profile("busy", deadline=None)
hypothesis.settings.load_profile("busy")
