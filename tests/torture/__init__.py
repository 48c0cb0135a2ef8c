# SPDX-License-Identifier: AGPL-3.0-or-later
"""Programs that try to break the running server."""
