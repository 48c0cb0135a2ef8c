# SPDX-License-Identifier: AGPL-3.0-or-later
"""Client of the room detector: send a plan, read the rooms, draw them."""
