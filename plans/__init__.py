# SPDX-License-Identifier: AGPL-3.0-or-later
"""Labeled plans: reading them, drawing them, spoiling them."""
