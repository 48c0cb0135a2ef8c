# SPDX-License-Identifier: AGPL-3.0-or-later
"""Where the time goes from a start to the first answer."""
