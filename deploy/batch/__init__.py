# SPDX-License-Identifier: AGPL-3.0-or-later
"""Whole archives of plans through SageMaker batch transform; no endpoint answers them."""
