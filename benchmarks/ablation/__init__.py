# SPDX-License-Identifier: AGPL-3.0-or-later
"""What each ingredient of the synthetic blueprints, and each damage done to them, is worth."""
