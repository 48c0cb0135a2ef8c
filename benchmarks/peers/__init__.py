# SPDX-License-Identifier: AGPL-3.0-or-later
"""What people would use instead, each in a file of its own."""
