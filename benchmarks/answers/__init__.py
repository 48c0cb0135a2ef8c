# SPDX-License-Identifier: AGPL-3.0-or-later
"""Ways of answering with the same network, compared on plans whose rooms are known."""
