# SPDX-License-Identifier: AGPL-3.0-or-later
"""Programs that measure; each prints JSON with the machine, the date and the versions."""
