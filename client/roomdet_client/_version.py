# SPDX-License-Identifier: AGPL-3.0-or-later
"""The one place of the client's version; a test compares it with the server's."""

__version__ = "0.1.0"
