# SPDX-License-Identifier: AGPL-3.0-or-later
"""What an account needs before anything is deployed (`bootstrap`), and what is wrong (`doctor`)."""
