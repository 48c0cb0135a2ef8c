# SPDX-License-Identifier: AGPL-3.0-or-later
"""Room detection on architectural blueprints: pixels in, room boxes out."""

__version__ = "0.1.0"
