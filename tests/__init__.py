# SPDX-License-Identifier: AGPL-3.0-or-later
"""Tests of the room detector: unit, contract, e2e and parity."""
