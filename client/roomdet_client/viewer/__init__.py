# SPDX-License-Identifier: AGPL-3.0-or-later
"""The viewer: a page in the browser that shows the rooms of plans and corrects them.

Needs Pillow and pypdfium2 (``roomdet-client[draw]``). The page itself is built from ``client/viewer``.
"""
