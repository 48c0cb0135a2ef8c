# SPDX-License-Identifier: AGPL-3.0-or-later
"""Training a detector, inside a time budget."""
