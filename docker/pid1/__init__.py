# SPDX-License-Identifier: AGPL-3.0-or-later
"""Process 1 of the image: starts TorchServe, watches it, drains it and ends it.

Python's standard library only.
"""
