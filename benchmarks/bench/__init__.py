# SPDX-License-Identifier: AGPL-3.0-or-later
"""This project beside what people would use instead: ``make bench`` (docs/benchmarks.md)."""
