# SPDX-License-Identifier: AGPL-3.0-or-later
"""The viewer in a real browser, in front of a real server with the real archive."""
