# SPDX-License-Identifier: AGPL-3.0-or-later
"""Figures into documents: what they were measured on, tables, and the blocks that hold them."""
