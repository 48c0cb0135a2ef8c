# SPDX-License-Identifier: AGPL-3.0-or-later
"""A SageMaker endpoint: what is wanted, what is there, and the calls from the one to the other."""
