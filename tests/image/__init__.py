# SPDX-License-Identifier: AGPL-3.0-or-later
"""The image as it is built, pushed, pulled and run; see docs/image.md."""
