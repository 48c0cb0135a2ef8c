# SPDX-License-Identifier: AGPL-3.0-or-later
"""A training run on a lent machine with a GPU, without a network: packed here, run there."""
