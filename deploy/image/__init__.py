# SPDX-License-Identifier: AGPL-3.0-or-later
"""The SageMaker image: built, measured, and its model packed. Python's standard library only."""
