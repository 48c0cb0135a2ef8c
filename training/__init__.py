# SPDX-License-Identifier: AGPL-3.0-or-later
"""Synthetic blueprints, datasets, training and packing."""
