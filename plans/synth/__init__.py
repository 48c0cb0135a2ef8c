# SPDX-License-Identifier: AGPL-3.0-or-later
"""Synthetic blueprints with their rooms, for training: ``python -m plans.synth``."""
