# SPDX-License-Identifier: AGPL-3.0-or-later
"""SageMaker's hosting rules, tried on any container, server or endpoint."""
