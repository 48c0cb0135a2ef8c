# SPDX-License-Identifier: AGPL-3.0-or-later
"""Run the room detector: on this machine (``python -m deploy local …``)."""
