# SPDX-License-Identifier: AGPL-3.0-or-later
"""How good the answers are: a server or a network against labeled plans."""
