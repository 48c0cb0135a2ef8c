# SPDX-License-Identifier: AGPL-3.0-or-later
"""The viewer: a page in the browser that shows the rooms of plans and corrects them.

The page itself (``page/``) is built from ``client/viewer`` and committed.
"""
